"""The database of the read tables: MySQL or MariaDB through mysql-connector-python, or SQLite embedded.

`Reader` asks, `Database` also writes; both turn connection troubles into ReadTablesUnavailable. One URL serves MySQL
and MariaDB; what differs between servers and drivers is settled here, so that no query has to know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, Executable, Select, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, InternalError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from ledger.errors import ReadTablesUnavailable
from projections.columns import TEXT_COLLATION

LOST: Final = frozenset({-1, 1927, 2006, 2013, 2014, 2045, 2048, 2055, 4031})
"""Error numbers after which a MySQL connection is gone; the driver's -1 and 2055 are not known to SQLAlchemy."""

RETRIED: Final = frozenset({1020, 1205, 1213, 3572})
"""Lost to another transaction: changed since read, lock wait over, deadlock, NOWAIT. Nothing was kept."""

MISSING_TABLE: Final = 1146
MISSING_COLUMN: Final = 1054
REFUSED: Final = frozenset({1044, 1045, 1049, 1142, MISSING_TABLE, 1698})
"""The driver calls these programming errors: no right, wrong password, no such schema, no such table."""

TRIES_MAX: Final = 10
CONNECT_S: Final = 5
ANSWER_S: Final = 60
WAIT_S: Final = 10
"""Longest waits: for a connection, for an answer, for a lock."""

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
                    if _number(error) not in RETRIED:
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
                raise ReadTablesUnavailable(f"Another process is exchanging the tables of {name}; try again later.")
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
        if not self.is_mysql:
            return False
        holder = sqlalchemy.text("SELECT IS_USED_LOCK(:fence)")
        return connection.scalar(holder, {"fence": self._fence(name)}) is not None

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
        number = _number(error)
        missing = number in (MISSING_TABLE, MISSING_COLUMN)
        if missing or any(words in str(error.orig) for words in ("no such table", "no such column")):
            raise ReadTablesUnavailable(
                "A read table is missing or older: start the projector (python -m workers projector), which makes it.",
                missing_table=True,
            ) from error
        unreachable = (
            isinstance(error, OperationalError | InterfaceError | InternalError) or error.connection_invalidated
        )
        if unreachable or number in REFUSED:
            raise ReadTablesUnavailable("The database of the read tables did not answer; try again.") from error
        raise


def _number(error: DBAPIError) -> int | None:
    number = getattr(error.orig, "errno", None)
    return number if isinstance(number, int) else None


def open_reader(url: str) -> Reader:
    """A reader of the read tables at a SQLAlchemy URL (`mysql+mysqlconnector://…` or `sqlite:///path`).

    Connects when it is first used. Raises ReadTablesUnavailable for a URL that is neither.
    """
    return Reader(_engine(url))


def open_database(url: str) -> Database:
    """The read tables at a SQLAlchemy URL, to write them. See `open_reader`."""
    return Database(_engine(url))


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed)
        if parsed.drivername != "mysql+mysqlconnector":
            raise ArgumentError(parsed.drivername)
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ReadTablesUnavailable(
            "READ_TABLES_URL must be mysql+mysqlconnector://user:password@host:3306/schema or sqlite:///path."
        ) from None
    return _mysql(parsed)


def _mysql(url: URL) -> Engine:
    # Without a collation named the driver takes another one for each server.
    named = {"charset": "utf8mb4", "collation": TEXT_COLLATION}
    engine = sqlalchemy.create_engine(
        url.update_query_dict({name: value for name, value in named.items() if name not in url.query}),
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        pool_pre_ping=True,
        pool_recycle=1_800,
        pool_timeout=CONNECT_S,
        connect_args={
            # The C extension cannot be loaded everywhere; every host shall behave alike.
            "use_pure": True,
            "connection_timeout": CONNECT_S,
            "read_timeout": ANSWER_S,
            "write_timeout": ANSWER_S,
        },
    )
    event.listen(engine, "handle_error", _notice_lost_connection)
    event.listen(engine, "connect", _bound_waits)
    return engine


def _notice_lost_connection(context: ExceptionContext) -> None:
    if getattr(context.original_exception, "errno", None) in LOST:
        context.is_disconnect = True


def _bound_waits(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # Rows, and tables as a whole: the servers' defaults for the latter are a day and a year.
    cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {WAIT_S}, SESSION lock_wait_timeout = {WAIT_S}")
    cursor.close()


def _sqlite(url: URL) -> Engine:
    engine = sqlalchemy.create_engine(
        url,
        hide_parameters=True,
        pool_timeout=CONNECT_S,
        # The driver's own transactions leave DDL out: BEGIN is said by us.
        connect_args={"isolation_level": None, "timeout": WAIT_S},
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # NORMAL may lose the last commits at a power cut, rows and position together: they are projected again.
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: upgrading a reader's transaction later fails without waiting.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
