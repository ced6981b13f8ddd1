"""Rows written as text: many in one statement, and many statements in one message, without the driver's quoting.

MySQL and MariaDB are sent the lines of `encoding.py` as they are, a third of the time that the driver takes with
parameters, and statements that belong together are sent together: a small batch costs as much as it makes round trips.
SQLite, which is embedded, takes the stored values as parameters, one statement after another.

While a server executes what was sent, the next can be put together: a large batch costs as much as the slower of both.
No thread waits for it meanwhile: it would get hold of the interpreter only when all is put together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Final, Self

import msgspec
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from projections.encoding import NULL, Key, Lines, encoder, sql
from projections.messages import Result, Statement, bounded, sent, under_way
from projections.rows import primary

ROWS_AT_ONCE: Final = 1_000
"""Of one statement."""

BYTES_AHEAD: Final = 50_000
"""What is sent on its way before all is put together. With less, another round trip costs more than it saves."""


class Statements:
    """What is to be written over a connection: gathered, then sent in order with as few round trips as there can be.

    Used with `with` where `send_ahead` is called: leaving it waits until the connection is ours again.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._on_server = connection.dialect.name != "sqlite"
        self._gathered: list[Statement] = []
        self._bytes = 0
        self._under_way: Iterator[Result] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # What was wrong with it is of no interest any more: who did not wait for it had other trouble.
        with suppress(DBAPIError):
            self._wait()

    def insert(self, table: Table, rows: Lines) -> None:
        """Rows that are new. None of the statement is kept when one is there already."""
        self._add(table, rows, "")

    def upsert(self, table: Table, rows: Lines) -> None:
        """Let these rows stand like this, whether they were there or not."""
        self._add(table, rows, _conflict(table, self._connection, "{new}"))

    def add_up(self, table: Table, rows: Lines, modulus: int) -> None:
        """Insert rows, or add each column behind the key to what stands there, modulo a power of two."""
        self._add(table, rows, _conflict(table, self._connection, f"({{old}} + {{new}}) & {modulus - 1}"))

    def remove(self, table: Table, keys: Sequence[Key]) -> None:
        """Let the rows with these keys stand no more; harmless when there is none."""
        if not keys:
            return
        names = [column.name for column in primary(table)]
        lines = encoder(table).keys(keys)
        if self._on_server:
            head = f"DELETE FROM `{table.name}` WHERE ({', '.join(f'`{one}`' for one in names)}) = "  # noqa: S608  # our names
            for line in lines:
                self._gather(Statement(head, f"({sql(line)[1:-1].decode()})"))
        else:
            wanted = " AND ".join(f'"{one}" = ?' for one in names)
            values = [tuple(msgspec.json.decode(line)) for line in lines]
            self._gather(Statement(f'DELETE FROM "{table.name}" WHERE {wanted}', "", values))  # noqa: S608  # names of ours

    def clear(self, table: Table) -> None:
        """Let no row of a table stand."""
        self._gather(Statement(f"DELETE FROM {self._connection.dialect.identifier_preparer.format_table(table)}"))  # noqa: S608  # name of ours

    def send_ahead(self) -> None:
        """Send what was gathered on its way when it is much, and do not wait. Nobody else uses the connection then.

        What was sent so before is waited for: the server is to have something to do, and one thing after the other.
        Raises what was wrong with either, as `send` does.
        """
        if self._on_server and self._bytes >= BYTES_AHEAD:
            self._wait()
            self._under_way = under_way(self._connection, self._taken())

    def send(self) -> None:
        """Execute what was gathered, and wait for all that was sent.

        Raises what SQLAlchemy raises, IntegrityError for a row to insert that is there; what stood before the
        statement at fault is done, and nothing after it.
        """
        self._wait()
        if self._on_server:
            sent(self._connection, self._taken())
            return
        for statement in self._taken():
            _execute(self._connection, statement)

    def _wait(self) -> None:
        deque(self._under_way, maxlen=0)

    def _taken(self) -> list[Statement]:
        gathered, self._gathered, self._bytes = self._gathered, [], 0
        return gathered

    def _gather(self, statement: Statement) -> None:
        self._gathered.append(statement)
        self._bytes += len(statement.rest)

    def _add(self, table: Table, rows: Lines, conflict: str) -> None:
        if not rows.lines:
            return
        prepared = self._connection.dialect.identifier_preparer
        # By name: somebody may have taken a column and put it back behind the others.
        columns = ", ".join(map(prepared.format_column, table.columns))
        head = f"INSERT INTO {prepared.format_table(table)} ({columns}) VALUES "  # noqa: S608  # names of ours
        if not self._on_server:
            marks = ", ".join("?" * len(table.columns))
            values = [tuple(None if value is NULL else value for value in stored) for stored in rows.stored]
            self._gather(Statement(f"{head}({marks})", conflict, values))
            return
        for some in bounded(rows.lines, len, ROWS_AT_ONCE):
            text = b"),(".join([sql(line)[1:-1] for line in some]).decode()
            self._gather(Statement(head, f"({text}){conflict}"))


def insert(connection: Connection, table: Table, rows: Lines) -> None:
    """Insert new rows. Raises IntegrityError when one is there already: none of its statement is kept then."""
    statements = Statements(connection)
    statements.insert(table, rows)
    statements.send()


def upsert(connection: Connection, table: Table, rows: Lines) -> None:
    """Let these rows stand like this, whether they were there or not."""
    statements = Statements(connection)
    statements.upsert(table, rows)
    statements.send()


def remove(connection: Connection, table: Table, keys: Sequence[Key]) -> None:
    """Let the rows with these keys stand no more; harmless when there is none."""
    statements = Statements(connection)
    statements.remove(table, keys)
    statements.send()


def _execute(connection: Connection, statement: Statement) -> None:
    try:
        connection.exec_driver_sql(statement.head + statement.rest, statement.values)
    except DBAPIError as error:
        # The values are in the error, and whoever logs it would show them.
        error.statement = statement.head
        raise


def _conflict(table: Table, connection: Connection, value: str) -> str:
    dialect = connection.dialect
    if dialect.name == "sqlite":
        return _clause(table, "sqlite", value)
    return _clause(table, "mariadb" if getattr(dialect, "is_mariadb", False) else "mysql", value)


@cache
def _clause(table: Table, kind: str, value: str) -> str:
    """What is done with a row that is there already. The servers do not agree on how its new values are named."""
    quote = '"' if kind == "sqlite" else "`"
    new = {"sqlite": 'excluded."{}"', "mariadb": "VALUES(`{}`)", "mysql": "new.`{}`"}[kind]
    key = [column.name for column in table.primary_key.columns]
    others = [column.name for column in table.columns if column.name not in key]
    name = f"{quote}{table.name}{quote}"
    sets = ", ".join(
        f"{quote}{other}{quote} = {value.format(old=f'{name}.{quote}{other}{quote}', new=new.format(other))}"
        for other in others
    )
    if kind == "sqlite":
        return f" ON CONFLICT ({', '.join(key)}) DO " + (f"UPDATE SET {sets}" if sets else "NOTHING")
    return ("" if kind == "mariadb" else " AS new") + f" ON DUPLICATE KEY UPDATE {sets or f'`{key[0]}` = `{key[0]}`'}"
