"""The rows of a build: kept in memory, written in bulk when they have not been touched for long, and then forgotten.

Rows live in two generations. Whoever touches a row moves it to the young one; when that is full, the old one is written
out and the young one becomes the old. So most rows are written once, and memory is bounded however long the log is. A
row that is touched after it was forgotten is asked for again; a Bloom filter tells apart the many keys that were never
written (Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Table

from ledger.errors import FoldImpossible
from projections.encoding import Key, Lines, Row, encoder
from projections.proof import Proof
from projections.rows import Rows, shape

BLOOM_BITS: Final = 1 << 27
"""16 MB: five million keys leave two in ten thousand questions that were not needed."""


class Shelf(Protocol):
    """Where rows go and come from: the tables that are being filled."""

    def insert(self, table: Table, rows: Lines) -> None:
        """Rows that were never there."""

    def upsert(self, table: Table, rows: Lines) -> None:
        """Rows that are there with other values."""

    def delete(self, table: Table, keys: Sequence[Key]) -> None:
        """Rows that are there stand no more."""

    def ask(self, table: Table, key: Key) -> Row | None:
        """The row with this key, or None."""


class BulkRows(Rows):
    """The rows of some tables while a log is folded. `limit`: rows in a generation.

    Sums are kept until `sums` is asked for them: they are as many as accounts, not as events.
    """

    def __init__(self, tables: Mapping[str, Table], shelf: Shelf, limit: int) -> None:
        super().__init__(tables)
        self.proof = Proof()
        self._shelf = shelf
        self._limit = limit
        self._old: dict[str, dict[Key, Row | None]] = {name: {} for name in tables}
        self._before: dict[str, dict[Key, Row]] = {name: {} for name in tables}
        self._written = Bloom()
        self._undo: list[tuple[dict[Key, Any], Key, Any]] = []

    def begin(self) -> None:
        """An event begins; nothing of the one before it can be undone any more."""
        self._undo.clear()
        if sum(map(len, self._known.values())) > self._limit:
            self._write_old()

    def undo(self) -> None:
        """Nothing of the present event has happened."""
        for rows, key, previous in reversed(self._undo):
            if previous is _NOTHING:
                del rows[key]
            else:
                rows[key] = previous
        self._undo.clear()

    def finish(self) -> dict[str, dict[Key, Row]]:
        """Write what is left; the sums by table, which nobody has written."""
        self._write_old()
        self._write_old()
        return self._added

    def get(self, table: Table, *key: Any) -> Row | None:
        """A copy of the row with this primary key, or None. Raises FoldImpossible for a table of sums."""
        if shape(table).sums:
            raise FoldImpossible(f"{table.name} holds sums, which no fold may read: they depend on what came before.")
        found = self._find(table.name, key)
        return None if found is None else dict(found)

    def _find(self, name: str, key: Key) -> Row | None:
        known = self._known[name]
        if key in known:
            return known[key]
        old = self._old[name]
        if key in old:
            row = known[key] = old.pop(key)
            return row
        if not self._written.may_have((name, *key)):
            return None
        self._ask(name, [key])
        return known.get(key)

    def _ask(self, name: str, keys: Sequence[Key]) -> None:
        for key in keys:
            found = self._shelf.ask(self._tables[name], key)
            if found is not None:
                self._known[name][key] = self._before[name][key] = found

    def _set(self, name: str, key: Key, row: Row | None) -> None:
        self._find(name, key)
        known = self._known[name]
        self._undo.append((known, key, known.get(key, _NOTHING)))
        known[key] = row

    def _add(self, name: str, key: Key, row: Row) -> None:
        added = self._added[name]
        self._undo.append((added, key, added.get(key, _NOTHING)))
        added[key] = row

    def _write_old(self) -> None:
        """Write the old generation out and forget it; the young one becomes the old."""
        self._undo.clear()
        for name, rows in self._old.items():
            self._write(name, rows)
        self._old, self._known = self._known, {name: {} for name in self._tables}

    def _write(self, name: str, rows: dict[Key, Row | None]) -> None:
        before, written = self._before[name], self._written
        older, fresh, changed, gone = list[Row](), list[Row](), list[Row](), list[Key]()
        for key, row in sorted(rows.items()):
            stood = before.pop(key, None)
            if stood == row:
                continue
            if stood is not None:
                older.append(stood)
            if row is None:
                gone.append(key)
                continue
            (fresh if stood is None else changed).append(row)
            written.put((name, *key))
        form, table = encoder(self._tables[name]), self._tables[name]
        new, other, stood_before = form.encoded(fresh), form.encoded(changed), form.encoded(older)
        self.proof.add_all(name, stood_before.lines, stood_before.buckets, rows=-1)
        for now in (new, other):
            self.proof.add_all(name, now.lines, now.buckets)
        self._shelf.insert(table, new)
        self._shelf.upsert(table, other)
        self._shelf.delete(table, gone)


class Bloom:
    """A set of keys that may claim to have one it has not, and never denies one it has."""

    def __init__(self) -> None:
        self._bits = bytearray(BLOOM_BITS // 8)

    def put(self, key: Key) -> None:
        """One more."""
        bits, number = self._bits, hash(key)
        for shift in (0, 18, 36):
            bit = number >> shift & BLOOM_BITS - 1
            bits[bit >> 3] |= 1 << (bit & 7)

    def may_have(self, key: Key) -> bool:
        """Whether it may have been put."""
        bits, number = self._bits, hash(key)
        for shift in (0, 18, 36):
            bit = number >> shift & BLOOM_BITS - 1
            if not bits[bit >> 3] >> (bit & 7) & 1:
                return False
        return True


_NOTHING: Final = object()
