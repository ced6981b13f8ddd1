"""Trial: all read models are rebuilt again and again while fifty reads and fifty commands a second go on.

The command of operators rebuilds, a projector follows, a writer appends, readers ask. No read may fail or be told
something that does not fit, every rebuild must end well, no reading may take a second while tables are exchanged, and
at the end every row is that of a rebuild from scratch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event
from typing import Final, NamedTuple

from local.processes import tail
from tests.torture.judge import Kind, Violation
from tests.torture.read_models import REBUILD, Scene, Store, generations, left_over
from tests.torture.reading import Readers
from tests.torture.trial import Bench, Report, Violated, until

NAME: Final = "rebuild_in_use"

READS_A_SECOND: Final = 50
COMMANDS_A_SECOND: Final = 50
MEANWHILE_MAX: Final = 500_000
"""Events that may come while it lasts: more than ever do."""
SLOWEST_S: Final = 1.0
"""The longest that a reading may take, whatever is exchanged meanwhile."""
ENDS_WITHIN_S: Final = 120.0


class Size(NamedTuple):
    """How large; `is_timed`: whether slow readings count. (The machines that run `make test` may be busy.)"""

    events: int = 60_000
    rebuilds: int = 5
    is_timed: bool = True


SHORT: Final = Size(events=2_500, rebuilds=1, is_timed=False)
FULL: Final = Size()


def run(bench: Bench, store: Store, size: Size = FULL, *, rebuild_from: str = REBUILD) -> Report:
    """Rebuild, read and write. Raises Violated. `rebuild_from` replaces the program that rebuilds."""
    began = time.monotonic()
    counts = {"rebuilds": 0, "reads": 0, "events meanwhile": 0, "slowest read ms": 0, "longest standstill ms": 0}
    with Scene(bench, store, size.events + MEANWHILE_MAX) as scene:
        scene.feeder.feed(size.events)
        projector = scene.projector()
        projector.start()
        found = scene.settled(projector)
        before = generations(scene.database)
        scene.feeder.pace(COMMANDS_A_SECOND, size.events + MEANWHILE_MAX)
        with Readers(store.tables, READS_A_SECOND) as readers:
            for _ in range(size.rebuilds):
                found += _rebuilt(scene, rebuild_from)
                counts["rebuilds"] += 1
        scene.feeder.stop()
        counts["reads"], counts["events meanwhile"] = readers.reads, scene.feeder.position - size.events
        counts["slowest read ms"], counts["longest standstill ms"] = (round(slow * 1_000) for slow in readers.slow)
        found += readers.violations
        if size.is_timed and readers.slow.reading > SLOWEST_S:
            found.append(Violation(Kind.SLOW, f"a reading took {readers.slow.reading:.2f} s"))
        found += scene.settled(projector)
        projector.stop()
        found += scene.from_scratch("after the rebuilds")
        found += _not_taken_over(before, generations(scene.database), size.rebuilds)
        found += [Violation(Kind.LEFT_OVER, name) for name in left_over(scene.database)]
    if found:
        raise Violated(bench, found)
    return Report(bench.trial, bench.store, bench.seed, counts, time.monotonic() - began)


def _rebuilt(scene: Scene, rebuild_from: str) -> Iterator[Violation]:
    process = scene.rebuild(module=rebuild_from)
    process.start()
    if not until(lambda: not process.running, within_s=ENDS_WITHIN_S):
        yield Violation(Kind.STALLED, "a rebuild did not end")
        process.kill()
    elif process.exit_code:
        yield Violation(Kind.UNEXPLAINED, f"a rebuild ended with {process.exit_code}: {tail(process.log, 3)}")
    Event().wait(0.2)


def _not_taken_over(before: dict[str, int], after: dict[str, int], rebuilds: int) -> Iterator[Violation]:
    for name, generation in before.items():
        if after.get(name, 0) < generation + rebuilds:
            yield Violation(Kind.STALLED, f"{name} was rebuilt and is of generation {after.get(name)} still")
