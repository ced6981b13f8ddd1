"""Changes behind the engine's back: random edits, deletions and insertions of rows, and what must be found of each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Integer,
    String,
    Table,
    and_,
    delete,
    insert,
    literal,
    select,
    type_coerce,
    update,
)
from sqlalchemy.types import TypeDecorator

from projections.checking import ROW_DIFFERS, ROW_MISSING, ROW_MORE, SET_HASH
from projections.columns import Id, Instant
from projections.projection import PROJECTIONS, Projection

NAIVE = datetime.fromisoformat("2026-01-01 00:00:00")

Expected = tuple[str, str, str, tuple[str, ...]]
"""Kind, table, key, columns."""


class Hand:
    """Somebody who may write the tables, and changes no row twice."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._touched: set[tuple[str, str]] = set()
        self._turn = 0

    def changes(self, connection: Connection, projections: list[Projection], many: int) -> list[Expected]:
        """Make so many changes; what each must be found as."""
        found: list[Expected] = []
        while many:
            table = self.chance.choice([table for projection in projections for table in projection.tables])
            row = self._row(connection, table)
            if row is not None:
                found += self._change(connection, table, row)
                many -= 1
        return found

    def _row(self, connection: Connection, table: Table) -> dict[str, Any] | None:
        rows = [dict(row) for row in connection.execute(select(*map(_raw, table.columns))).mappings()]
        left = [row for row in rows if (table.name, _key(table, row)) not in self._touched]
        return self.chance.choice(left) if left else None

    def _change(self, connection: Connection, table: Table, row: dict[str, Any]) -> Iterator[Expected]:
        self._turn += 1
        key = _key(table, row)
        self._touched.add((table.name, key))
        what = self.chance.choices(("edit", "delete", "insert", "rename"), (6, 1, 1, 1))[0]
        if what == "edit":
            column = self.chance.choice([column for column in table.columns if not column.primary_key])
            value = self._other(column, row[column.name])
            connection.execute(update(table).where(_is(table, row)).values({column.name: _bound(column, value)}))
            yield ROW_DIFFERS, table.name, key, (column.name,)
            return
        moved = row | {table.primary_key.columns[0].name: f"xx_{self._turn}"}
        self._touched.add((table.name, _key(table, moved)))
        if what in ("delete", "rename"):
            connection.execute(delete(table).where(_is(table, row)))
            yield ROW_MISSING, table.name, key, ()
        if what in ("insert", "rename"):
            values = {column.name: _bound(column, moved[column.name]) for column in table.columns}
            connection.execute(insert(table).values(values))
            yield ROW_MORE, table.name, _key(table, moved), ()

    def _other(self, column: Column[Any], value: Any) -> Any:
        """Another value the column takes: often one that is nearly the same."""
        if column.nullable and value is not None and self.chance.random() < 0.2:
            return None
        kind = column.type
        if isinstance(kind, Boolean):
            return 1 - value
        if isinstance(kind, Integer):
            other = self.chance.choice((1, -1, 1000, -2 * (value or 1)))
            return (value or 0) + other
        if isinstance(kind, Instant):
            step = self.chance.choice((timedelta(microseconds=1), timedelta(hours=-7), timedelta(days=1)))
            return (value or NAIVE) + step
        if isinstance(kind, Date):
            return value + timedelta(days=self.chance.choice((-1, 1)))
        return self._other_text(value or "", limit=kind.length if isinstance(kind, Id) else 10_000)

    def _other_text(self, value: str, limit: int) -> str:
        others = [value.swapcase(), value[:-1], value + " ", value + "x", "x" + value[1:], value.replace("a", "á")]
        fitting = [
            other for other in others if other != value and len(other) <= limit and (limit > 999 or other.isascii())
        ]
        return self.chance.choice(fitting)


def spoil_proof(connection: Connection, projection: Projection, chance: random.Random, many: int) -> list[Expected]:
    """Change set hashes: one half, the other, the number of rows, or all of it away."""
    kept = projection.proof
    rows = [dict(row) for row in connection.execute(select(kept)).mappings()]
    found: list[Expected] = []
    for row in chance.sample(rows, min(many, len(rows))):
        what = chance.choice(("low", "high", "rows_kept", ""))
        where = _is(kept, row)
        connection.execute(
            update(kept).where(where).values({what: row[what] + 1}) if what else delete(kept).where(where)
        )
        found.append((SET_HASH, row["of_table"], f"{row['day'] or '-'}/{row['merchant_id'] or '-'}", ()))
    return found


def all_projections() -> list[Projection]:
    """Those of the house."""
    return list(PROJECTIONS.values())


def _key(table: Table, row: dict[str, Any]) -> str:
    return "/".join(str(row[column.name]) for column in table.primary_key.columns)


def _is(table: Table, row: dict[str, Any]) -> Any:
    return and_(*(column == row[column.name] for column in table.primary_key.columns))


def _raw(column: Column[Any]) -> Any:
    """Texts of every kind as texts, times and days as the driver gives them."""
    if isinstance(column.type, Instant):
        return type_coerce(column, column.type.impl_instance).label(column.name)
    return column if not _is_text(column) else type_coerce(column, String).label(column.name)


def _bound(column: Column[Any], value: Any) -> Any:
    """The value as it is, past what the column would make of it."""
    if isinstance(column.type, Instant):
        return literal(value, column.type.impl_instance)
    return literal(value, String()) if _is_text(column) else value


def _is_text(column: Column[Any]) -> bool:
    return isinstance(column.type, TypeDecorator) and not isinstance(column.type, Instant)
