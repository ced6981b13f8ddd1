"""The event log in a SQLite file, for one machine: EVENT_STORE_URL=sqlite:///path/to/events.db

Several processes may use the file at once; it must lie on a local disk, since SQLite's write-ahead log cannot be shared
over a network (sqlite.org/wal.html). One file holds one log (`events`), its snapshots (`snapshots`), their heads,
tracking positions and person keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from eventsourcing.persistence import InterfaceError, NotSupportedError
from sqlalchemy import Connection, Engine, Table, inspect

from ledger import sql_recorders
from ledger.sql_engine import UnknownDatabase, Waits, database_url, sqlite_engine
from ledger.sql_store import SqlStore

DIALECTS: Final = {"sqlite": "sqlite"}

WAITS: Final = Waits(connect_s=3, answer_s=12, lock_s=8)

DURABLE: Final = ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON")
"""Every commit is on the disk when it is acknowledged; a person key that is thrown away is overwritten."""


class Sqlite:
    """What SQLite does differently."""

    pause_s: Final = 0.01
    """A look costs some 0.1 ms of our CPU: 1 % of a core for each process that waits."""

    def check(self, connection: Connection) -> None:
        """Raises NotSupportedError where the file cannot have a write-ahead log: in memory, or on a strange disk."""
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        if mode != "wal":
            raise NotSupportedError(
                f"The file of EVENT_STORE_URL is kept with the journal mode {mode}: it must lie on a local disk, where"
                " SQLite can keep a write-ahead log."
            )

    def missing(self, connection: Connection, tables: Sequence[Table]) -> list[str]:
        """Names of the tables that are not there."""
        there = set(inspect(connection).get_table_names())
        return [table.name for table in tables if table.name not in there]

    @contextmanager
    def peek(self, engine: Engine, log: str) -> Iterator[Callable[[], int]]:
        """`PRAGMA data_version` changes when another connection has committed; only then is the head read."""
        pooled = engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        seen: tuple[int, int] = (-1, 0)

        def head() -> int:
            nonlocal seen
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            if version != seen[0]:
                found = connection.execute("SELECT position FROM heads WHERE log = ?", (log,)).fetchone()
                seen = (version, int(found[0]) if found else 0)
            return seen[1]

        try:
            yield head
        finally:
            connection.close()


def store_at(url: str) -> SqlStore:
    """The file at a URL; it is not opened yet. Raises InterfaceError, without the URL, when it names no file."""
    try:
        parsed = database_url(url, DIALECTS)
    except UnknownDatabase:
        raise InterfaceError(_EXAMPLE) from None
    if not parsed.database or parsed.database == ":memory:" or parsed.host or parsed.query:
        raise InterfaceError(_EXAMPLE)
    return SqlStore(sqlite_engine(parsed, WAITS, pragmas=DURABLE), Sqlite())


_EXAMPLE: Final = "EVENT_STORE_URL must name a file: sqlite:///events.db, or sqlite:////with/the/whole/path/events.db."


class SqliteFactory(sql_recorders.SqlFactory):
    """Makes recorders for the file in EVENT_STORE_URL."""

    EXAMPLE = "sqlite:////var/lib/socai/events.db"

    def open_store(self, url: str) -> SqlStore:
        """The file at a URL."""
        return store_at(url)


Factory = SqliteFactory
