"""One pass over the log that folds it into several fresh tables at once, in memory.

An event is decoded once, for whoever wants it. What cannot be folded is undone and set aside with what follows in its
stream, by the rules of the follower.
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
from projections.units import Takers, Taking, Unit

ROWS_IN_MEMORY: Final = 120_000
"""Rows in one of two generations: some 150 MB a process."""


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


def fold_log(
    pieces: Iterable[Piece],
    loading: Loading,
    tasks: Sequence[tuple[Unit, Layout]],
    at: datetime,
    reached: Callable[[int], None],
    rows_in_memory: int = ROWS_IN_MEMORY,
) -> Folded:
    """Fold a log, piece by piece, into fresh tables; their rows are written or spooled, sums and proofs are given.

    `reached` hears positions. Raises RowsRefused, TooManySetAside, ReadTablesUnavailable, and what reading raises.
    """
    working = [Task(unit, layout) for unit, layout in tasks]
    rows = BulkRows(
        {name: made for _, layout in tasks for name, made in layout.tables.items()}, loading, rows_in_memory
    )
    takers = Takers([Taking(task.unit, task.projection, task) for task in working])
    takers_of = takers.of
    for piece in pieces:
        rows.settle()
        for row in piece.rows:
            if tasks_of_row := takers_of(row):
                _fold(rows, tasks_of_row, row, at)
        reached(piece.upto)
    sums = rows.finish()
    loading.wait()
    aside: dict[str, list[Aside]] = {}
    for task in working:
        aside.setdefault(task.projection.name, []).extend(task.aside)
    return Folded(sums=sums, spooled=loading.hand_over(), proof=rows.proof.hashes(), aside=aside)


def _fold(rows: BulkRows, tasks: Sequence[Task], row: Recorded, at: datetime) -> None:
    envelope: Envelope[Any] | None = None
    for task in tasks:
        if task.waiting and row.stream in task.waiting:
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
