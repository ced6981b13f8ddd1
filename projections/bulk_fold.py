"""One pass over the log that folds it into several fresh tables at once, in memory.

An event is decoded once, for whoever wants it. What cannot be folded is undone and set aside with what follows in its
stream, by the rules of the follower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final
from zlib import crc32

import msgspec

from ledger.aggregate import Envelope, decode
from ledger.event_log import Recorded
from ledger.store import Ledger
from projections.aside import EVENTS_MAX, STREAMS_MAX, Aside, is_poison, told, too_many
from projections.bulk_rows import BulkRows
from projections.encoding import Key, Row
from projections.follower import read_rows
from projections.loading import Loading, RowsRefused, Spooled
from projections.proof import Bucket, SetHash
from projections.tables import Layout

READ_AT_ONCE: Final = 2_000

ROWS_IN_MEMORY: Final = 120_000
"""Rows in one of two generations: some 150 MB a process."""


SHARES: Final = 64
"""Streams are divided into so many shares, of which each process takes some."""


class Unit(msgspec.Struct, frozen=True):
    """A projection as far as its streams are in the shares `first` <= n < `behind`, for tables of this `suffix`."""

    projection: str
    suffix: str
    first: int = 0
    behind: int = SHARES

    @property
    def is_whole(self) -> bool:
        """Whether it takes all streams."""
        return self.behind - self.first == SHARES


class Folded(msgspec.Struct, kw_only=True):
    """What a pass leaves to be put together with that of others: sums by table, proofs, what was set aside.

    `spooled`: rows that wait to be loaded.
    """

    sums: dict[str, dict[Key, Row]]
    spooled: list[Spooled]
    proof: dict[Bucket, SetHash]
    aside: dict[str, list[Aside]]


class Task:
    """A unit at work."""

    def __init__(self, unit: Unit, layout: Layout) -> None:
        self.unit = unit
        self.projection = layout.projection
        self.methods = layout.projection.methods()
        self.waiting: set[str] = set()
        self.aside: list[Aside] = []

    def set_aside(self, row: Recorded, at: datetime, cause: str | None) -> None:
        """Keep an event back, with a cause or behind one that has one. Raises TooManySetAside."""
        if len(self.aside) == EVENTS_MAX or (cause is not None and len(self.waiting) == STREAMS_MAX):
            raise too_many(self.projection.name, len(self.aside), len(self.waiting), row.position)
        self.waiting.add(row.stream)
        self.aside.append(Aside.of(self.projection.name, row, at, cause))


class Wanted:
    """The tasks that want events of one name: those of any stream, or with those of our part of the streams."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._any = [task for task in tasks if task.unit.is_whole]
        self.ours = list(tasks)
        self.depends_on_stream = len(self._any) < len(self.ours)
        divided = [task.unit for task in tasks if not task.unit.is_whole]
        # All that one process does of divided work is of the same shares.
        self._first, self._behind = (divided[0].first, divided[0].behind) if divided else (0, SHARES)

    def by(self, stream: str) -> Sequence[Task]:
        """Those that want an event of this stream."""
        return self.ours if self._first <= crc32(stream.encode()) % SHARES < self._behind else self._any


def fold_log(
    ledger: Ledger,
    loading: Loading,
    tasks: Sequence[tuple[Unit, Layout]],
    upto: int,
    at: datetime,
    reached: Callable[[int], None],
    rows_in_memory: int = ROWS_IN_MEMORY,
) -> Folded:
    """Fold the log up to a position into fresh tables; their rows are written or spooled, sums and proofs are given.

    `reached` hears positions. Raises RowsRefused, TooManySetAside, ReadTablesUnavailable, EventStoreUnavailable,
    LogDamaged at a hole.
    """
    working = [Task(unit, layout) for unit, layout in tasks]
    rows = BulkRows(
        {name: made for _, layout in tasks for name, made in layout.tables.items()}, loading, rows_in_memory
    )
    wanted: dict[str, Wanted] = {}
    anyone = Wanted(working)
    for section in _sections(ledger, upto, min(READ_AT_ONCE, rows_in_memory)):
        rows.settle()
        for row in section:
            if row.name not in wanted:
                wanted[row.name] = Wanted([task for task in working if task.projection.follows(row.name)])
            # The name of one that was altered cannot be trusted.
            found = wanted[row.name] if row.state else anyone
            concerned = found.by(row.stream) if found.depends_on_stream else found.ours
            if concerned:
                _fold(rows, concerned, row, at)
        reached(section[-1].position)
    sums = rows.finish()
    loading.wait()
    aside: dict[str, list[Aside]] = {}
    for task in working:
        aside.setdefault(task.projection.name, []).extend(task.aside)
    return Folded(sums=sums, spooled=loading.hand_over(), proof=rows.proof.hashes(), aside=aside)


def _sections(ledger: Ledger, upto: int, size: int) -> Iterator[list[Recorded]]:
    """The log up to a position in pieces; the next one is on its way while one is folded."""
    with ThreadPoolExecutor(1, thread_name_prefix="reading") as ahead:
        coming = ahead.submit(read_rows, ledger, 0, min(size, upto)) if upto else None
        while coming is not None:
            section = coming.result()
            position = section[-1].position
            coming = ahead.submit(read_rows, ledger, position, min(size, upto - position)) if position < upto else None
            yield section


def _fold(rows: BulkRows, tasks: Sequence[Task], row: Recorded, at: datetime) -> None:
    envelope: Envelope[Any] | None = None
    for task in tasks:
        if row.stream in task.waiting:
            task.set_aside(row, at, None)
            continue
        rows.begin()
        try:
            if envelope is None:
                envelope = decode(row.name, row.stream, row.version, row.state, row.position)
            event = envelope.event
            for fold in task.methods.get(type(event), ()):
                fold(rows, event, envelope)
        except Exception as error:
            if isinstance(error, RowsRefused) or not is_poison(error):
                raise
            rows.undo()
            task.set_aside(row, at, told(error))
