"""The database of the read tables: MySQL or MariaDB through mysql-connector-python, or SQLite embedded.

`Reader` asks, `Database` also writes; both turn connection troubles into ReadTablesUnavailable. What differs between
servers and drivers is settled in `ledger/sql_engine.py`, so that no query has to know.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, Executable, Select
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from ledger.errors import ReadTablesUnavailable
from ledger.sql_engine import (
    MYSQL,
    UnknownDatabase,
    Waits,
    database_url,
    error_number,
    mysql_engine,
    sqlite_engine,
)

RETRIED: Final = frozenset({1020, 1205, 1213, 3572})
"""Lost to another transaction: changed since read, lock wait over, deadlock, NOWAIT. Nothing was kept."""

MISSING_TABLE: Final = 1146
MISSING_COLUMN: Final = 1054
REFUSED: Final = frozenset({1044, 1045, 1049, 1142, MISSING_TABLE, 1698})
"""The driver calls these programming errors: no right, wrong password, no such schema, no such table."""

NO_ROOM: Final = frozenset({1, 3, 20, 1005, 1021, 1026, 1030, 1114, 1878})
"""The server could not make or write a file of its own, and says that it or the disk is full. It is about no row."""

MISSING: Final = ("no such table", "no such column", "has no column named")
"""What SQLite says of a table or a column that is missing."""

TRIES_MAX: Final = 10
WAIT_S: Final = 10
PATIENT_S: Final = 3_600
"""Longest wait for one answer where whole tables are filled or compared."""

WAITS: Final = Waits(connect_s=5, answer_s=60, lock_s=WAIT_S)

DIALECTS: Final = {MYSQL: MYSQL, "sqlite": "sqlite", "sqlite+pysqlite": "sqlite"}
"""The schemes READ_TABLES_URL may have, and the driver for each."""

T = TypeVar("T")
Row = Mapping[str, Any]


class Reader:
    """Asks the read tables. Make one with `open_reader`; threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def rows(self, statement: Executable) -> Sequence[Row]:
        """The rows of a query, by column name. Raises ReadTablesUnavailable."""
        with reached(), self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def all(self, kind: Callable[..., T], statement: Executable) -> list[T]:
        """The rows of a query as structs whose fields are named like its columns."""
        return [kind(**row) for row in self.rows(statement)]

    def one(self, kind: Callable[..., T], statement: Select[Any]) -> T | None:
        """The first row of a query as a struct, or None."""
        found = self.all(kind, statement.limit(1))
        return found[0] if found else None

    def column(self, statement: Executable) -> list[Any]:
        """The first column of a query."""
        with reached(), self.engine.connect() as connection:
            return list(connection.execute(statement).scalars())

    def close(self) -> None:
        """Let the connections go; harmless when repeated."""
        self.engine.dispose()


