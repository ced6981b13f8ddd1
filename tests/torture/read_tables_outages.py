"""Trial: the server of the read tables is killed, frozen and hangs up, while the log is followed and in a rebuild.

The projector waits and goes on by itself. A rebuild may end with an error: one that says in a sentence what is away; it
is then started again, as an operator would. Tables that serve are never half there, and at the end every row is that of
a rebuild from scratch.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from threading import Event
from typing import Final, NamedTuple

from local.mysql import SqlServer
from local.processes import Process, tail
from projections.places import places
from tests.torture.disturbed import Fault, Faults
from tests.torture.judge import Kind, Violation
from tests.torture.outages import faults_of
from tests.torture.read_models import REBUILD, Scene, Store, left_over
from tests.torture.trial import Bench, Report, Violated, broken, until

NAME: Final = "read_tables_outages"
TRIES_MAX: Final = 20
"""Rebuilds that an operator starts until one ends well, once nothing is hurt any more."""
ENDS_WITHIN_S: Final = 180.0
COMMANDS_A_SECOND: Final = 50
MEANWHILE_MAX: Final = 500_000
"""Events that may come while it lasts: more than ever do."""


class Size(NamedTuple):
    """How large: faults while the log is followed, and while it is rebuilt."""

    events: int = 20_000
    following: int = 12
    rebuilding: int = 18
    calm_s: tuple[float, float] = (0.2, 3.0)
    hold_s: tuple[float, float] = (0.1, 2.0)


SHORT: Final = Size(events=2_000, following=3, rebuilding=3, hold_s=(0.1, 0.5))
FULL: Final = Size()


def schedule(dice: Random, kinds: Sequence[str], size: Size) -> list[Fault]:
    """What happens when: the faults while the log is followed, then those while it is rebuilt."""
    order: list[str] = []
    while len(order) < size.following + size.rebuilding:
        order += dice.sample(kinds, len(kinds))
    some = order[: size.following + size.rebuilding]
    return [Fault(kind, dice.uniform(*size.calm_s), dice.uniform(*size.hold_s)) for kind in some]


def run(bench: Bench, sql: SqlServer, size: Size = FULL, *, rebuild_from: str = REBUILD) -> Report:
    """Follow and rebuild through all faults. Raises Violated. `rebuild_from` replaces the program that rebuilds."""
    began = time.monotonic()
    store = Store(sql.create_schema("hurt"), sql.create_schema("scratch"))
    faults = faults_of(sql)
    plan = schedule(bench.dice("schedule"), list(faults), size)
    counts = Counter(f"{fault.kind}" for fault in plan)
    with Scene(bench, store, size.events + MEANWHILE_MAX) as scene:
        scene.feeder.feed(size.events)
        projector = scene.projector()
        projector.start()
        scene.feeder.pace(COMMANDS_A_SECOND, size.events + MEANWHILE_MAX)
        found = [one for fault in plan[: size.following] for one in _followed(scene, faults, fault, projector)]
        found += _rebuilt_through(scene, faults, plan[size.following :], rebuild_from, counts)
        scene.feeder.stop()
        found += scene.settled(projector)
        projector.stop()
        found += scene.from_scratch("after the outages")
        found += [Violation(Kind.LEFT_OVER, name) for name in left_over(scene.database)]
    if found:
        raise Violated(bench, found)
    return Report(bench.trial, bench.store, bench.seed, dict(counts), time.monotonic() - began)


def _followed(scene: Scene, faults: Faults, fault: Fault, projector: Process) -> Iterator[Violation]:
    Event().wait(fault.calm_s)
    faults[fault.kind](fault.hold_s)
    before = scene.position()
    if not until(lambda: scene.position() > before or not projector.running):
        yield Violation(Kind.STALLED, f"the projector stands at {before} after {fault.kind}")
    yield from broken([projector])
    yield from _serving(scene, fault.kind)


def _rebuilt_through(
    scene: Scene, faults: Faults, plan: Sequence[Fault], rebuild_from: str, counts: Counter[str]
) -> Iterator[Violation]:
    process = scene.rebuild(module=rebuild_from)
    for fault in plan:
        process.start()
        Event().wait(fault.calm_s)
        counts["while rebuilding"] += process.running
        faults[fault.kind](fault.hold_s)
        yield from _serving(scene, fault.kind)
        yield from _explained(process, counts)
    for _ in range(TRIES_MAX):
        process.start()
        if not until(lambda: not process.running, within_s=ENDS_WITHIN_S):
            yield Violation(Kind.STALLED, "a rebuild did not end")
            return
        yield from _explained(process, counts)
        if not process.exit_code:
            counts["ended well"] += 1
            return
    yield Violation(Kind.STALLED, f"no rebuild ended well: {tail(process.log, 3)}")


def _explained(process: Process, counts: Counter[str]) -> Iterator[Violation]:
    """A rebuild that ended with an error says in a sentence which."""
    if not process.running and process.exit_code:
        counts["ended with an error"] += 1
        if "Traceback" in process.log.read_text():
            yield Violation(Kind.UNEXPLAINED, f"a rebuild ended with {process.exit_code}: {tail(process.log, 20)}")


def _serving(scene: Scene, after: str) -> Iterator[Violation]:
    """Tables that serve are there and whole, however the rebuild stands."""
    yield from (
        Violation(Kind.HALF_TABLE, f"{name} is not whole, after {after}")
        for name, place in places(scene.database).items()
        if not place.whole
    )
