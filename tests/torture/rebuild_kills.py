"""Trial: kill -9 of a rebuild, of its command or of one of the processes that fold for it, while tables serve.

The dice choose how far the rebuild is when it is hit: while it loads, compares or exchanges, a little later. What
serves must go on serving and following, and be whole. Of a killed command nothing may run on; of a killed process the
command must tell. After some kills a rebuild is left in peace: it must succeed, and nothing may remain but the tables
that are kept to switch back, however the ones before it ended.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from random import Random
from threading import Event
from typing import NamedTuple

from local.processes import Process
from tests.torture.judge import Kind, Violation
from tests.torture.read_models import PROJECTOR, Scene, Store, generations, half_tables
from tests.torture.rebuilds import (
    COMPARE,
    EXCHANGE,
    LOAD,
    START,
    folding,
    mark_left,
    processes,
    reached,
    remains,
    spooled,
    succeeded,
    unclear,
)
from tests.torture.trial import Bench, Report, Violated, until

NAME = "rebuild_kills"
REBUILD = "tests.torture.divided_rebuild"

PHASES = (LOAD, LOAD, COMPARE, EXCHANGE)
"""Where kills are aimed at; loading takes longest."""

LOOK_S = 0.01
LATE_S = {LOAD: 1.0, COMPARE: 0.1, EXCHANGE: 0.3}
"""The longest a kill comes after the rebuild got to its phase."""


class Size(NamedTuple):
    """How large. `standing`: events before the first kill; `more`: that come with each; `names`: what is rebuilt."""

    kills: int
    standing: int
    more: int
    in_peace: int
    """After so many kills a rebuild is left in peace."""
    names: tuple[str, ...] = ()


SHORT = Size(kills=4, standing=600, more=60, in_peace=4, names=("balances", "journal", "payouts"))
FULL = Size(kills=20, standing=8_000, more=200, in_peace=5)


class Kill(NamedTuple):
    """One kill: `late_s` seconds after the rebuild got to a phase, the command or a process that folds for it."""

    phase: str
    late_s: float
    folder: bool
    """Whether it is one of those that fold, of which there are some while tables are loaded only."""


def schedule(dice: Random, size: Size) -> list[Kill]:
    """All kills: every phase about equally often, in an order of chance."""
    phases: list[str] = []
    while len(phases) < size.kills:
        phases += dice.sample(PHASES, len(PHASES))
    return [
        Kill(phase, dice.uniform(0, LATE_S[phase]), phase == LOAD and dice.random() < 0.6)
        for phase in phases[: size.kills]
    ]


def run(bench: Bench, store: Store, size: Size = FULL, *, rebuild_from: str = REBUILD) -> Report:
    """Kill by the schedule, then compare. Raises Violated. `rebuild_from` replaces the program of the rebuild."""
    began = time.monotonic()
    places = (f"killed in {phase}" for phase in (START, LOAD, COMPARE, EXCHANGE))
    counts = Counter(dict.fromkeys(("kills", "of one that folds", *places, "spools left", "left in peace"), 0))
    with Scene(bench, store, size.standing + size.more * size.kills) as scene:
        scene.feeder.feed(size.standing)
        projector = scene.projector(module=PROJECTOR).start()
        found = scene.settled(projector)
        for number, kill in enumerate(schedule(bench.dice("schedule"), size), 1):
            found = found or _killed(scene, projector, kill, size, counts, rebuild_from)
            if number % size.in_peace == 0 or number == size.kills:
                found = found or _in_peace(scene, projector, size, counts, rebuild_from)
        projector.stop()
        found = found or scene.from_scratch("after the kills")
    if found:
        raise Violated(bench, found)
    return Report(bench.trial, bench.store, bench.seed, dict(counts), time.monotonic() - began)


def _killed(
    scene: Scene, projector: Process, kill: Kill, size: Size, counts: Counter[str], rebuild_from: str
) -> list[Violation]:
    """Start a rebuild while events come, and end it or one of its processes."""
    before = generations(scene.database, size.names)
    mark_left(scene.database, before)
    scene.feeder.go_on(scene.feeder.position + size.more)
    rebuild = scene.rebuild(size.names, rebuild_from).start()
    until(lambda: not rebuild.running or _is_due(scene, kill, before), step_s=LOOK_S)
    Event().wait(kill.late_s)
    victims = folding(scene) if kill.folder else [rebuild.pid]
    if rebuild.running and victims:
        phase = reached(scene.database, before)
        os.kill(scene.bench.dice(rebuild.name).choice(victims), signal.SIGKILL)
        counts.update(("kills", f"killed in {phase}"))
        counts["of one that folds"] += kill.folder
    found = _gone(scene, rebuild)
    counts["spools left"] += len(spooled(scene))
    when = f"after a kill in {kill.phase}"
    found += half_tables(scene.database, when)
    found = found or scene.settled(projector)
    return found or scene.differing(when)


def _is_due(scene: Scene, kill: Kill, before: Mapping[str, int]) -> bool:
    return bool(folding(scene)) if kill.folder else reached(scene.database, before) == kill.phase


def _gone(scene: Scene, rebuild: Process) -> list[Violation]:
    """A killed command is gone at once, and those that fold for it must not outlive it; one of these lost is told."""
    found: list[Violation] = []
    if not until(lambda: not rebuild.running):
        found = [Violation(Kind.STALLED, f"{rebuild.name} goes on and on")]
    elif rebuild.exit_code != -signal.SIGKILL:
        found = unclear(rebuild)
    if not until(lambda: not processes(scene)):
        found += [Violation(Kind.LEFT_OVER, f"processes {processes(scene)} outlive {rebuild.name}")]
    return found


def _in_peace(scene: Scene, projector: Process, size: Size, counts: Counter[str], rebuild_from: str) -> list[Violation]:
    """A rebuild that nobody disturbs."""
    counts["left in peace"] += 1
    found = succeeded(scene.rebuild(size.names, rebuild_from).start())
    found = found or scene.settled(projector)
    when = "after a rebuild in peace"
    return found or [*scene.differing(when), *remains(scene, when)]
