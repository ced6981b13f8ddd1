"""Rows written as text: many in one statement, and many statements in one message, without the driver's quoting.

MySQL and MariaDB are sent the lines of `encoding.py` as they are, a third of the time that the driver takes with
parameters, and statements that belong together are sent together: a small batch costs as much as it makes round trips.
SQLite, which is embedded, takes the stored values as parameters, one statement after another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from sqlalchemy import Connection, Table, and_, bindparam, delete
from sqlalchemy.exc import DBAPIError

from projections.encoding import NULL, Key, Lines, sql
from projections.messages import Statement, sent
from projections.rows import primary

ROWS_AT_ONCE: Final = 1_000
BYTES_AT_ONCE: Final = 1_000_000
"""Bounds of one statement."""


class Statements:
    """What is to be written over a connection: gathered, then sent in order with as few round trips as there can be."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._gathered: list[Statement] = []

    def insert(self, table: Table, rows: Lines) -> None:
        """Rows that are new. None of the statement is kept when one is there already."""
        self._add(table, rows, "")

    def upsert(self, table: Table, rows: Lines) -> None:
        """Let these rows stand like this, whether they were there or not."""
        self._add(table, rows, _conflict(table, self._connection, "{new}"))

    def add_up(self, table: Table, rows: Lines, modulus: int) -> None:
        """Insert rows, or add each column behind the key to what stands there, modulo a power of two."""
        self._add(table, rows, _conflict(table, self._connection, f"({{old}} + {{new}}) & {modulus - 1}"))

    def send(self) -> list[int]:
        """Execute what was gathered; how many rows each statement was about.

        Raises what SQLAlchemy raises, IntegrityError for a row to insert that is there; what stood before the
        statement at fault is done, and nothing after it.
        """
        gathered, self._gathered = self._gathered, []
        if self._connection.dialect.name == "sqlite":
            return [_executed(self._connection, statement) for statement in gathered]
        return [result.about for result in sent(self._connection, gathered)]

    def _add(self, table: Table, rows: Lines, conflict: str) -> None:
        if not rows.lines:
            return
        prepared = self._connection.dialect.identifier_preparer
        # By name: somebody may have taken a column and put it back behind the others.
        columns = ", ".join(map(prepared.format_column, table.columns))
        head = f"INSERT INTO {prepared.format_table(table)} ({columns}) VALUES "  # noqa: S608  # names of ours
        if self._connection.dialect.name == "sqlite":
            marks = ", ".join("?" * len(table.columns))
            values = [tuple(None if value is NULL else value for value in stored) for stored in rows.stored]
            self._gathered.append(Statement(f"{head}({marks})", conflict, values))
            return
        for some in _bounded(rows.lines):
            text = b"),(".join([sql(line)[1:-1] for line in some]).decode()
            self._gathered.append(Statement(head, f"({text}){conflict}"))


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
    if keys:
        columns = primary(table)
        these = delete(table).where(and_(*(column == bindparam(f"key_{n}") for n, column in enumerate(columns))))
        connection.execute(these, [{f"key_{n}": value for n, value in enumerate(key)} for key in keys])


def _executed(connection: Connection, statement: Statement) -> int:
    try:
        return connection.exec_driver_sql(statement.head + statement.rest, statement.values).rowcount
    except DBAPIError as error:
        # The values are in the error, and whoever logs it would show them.
        error.statement = statement.head
        raise


def _bounded(lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    begin, size = 0, 0
    for number, line in enumerate(lines):
        size += len(line)
        if number > begin and (number - begin == ROWS_AT_ONCE or size > BYTES_AT_ONCE):
            yield lines[begin:number]
            begin, size = number, len(line)
    yield lines[begin:]


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
