"""The rows of a build: kept in memory, written in bulk when they have not been touched for long, and then forgotten.

Rows live in two generations. Whoever touches a row moves it to the young one; when that is full, the old one is written
out and the young one becomes the old. So most rows are written once, and memory is bounded however long the log is. A
row that is touched after it was forgotten is asked for again; which keys were written is remembered, exactly as long as
they are some millions, and then by a Bloom filter ("Space/time trade-offs in hash coding with allowable errors", 1970).

Rows that are put once and never read are written as soon as there are some, and not kept at all.

A row is kept as the tuple of its values, a quarter of the size of a dict, and cannot be changed behind our back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Protocol

from sqlalchemy import Table

from projections.encoding import Key, Lines, Row, encoder, values_of
from projections.proof import Proof
from projections.rows import Rows, misshaped, must_fit, not_read, primary, shape

BLOOM_BITS: Final = 1 << 27
"""16 MB: five million keys leave two in ten thousand questions that were not needed."""

EXACTLY_MAX: Final = 1_500_000
"""Keys that are remembered exactly, by their hashes of 64 bits: some 110 MB."""

ENCODED_AT_ONCE: Final = 1_000
"""Rows that are encoded and hashed together: as many as stay in the cache of a processor."""

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


class Kept:
    """What is kept of one table: how its rows are taken apart, looked up once, and the rows and sums themselves.

    Rows stand under a key as `get` is given it, or under its only part: the hash of a text is worked out once.
    `before`: rows that were asked for, as they stand in the table. `put_once`: those of a table whose rows are put
    once. `sums`: of a table of sums, by the values of all other columns.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.shape = shape(table)
        self.names = tuple(column.name for column in table.columns)
        self.width = len(self.names)
        self.values = values_of(self.names)
        self.at = {name: n for n, name in enumerate(self.names)}
        self.key_names = tuple(column.name for column in primary(table))
        self.key_of = itemgetter(*(self.at[name] for name in self.key_names))
        self.has_one_key = len(self.key_names) == 1
        self.sum_at = {name: n for n, name in enumerate(self.shape.sums)}
        self.constants = values_of([name for name in self.names if name not in self.sum_at])
        self.constants_width = self.width - len(self.sum_at)
        self.young: dict[Any, Values | None] = {}
        self.old: dict[Any, Values | None] = {}
        self.before: dict[Any, Values] = {}
        self.written = Written()
        self.put_once: list[Values] = []
        self.sums: dict[Values, list[int]] = {}
        self.sum_rows: dict[Key, Row] = {}

    def row(self, values: Values) -> Row:
        """The row as a fold sees it."""
        return dict(zip(self.names, values, strict=True))

    def key(self, under: Any) -> Key:
        """The primary key of what stands under this."""
        return (under,) if self.has_one_key else under

    def asked(self, under: Any, row: Row) -> Values:
        """A row that came from its table, under the key that was asked for: an odd id stands there escaped."""
        values = list(self.values(row))
        for name, part in zip(self.key_names, self.key(under), strict=True):
            values[self.at[name]] = part
        return tuple(values)


class _ByTable(dict[Table, Kept]):
    """What is kept of a declared table, by the table itself: a name is hashed in twice the time."""

    def __init__(self, by_name: Mapping[str, Kept]) -> None:
        self._by_name = by_name

    def __missing__(self, table: Table) -> Kept:
        found = self[table] = self._by_name[table.name]
        return found


