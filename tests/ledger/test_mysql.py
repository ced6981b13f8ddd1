"""What the event store demands of a MySQL or MariaDB server, and how it says no."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy
from eventsourcing.persistence import NotSupportedError, OperationalError, ProgrammingError

from ledger.event_log import opened
from ledger.mysql import MySql, store_at
from tests.ledger.logged import by_hand, event


def refusal_of(url: str) -> str:
    with opened(url) as log:
        with pytest.raises((OperationalError, NotSupportedError, ProgrammingError)) as refusal:
            log.append([event("po_1", 1)])
        with pytest.raises(type(refusal.value)):
            log.read(0, 1)
    return str(refusal.value)


@contextmanager
def configured(url: str, setting: str, value: int) -> Iterator[None]:
    """The server with another value of a global setting."""
    with by_hand(url) as connection:
        before = connection.exec_driver_sql(f"SELECT @@GLOBAL.{setting}").scalar()
        connection.exec_driver_sql(f"SET GLOBAL {setting} = {value}")
    try:
        yield
    finally:
        with by_hand(url) as connection:
            connection.exec_driver_sql(f"SET GLOBAL {setting} = {before}")


@pytest.mark.parametrize("value", [0, 2])
def test_a_server_that_may_forget_commits_is_refused_with_the_cure(mysql_events_url: str, value: int) -> None:
    with configured(mysql_events_url, "innodb_flush_log_at_trx_commit", value):
        assert "innodb_flush_log_at_trx_commit=1" in refusal_of(mysql_events_url)
    with opened(mysql_events_url) as log:
        assert log.append([event("po_1", 1)]) == [1]


def test_a_server_that_takes_short_statements_only_is_refused_with_the_cure(mysql_events_url: str) -> None:
    with configured(mysql_events_url, "max_allowed_packet", 1024 * 1024):
        assert "max_allowed_packet=16777216" in refusal_of(mysql_events_url)


class Answers:
    """Stands for a connection to a server of another version or configuration than this machine has."""

    def __init__(self, version: str, settings: tuple[int, ...]) -> None:
        self._version = version
        self._settings = settings

    def scalar(self, _: object) -> str:
        return self._version

    def execute(self, _: object) -> Answers:
        return self

    def one(self) -> tuple[int, ...]:
        return self._settings


GOOD = (1, 1, 1, 64 * 1024 * 1024, 0)


@pytest.mark.parametrize(
    "version", ["8.0.17", "8.4.6", "9.1.0-commercial", "10.11.19-MariaDB-0+deb12u1", "5.5.5-11.4.2-MariaDB"]
)
def test_the_servers_that_are_maintained_are_taken(version: str) -> None:
    MySql().check(_connection(version, GOOD))


@pytest.mark.parametrize("version", ["5.7.44-log", "8.0.16", "10.6.18-MariaDB", "5.5.5-10.5.25-MariaDB-1"])
def test_an_old_server_is_refused_with_what_is_needed(version: str) -> None:
    with pytest.raises(NotSupportedError, match=r"MariaDB 10\.11 or later, or MySQL 8\.0\.17"):
        MySql().check(_connection(version, GOOD))


def test_a_binary_log_that_is_not_synced_is_refused_where_there_is_one() -> None:
    with pytest.raises(NotSupportedError, match="sync_binlog=1"):
        MySql().check(_connection("8.4.6", (1, 1, 0, GOOD[3], 0)))
    MySql().check(_connection("8.4.6", (1, 0, 0, GOOD[3], 0)))
    with pytest.raises(NotSupportedError, match="innodb_read_only=0"):
        MySql().check(_connection("8.4.6", (1, 0, 0, GOOD[3], 1)))


def _connection(version: str, settings: tuple[int, ...]) -> Any:
    return Answers(version, settings)


def test_wrong_credentials_are_told_without_the_password(mysql_events_url: str) -> None:
    parts = urlsplit(mysql_events_url)
    told = refusal_of(parts._replace(netloc=f"socai:s3cret@{parts.netloc.rpartition('@')[2]}").geturl())
    assert "password and rights in EVENT_STORE_URL" in told
    assert "s3cret" not in told


def test_a_missing_schema_is_told_with_the_cure(mysql_events_url: str) -> None:
    told = refusal_of(f"{mysql_events_url}_nobody_made_this")
    assert "CREATE DATABASE" in told
    assert "nobody_made_this" not in told


@pytest.mark.parametrize(
    ("statement", "cure"),
    [
        ("CREATE TABLE events (position BIGINT PRIMARY KEY) ENGINE=InnoDB", "empty schema"),
        ("CREATE TABLE events (stream VARCHAR(255) PRIMARY KEY) ENGINE=InnoDB COLLATE utf8mb4_bin", "empty schema"),
        ("CREATE TABLE heads (log VARCHAR(64) PRIMARY KEY) ENGINE=MyISAM", "ENGINE=InnoDB"),
    ],
)
def test_a_table_of_another_make_is_refused_with_the_cure(mysql_events_url: str, statement: str, cure: str) -> None:
    with by_hand(mysql_events_url) as connection:
        connection.exec_driver_sql(statement)
    assert cure in refusal_of(mysql_events_url)


def test_a_table_that_is_gone_is_told_with_the_cure(mysql_events_url: str) -> None:
    with opened(mysql_events_url) as log:
        log.append([event("po_1", 1)])
        with by_hand(mysql_events_url) as connection:
            connection.exec_driver_sql("DROP TABLE events")
        with pytest.raises(ProgrammingError, match="table is missing"):
            log.append([event("po_1", 2)])
        with pytest.raises(ProgrammingError, match="table is missing"):
            log.read(0, 1)


def test_text_can_be_read_by_a_person_in_the_database(mysql_events_url: str) -> None:
    with opened(mysql_events_url) as log:
        log.append([event("po_1", 1, state='{"memo":"Tiền hàng"}'.encode()), event("po_1", 2, state=b"\xff")])
    with by_hand(mysql_events_url) as connection:
        rows = connection.exec_driver_sql("SELECT position, stream, name, state, HEX(raw) FROM events").all()
    assert rows == [
        (1, "po_1", "payout.requested", '{"memo":"Tiền hàng"}', None),
        (2, "po_1", "payout.requested", None, "FF"),
    ]


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+mysqlconnector"])
def test_every_scheme_of_ours_reaches_the_same_log(mysql_events_url: str, scheme: str) -> None:
    with opened(mysql_events_url) as log:
        log.append([event("po_1", 1)])
    with opened(mysql_events_url.replace("mysql:", f"{scheme}:")) as log:
        assert log.head() == 1


def test_a_server_with_another_mode_is_strict_for_us(mysql_events_url: str) -> None:
    with by_hand(mysql_events_url) as connection:
        before = connection.exec_driver_sql("SELECT @@GLOBAL.sql_mode").scalar()
        connection.exec_driver_sql("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")
    try:
        with opened(mysql_events_url) as log:
            state = b"""{"memo":"it's \\\\ \\" 'x"}"""
            log.append([event("po_1", 1, state=state)])
            assert [found.state for found in log.stream("po_1")] == [state]
    finally:
        with by_hand(mysql_events_url) as connection:
            connection.execute(sqlalchemy.text("SET GLOBAL sql_mode = :before"), {"before": before})


def test_a_silent_holder_of_the_head_is_bounded_by_the_server(mysql_events_url: str) -> None:
    store = store_at(mysql_events_url)
    with store.asking() as connection:
        name = "idle_transaction_timeout" if connection.dialect.is_mariadb else "wait_timeout"  # type: ignore[attr-defined]
        held = connection.exec_driver_sql(f"SELECT @@SESSION.{name}, @@SESSION.innodb_lock_wait_timeout").one()
    assert 0 < held[0] < held[1]
    store.close()
