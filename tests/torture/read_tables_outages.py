"""Trial: the server of the read tables dies, is stopped, freezes and hangs up, while the log goes on.

First a projector projects, then everything is rebuilt as operators do it, and each time the server is hurt at a moment
of chance. The projector must go on by itself. A rebuild may end, with an error that says what was away and the exit
code of the command line, and must succeed when it is started again. At no time may a half table serve; at the end every
row of every table is that of a rebuild from scratch.
"""

from __future__ import annotations

import time
from collections import Counter
from random import Random
from threading import Event
from typing import NamedTuple

from local.mysql import SqlServer
from local.processes import Process
from tests.torture import disturbed, outages
from tests.torture.disturbed import Fault, Faults
from tests.torture.judge import Violation
from tests.torture.read_models import PROJECTOR, REBUILD, Scene, generations, half_tables
from tests.torture.rebuilds import COMPARE, EXCHANGE, LOAD, ended, mark_left, reached, remains, succeeded
from tests.torture.servers import fresh_tables
from tests.torture.trial import Bench, Report, Violated

NAME = "read_tables_outages"

LIMIT = 100
"""Events in one transaction of the projector."""


class Size(NamedTuple):
    """How large. `standing`: events before the first fault; `more`: that come with each; `names`: what is rebuilt."""

    projecting: int
    rebuilding: int
    standing: int
    more: int
    hold_s: tuple[float, float]
    names: tuple[str, ...] = ()


SHORT = Size(4, 2, standing=600, more=100, hold_s=(0.1, 0.5), names=("balances", "journal", "payouts"))
FULL = Size(12, 8, standing=20_000, more=600, hold_s=(0.1, 3.0))


def faults_of(sql: SqlServer) -> Faults:
    """Everything that can be done to this server."""

    def restart(hold_s: float) -> None:
        sql.stop()
        Event().wait(hold_s)
        sql.start()

    return {**outages.faults_of(sql), "restart": restart}


def run(
    bench: Bench, sql: SqlServer, size: Size = FULL, *, projector_from: str = PROJECTOR, rebuild_from: str = REBUILD
) -> Report:
    """Hurt the server by the schedule, then compare. Raises Violated. The programs may be replaced."""
    began = time.monotonic()
    faults = faults_of(sql)
    places = (f"hurt in {phase}" for phase in (LOAD, COMPARE, EXCHANGE))
    counts = Counter(dict.fromkeys(("faults", *faults, *places, "rebuilds", "ended with an error"), 0))
    events = size.standing + size.more * (size.projecting + size.rebuilding)
    with Scene(bench, fresh_tables(sql), events) as scene:
        scene.feeder.feed(size.standing)
        projector = scene.projector(LIMIT, projector_from).start()
        found = scene.settled(projector)
        found = found or _projecting(scene, projector, faults, size, counts)
        found = found or _rebuilding(scene, projector, faults, size, counts, rebuild_from)
        projector.stop()
        found = found or scene.from_scratch("after the outages")
    if found:
        raise Violated(bench, found)
    return Report(bench.trial, bench.store, bench.seed, dict(counts), time.monotonic() - began)


def schedule(dice: Random, faults: Faults, count: int, size: Size) -> list[Fault]:
    """What happens when; `calm_s`: seconds, or the part of a rebuild that may pass before."""
    return disturbed.schedule(dice, list(faults), disturbed.Size(faults=count, calm_s=(0, 1), hold_s=size.hold_s))


def _projecting(scene: Scene, projector: Process, faults: Faults, size: Size, counts: Counter[str]) -> list[Violation]:
    """Hurt the server while events come and are projected."""
    for fault in schedule(scene.bench.dice("projecting"), faults, size.projecting, size):
        scene.feeder.go_on(scene.feeder.position + size.more)
        Event().wait(fault.calm_s)
        faults[fault.kind](fault.hold_s)
        counts.update(("faults", fault.kind))
        when = f"after {fault.kind} while projecting"
        found = [*half_tables(scene.database, when), *scene.settled(projector)]
        found = found or scene.differing(when)
        if found:
            return found
    return []


def _rebuilding(
    scene: Scene, projector: Process, faults: Faults, size: Size, counts: Counter[str], rebuild_from: str
) -> list[Violation]:
    """Hurt the server while everything is rebuilt and the projector follows; start again what ended with an error."""
    began = time.monotonic()
    found = succeeded(scene.rebuild(size.names, rebuild_from).start())
    takes_s = time.monotonic() - began
    for fault in schedule(scene.bench.dice("rebuilding"), faults, size.rebuilding, size):
        if found:
            break
        before = generations(scene.database, size.names)
        mark_left(scene.database, before)
        scene.feeder.go_on(scene.feeder.position + size.more)
        rebuild = scene.rebuild(size.names, rebuild_from).start()
        Event().wait(fault.calm_s * takes_s)
        phase = reached(scene.database, before)
        faults[fault.kind](fault.hold_s)
        counts.update(("faults", fault.kind, f"hurt in {phase}"))
        when = f"after {fault.kind} in {phase} of a rebuild"
        found = [*ended(rebuild), *half_tables(scene.database, when)]
        counts["ended with an error"] += bool(rebuild.exit_code)
        if rebuild.exit_code and not found:
            found = succeeded(scene.rebuild(size.names, rebuild_from).start())
        counts["rebuilds"] += 1
        found += scene.settled(projector)
        found = found or [*scene.differing(when), *remains(scene, when)]
    return found
