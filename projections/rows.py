"""The rows a fold sees: read by primary key once, changed in memory, written as multi-row upserts.

A fold knows nothing of transactions or of the physical tables behind: the same fold serves the live tables and a
rebuild beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, and_, bindparam, delete, or_, select
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.sql.dml import Insert

from ledger.errors import FoldImpossible

Row = dict[str, Any]
"""A row by column name, with the values its columns stand for: aware instants, Sealed, int, str."""

Key = tuple[Any, ...]

ASKED_AT_ONCE: Final = 500
WRITTEN_AT_ONCE: Final = 500
"""Rows in one statement: bounded by the size of a packet."""


class Rows:
    """The rows of some tables during a transaction. `tables`: the physical table behind each declared one, by name."""

    def __init__(self, connection: Connection, tables: Mapping[str, Table]) -> None:
        self._connection = connection
        self._tables = tables
        self._known: dict[str, dict[Key, Row | None]] = {name: {} for name in tables}
        self._changed: dict[str, set[Key]] = {name: set() for name in tables}

    def get(self, table: Table, *key: Any) -> Row | None:
        """A copy of the row with this primary key, or None."""
        known = self._known[table.name]
        if key not in known:
            self._ask(table.name, [key])
        found = known[key]
        return None if found is None else dict(found)

    def must_get(self, table: Table, *key: Any) -> Row:
        """The same; raises FoldImpossible when there is none."""
        found = self.get(table, *key)
        if found is None:
            raise FoldImpossible(f"{table.name} has no row {'/'.join(map(str, key))} to fold the event into.")
        return found

    def put(self, table: Table, row: Row) -> None:
        """The row stands like this from now on, new or not. Every column has a value."""
        columns = self._tables[table.name].columns
        if row.keys() != set(columns.keys()):
            odd = ", ".join(sorted(row.keys() ^ set(columns.keys())))
            raise FoldImpossible(f"A row of {table.name} must have exactly the columns of the table; see {odd}.")
        key = tuple(row[column.name] for column in _primary(table))
        self._known[table.name][key] = dict(row)
        self._changed[table.name].add(key)

    def change(self, table: Table, *key: Any, **values: Any) -> None:
        """These columns of a row are different from now on. Raises FoldImpossible when there is no such row."""
        self.put(table, self.must_get(table, *key) | values)

    def delete(self, table: Table, *key: Any) -> None:
        """The row stands no more; harmless when there was none."""
        self._known[table.name][key] = None
        self._changed[table.name].add(key)

    def expect(self, streams: Iterable[str]) -> None:
        """Read ahead: most rows have a stream as their key, and one question for all is cheaper than one for each."""
        keys = [(stream,) for stream in streams]
        for name, table in self._tables.items():
            if len(_primary(table)) == 1:
                self._ask(name, [key for key in keys if key not in self._known[name]])

    def flush(self) -> int:
        """Write what changed; the number of rows written or deleted."""
        written = 0
        for name, keys in self._changed.items():
            known = self._known[name]
            standing = [row for row in (known[key] for key in keys) if row is not None]
            gone = [key for key in keys if known[key] is None]
            if standing:
                upsert = _upsert(self._tables[name], self._connection.dialect.name)
                for start in range(0, len(standing), WRITTEN_AT_ONCE):
                    self._connection.execute(upsert, standing[start : start + WRITTEN_AT_ONCE])
            if gone:
                self._connection.execute(_deletion(self._tables[name]), [_named(key) for key in gone])
            written += len(keys)
            keys.clear()
        return written

    def _ask(self, name: str, keys: list[Key]) -> None:
        table, known = self._tables[name], self._known[name]
        columns = _primary(table)
        known.update(dict.fromkeys(keys))
        for start in range(0, len(keys), ASKED_AT_ONCE):
            some = keys[start : start + ASKED_AT_ONCE]
            wanted = (
                columns[0].in_([key[0] for key in some])
                if len(columns) == 1
                else or_(*(and_(*(c == v for c, v in zip(columns, key, strict=True))) for key in some))
            )
            for row in self._connection.execute(select(table).where(wanted)).mappings():
                known[tuple(row[column.name] for column in columns)] = dict(row)


def _primary(table: Table) -> list[Column[Any]]:
    return list(table.primary_key.columns)


def _upsert(table: Table, dialect: str) -> Insert:
    key = {column.name for column in _primary(table)}
    others = [column.name for column in table.columns if column.name not in key]
    if dialect == "sqlite":
        insert = sqlite.insert(table)
        return insert.on_conflict_do_update(index_elements=sorted(key), set_={c: insert.excluded[c] for c in others})
    upsert = mysql.insert(table)
    return upsert.on_duplicate_key_update({name: upsert.inserted[name] for name in others})


def _deletion(table: Table) -> Any:
    columns = _primary(table)
    return delete(table).where(and_(*(column == bindparam(f"key_{n}") for n, column in enumerate(columns))))


def _named(key: Key) -> dict[str, Any]:
    return {f"key_{n}": value for n, value in enumerate(key)}
