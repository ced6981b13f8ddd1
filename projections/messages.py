"""Many statements in one message to MySQL or MariaDB: a small batch costs as much as it makes round trips.

The values in them were encoded by `encoding.py`. SQLAlchemy knows only single statements, so this goes past it to the
driver, in the transaction of its connection, and raises what it would raise.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import mysql.connector
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ledger.sql_engine import LOST

BYTES_AT_ONCE: Final = 1_000_000
"""Of one statement with many rows, and of one message: the largest that servers take by default is 16 MB."""

T = TypeVar("T")


class Statement(NamedTuple):
    """`head`: what may be told of it; `rest`: what may hold values; `values`: those of parameters (SQLite)."""

    head: str
    rest: str = ""
    values: list[tuple[Any, ...]] | None = None


AT_ONCE: Final = Statement("DO 0")
"""What a server answers before it begins with what stands behind it."""


class Result(NamedTuple):
    """How many rows a statement was about, and those it asked for, as the driver gives them."""

    about: int
    rows: Sequence[Sequence[Any]]


def sent(connection: Connection, statements: Sequence[Statement]) -> list[Result]:
    """Execute statements in order. Raises what SQLAlchemy raises, without values.

    What stood before a statement at fault is done then, and nothing after it.
    """
    return [result for some in bounded(statements, _size) for result in _sent(connection, some)]


def under_way(connection: Connection, statements: Sequence[Statement]) -> Iterator[Result]:
    """Give statements to the server, and do not wait: what it answers is read when it is asked for.

    Nobody else may use the connection until all of it was read. Raises as `sent` does, now or then.
    """
    *first, last = bounded([AT_ONCE, *statements], _size)
    for some in first:
        list(_sent(connection, some))
    answers = _sent(connection, last)
    # The driver sends a message and waits for the first answer to it.
    next(answers)
    return answers


def _size(statement: Statement) -> int:
    return len(statement.rest)


def _sent(connection: Connection, some: Sequence[Statement]) -> Iterator[Result]:
    driver: Any = connection.connection.dbapi_connection
    done = 0
    try:
        for result in driver.cmd_query_iter(";".join([one.head + one.rest for one in some])):
            rows = driver.get_rows()[0] if "columns" in result else ()
            done += 1
            yield Result(result.get("affected_rows", 0), rows)
    except mysql.connector.Error as error:
        raise _told(connection, some[min(done, len(some) - 1)].head, error) from error


def _told(connection: Connection, head: str, error: mysql.connector.Error) -> BaseException:
    lost = error.errno in LOST
    if lost:
        connection.invalidate(error)
    kind, dialect = mysql.connector.Error, connection.dialect
    return DBAPIError.instance(head, None, error, kind, True, connection_invalidated=lost, dialect=dialect)


def bounded(things: Sequence[T], size_of: Callable[[T], int], most: int = sys.maxsize) -> Iterator[Sequence[T]]:
    """The same in pieces of at most `most` things and BYTES_AT_ONCE; what is larger by itself is a piece of its own."""
    begin, size = 0, 0
    for number, thing in enumerate(things):
        size += size_of(thing)
        if number > begin and (number - begin == most or size > BYTES_AT_ONCE):
            yield things[begin:number]
            begin, size = number, size_of(thing)
    if things:
        yield things[begin:]
