"""One pass over the log that folds it into several fresh tables at once, in memory.

An event is decoded once, for whoever wants it. A piece of the log is folded by one projection after another, not event
by event: what one works with stays in the cache of the processor meanwhile, which is a tenth of the time. What cannot
be folded is undone and set aside with what follows in its stream, by the rules of the follower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from ledger.aggregate import Envelope, decode
from ledger.event_log import Recorded
from projections.aside import EVENTS_MAX, STREAMS_MAX, Aside, is_poison, told, too_many
from projections.bulk_rows import BulkRows
from projections.encoding import Key, Row
from projections.loading import Loading, RowsRefused, Spooled
from projections.log_pieces import Piece
from projections.proof import Bucket, SetHash
from projections.tables import Layout

ROWS_IN_MEMORY: Final = 120_000
"""Rows in one of two generations: some 150 MB a process."""


Given = tuple[Recorded, Envelope[Any] | str]
"""An event as it was stored, and as it was decoded; or why it cannot be."""


class Folded(msgspec.Struct, kw_only=True):
    """What a pass leaves to be put together with that of others: sums by table, proofs, what was set aside.

    `spooled`: rows that wait to be loaded.
    """

    sums: dict[str, dict[Key, Row]]
    spooled: list[Spooled]
    proof: dict[Bucket, SetHash]
    aside: dict[str, list[Aside]]


class Task:
    """A projection at work, on all streams or on some."""

    def __init__(self, layout: Layout) -> None:
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


def fold_log(
    pieces: Iterable[Piece],
    loading: Loading,
    layouts: Sequence[Layout],
    at: datetime,
    reached: Callable[[int], None],
    rows_in_memory: int = ROWS_IN_MEMORY,
) -> Folded:
    """Fold a log, piece by piece, into fresh tables; their rows are written or spooled, sums and proofs are given.

    `layouts`: those of the units that the pieces speak of, in that order. `reached` hears positions. Raises
    RowsRefused, TooManySetAside, ReadTablesUnavailable, and what reading raises.
    """
    tasks = [Task(layout) for layout in layouts]
    rows = BulkRows({name: made for layout in layouts for name, made in layout.tables.items()}, loading, rows_in_memory)
    for piece in pieces:
        rows.settle()
        for task, given in zip(tasks, _decoded(piece, len(tasks)), strict=True):
            _fold(rows, task, given, at)
        reached(piece.upto)
    sums = rows.finish()
    loading.wait()
    aside = {task.projection.name: task.aside for task in tasks}
    return Folded(sums=sums, spooled=loading.hand_over(), proof=rows.proof.hashes(), aside=aside)


def _decoded(piece: Piece, tasks: int) -> list[list[Given]]:
    """What each task is given of a piece of the log, in order."""
    given: list[list[Given]] = [[] for _ in range(tasks)]
    found: dict[int, list[list[Given]]] = {}
    for row, units in zip(piece.rows, piece.units, strict=True):
        try:
            pair: Given = row, decode(row.name, row.stream, row.version, row.state, row.position)
        except Exception as error:
            if not is_poison(error):
                raise
            pair = row, told(error)
        takers = found.get(units)
        if takers is None:
            takers = found[units] = [some for number, some in enumerate(given) if units >> number & 1]
        for some in takers:
            some.append(pair)
    return given


def _fold(rows: BulkRows, task: Task, given: Iterable[Given], at: datetime) -> None:
    methods = task.methods.get
    for row, envelope in given:
        if task.waiting and row.stream in task.waiting:
            task.set_aside(row, at, None)
            continue
        if isinstance(envelope, str):
            task.set_aside(row, at, envelope)
            continue
        rows.begin()
        try:
            event = envelope.event
            for fold in methods(type(event), ()):
                fold(rows, event, envelope)
        except Exception as error:
            if isinstance(error, RowsRefused) or not is_poison(error):
                raise
            rows.undo()
            task.set_aside(row, at, told(error))
