"""The rows of a build: kept in memory, written in bulk when they have not been touched for long, and then forgotten.

Rows live in two generations. Whoever touches a row moves it to the young one; when that is full, the old one is written
out and the young one becomes the old. So most rows are written once, and memory is bounded however long the log is. A
row that is touched after it was forgotten is asked for again; which keys were written is remembered, exactly as long as
they are some millions, and then by a Bloom filter ("Space/time trade-offs in hash coding with allowable errors", 1970).

A row is kept as the tuple of its values, a quarter of the size of a dict, and cannot be changed behind our back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Table

from ledger.errors import FoldImpossible
from projections.encoding import Key, Lines, Row, encoder, values_of
from projections.proof import Proof
from projections.rows import Rows, misshaped, must_fit, shape

BLOOM_BITS: Final = 1 << 27
"""16 MB: five million keys leave two in ten thousand questions that were not needed."""

EXACTLY_MAX: Final = 1_500_000
"""Keys that are remembered exactly, by their hashes of 64 bits: some 110 MB."""

Values = tuple[Any, ...]
"""A row: its values in the order of the columns."""


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


class Form:
    """How rows of one table are taken apart: what a fold asks for at every row, looked up once."""

    def __init__(self, declared: Table) -> None:
        self.shape = shape(declared)
        self.names = tuple(column.name for column in declared.columns)
        self.values = values_of(self.names)
        self.at = {name: n for n, name in enumerate(self.names)}
        self.key = self.shape.key
        self.key_at = [self.at[column.name] for column in declared.primary_key.columns]
        self.is_all_key = len(self.key_at) == len(self.shape.constants)
        """Of a table of sums: nothing stands in its rows besides the key and the sums."""
        self.sum_at = {name: n for n, name in enumerate(self.shape.sums)}

    def row(self, values: Values) -> Row:
        """The row as a fold sees it."""
        return dict(zip(self.names, values, strict=True))

    def asked(self, key: Key, row: Row) -> Values:
        """A row that came from its table, under the key that was asked for: an odd id stands there escaped."""
        values = list(self.values(row))
        for n, part in zip(self.key_at, key, strict=True):
            values[n] = part
        return tuple(values)


class Sums:
    """The sums of one table by key, and what else stands in their rows."""

    def __init__(self) -> None:
        self.of: dict[Key, list[int]] = {}
        self.row: dict[Key, Row] = {}


class BulkRows(Rows):
    """The rows of some tables while a log is folded. `limit`: rows in a generation.

    Sums are kept until `finish` gives them: they are as many as accounts, not as events.
    """

    def __init__(self, tables: Mapping[str, Table], shelf: Shelf, limit: int) -> None:
        super().__init__(tables)
        self.proof = Proof()
        self._shelf = shelf
        self._limit = limit
        self._forms = {name: Form(table) for name, table in tables.items()}
        self._young: dict[str, dict[Key, Values | None]] = {name: {} for name in tables}
        self._old: dict[str, dict[Key, Values | None]] = {name: {} for name in tables}
        self._before: dict[str, dict[Key, Values]] = {name: {} for name in tables}
        self._sums = {name: Sums() for name in tables}
        self._written = {name: Written() for name in tables}
        self._count = 0
        self._undo: list[tuple[Any, Any, Any]] = []

    def begin(self) -> None:
        """An event begins; nothing of the one before it can be undone any more."""
        self._undo.clear()
        if self._count > self._limit:
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
        return {
            name: {
                key: sums.row[key] | dict(zip(self._forms[name].shape.sums, amounts, strict=True))
                for key, amounts in sums.of.items()
            }
            for name, sums in self._sums.items()
        }

    def get(self, table: Table, *key: Any) -> Row | None:
        """A copy of the row with this primary key, or None. Raises FoldImpossible for a table of sums."""
        form = self._forms[table.name]
        if form.sum_at:
            raise FoldImpossible(f"{table.name} holds sums, which no fold may read: they depend on what came before.")
        found = self._find(table.name, key)
        return None if found is None else form.row(found)

    def put(self, table: Table, row: Row) -> None:
        """The row stands like this from now on, new or not. Every column has a value."""
        form = self._forms[table.name]
        try:
            values = form.values(row)
        except KeyError:
            values = ()
        if len(values) != len(row) or form.sum_at:
            raise misshaped(form.shape, row, form.shape.columns)
        self._stand(table.name, form.key(row), values)

    def change(self, table: Table, *key: Any, **values: Any) -> None:
        """These columns of a row are different from now on. Raises FoldImpossible when there is no such row."""
        form = self._forms[table.name]
        found = None if form.sum_at else self._find(table.name, key)
        if found is None or not values.keys() <= form.at.keys():
            super().change(table, *key, **values)
            return
        changed = list(found)
        for name, value in values.items():
            changed[form.at[name]] = value
        self._stand(table.name, tuple([changed[n] for n in form.key_at]), tuple(changed))

    def add(self, table: Table, row: Row, **amounts: int) -> None:
        """Increase the sums of a row: `row` has its other columns, which stay as they are; a new row begins at 0.

        Raises FoldImpossible when a column is missing, or is another than before.
        """
        form, sums = self._forms[table.name], self._sums[table.name]
        try:
            key = form.key(row)
            ats = [form.sum_at[name] for name in amounts]
        except KeyError:
            raise misshaped(form.shape, row | amounts, form.shape.constants) from None
        standing = sums.of.get(key)
        if standing is None or not form.is_all_key or len(row) != len(form.key_at):
            standing = self._sum(form, sums, key, row)
        for at, amount in zip(ats, amounts.values(), strict=True):
            self._undo.append((standing, at, standing[at]))
            standing[at] += amount

    def _sum(self, form: Form, sums: Sums, key: Key, row: Row) -> list[int]:
        """The sums under a key, which are new or belong to a row with more columns than the key."""
        if row.keys() != form.shape.constants or not form.sum_at:
            raise misshaped(form.shape, row, form.shape.constants)
        standing = sums.of.get(key)
        if standing is not None:
            must_fit(form.shape, sums.row[key], row)
            return standing
        standing = sums.of[key] = [0] * len(form.sum_at)
        sums.row[key] = dict(row)
        self._undo.append((sums.of, key, _NOTHING))
        return standing

    def _find(self, name: str, key: Key) -> Values | None:
        young = self._young[name]
        if key in young:
            return young[key]
        old = self._old[name]
        if key in old:
            row = young[key] = old.pop(key)
            self._count += 1
            return row
        if not self._written[name].may_have(key):
            return None
        self._ask(name, [key])
        return young.get(key)

    def _ask(self, name: str, keys: Sequence[Key]) -> None:
        for key in keys:
            found = self._shelf.ask(self._tables[name], key)
            if found is not None:
                self._young[name][key] = self._before[name][key] = self._forms[name].asked(key, found)
                self._count += 1

    def _set(self, name: str, key: Key, row: Row | None) -> None:
        self._stand(name, key, None if row is None else self._forms[name].values(row))

    def _stand(self, name: str, key: Key, values: Values | None) -> None:
        young = self._young[name]
        previous = young.get(key, _NOTHING)
        if previous is _NOTHING:
            # Most keys are new, and then there is nothing to be found.
            if key in self._old[name] or self._written[name].may_have(key):
                self._find(name, key)
                previous = young.get(key, _NOTHING)
            self._count += previous is _NOTHING
        self._undo.append((young, key, previous))
        young[key] = values

    def _write_old(self) -> None:
        """Write the old generation out and forget it; the young one becomes the old."""
        self._undo.clear()
        for name, rows in self._old.items():
            self._write(name, rows)
        self._old, self._young = self._young, {name: {} for name in self._tables}
        self._count = 0

    def _write(self, name: str, rows: dict[Key, Values | None]) -> None:
        table, before = self._tables[name], self._before[name]
        older, fresh, changed, gone = list[Values](), list[Values](), list[Values](), list[Key]()
        for key in sorted(rows):
            row, stood = rows[key], before.pop(key, None)
            if stood == row:
                continue
            if stood is not None:
                older.append(stood)
            if row is None:
                gone.append(key)
            else:
                (fresh if stood is None else changed).append(row)
        self._written[name].put(rows)
        form = encoder(table)
        stood_before, new, other = form.of_values(older), form.of_values(fresh), form.of_values(changed)
        self.proof.add_all(name, stood_before.lines, stood_before.buckets, rows=-1)
        for now in (new, other):
            self.proof.add_all(name, now.lines, now.buckets)
        self._shelf.insert(table, new)
        self._shelf.upsert(table, other)
        self._shelf.delete(table, gone)


class Written:
    """A set of keys that may claim to have one it has not, and never denies one it has."""

    def __init__(self, exactly: int = EXACTLY_MAX) -> None:
        self._exactly = exactly
        self._hashes: set[int] = set()
        self._bits: bytearray | None = None

    def put(self, keys: Iterable[Key]) -> None:
        """Some more."""
        if self._bits is None:
            self._hashes.update(map(hash, keys))
            if len(self._hashes) <= self._exactly:
                return
            self._bits, hashes, self._hashes = bytearray(BLOOM_BITS // 8), self._hashes, set()
        else:
            hashes = set(map(hash, keys))
        bits = self._bits
        for number in hashes:
            for shift in (0, 18, 36):
                bit = number >> shift & BLOOM_BITS - 1
                bits[bit >> 3] |= 1 << (bit & 7)

    def may_have(self, key: Key) -> bool:
        """Whether it may have been put."""
        bits, number = self._bits, hash(key)
        if bits is None:
            return number in self._hashes
        for shift in (0, 18, 36):
            bit = number >> shift & BLOOM_BITS - 1
            if not bits[bit >> 3] >> (bit & 7) & 1:
                return False
        return True


_NOTHING: Final = object()
