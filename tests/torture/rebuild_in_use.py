"""Trial: all read models are rebuilt again and again while they are read, commands append, and a projector follows.

No read may fail, and each must make sense by itself and beside what was read before: the books sum to zero, rows once
seen are on their pages, nothing is shown as of an earlier position. How long a read took, and how long a position stood
still, around an exchange is measured; in the full trial neither may take a second.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import NamedTuple, Self

from projections.database import open_reader
from projections.merchants import merchants
from tests.torture.judge import Kind, Violation
from tests.torture.read_models import REBUILD, Scene, Store
from tests.torture.reading import Paced, Span, Watch, longest, looks, meeting, stands
from tests.torture.rebuilds import remains, succeeded
from tests.torture.trial import Bench, Report, Violated

NAME = "rebuild_in_use"

EVERY_S = 1 / 50
"""Between two commands; and between two reads, of all readers together."""

READERS = 4
WATCH_S = 0.02
"""Between two looks at the positions: what a stand is measured to."""

EVENTS_MAX = 1_000_000
"""More than can come about in a trial."""

MERCHANTS = 50
SWAP_MAX_MS = 1_000

READ, STOOD = "longest read near an exchange, ms", "longest stand around an exchange, ms"
ELSEWHERE = "longest read elsewhere, ms"
"""What the machine makes of a read while nothing is exchanged."""


class Size(NamedTuple):
    """How large. `standing`: events before the first rebuild; `names`: what is rebuilt; `judges_time`: see above."""

    rebuilds: int
    standing: int
    names: tuple[str, ...] = ()
    judges_time: bool = False


SHORT = Size(rebuilds=2, standing=600, names=("balances", "journal", "payments"))
FULL = Size(rebuilds=5, standing=20_000, judges_time=True)


def run(bench: Bench, store: Store, size: Size = FULL, *, rebuild_from: str = REBUILD) -> Report:
    """Rebuild, read and append, then compare. Raises Violated. `rebuild_from` replaces the program of the rebuild."""
    began = time.monotonic()
    with Scene(bench, store, EVENTS_MAX) as scene:
        scene.feeder.feed(size.standing)
        projector = scene.projector().start()
        found = scene.settled(projector)
        with Use(scene) as use:
            for _ in range(size.rebuilds):
                found = found or succeeded(scene.rebuild(size.names, rebuild_from).start())
        counts = {"rebuilds": size.rebuilds, **use.counts()}
        found += use.violations()
        if size.judges_time:
            found += slow(counts)
        found = found or scene.settled(projector)
        found = found or [*scene.differing("after rebuilds in use"), *remains(scene, "after rebuilds in use")]
        projector.stop()
        found = found or scene.from_scratch("after rebuilds in use")
    if found:
        raise Violated(bench, found)
    return Report(bench.trial, bench.store, bench.seed, counts, time.monotonic() - began)


def slow(counts: dict[str, int]) -> list[Violation]:
    """What readers noticed of an exchange for a second or longer, with what else was measured."""
    told = ", ".join(f"{name}: {count}" for name, count in counts.items())
    late = [what for what in (READ, STOOD) if counts[what] >= SWAP_MAX_MS]
    return [Violation(Kind.SLOW, f"{' and '.join(late)}, of all this: {told}")] if late else []


class Use:
    """Readers, commands and a watch, from the beginning to the end of a `with`. The projector must be settled."""

    def __init__(self, scene: Scene) -> None:
        self._feeder = scene.feeder
        self._stop = Event()
        url = scene.store.tables
        with_ids = _merchant_ids(url)
        paces = [(url, EVERY_S * READERS, looks(scene.feeder.position, with_ids)) for _ in range(READERS)]
        self._readers = [Paced(*pace) for pace in paces]
        self._watch = Watch(url, WATCH_S)
        self._threads = ThreadPoolExecutor(READERS + 1, "use")
        self._undone: list[Violation] = []
        self._commands = scene.feeder.appended
        self._took = Span(0, 0)

    def __enter__(self) -> Self:
        self._took = Span(time.monotonic(), 0)
        self._feeder.go_on(EVENTS_MAX, EVERY_S)
        loops = [self._watch.go, *(reader.go for reader in self._readers)]
        self._going = [self._threads.submit(loop, self._stop) for loop in loops]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._threads.shutdown()
        try:
            self._feeder.enough()
        except Exception as failed:  # noqa: BLE001  whatever it was, the command failed
            self._undone.append(Violation(Kind.UNDONE, f"{type(failed).__name__}: {failed}"))
        self._took = Span(self._took.began, time.monotonic())
        self._commands = self._feeder.appended - self._commands
        for one in self._going:
            one.result()

    def violations(self) -> list[Violation]:
        """What was wrong: reads, positions, commands."""
        return [*(one for reader in self._readers for one in reader.violations), *self._watch.violations, *self._undone]

    def counts(self) -> dict[str, int]:
        """How much was read and done, and how long it took."""
        seconds = max(self._took.ms / 1_000, 1e-3)
        reads = [read for reader in self._readers for read in reader.reads]
        stood = [stand for seen in self._watch.seen.values() for stand in stands(seen)]
        near = meeting(reads, stood)
        return {
            "exchanges seen": len(stood),
            "reads": len(reads),
            "reads/s": round(len(reads) / seconds),
            "commands": self._commands,
            "commands/s": round(self._commands / seconds),
            ELSEWHERE: longest(set(reads) - set(near)),
            READ: longest(near),
            STOOD: longest(stood),
        }


def _merchant_ids(url: str) -> Sequence[str]:
    reader = open_reader(url)
    try:
        return [row.id for row in merchants(reader, limit=MERCHANTS)]
    finally:
        reader.close()
