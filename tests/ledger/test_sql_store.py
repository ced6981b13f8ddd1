"""Database errors as what they are, in our words, and a store that is closed or falls behind others."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy
from eventsourcing.persistence import (
    DataError,
    InterfaceError,
    InternalError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)
from sqlalchemy import Connection, text

from ledger.sql_store import SqlStore, described, is_unwritten, reported, worded
from ledger.sqlite import store_at


class MySqlError(Exception):
    """As the driver raises it: a number, and a text that holds values."""

    def __init__(self, errno: int) -> None:
        super().__init__(f"{errno}: Access denied for s3cret")
        self.errno = errno


def of(
    errno: int, kind: type[sqlalchemy.exc.DBAPIError] = sqlalchemy.exc.OperationalError
) -> sqlalchemy.exc.DBAPIError:
    return kind("INSERT s3cret", None, MySqlError(errno))


@pytest.mark.parametrize(
    ("number", "kind", "cure"),
    [
        (1045, OperationalError, "password"),
        (1049, OperationalError, "CREATE DATABASE"),
        (1146, ProgrammingError, "missing"),
        (1114, OperationalError, "make room"),
        (1205, OperationalError, "try again"),
        (2013, OperationalError, "reached"),
    ],
)
def test_an_error_is_told_with_its_number_and_its_cure_and_without_values(
    number: int, kind: type[PersistenceError], cure: str
) -> None:
    told = worded(of(number), "appending")
    assert type(told) is kind
    assert cure in str(told)
    assert str(number) in str(told)
    assert "s3cret" not in str(told)


def test_a_damaged_file_is_not_called_a_store_that_is_away() -> None:
    corrupt = sqlite3.DatabaseError("database disk image is malformed")
    corrupt.sqlite_errorcode = 11
    told = worded(sqlalchemy.exc.DatabaseError("x", None, corrupt), "reading")
    assert type(told) is InternalError
    assert "restore it from a backup" in str(told)


def test_only_errors_that_say_that_nothing_was_changed_are_taken_for_that() -> None:
    assert is_unwritten(of(1205))
    assert is_unwritten(of(1045))
    assert not is_unwritten(of(2013))
    assert not is_unwritten(sqlalchemy.exc.TimeoutError())
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = 13
    assert is_unwritten(sqlalchemy.exc.OperationalError("x", None, full))
    ioerr = sqlite3.OperationalError("disk I/O error")
    ioerr.sqlite_errorcode = 10 | (3 << 8)
    assert not is_unwritten(sqlalchemy.exc.OperationalError("x", None, ioerr))
    assert described(sqlalchemy.exc.OperationalError("x", None, ioerr)) == "OperationalError 10"


def test_what_sql_cannot_express_is_a_data_error() -> None:
    with pytest.raises(DataError), reported("appending"):
        raise OverflowError
    assert isinstance(worded(of(1406, sqlalchemy.exc.DataError), "appending"), DataError)


@pytest.fixture
def store(sqlite_events_url: str) -> SqlStore:
    return store_at(sqlite_events_url)


def test_a_closed_store_is_an_interface_error(store: SqlStore) -> None:
    store.close()
    with pytest.raises(InterfaceError), store.asking():
        raise AssertionError("opened")
    with pytest.raises(InterfaceError), store.writing():
        raise AssertionError("opened")


def test_a_transaction_is_done_whole_or_not_at_all(store: SqlStore) -> None:
    def work(connection: Connection, fails: bool) -> int:
        connection.execute(text("CREATE TABLE IF NOT EXISTS a (b INTEGER)"))
        connection.execute(text("INSERT INTO a VALUES (1)"))
        if fails:
            raise ValueError("work failed")
        return int(connection.scalar(text("SELECT COUNT(*) FROM a")) or 0)

    with pytest.raises(ValueError, match="work failed"):
        store.transaction(lambda connection: work(connection, True))
    assert store.transaction(lambda connection: work(connection, False)) == 1
    store.close()


def test_a_transaction_that_lost_to_others_is_done_again_within_limits(store: SqlStore) -> None:
    tries: list[int] = []

    def work(_: Connection, losses: int) -> int:
        tries.append(1)
        if len(tries) <= losses:
            raise of(1213)
        return len(tries)

    assert store.transaction(lambda connection: work(connection, 3)) == 4
    tries.clear()
    with pytest.raises(OperationalError, match="other transactions"):
        store.transaction(lambda connection: work(connection, 1_000))
    store.close()
