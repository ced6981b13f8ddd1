"""Connections as we want them, whatever the server's defaults are; URLs of other databases are refused."""

from __future__ import annotations

import logging
import sqlite3
from threading import Timer

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from ledger.sql_engine import MYSQL, UnknownDatabase, Waits, database_url, error_number, mysql_engine, sqlite_engine

WAITS = Waits(connect_s=3, answer_s=12, lock_s=7)


def test_a_url_gets_the_driver_we_use() -> None:
    url = database_url("mariadb://u:p@h:3307/s?ssl_ca=x", {"mariadb": MYSQL})
    assert url.render_as_string(hide_password=False) == f"{MYSQL}://u:p@h:3307/s?ssl_ca=x"


@pytest.mark.parametrize("text", ["postgresql://s3cret@h/db", "s3cret", "", "mysql://u:p@h:s3cret/db"])
def test_another_url_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UnknownDatabase) as refusal:
        database_url(text, {"mysql": MYSQL, "sqlite": "sqlite"})
    assert "s3cret" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_mysql_connection_is_strict_bounded_and_reads_what_is_committed(mysql_url: str) -> None:
    engine = mysql_engine(make_url(mysql_url), WAITS)
    with engine.connect() as connection:
        asked = "@@SESSION.sql_mode, @@SESSION.innodb_lock_wait_timeout, @@SESSION.lock_wait_timeout"
        mode, rows, tables = connection.exec_driver_sql(f"SELECT {asked}").one()
        assert {"STRICT_ALL_TABLES", "NO_ENGINE_SUBSTITUTION"} <= set(mode.split(","))
        # Rows are sent as text: what quotes and escapes are must not depend on the server.
        assert not {"ANSI_QUOTES", "ANSI", "NO_BACKSLASH_ESCAPES"} & set(mode.split(","))
        assert (rows, tables) == (7, 7)
        assert connection.get_isolation_level() == "READ COMMITTED"
    engine.dispose()


def test_a_transaction_that_was_left_open_ends_with_the_use_of_its_connection(mysql_url: str) -> None:
    engine = mysql_engine(make_url(mysql_url), WAITS)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE left_open (id INT PRIMARY KEY) ENGINE InnoDB")
        own = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
    past_us = engine.raw_connection()
    past_us.cursor().execute("INSERT INTO left_open VALUES (1)")
    past_us.close()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar() == own
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM left_open").scalar() == 0
    engine.dispose()


def test_what_was_committed_is_not_rolled_back_once_more(mysql_url: str) -> None:
    engine = mysql_engine(make_url(mysql_url), WAITS)
    counted = "SHOW SESSION STATUS LIKE 'Com_rollback'"
    with engine.begin() as connection:
        before = connection.exec_driver_sql(counted).one()[1]
    with engine.begin() as connection:
        assert connection.exec_driver_sql(counted).one()[1] == before
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    with engine.begin() as connection:
        assert int(connection.exec_driver_sql(counted).one()[1]) > int(before)
    engine.dispose()


def test_a_connection_leaves_no_line_in_the_log(mysql_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    engine = mysql_engine(make_url(mysql_url), WAITS)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    engine.dispose()
    assert caplog.messages == []


def test_a_sqlite_connection_has_its_pragmas_and_a_writer_takes_the_lock_at_once(sqlite_url: str) -> None:
    engine = sqlite_engine(make_url(sqlite_url), Waits(3, 12, 0), pragmas=("journal_mode = WAL", "synchronous = FULL"))
    with engine.connect() as reader, engine.connect().execution_options(writes=True) as writer:
        assert writer.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert reader.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        other = engine.connect().execution_options(writes=True)
        with pytest.raises(Exception, match="locked"), other:
            other.exec_driver_sql("SELECT 1")
    engine.dispose()


def test_a_sqlite_connection_waits_for_who_writes_before_there_is_a_write_ahead_log(sqlite_url: str) -> None:
    url = make_url(sqlite_url)
    other = sqlite3.connect(str(url.database), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    ending = Timer(0.3, other.execute, ["COMMIT"])
    ending.start()
    engine = sqlite_engine(url, Waits(3, 12, 5), pragmas=("journal_mode = WAL",))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    ending.join()
    other.close()
    engine.dispose()


def test_a_sqlite_file_that_stays_locked_is_told_as_such(sqlite_url: str) -> None:
    url = make_url(sqlite_url)
    other = sqlite3.connect(str(url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    engine = sqlite_engine(url, Waits(3, 12, 0), pragmas=("journal_mode = WAL",))
    with pytest.raises(OperationalError, match="locked") as refused:
        engine.connect()
    assert error_number(refused.value) == sqlite3.SQLITE_BUSY
    other.close()
    engine.dispose()
