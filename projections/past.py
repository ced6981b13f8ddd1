"""Payments, payouts and statement lines as they were: the projections' own folds, over the streams of one page.

The row of a stream as of (position, value date) is the fold of exactly those of its events that were recorded and in
effect by then. An event that finds no row to change, because what made the row is not among them, is passed over. A
fold that reads a row of another stream finds it as it was at the position of the event being folded.

Replaying costs what a page costs, and no table has to keep every state that ever was; sums of money over the whole
journal are not replayed (`books.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Table

from ledger.aggregate import Envelope, decode
from ledger.errors import FoldImpossible, LogDamaged
from ledger.store import Ledger
from projections.as_of import AsOf
from projections.encoding import Key, Row
from projections.projection import Projection
from projections.rows import KnownRows

ROUNDS_MAX: Final = 32
"""How often streams are fetched for one question: the length of a chain of streams of which each asks for the next."""


class Past:
    """The rows of a projection as of one moment. Reads the log, each stream once.

    `projection`: its rows must have the stream that writes them as the first column of their key.
    """

    def __init__(self, ledger: Ledger, projection: Projection, as_of: AsOf) -> None:
        self._ledger = ledger
        self._projection = projection
        self._as_of = as_of
        self._histories: dict[str, list[Envelope]] = {}

    def rows(self, table: Table, streams: Sequence[str]) -> list[Row]:
        """The rows of a table that these streams had made, in the order of the streams, each in order of its key.

        Raises EventStoreUnavailable, LogDamaged, and FoldImpossible when an event does not fit for another reason than
        that the beginning of its stream is not part of this past.
        """
        found: dict[str, list[Row]] = {}
        wanted = set(streams)
        for _ in range(ROUNDS_MAX):
            if wanted:
                self._fetch(wanted)
            wanted = set()
            for stream in streams:
                if stream not in found:
                    try:
                        found[stream] = self._replayed(stream, self._as_of.known_at).of(table)
                    except _NotFetched as missing:
                        wanted.add(missing.stream)
            if not wanted:
                return [row for stream in streams for row in found[stream]]
        raise FoldImpossible(f"{self._projection.name} reads through more than {ROUNDS_MAX} streams, one by another.")

    def _fetch(self, streams: Iterable[str]) -> None:
        wanted = sorted(streams)
        histories: dict[str, list[Envelope]] = {stream: [] for stream in wanted}
        unreadable = set()
        for row in self._ledger.histories(wanted, self._as_of.known_at):
            if row.stream in unreadable:
                continue
            try:
                envelope = decode(row.name, row.stream, row.version, row.state, row.position)
            except LogDamaged:
                # The read tables have set it aside, with all that came behind it in its stream: so it was, then.
                unreadable.add(row.stream)
                continue
            if self._as_of.covers(envelope):
                histories[row.stream].append(envelope)
        self._histories |= histories

    def _replayed(self, stream: str, upto: int) -> _StreamRows:
        if stream not in self._histories:
            raise _NotFetched(stream)
        history = self._histories[stream]
        rows = _StreamRows(self._projection, stream, self._other)
        for envelope in history[: bisect_right(history, upto, key=lambda envelope: envelope.position)]:
            rows.take(envelope)
        return rows

    def _other(self, table: str, key: Key, before: int) -> Row | None:
        """A row that another stream had written in front of a position."""
        return self._replayed(str(key[0]), before - 1).standing(table, key)


class _StreamRows(KnownRows):
    """The rows that one stream writes, in memory. `other(table, key, before)`: rows of other streams."""

    def __init__(self, projection: Projection, stream: str, other: Callable[[str, Key, int], Row | None]) -> None:
        super().__init__({str(table.name): table for table in projection.tables})
        self._projection = projection
        self._stream = stream
        self._other = other
        self._position = 0
        self._standing: dict[str, dict[Key, Row | None]] = {name: {} for name in self._tables}

    def take(self, envelope: Envelope) -> None:
        """Fold one event, or leave everything as it was when there is no row for it to change."""
        self._position = envelope.position
        self._known = {name: dict(rows) for name, rows in self._standing.items()}
        try:
            self._projection.fold(self, envelope)
        except _NoRow:
            return
        for name, rows in self._known.items():
            self._standing[name] = {key: row for key, row in rows.items() if key[0] == self._stream}

    def of(self, table: Table) -> list[Row]:
        """The rows of a table, in order of their keys."""
        rows = self._standing[str(table.name)]
        return [row for _, row in sorted(rows.items()) if row is not None]

    def standing(self, table: str, key: Key) -> Row | None:
        """One row, or None."""
        return self._standing[table].get(key)

    def must_get(self, table: Table, *key: Any) -> Row:
        """The row with this primary key. What is raised when there is none is passed over by `take`."""
        found = self.get(table, *key)
        if found is None:
            raise _NoRow(f"{table.name} had no row {'/'.join(map(str, key))} then.")
        return found

    def _ask(self, name: str, keys: Sequence[Key]) -> None:
        for key in keys:
            own = key[0] == self._stream
            self._known[name][key] = None if own else self._other(name, key, self._position)

    def _set(self, name: str, key: Key, row: Row | None) -> None:
        if key[0] != self._stream:
            raise FoldImpossible(f"Rows of {name} are not each written by one stream: they cannot be replayed.")
        self._known[name][key] = row


class _NoRow(Exception):
    """There is no row to change yet: the event that made it is not part of this past."""


class _NotFetched(Exception):
    """The history of this stream must be fetched first."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.stream = stream
