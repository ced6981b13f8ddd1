"""Several statements in one message are executed in order, and fail as single ones do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import CreateTable

from ledger.errors import ReadTablesUnavailable
from local.mysql import SqlServer
from projections.columns import day_key, key, number, number_key, table
from projections.database import Database, open_database
from projections.messages import BYTES_AT_ONCE, Statement, sent

OTHER = table("messages", key("account"), number_key("block"), day_key("on"), number("count"))


@pytest.fixture
def on_mysql(mysql_server: SqlServer) -> Iterator[Database]:
    """A table on a server, since only servers are sent messages."""
    with closing(open_database(mysql_server.create_schema(f"messages_{secrets.token_hex(4)}"))) as database:
        database.write(lambda connection: connection.execute(CreateTable(OTHER)))
        yield database


def test_a_message_stops_at_the_statement_at_fault_and_tells_no_value(on_mysql: Database) -> None:
    row = "INSERT INTO messages VALUES "
    three = [f"('{name}', 1, '2026-01-01', 4{n})" for n, name in enumerate(["first", "first", "third"])]

    def work(connection: Connection) -> list[list[tuple[Any, ...]]]:
        with pytest.raises(IntegrityError) as refused:
            sent(connection, [Statement(row, values) for values in three])
        assert refused.value.statement == row
        with pytest.raises(DBAPIError):
            sent(connection, [Statement("SELECT 1"), Statement("SELECT nothing FROM nowhere"), Statement("SELECT 2")])
        last = sent(connection, [Statement("SELECT 1, NULL"), Statement("SELECT account, count FROM messages")])
        return [list(map(tuple, one.rows)) for one in last]

    assert on_mysql.write(work) == [[(1, None)], [("first", 40)]]


def test_a_connection_that_was_lost_in_a_message_is_not_used_again(on_mysql: Database) -> None:
    def work(connection: Connection) -> None:
        ours = connection.scalar(text("SELECT CONNECTION_ID()"))
        with on_mysql.engine.connect() as other:
            other.exec_driver_sql(f"KILL {ours}")
        sent(connection, [Statement("SELECT 1"), Statement("SELECT 2")])

    with pytest.raises(ReadTablesUnavailable):
        on_mysql.write(work)
    assert on_mysql.column(text("SELECT 7")) == [7]


def test_more_than_one_message_holds_is_sent_in_several(on_mysql: Database) -> None:
    many = [Statement("SELECT LENGTH", f"('{'x' * 90_000}')") for _ in range(25)]
    assert sum(len(one.rest) for one in many) > 2 * BYTES_AT_ONCE

    def work(connection: Connection) -> list[Any]:
        return [one.rows[0][0] for one in sent(connection, many)]

    assert on_mysql.write(work) == [90_000] * 25
