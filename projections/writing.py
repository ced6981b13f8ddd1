"""Rows written as text: many in one statement, without the driver's quoting of each value.

MySQL and MariaDB are sent the lines of `encoding.py` as they are; a third of the time that the driver takes with
parameters. SQLite, which is embedded, takes the stored values as parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, bindparam, delete
from sqlalchemy.exc import DBAPIError

from projections.encoding import NULL, Key, Lines, sql
from projections.rows import primary

ROWS_AT_ONCE: Final = 1_000
BYTES_AT_ONCE: Final = 1_000_000
"""Bounds of one statement: the smallest packet that servers take by default is 16 MB."""


def insert(connection: Connection, table: Table, rows: Lines) -> None:
    """Insert new rows. Raises IntegrityError when one is there already: none of its statement is kept then."""
    _write(connection, table, rows, "")


def upsert(connection: Connection, table: Table, rows: Lines) -> None:
    """Let these rows stand like this, whether they were there or not."""
    _write(connection, table, rows, _conflict(table, connection, "{new}"))


def add_up(connection: Connection, table: Table, rows: Lines, modulus: int) -> None:
    """Insert rows, or add each column behind the key to what stands there, modulo a power of two."""
    _write(connection, table, rows, _conflict(table, connection, f"({{old}} + {{new}}) & {modulus - 1}"))


def remove(connection: Connection, table: Table, keys: Sequence[Key]) -> None:
    """Let the rows with these keys stand no more; harmless when there is none."""
    if keys:
        columns = primary(table)
        these = delete(table).where(and_(*(column == bindparam(f"key_{n}") for n, column in enumerate(columns))))
        connection.execute(these, [{f"key_{n}": value for n, value in enumerate(key)} for key in keys])


def _write(connection: Connection, table: Table, rows: Lines, conflict: str) -> None:
    if not rows.lines:
        return
    name = connection.dialect.identifier_preparer.format_table(table)
    head = f"INSERT INTO {name} VALUES "  # noqa: S608  # the name of a table of ours
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(table.columns))
        values = [tuple(None if value is NULL else value for value in row) for row in rows.stored]
        _execute(connection, f"{head}({marks})", conflict, values)
        return
    for some in _bounded(rows.lines):
        text = b"),(".join([sql(line)[1:-1] for line in some]).decode()
        _execute(connection, head, f"({text}){conflict}")


def _execute(connection: Connection, head: str, rest: str, values: list[tuple[Any, ...]] | None = None) -> None:
    try:
        connection.exec_driver_sql(head + rest, values)
    except DBAPIError as error:
        # The values stand in the text, and whoever logs the error would show them.
        error.statement = head
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
