"""One database that holds event logs, for MySQL, MariaDB and SQLite alike: connections, transactions, errors in words.

A store is made without touching the database. `close` ends everything that was made from it; afterwards every use is an
InterfaceError.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Event
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import sqlalchemy
from eventsourcing.persistence import (
    DataError,
    InterfaceError,
    InternalError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)
from sqlalchemy import Connection, Engine, Insert, Select, Table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from ledger.commits import OutcomeUnknown
from ledger.sql_engine import error_number

TRIES_MAX: Final = 10
"""Times a transaction begins again because it lost to another one."""

LOST_TO_OTHERS: Final = frozenset({1020, 1213})
"""MySQL: changed since read, deadlock. Nothing was kept, and once more is the cure."""

_CURES: Final = {
    **dict.fromkeys((1044, 1045, 1142, 1143, 1227, 1698), "Check the user, password and rights in EVENT_STORE_URL."),
    1049: "There is no such schema: make it with CREATE DATABASE … CHARACTER SET utf8mb4, or correct EVENT_STORE_URL.",
    1146: "A table is missing: start a process with CREATE_TABLE=y, or restore it from a backup.",
    **dict.fromkeys((1021, 1114), "The disk or the table space is full: make room, then try again."),
    1290: "The server takes no writes (read_only): name the primary in EVENT_STORE_URL.",
    1205: "Another process kept the head of the log; try again.",
    5: "Another process kept the file locked; try again.",
    8: "The file of EVENT_STORE_URL may not be written: check its permissions and those of its folder.",
    11: "The file is damaged: stop the writers and restore it from a backup.",
    13: "The disk is full: make room, then try again.",
    14: "The file of EVENT_STORE_URL cannot be opened: check that its folder exists and may be written.",
    26: "The file of EVENT_STORE_URL is no SQLite database.",
}
"""What to do, by the number of MySQL (above 1000) or the result code of SQLite (sqlite.org/rescode.html)."""

_DAMAGED: Final = 11
"""SQLITE_CORRUPT: what was accepted may be lost, and no second try helps."""

_UNWRITTEN: Final = frozenset(_CURES) - {_DAMAGED}
"""Errors that say that nothing was changed, and that trying at once again would end alike."""

Result = TypeVar("Result")


class Watching(Protocol):
    """What a store closes with itself."""

    def close(self) -> None:
        """End the thread and every wait."""


class Begin(NamedTuple):
    """The row a table must have from the beginning: how to ask for it, how to make it where it is missing."""

    asked: Select[Any]
    made: Insert


class Make(Protocol):
    """What differs between MySQL and SQLite behind the same tables."""

    @property
    def pause_s(self) -> float:
        """Seconds between two looks at the head while somebody waits for news."""

    def check(self, connection: Connection) -> None:
        """Raises NotSupportedError, with the cure, when the database cannot keep the promises."""

    def missing(self, connection: Connection, tables: Sequence[Table]) -> list[str]:
        """Names of the tables that are not there. Raises ProgrammingError when one is there and not as it must be."""

    def peek(self, engine: Engine, log: str) -> AbstractContextManager[Callable[[], int]]:
        """A connection of its own that tells the head of a log for next to nothing, again and again.

        Raises the driver's errors (`Engine.dialect.loaded_dbapi.Error`) and SQLAlchemy's.
        """


class SqlStore:
    """One database with what has to be closed with it. Threads share it."""

    def __init__(self, engine: Engine, make: Make) -> None:
        self.engine = engine
        self.make = make
        self.closed = Event()
        self._watching: list[Watching] = []
        self._fit: set[str] = set()
        self._finalize = weakref.finalize(self, _close, self.closed, self._watching, engine)

    def close(self) -> None:
        """Ends every thread and connection; harmless when repeated. Done by itself when nobody holds the store."""
        self._finalize()

    def closes(self, watching: Watching) -> None:
        """Have `watching` closed with the store."""
        self._watching.append(watching)

    def fit(self, tables: Sequence[Table], *, may_create: bool, begin: Begin | None = None) -> None:
        """See once that the database is fit and holds these tables; make what is missing if that is allowed.

        Raises NotSupportedError or ProgrammingError with the cure, and SQLAlchemy's errors.
        """
        if tables[0].name in self._fit:
            return
        with self.asking() as connection:
            self.make.check(connection)
            missing = self.make.missing(connection, tables)
            complete = not missing and (begin is None or connection.scalar(begin.asked) is not None)
        if not complete and not may_create:
            raise ProgrammingError(
                f"The event store lacks {', '.join(missing) or 'the head of a log'}; start it once with"
                " CREATE_TABLE=y and a user who may create tables."
            )
        if not complete:
            self._make(tables, begin)
        self._fit.add(tables[0].name)

    def _make(self, tables: Sequence[Table], begin: Begin | None) -> None:
        with self.writing() as connection:
            for table in tables:
                connection.execute(CreateTable(table, if_not_exists=True))
            self.make.missing(connection, tables)
            if begin is not None and connection.scalar(begin.asked) is None:
                # Another process may be about to do the same.
                connection.execute(begin.made.prefix_with("IGNORE", dialect="mysql"))
            connection.commit()

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """A connection to read with. Raises InterfaceError when the store is closed, and SQLAlchemy's errors."""
        self._must_be_open()
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection to write with: what is not committed is rolled back at the end."""
        self._must_be_open()
        with self.engine.connect() as connection:
            yield connection.execution_options(writes=True)

    def transaction(self, work: Callable[[Connection], Result]) -> Result:
        """Do `work` in a transaction: all of it is durable, or none. Begun again after a passing conflict.

        Raises OutcomeUnknown when the connection broke in the commit, and SQLAlchemy's errors.
        """
        for _ in range(TRIES_MAX):
            with self.writing() as connection:
                try:
                    result = work(connection)
                except DBAPIError as error:
                    if error_number(error) in LOST_TO_OTHERS:
                        continue
                    raise
                try:
                    connection.commit()
                except DBAPIError as error:
                    raise OutcomeUnknown(f"Whether it is stored cannot be told now: {described(error)}.") from error
                return result
        raise OperationalError("Nothing was stored: other transactions kept coming first.")

    def _must_be_open(self) -> None:
        if self.closed.is_set():
            raise InterfaceError("The event store was closed.")


def _close(closed: Event, watching: list[Watching], engine: Engine) -> None:
    closed.set()
    for one in watching:
        one.close()
    engine.dispose()


@contextmanager
def reported(doing: str) -> Iterator[None]:
    """Database errors in the library's kinds, without addresses or values; the driver's own stands as the cause."""
    try:
        yield
    except SQLAlchemyError as error:
        raise worded(error, doing) from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise DataError(f"Something given for {doing} cannot be expressed in SQL: {type(error).__name__}.") from error


def worded(error: SQLAlchemyError, doing: str) -> PersistenceError:
    """A database error in the library's kinds and our words, with the cure where we know one."""
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return OperationalError(f"All connections to the event store are busy; {doing} was not begun. Try again.")
    if isinstance(error, DBAPIError):
        number = error_number(error)
        cure = f" {_CURES[number]}" if number in _CURES else ""
        if number == 1146 or "no such table" in str(error.orig):
            return ProgrammingError(f"The event store refused {doing}: {described(error)}. {_CURES[1146]}")
        if "decode to UTF-8" in str(error.orig):
            return InternalError(f"A text in the event store was altered; {doing} stops. Restore it from a backup.")
        if number == _DAMAGED:
            return InternalError(f"The event store refused {doing}: {described(error)}.{cure}")
        if cure:
            return OperationalError(f"The event store refused {doing}: {described(error)}.{cure}")
        if isinstance(error, sqlalchemy.exc.DataError):
            return DataError(f"The event store cannot hold something given for {doing}: {described(error)}.")
    return OperationalError(f"The event store could not be reached for {doing}: {described(error)}.")


def described(error: SQLAlchemyError) -> str:
    """A database error in a few words: kind and number, none of its text, which may hold addresses and values."""
    number = error_number(error) if isinstance(error, DBAPIError) else None
    kind = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
    return kind if number is None else f"{kind} {number}"


def is_unwritten(error: SQLAlchemyError) -> bool:
    """Whether the error says that nothing was changed and that there is no use in trying again at once."""
    return isinstance(error, DBAPIError) and error_number(error) in _UNWRITTEN
