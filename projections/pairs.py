"""A table that stands twice, row against row by primary key: how many rows differ, which, and in which columns.

All of it is asked of the server: no row travels. Texts are compared byte for byte, whatever the collation of their
column, and NULL equals NULL only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, Final

import msgspec
import sqlalchemy
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    func,
    not_,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

Text = ColumnElement[str]

KINDS: Final = (sqlalchemy.DateTime, sqlalchemy.Date, Integer, sqlalchemy.Boolean, String)
"""What columns may hold; a flag is a number to MySQL."""


class Some(msgspec.Struct, frozen=True):
    """How many rows, and the key of one of them; its parts are divided by strokes."""

    rows: int
    example: str


class RowDiffers(msgspec.Struct, frozen=True):
    """One row that stands differently: its key and the columns."""

    key: str
    columns: tuple[str, ...]


class Pair:
    """The table `was` and the table `will`, over the columns that both have. Make one with `pair`.

    `gone` and `fresh`: columns that only the first or only the second has; `keyed_alike`: rows can be told by the same
    key in both, without which nothing else here may be asked.
    """

    def __init__(self, was: Table, will: Table, there: dict[str, TypeEngine[Any]], key: Sequence[str]) -> None:
        self.was, self.will = was.alias("was"), will.alias("will")
        self.key = [column.name for column in will.primary_key.columns]
        self.keyed_alike = list(key) == self.key
        self.columns = [column for column in will.columns if column.name in there]
        self.gone = [name for name in there if name not in will.columns]
        self.fresh = [column.name for column in will.columns if column.name not in there]
        self._there = there

    def before(self, column: Column[Any]) -> ColumnElement[Any]:
        """A column as it was."""
        return self.was.c[column.name]

    def after(self, column: Column[Any]) -> ColumnElement[Any]:
        """A column as it will be."""
        return self.will.c[column.name]

    def is_of_one_kind(self, column: Column[Any]) -> bool:
        """Whether a column holds the same kind of values in both tables."""
        return _kind(self._there[column.name]) == _kind(column.type)

    def differs(self, connection: Connection, column: Column[Any]) -> ColumnElement[bool]:
        """Whether a column of two joined rows is not the same."""
        before, after = self.before(column), self.after(column)
        exact = connection.dialect.name == "sqlite" or (self.is_of_one_kind(column) and not _is_text(column.type))
        if not exact:
            before, after = cast(before, LargeBinary), cast(after, LargeBinary)
        return before.is_distinct_from(after)

    def key_text(self, side: FromClause) -> Text:
        """The key of a row as one text."""
        parts: list[Text] = [_as_text(side.c[name]) for name in self.key]
        return reduce(lambda left, right: left + "/" + right, parts)

    def counts(self, connection: Connection) -> tuple[int, int, dict[str, int]]:
        """Rows that only the first has, rows that only the second has, and for each column in how many it differs.

        Columns are counted one by one only when any of them differs: that costs half as much again.
        """
        each = [self.differs(connection, column) for column in self.columns]
        together, differing = self._summed(connection, [or_(*each)])
        before, after = (connection.scalar(select(func.count()).select_from(side)) for side in (self.was, self.will))
        found = self._summed(connection, each)[1:] if differing else [0] * len(each)
        by_column = {column.name: n for column, n in zip(self.columns, found, strict=True)}
        return int(before or 0) - together, int(after or 0) - together, by_column

    def _summed(self, connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> list[int]:
        """How many rows both have, and how many of these each condition holds for."""
        sums = [func.sum(case((one, 1), else_=0)) for one in conditions]
        row = connection.execute(select(func.count(), *sums).select_from(self._both())).one()
        return [int(n or 0) for n in row]

    def only_before(self) -> Select[Any]:
        """The keys of rows that only the first table has."""
        return self._only(self.was, self.will)

    def only_after(self) -> Select[Any]:
        """The keys of rows that only the second table has."""
        return self._only(self.will, self.was)

    def grouped(self, connection: Connection, column: Column[Any], what: Text, limit: int) -> list[tuple[str, Some]]:
        """The rows that differ in a column, by the text `what`, most rows first, at most `limit` groups."""
        query = select(what.label("what"), func.count().label("n"), func.min(self.key_text(self.will)).label("one"))
        query = query.select_from(self._both()).where(self.differs(connection, column)).group_by("what")
        found = connection.execute(query.order_by(sqlalchemy.desc("n"), "what").limit(limit))
        return [(str(label), Some(int(rows), str(one))) for label, rows, one in found]

    def differing(self, connection: Connection, limit: int) -> list[RowDiffers]:
        """The rows that stand differently, in order of their keys, at most `limit`."""
        each = [self.differs(connection, column) for column in self.columns]
        query = select(self.key_text(self.will), *(case((one, 1), else_=0) for one in each)).select_from(self._both())
        order = [self.will.c[name] for name in self.key]
        rows = connection.execute(query.where(or_(*each)).order_by(*order).limit(limit))
        names = [column.name for column in self.columns]
        return [
            RowDiffers(str(key), tuple(name for name, differs in zip(names, flags, strict=True) if differs))
            for key, *flags in rows
        ]

    def _both(self) -> FromClause:
        return self.was.join(self.will, and_(*(self.was.c[name] == self.will.c[name] for name in self.key)))

    def _only(self, one: FromClause, other: FromClause) -> Select[Any]:
        there = select(other.c[self.key[0]]).where(*(one.c[name] == other.c[name] for name in self.key)).exists()
        return select(self.key_text(one)).where(not_(there))


def pair(connection: Connection, was: Table, will: Table) -> Pair:
    """The two tables, looked at as they stand in the database. Raises what the driver raises."""
    found = sqlalchemy.inspect(connection)
    there = {column["name"]: column["type"] for column in found.get_columns(was.name)}
    key = found.get_pk_constraint(was.name)["constrained_columns"]
    return Pair(was, will, there, key)


def some(connection: Connection, keys: Select[Any]) -> Some:
    """How many keys a query has, and the least of them."""
    text = keys.subquery()
    rows, example = connection.execute(select(func.count(), func.min(text.c[0])).select_from(text)).one()
    return Some(int(rows), str(example))


def first_keys(connection: Connection, keys: Select[Any], limit: int) -> list[str]:
    """The keys of a query, at most `limit`."""
    return [str(key) for key in connection.scalars(keys.order_by(sqlalchemy.text("1")).limit(limit))]


def _as_text(column: ColumnElement[Any]) -> Text:
    return type_coerce(column, String) if _is_text(column.type) else cast(column, String)


def _kind(of: TypeEngine[Any]) -> type[Any] | None:
    kind = of
    while isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    found = next((one for one in KINDS if isinstance(kind, one)), None)
    return Integer if found is sqlalchemy.Boolean else found


def _is_text(of: TypeEngine[Any]) -> bool:
    return _kind(of) is String