class BulkRows(Rows):
    """The rows of some tables while a log is folded. `limit`: rows in a generation, about.

    Sums are kept until `finish` gives them: they are as many as accounts, not as events.
    """

    def __init__(self, tables: Mapping[str, Table], shelf: Shelf, limit: int) -> None:
        self.proof = Proof()
        self._shelf = shelf
        self._limit = limit
        self._kept = {name: Kept(table) for name, table in tables.items()}
        self._of = _ByTable(self._kept)
        self._undo: list[tuple[Any, Any, Any]] = []
        self.begin: Callable[[], None] = self._undo.clear
        """An event begins; nothing of the one before it can be undone any more."""

    @property
    def touched(self) -> int:
        """How many changes the present event has made to rows and sums."""
        return len(self._undo)

    def undo(self) -> None:
        """Nothing of the present event has happened."""
        for rows, key, previous in reversed(self._undo):
            if previous is _NOTHING:
                del rows[key]
            else:
                rows[key] = previous
        self._undo.clear()

    def settle(self) -> None:
        """Between events, now and then: rows that were not touched for long are written, if there are too many.

        Those that are put once are not kept longer than they are few.
        """
        for name, kept in self._kept.items():
            if len(kept.put_once) >= ENCODED_AT_ONCE:
                self._write_once(name, kept)
        if sum(len(kept.young) for kept in self._kept.values()) > self._limit:
            self._write_old()

    def finish(self) -> dict[str, dict[Key, Row]]:
        """Write what is left; the sums by table, which nobody has written."""
        self._write_old()
        self._write_old()
        for name, kept in self._kept.items():
            self._write_once(name, kept)
        return {name: _summed(kept) for name, kept in self._kept.items()}

    def get(self, table: Table, *key: Any) -> Row | None:
        """See Rows."""
        kept = self._of[table]
        if not kept.shape.is_read:
            raise not_read(table)
        found = self._find(kept, key[0] if kept.has_one_key else key)
        return None if found is None else kept.row(found)

    def value(self, table: Table, column: str, *key: Any) -> Any:
        """One column of the row with this primary key. Raises FoldImpossible when there is none."""
        kept = self._of[table]
        found = self._find(kept, key[0] if kept.has_one_key else key) if kept.shape.is_read else None
        return super().value(table, column, *key) if found is None else found[kept.at[column]]

    def put(self, table: Table, row: Row) -> None:
        """See Rows."""
        kept = self._of[table]
        if len(row) != kept.width or kept.sum_at:
            raise misshaped(kept.shape, row, kept.shape.columns)
        try:
            values = kept.values(row)
        except KeyError:
            raise misshaped(kept.shape, row, kept.shape.columns) from None
        if kept.shape.once:
            self._undo.append((kept.put_once, _LAST, _NOTHING))
            kept.put_once.append(values)
            return
        under, young = kept.key_of(values), kept.young
        previous = young.get(under, _NOTHING)
        if previous is _NOTHING and under in kept.old:
            self._forget_old(kept, under)
        self._undo.append((young, under, previous))
        young[under] = values

    def change(self, table: Table, *key: Any, **values: Any) -> None:
        """These columns of a row are different from now on. Raises FoldImpossible when there is no such row."""
        kept = self._of[table]
        under, young, at = key[0] if kept.has_one_key else key, kept.young, kept.at
        found = young.get(under) or (self._find(kept, under) if kept.shape.is_read else None)
        changed = list(found or ())
        try:
            for name, value in values.items():
                changed[at[name]] = value
            fits = kept.key_of(changed) == under
        except (KeyError, IndexError):
            fits = False
        if not fits:
            # There is no such row or column, or the key itself is changed.
            super().change(table, *key, **values)
            return
        self._undo.append((young, under, found))
        young[under] = tuple(changed)

    def add(self, table: Table, row: Row, **amounts: int) -> None:
        """Increase the sums of a row: `row` has its other columns, which stay as they are; a new row begins at 0.

        Raises FoldImpossible when a column is missing, or is another than before.
        """
        kept = self._of[table]
        try:
            standing = kept.sums.get(kept.constants(row))
            if standing is None or len(row) != kept.constants_width:
                standing = self._begin_sum(kept, row)
            self._undo.append((standing, _WHOLE, tuple(standing)))
            sum_at = kept.sum_at
            for name, amount in amounts.items():
                standing[sum_at[name]] += amount
        except KeyError:
            raise misshaped(kept.shape, row | amounts, kept.shape.constants) from None

    def _begin_sum(self, kept: Kept, row: Row) -> list[int]:
        """The sums of a row that stands not yet."""
        if row.keys() != kept.shape.constants or not kept.sum_at:
            raise misshaped(kept.shape, row, kept.shape.constants)
        key, constants = kept.shape.key(row), kept.constants(row)
        if key in kept.sum_rows:
            must_fit(kept.shape, kept.sum_rows[key], row)
        kept.sum_rows[key] = dict(row)
        standing = kept.sums[constants] = [0] * len(kept.sum_at)
        self._undo += [(kept.sums, constants, _NOTHING), (kept.sum_rows, key, _NOTHING)]
        return standing

    def _find(self, kept: Kept, under: Any) -> Values | None:
        young = kept.young
        if under in young:
            return young[under]
        if under in kept.old:
            row = young[under] = kept.old.pop(under)
            return row
        if kept.written.may_have(under):
            self._look(kept, under)
            young[under] = kept.before.get(under)
        return young.get(under)

    def _look(self, kept: Kept, under: Any) -> None:
        """How a row stands in its table, if it does."""
        found = self._shelf.ask(kept.table, kept.key(under))
        if found is not None:
            kept.before[under] = kept.asked(under, found)

    def _set(self, name: str, key: Key, row: Row | None) -> None:
        kept = self._kept[name]
        under = key[0] if kept.has_one_key else key
        if under in kept.old:
            self._forget_old(kept, under)
        self._undo.append((kept.young, under, kept.young.get(under, _NOTHING)))
        kept.young[under] = None if row is None else kept.values(row)

    def _forget_old(self, kept: Kept, under: Any) -> None:
        """A row is put anew of which nobody asked how it stands: no key is in both generations."""
        self._undo.append((kept.old, under, kept.old.pop(under)))

    def _write_old(self) -> None:
        """Write the old generation out and forget it; the young one becomes the old."""
        self._undo.clear()
        for name, kept in self._kept.items():
            self._write(name, kept, kept.old)
            kept.old, kept.young = kept.young, {}

    def _write(self, name: str, kept: Kept, rows: dict[Any, Values | None]) -> None:
        for under in kept.written.these_of(rows):
            # Put without a look at what was there.
            if under not in kept.before:
                self._look(kept, under)
        older, fresh, changed, gone = _compared(kept, rows)
        kept.written.put(rows)
        for stood_before in _encoded(kept.table, older):
            self.proof.add_all(name, stood_before.lines, stood_before.buckets, rows=-1)
        self._put(name, kept, self._shelf.insert, fresh)
        self._put(name, kept, self._shelf.upsert, changed)
        self._shelf.delete(kept.table, gone)

    def _write_once(self, name: str, kept: Kept) -> None:
        self._undo.clear()
        self._put(name, kept, self._shelf.insert, kept.put_once)
        kept.put_once.clear()

    def _put(self, name: str, kept: Kept, put: Callable[[Table, Lines], None], rows: Sequence[Values]) -> None:
        for now in _encoded(kept.table, rows):
            self.proof.add_all(name, now.lines, now.buckets)
            put(kept.table, now)


