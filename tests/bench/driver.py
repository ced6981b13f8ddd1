"""A bare connection of the driver, with nothing of ours or of SQLAlchemy around it: for limits, and to cost little."""

from __future__ import annotations

from typing import Any

import mysql.connector

from projections.database import Database


def bare_connection(database: Database, **more: Any) -> Any:
    """A connection to the same schema, each statement a transaction of its own that sees what is committed.

    `more`: what the driver is told besides. Raises mysql.connector.Error.
    """
    url = database.engine.url
    connection = mysql.connector.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        database=url.database,
        charset="utf8mb4",
        collation=str(url.query["collation"]),
        use_pure=True,
        autocommit=True,
        **more,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    return connection
