"""The counterpart of trial (c) for MySQL and MariaDB: one server that is killed, freezes, or hangs up on everybody.

There is no failover to another server here: what must hold is that a commit without an answer is never guessed at.
"""

from __future__ import annotations

from threading import Event

import sqlalchemy
from sqlalchemy.exc import DBAPIError

from local.mysql import SqlServer
from tests.torture.disturbed import Faults, Size

NAME = "outages"

SHORT = Size(faults=6, calm_s=(0.3, 1.0), hold_s=(0.1, 0.8))
FULL = Size(faults=40, calm_s=(0.3, 2.0), hold_s=(0.1, 2.0))


def faults_of(sql: SqlServer) -> Faults:
    """Everything that can be done to this server."""
    hurt = Hurt(sql)
    return {"kill": hurt.kill, "freeze": hurt.freeze, "hang up": hurt.hang_up}


class Hurt:
    """The faults; each returns when the server answers again."""

    def __init__(self, sql: SqlServer) -> None:
        self._sql = sql

    def kill(self, hold_s: float) -> None:
        """The server ends at once and comes back on its data."""
        self._sql.kill()
        Event().wait(hold_s)
        self._sql.start()

    def freeze(self, hold_s: float) -> None:
        """The server freezes and wakes."""
        self._sql.pause()
        Event().wait(hold_s)
        self._sql.resume()

    def hang_up(self, hold_s: float) -> None:
        """The server ends every connection, again and again for a while."""
        rounds = 1 + int(hold_s * 10)
        engine = sqlalchemy.create_engine(self._sql.url, hide_parameters=True, poolclass=sqlalchemy.NullPool)
        for _ in range(rounds):
            with engine.connect() as connection:
                own = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
                for number in connection.exec_driver_sql("SELECT ID FROM information_schema.PROCESSLIST").scalars():
                    if number != own:
                        _end(connection, int(number))
            Event().wait(0.1)


def _end(connection: sqlalchemy.Connection, number: int) -> None:
    try:
        connection.exec_driver_sql(f"KILL {number}")
    except DBAPIError as error:
        if getattr(error.orig, "errno", None) not in (1094, 1095):  # it ended by itself, or is the server's own
            raise