class Database(Reader):
    """Asks and writes: for the projector and other followers of the log. Make one with `open_database`."""

    @property
    def is_mysql(self) -> bool:
        """Whether this is MySQL or MariaDB."""
        return self.engine.dialect.name in ("mysql", "mariadb")

    def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, done in one transaction; done again when it lost to another transaction.

        Raises ReadTablesUnavailable. When the connection breaks during the commit nobody knows whether it was kept:
        that is not repeated here, so work must check where it stands before it changes anything.
        """
        with reached():
            for _ in range(TRIES_MAX - 1):
                try:
                    return self._write(work)
                except DBAPIError as error:
                    if error_number(error) not in RETRIED:
                        raise
            return self._write(work)

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self._writing() as connection, connection.begin():
            return work(connection)

    @contextmanager
    def fenced(self, name: str) -> Iterator[Connection]:
        """A connection while nobody else who asks `is_fenced` may change what `name` stands for.

        The fence falls with the connection. On SQLite it is the only write transaction there can be; it is committed.
        """
        with reached(), self._writing() as connection:
            if not self.is_mysql:
                with connection.begin():
                    yield connection
                return
            fence = {"fence": self._fence(name), "patience": WAIT_S}
            if not connection.scalar(sqlalchemy.text("SELECT GET_LOCK(:fence, :patience)"), fence):
                raise ReadTablesUnavailable(
                    f"Another process is exchanging or comparing the tables of {name}; try again later."
                )
            connection.commit()
            try:
                yield connection
                connection.commit()
            finally:
                connection.rollback()
                connection.execute(sqlalchemy.text("SELECT RELEASE_LOCK(:fence)"), fence)
                connection.commit()

    def is_fenced(self, connection: Connection, name: str) -> bool:
        """Whether another connection holds the fence of `name`. Ask after locking what the fence is about."""
        return self.is_mysql and connection.exec_driver_sql(self.fence_question([name])).scalar() is not None

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction that sees the database as of its first question, and its own writes; committed at the end.

        Nobody waits for it on MySQL and MariaDB; on SQLite it is the only write transaction meanwhile. Questions may
        take as long as they need. Raises ReadTablesUnavailable.
        """
        with reached():
            if not self.is_mysql:
                with self._writing() as connection, connection.begin():
                    yield connection
                return
            with self._writing().execution_options(isolation_level="REPEATABLE READ") as connection:
                driver: Any = connection.connection.driver_connection
                driver.read_timeout = PATIENT_S
                # It is not given back to the pool, where others wait less long for an answer.
                connection.detach()
                with connection.begin():
                    yield connection

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Whoever else asks to be alone with the tables of `name` waits, and gives up with ReadTablesUnavailable.

        A long transaction that reads them must not meet a rename: that would wait, and all readers behind it. Nothing
        on SQLite, where whoever writes is alone.
        """
        if not self.is_mysql:
            yield
            return
        with self.fenced(f"{name}, compared"):
            yield

    def fence_question(self, names: Sequence[str]) -> str:
        """The statement that gives one value for MySQL and MariaDB: NULL where nobody holds the fence of any of these.

        Raises nothing, and must not be asked of SQLite.
        """
        # The names are hashes of ours. A text costs a tenth of what it takes to put such a question together.
        holders = ", ".join(f"IS_USED_LOCK('{self._fence(name)}')" for name in names)
        return f"SELECT COALESCE({holders}, NULL)"

    def _fence(self, name: str) -> str:
        # Names of locks are the server's, not the schema's, and hold 64 characters at most.
        return hashlib.sha256(f"{self.engine.url.database}/{name}".encode()).hexdigest()[:40]

    def _writing(self) -> Connection:
        return self.engine.connect().execution_options(writes=True)


@contextmanager
def reached() -> Iterator[None]:
    """Turns connection troubles, missing rights and missing tables into ReadTablesUnavailable."""
    try:
        yield
    except sqlalchemy.exc.TimeoutError as error:
        raise ReadTablesUnavailable("All connections to the read tables are busy; try again.") from error
    except DBAPIError as error:
        number = error_number(error)
        missing = number in (MISSING_TABLE, MISSING_COLUMN)
        if missing or any(words in str(error.orig) for words in MISSING):
            raise ReadTablesUnavailable(
                "A read table is missing or older: start the projector (python -m workers projector), which makes it or"
                " says how it is mended.",
                missing_table=True,
            ) from error
        if _has_no_room(error):
            raise ReadTablesUnavailable(
                "The database of the read tables cannot write: make room on its disk, then try again."
            ) from error
        unreachable = (
            isinstance(error, OperationalError | InterfaceError | InternalError) or error.connection_invalidated
        )
        if unreachable or number in REFUSED:
            raise ReadTablesUnavailable("The database of the read tables did not answer; try again.") from error
        raise


def _has_no_room(error: DBAPIError) -> bool:
    number = error_number(error)
    return number == sqlite3.SQLITE_FULL if isinstance(error.orig, sqlite3.Error) else number in NO_ROOM


def open_reader(url: str) -> Reader:
    """A reader of the read tables at a SQLAlchemy URL (`mysql+mysqlconnector://…` or `sqlite:///path`).

    Connects when it is first used. Raises ReadTablesUnavailable for a URL that is neither.
    """
    return Reader(_engine(url))


def open_database(url: str) -> Database:
    """The read tables at a SQLAlchemy URL, to write them. See `open_reader`."""
    return Database(_engine(url))


def filling_database(database: Database, spool: Path) -> Database:
    """The same read tables over connections that fill fresh tables: they may send files of `spool`, and no others.

    They wait long for an answer, since making an index takes its time, and leave checks to what reads the tables later.
    """
    url = database.engine.url
    if not database.is_mysql:
        return Database(_engine(url.render_as_string(hide_password=False)))
    engine = mysql_engine(url, WAITS._replace(answer_s=PATIENT_S), spool=spool)
    return Database(engine)


def _engine(url: str) -> Engine:
    try:
        parsed = database_url(url, DIALECTS)
    except UnknownDatabase:
        raise ReadTablesUnavailable(
            "READ_TABLES_URL must be mysql+mysqlconnector://user:password@host:3306/schema or sqlite:///path."
        ) from None
    if parsed.drivername == MYSQL:
        return mysql_engine(parsed, WAITS)
    # NORMAL may lose the last commits at a power cut, rows and position together: they are projected again.
    return sqlite_engine(parsed, WAITS, pragmas=("journal_mode = WAL", "synchronous = NORMAL"))
