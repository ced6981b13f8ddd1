"""The event log in MySQL or MariaDB: EVENT_STORE_URL=mysql://user:password@host:3306/schema

One schema holds one log (`events`), its snapshots (`snapshots`), their heads, tracking positions and person keys. What
stands here is what only MySQL and MariaDB need: which servers keep the promises, and how the head is looked at cheaply.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from eventsourcing.persistence import InterfaceError, NotSupportedError, ProgrammingError
from sqlalchemy import Connection, Engine, Table, text

from ledger import sql_recorders
from ledger.sql_engine import MYSQL, UnknownDatabase, Waits, database_url, mysql_engine
from ledger.sql_store import SqlStore
from ledger.sql_tables import PACKET_BYTES, exact_collation

DIALECTS: Final = dict.fromkeys(("mysql", "mariadb", MYSQL), MYSQL)
"""The schemes a URL may have: one driver serves all."""

WAITS: Final = Waits(connect_s=3, answer_s=12, lock_s=8)

IDLE_IN_TRANSACTION_S: Final = 5
"""After so long the server ends the transaction of a host that fell silent holding the head: less than WAITS.lock_s, so
that the others only wait."""

MYSQL_MIN: Final = (8, 0, 17)
"""The first with a collation that counts every letter and blank; older ones are no longer maintained."""

MARIADB_MIN: Final = (10, 11)
"""The oldest that is maintained for a long time and that our tests run on."""


NAMING: Final = ("stream", "log", "application", "person")
"""The column that names things in each of our tables: its letters all count, and it leads the unique key."""


class MySql:
    """What MySQL and MariaDB do differently."""

    pause_s: Final = 0.02
    """A look costs some 0.3 ms of our CPU and 0.1 ms of the server's: 2 % of a core for each process that waits."""

    def check(self, connection: Connection) -> None:
        """Raises NotSupportedError for a server that is too old or may forget what it acknowledged."""
        said = str(connection.scalar(text("SELECT VERSION()")))
        is_mariadb = "mariadb" in said.lower()
        name, least = ("MariaDB", MARIADB_MIN) if is_mariadb else ("MySQL", MYSQL_MIN)
        # Some MariaDB servers put 5.5.5- in front, for clients that know no version 10.
        version = tuple(int(part) for part in re.findall(r"\d+", said.removeprefix("5.5.5-"))[:3])
        if version < least:
            raise NotSupportedError(
                f"{name} {'.'.join(map(str, version))} is too old for the event store: use MariaDB 10.11 or later, or"
                f" MySQL 8.0.17 or later."
            )
        for setting, wanted, why in _must_be(connection):
            raise NotSupportedError(f"The server of the event store {why}: configure {setting}={wanted}.")

    def missing(self, connection: Connection, tables: Sequence[Table]) -> list[str]:
        """Names of the tables that are not there. Raises ProgrammingError when one is of another make."""
        engines: dict[str, str] = {str(name): str(engine) for name, engine in connection.execute(_ENGINES)}
        keys = {(str(name), str(collation)) for name, collation in connection.execute(_UNIQUE)}
        exact = exact_collation(connection.dialect)
        for table in tables:
            if table.name not in engines:
                continue
            if engines[table.name].lower() != "innodb":
                raise ProgrammingError(
                    f"The table {table.name} must be kept by InnoDB: ALTER TABLE {table.name} ENGINE=InnoDB."
                )
            if (table.name, exact) not in keys:
                raise ProgrammingError(
                    f"The table {table.name} was not made by us: it has no unique key over names that are compared by"
                    f" {exact}. Name an empty schema in EVENT_STORE_URL, or restore the table from a backup."
                )
        return [table.name for table in tables if table.name not in engines]

    @contextmanager
    def peek(self, engine: Engine, log: str) -> Iterator[Callable[[], int]]:
        """One look-up by primary key over a connection of its own, each a transaction of its own."""
        pooled = engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        try:
            connection.autocommit = True
            cursor = connection.cursor()

            def head() -> int:
                cursor.execute("SELECT position FROM heads WHERE log = %s", (log,))
                found = cursor.fetchall()
                return int(found[0][0]) if found else 0

            yield head
        finally:
            connection.close()


_ENGINES: Final = text("SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()")

_UNIQUE: Final = text(
    "SELECT k.table_name, c.collation_name FROM information_schema.statistics AS k"
    " JOIN information_schema.columns AS c USING (table_schema, table_name, column_name)"
    " WHERE table_schema = DATABASE() AND k.non_unique = 0 AND k.seq_in_index = 1 AND c.collation_name IS NOT NULL"
)
"""Tables with a unique key that begins with a name, and how that name is compared."""


def _must_be(connection: Connection) -> Iterator[tuple[str, int, str]]:
    """The settings that are not as they must be, with what they must be and what is wrong with the present value."""
    asked = text(
        "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.log_bin, @@GLOBAL.sync_binlog,"
        " @@GLOBAL.max_allowed_packet, @@GLOBAL.innodb_read_only"
    )
    flush, logs, sync, packet, read_only = map(int, connection.execute(asked).one())
    if flush != 1:
        yield "innodb_flush_log_at_trx_commit", 1, "forgets acknowledged commits when its power fails"
    if logs and sync != 1:
        # With a binary log, recovery takes back what that log lost.
        yield "sync_binlog", 1, "forgets acknowledged commits with its binary log when its power fails"
    if packet < PACKET_BYTES:
        yield "max_allowed_packet", PACKET_BYTES, "takes too short statements"
    if read_only:
        yield "innodb_read_only", 0, "takes no writes"


def store_at(url: str) -> SqlStore:
    """The database at a URL; nothing is contacted yet. Raises InterfaceError, without the URL, when it is none."""
    try:
        parsed = database_url(url, DIALECTS)
    except UnknownDatabase:
        raise InterfaceError(_EXAMPLE) from None
    if not parsed.database or not parsed.host:
        raise InterfaceError(_EXAMPLE)
    return SqlStore(mysql_engine(parsed, WAITS, idle_in_transaction_s=IDLE_IN_TRANSACTION_S), MySql())


_EXAMPLE: Final = "EVENT_STORE_URL must name a server and a schema: mysql://user:password@host:3306/socai."


class MySqlFactory(sql_recorders.SqlFactory):
    """Makes recorders for the schema in EVENT_STORE_URL."""

    EXAMPLE = "mysql://user:password@host:3306/socai"

    def open_store(self, url: str) -> SqlStore:
        """The schema at a URL."""
        return store_at(url)


Factory = MySqlFactory
