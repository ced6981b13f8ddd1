"""Connections to MySQL, MariaDB and SQLite: what differs between servers and drivers is settled here, once.

Both the event log and the read tables are reached through it. MySQL and MariaDB are spoken to by
mysql-connector-python, SQLite is embedded. No statement of ours has to know which one it has.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

LOST: Final = frozenset({-1, 1927, 2006, 2013, 2014, 2045, 2048, 2055, 4031})
"""Error numbers after which a MySQL connection is gone; the driver's -1 and 2055 are not known to SQLAlchemy."""

TEXT_COLLATION: Final = "utf8mb4_unicode_520_ci"
"""Known to MySQL 8 and 9 and to MariaDB 10 and 11, and compares Vietnamese as people search it."""

MYSQL: Final = "mysql+mysqlconnector"
"""The one driver we use for MySQL and MariaDB, as SQLAlchemy's URLs name it."""

PRAGMA_TRIES: Final = 10
"""Each that is in vain has seen another process begin with the same file."""

STRICT: Final = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"
"""What does not fit is refused instead of cut, and no other table make is taken for InnoDB."""

logging.getLogger("mysql.connector").setLevel(logging.WARNING)
"""The driver tells by INFO, at every connection to MySQL, which of its plugins lets it in."""


class Waits(NamedTuple):
    """The longest waits in whole seconds: for a connection, for an answer, for a lock."""

    connect_s: int
    answer_s: int
    lock_s: int


class UnknownDatabase(ValueError):
    """The text is no URL of a database that can be reached here. The message does not repeat it."""


def database_url(text: str, dialects: Mapping[str, str]) -> URL:
    """The URL in `text` with the driver we use; `dialects` says which, by each scheme that is allowed.

    Raises UnknownDatabase, without repeating the text, for another scheme or no URL at all.
    """
    try:
        url = make_url(text)
        return url.set(drivername=dialects[url.drivername])
    except (ArgumentError, KeyError, ValueError):
        raise UnknownDatabase("This is no URL of a database that can be reached here.") from None


def mysql_engine(
    url: URL,
    waits: Waits,
    *,
    collation: str = TEXT_COLLATION,
    idle_in_transaction_s: int = 0,
    spool: Path | None = None,
) -> Engine:
    """Connections to MySQL or MariaDB at `url`, READ COMMITTED; nothing is contacted yet.

    With `idle_in_transaction_s` the server ends a connection of ours that stays silent so long inside a transaction, so
    that a host which died cannot hold its locks. (MySQL cannot tell that from one that is idle in the pool, and ends
    that too; the pool replaces it.)

    With `spool` the server may be sent files (LOAD DATA LOCAL) of that folder and of no other, and leaves the checks of
    secondary keys out: for tables that nobody reads yet.
    """
    # Without a collation named the driver takes another one for each server.
    named = {"charset": "utf8mb4", "collation": collation}
    engine = sqlalchemy.create_engine(
        url.update_query_dict({name: value for name, value in named.items() if name not in url.query}),
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        pool_pre_ping=True,
        pool_recycle=1_800,
        pool_timeout=waits.connect_s,
        pool_reset_on_return=None,
        connect_args={
            # The C extension cannot be loaded everywhere; every host shall behave alike.
            "use_pure": True,
            "connection_timeout": waits.connect_s,
            "read_timeout": waits.answer_s,
            "write_timeout": waits.answer_s,
            **({"allow_local_infile_in_path": str(spool)} if spool else {}),
        },
    )
    event.listen(engine, "handle_error", _notice_lost_connection)
    event.listen(engine, "reset", _end_transaction)
    event.listen(engine, "connect", partial(_set_up_mysql, waits.lock_s, idle_in_transaction_s, spool is not None))
    return engine


def _end_transaction(connection: Any, _: ConnectionPoolEntry, state: PoolResetState) -> None:
    # What was committed is over: the server said so with its last answer, and need not be asked to roll it back.
    if not state.terminate_only and connection.in_transaction:
        connection.rollback()


def _set_up_mysql(lock_s: int, idle_s: int, fills: bool, connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # Rows, and tables as a whole: the servers' defaults for the latter are a day and a year.
    wanted = [f"innodb_lock_wait_timeout = {lock_s}", f"lock_wait_timeout = {lock_s}", f"sql_mode = '{STRICT}'"]
    wanted += ["unique_checks = 0", "foreign_key_checks = 0"] if fills else []
    cursor = connection.cursor()
    if idle_s:
        cursor.execute("SELECT VERSION()")
        is_mariadb = "mariadb" in str(cursor.fetchone()).lower()
        wanted.append(f"{'idle_transaction_timeout' if is_mariadb else 'wait_timeout'} = {idle_s}")
    cursor.execute(f"SET {', '.join(f'SESSION {one}' for one in wanted)}")
    cursor.close()


def sqlite_engine(url: URL, waits: Waits, *, pragmas: tuple[str, ...]) -> Engine:
    """Connections to the SQLite file at `url`, each with these pragmas ("synchronous = NORMAL"); none is opened yet.

    A transaction begun with the execution option `writes=True` takes the write lock at once.
    """
    engine = sqlalchemy.create_engine(
        url,
        hide_parameters=True,
        pool_timeout=waits.connect_s,
        # The driver's own transactions leave DDL out: BEGIN is said by us.
        connect_args={"isolation_level": None, "timeout": waits.lock_s},
    )

    def set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            _set_pragma(cursor, pragma)
        cursor.close()

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_pragma(cursor: DBAPICursor, pragma: str) -> None:
    """SQLite gives up at once where another changes the journal mode as well; for a transaction it waits its time."""
    for _ in range(PRAGMA_TRIES - 1):
        try:
            cursor.execute(f"PRAGMA {pragma}")
        except sqlite3.OperationalError as error:
            if _sqlite_number(error) != sqlite3.SQLITE_BUSY:
                raise
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        else:
            return
    cursor.execute(f"PRAGMA {pragma}")


def error_number(error: DBAPIError) -> int | None:
    """The number of a MySQL error, the primary result code of one of SQLite; None where none is told."""
    number = getattr(error.orig, "errno", None)
    return number if isinstance(number, int) else _sqlite_number(error.orig)


def _sqlite_number(error: object) -> int | None:
    """The primary result code: the lower byte of the extended one."""
    extended = getattr(error, "sqlite_errorcode", None)
    return extended & 0xFF if isinstance(extended, int) else None


def _notice_lost_connection(context: ExceptionContext) -> None:
    if getattr(context.original_exception, "errno", None) in LOST:
        context.is_disconnect = True


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: upgrading a reader's transaction later fails without waiting.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