def _compared(
    kept: Kept, rows: Mapping[Any, Values | None]
) -> tuple[list[Values], list[Values], list[Values], list[Key]]:
    """How rows differ from those of the table: what stood there, what is new, what is other, whose key is gone."""
    older, fresh, changed, gone = list[Values](), list[Values](), list[Values](), list[Key]()
    if not kept.before:
        fresh = [row for row in rows.values() if row is not None]
        return older, fresh, changed, gone
    for under, row in rows.items():
        stood = kept.before.pop(under, None)
        if stood == row:
            continue
        if stood is not None:
            older.append(stood)
        if row is None:
            gone.append(kept.key(under))
        else:
            (fresh if stood is None else changed).append(row)
    return older, fresh, changed, gone


def _encoded(table: Table, rows: Sequence[Values]) -> Iterator[Lines]:
    """Rows in the forms that are written and proved, some at a time."""
    form = encoder(table)
    for start in range(0, len(rows), ENCODED_AT_ONCE):
        yield form.of_values(rows[start : start + ENCODED_AT_ONCE])


def _summed(kept: Kept) -> dict[Key, Row]:
    return {
        key: row | dict(zip(kept.sum_at, kept.sums[kept.constants(row)], strict=True))
        for key, row in kept.sum_rows.items()
    }


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

    def these_of(self, keys: Collection[Key]) -> list[Key]:
        """Those that may have been put, of some."""
        if self._bits is None:
            hashes = self._hashes
            if hashes.isdisjoint(map(hash, keys)):
                return []
            return [key for key in keys if hash(key) in hashes]
        return [key for key in keys if self.may_have(key)]

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
_LAST: Final = -1
_WHOLE: Final = slice(None)
"""All sums of a row."""
