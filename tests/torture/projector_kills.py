"""Trial: kill -9 of the projector at random moments of a long log, while a writer appends to it.

Each life of the projector has its own number of events in a transaction and is ended at a position the dice name, a
little later: so the kills lie all over the log and anywhere in a transaction. Half of the victims are frozen first, so
that the database can be asked whether they were inside one. A projector never stands at an earlier position than
before, and at the end every row of every table is that of a rebuild from scratch.
"""

from __future__ import annotations

import time
from collections import Counter
from random import Random
from threading import Event
from typing import NamedTuple

from projections.places import positions
from tests.torture.judge import Kind, Violation
from tests.torture.read_models import PROJECTOR, Scene, Store
from tests.torture.trial import Bench, Report, Violated, broken, until

NAME = "projector_kills"

AHEAD = 3_000
"""Events that stand in the log before the projector: it is killed with work before it."""

LIMITS = (20, 100, 500)
"""Events in one transaction."""

LATE_S = 0.03
"""The longest a kill comes after its position: some transactions."""


class Size(NamedTuple):
    """How large."""

    kills: int = 200
    events: int = 100_000


SHORT = Size(kills=6, events=6_000)
FEWER = Size(kills=20, events=12_000)
FULL = Size()


class Life(NamedTuple):
    """One life of the projector: `limit` events in a transaction, ended `late_s` seconds after position `upto`."""

    limit: int
    upto: int
    late_s: float
    frozen: bool


def schedule(dice: Random, size: Size) -> list[Life]:
    """All lives, in the order of the log."""
    ends = sorted(dice.sample(range(1, size.events - AHEAD // 2), size.kills))
    return [Life(dice.choice(LIMITS), end, dice.uniform(0, LATE_S), dice.random() < 0.5) for end in ends]


def run(bench: Bench, store: Store, size: Size = FULL, *, projector_from: str = PROJECTOR) -> Report:
    """Kill by the schedule, then compare. Raises Violated. `projector_from` replaces the projector's program."""
    began = time.monotonic()
    counts = Counter(dict.fromkeys(("kills", "frozen first", "of these in a transaction", "while appending"), 0))
    counts.update(dict.fromkeys((f"in quarter {quarter}" for quarter in range(1, 5)), 0))
    found: list[Violation] = []
    with Scene(bench, store, size.events) as scene:
        scene.feeder.feed(min(AHEAD, size.events))
        shown = 0
        for life in schedule(bench.dice("schedule"), size):
            found += _live(scene, life, size, counts, projector_from)
            before, shown = shown, min(positions(scene.database).values(), default=0)
            if shown < before:
                found.append(Violation(Kind.BACKWARDS, f"{shown} after {before}"))
            counts[f"in quarter {1 + min(4 * shown // size.events, 3)}"] += 1
            if found:
                raise Violated(bench, found)
        projector = scene.projector()
        scene.feeder.go_on(size.events)
        projector.start()
        found += scene.settled(projector)
        projector.stop()
        found += scene.from_scratch("after the kills")
    if found:
        raise Violated(bench, found)
    return Report(bench.trial, bench.store, bench.seed, dict(counts), time.monotonic() - began)


def _live(scene: Scene, life: Life, size: Size, counts: Counter[str], projector_from: str) -> list[Violation]:
    """Start a projector, let the writer append while it works, and end it."""
    projector = scene.projector(life.limit, projector_from)
    recorded = _recorded(scene)
    projector.start()
    if not until(lambda: _recorded(scene) > recorded or not projector.running, step_s=0.002):
        return [Violation(Kind.STALLED, "the projector did nothing after its start"), *broken([projector])]
    scene.feeder.go_on(min(life.upto + AHEAD, size.events))
    if not until(lambda: scene.position() >= life.upto or not projector.running, step_s=0.002):
        return [Violation(Kind.STALLED, f"the projector did not come to {life.upto}"), *broken([projector])]
    Event().wait(life.late_s)
    if not projector.running:
        return broken([projector])
    counts["kills"] += 1
    counts["while appending"] += scene.feeder.appends
    if life.frozen:
        projector.pause()
        counts["frozen first"] += 1
        counts["of these in a transaction"] += scene.in_transaction()
    projector.kill()
    return []


def _recorded(scene: Scene) -> int:
    return scene.progress.stat().st_size if scene.progress.exists() else 0
