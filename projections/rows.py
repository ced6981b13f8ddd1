"""What a fold sees: rows by primary key, read once, changed in memory.

A fold knows nothing of transactions or of the physical tables behind: the same fold serves the live tables
(`live_rows.py`) and a rebuild beside them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Table

from ledger.errors import FoldImpossible
from projections.encoding import Key, Row


class Shape:
    """What is asked of the rows of a table: its columns, its key, and which columns are sums. See `shape`.

    `once`: rows are put once and stay as they are. `is_read`: folds may read rows, and change and delete them.
    """

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.columns = frozenset(table.columns.keys())
        self.key = key_of(table)
        self.sums: tuple[str, ...] = table.info.get("sums", ())
        self.constants = self.columns - set(self.sums)
        self.once: bool = table.info.get("once", False)
        self.is_read = not self.sums and not self.once


@cache
def shape(table: Table) -> Shape:
    """The shape of a declared table."""
    return Shape(table)


class Habit:
    """What folds of one kind of event do with rows under its stream: which tables they ask, and which get one unasked.

    Learned while folding, so that rows can be asked for all at once. It saves time and decides nothing.
    """

    def __init__(self) -> None:
        self.asks: set[str] = set()
        self.makes: set[str] = set()


class Rows(ABC):
    """The rows of some tables while events are folded.

    Rows given out and handed in are copies: none is changed behind the back of the other side.
    """

    @abstractmethod
    def get(self, table: Table, *key: Any) -> Row | None:
        """A copy of the row with this primary key, or None. Raises FoldImpossible where rows are sums or put once."""

    @abstractmethod
    def put(self, table: Table, row: Row) -> None:
        """The row stands like this from now on, new or not (where rows are put once: new). Every column has a value."""

    @abstractmethod
    def add(self, table: Table, row: Row, **amounts: int) -> None:
        """Increase the sums of a row: `row` has its other columns, which stay as they are; a new row begins at 0.

        Raises FoldImpossible when a column is missing, or is another than before.
        """

    @abstractmethod
    def _set(self, name: str, key: Key, row: Row | None) -> None:
        """From now on this row stands under this key, or none."""

    def must_get(self, table: Table, *key: Any) -> Row:
        """The same as `get`; raises FoldImpossible when there is none."""
        found = self.get(table, *key)
        if found is None:
            raise FoldImpossible(f"{table.name} has no row {'/'.join(map(str, key))} to fold the event into.")
        return found

    def value(self, table: Table, column: str, *key: Any) -> Any:
        """One column of the row with this primary key. Raises FoldImpossible when there is no such row."""
        return self.must_get(table, *key)[column]

    def change(self, table: Table, *key: Any, **values: Any) -> None:
        """These columns of a row are different from now on. Raises FoldImpossible when there is no such row."""
        self.put(table, self.must_get(table, *key) | values)

    def delete(self, table: Table, *key: Any) -> None:
        """The row stands no more; harmless when there was none."""
        if not shape(table).is_read:
            raise not_read(table)
        self._set(table.name, key, None)


class KnownRows(Rows):
    """Rows of a few events: what was asked for or put stays known. `tables`: the physical one behind each, by name."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self._known: dict[str, dict[Key, Row | None]] = {name: {} for name in tables}
        self._added: dict[str, dict[Key, Row]] = {name: {} for name in tables}

    @abstractmethod
    def _ask(self, name: str, keys: Sequence[Key]) -> None:
        """Make these keys of a table known: their rows, or None where there is none."""

    def get(self, table: Table, *key: Any) -> Row | None:
        """See Rows."""
        if not shape(table).is_read:
            raise not_read(table)
        known = self._known[table.name]
        if key not in known:
            self._ask(table.name, [key])
        found = known[key]
        return None if found is None else dict(found)

    def put(self, table: Table, row: Row) -> None:
        """See Rows."""
        like = shape(table)
        if row.keys() != like.columns or like.sums:
            raise misshaped(like, row, like.columns)
        self._set(table.name, like.key(row), dict(row))

    def add(self, table: Table, row: Row, **amounts: int) -> None:
        """See Rows."""
        like = shape(table)
        if row.keys() != like.constants or not amounts.keys() <= set(like.sums):
            raise misshaped(like, row | amounts, like.constants)
        key = like.key(row)
        standing = self._added[table.name].get(key)
        if standing is None:
            standing = dict(row) | dict.fromkeys(like.sums, 0)
        self._add(table.name, key, increased(like, standing, row, amounts))

    def _add(self, name: str, key: Key, row: Row) -> None:
        self._added[name][key] = row


def not_read(table: Table) -> FoldImpossible:
    """What to raise where a fold reads, changes or deletes a row of a table in which it may not."""
    if shape(table).once:
        return FoldImpossible(f"{table.name} holds rows that are put once: no fold may read, change or delete them.")
    return FoldImpossible(f"{table.name} holds sums, which no fold may read, change or delete: they are added to.")


def increased(like: Shape, standing: Row, row: Row, amounts: Mapping[str, int]) -> Row:
    """A row of sums with `amounts` added. Raises FoldImpossible when its other columns are not those of `row`."""
    must_fit(like, standing, row)
    return standing | {name: standing[name] + amount for name, amount in amounts.items()}


def must_fit(like: Shape, standing: Row, row: Row) -> None:
    """Raises FoldImpossible when the columns of a row of sums that stay as they are differ from what stands."""
    for name in like.constants:
        if standing[name] != row[name]:
            key = "/".join(map(str, like.key(row)))
            raise FoldImpossible(f"{like.name} keeps {key} with {name} {standing[name]}, not {row[name]}.")


def primary(table: Table) -> list[Column[Any]]:
    """The columns of the primary key, in order."""
    return list(table.primary_key.columns)


def key_of(table: Table) -> Callable[[Row], Key]:
    """The function that gives the key of a row."""
    names = [column.name for column in primary(table)]
    if len(names) > 1:
        return itemgetter(*names)
    name = names[0]
    return lambda row: (row[name],)


def misshaped(like: Shape, row: Row, wanted: frozenset[str]) -> FoldImpossible:
    """What to raise for a row that has not exactly the columns `wanted`, or is put where only sums are."""
    if like.sums and row.keys() == like.columns:
        return FoldImpossible(f"{like.name} holds sums: they are changed by adding only.")
    odd = ", ".join(sorted(row.keys() ^ wanted))
    return FoldImpossible(f"A row of {like.name} must have exactly the columns of the table; see {odd}.")
