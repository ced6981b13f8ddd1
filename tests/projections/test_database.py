"""Troubles of the database are told as what they are, and what was lost to others is done again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Connection, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import CreateTable

from ledger.errors import ReadTablesUnavailable
from local.processes import free_port
from projections.columns import key, number, table
from projections.database import Database, open_database, open_reader
from projections.payments import payment

COUNTS = table("counts", key("name"), number("count"))


def _with_counts(database: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(CreateTable(COUNTS))
        connection.execute(insert(COUNTS), [{"name": name, "count": 0} for name in "ab"])

    database.write(work)


def _count(database: Database, name: str) -> int:
    return int(database.column(select(COUNTS.c.count).where(COUNTS.c.name == name))[0])


def test_a_server_that_is_not_there_is_unavailable() -> None:
    reader = open_reader(f"mysql+mysqlconnector://socai:secret@127.0.0.1:{free_port(None)}/socai")
    with pytest.raises(ReadTablesUnavailable) as raised:
        payment(reader, "pi_x")
    assert "secret" not in str(raised.value)
    reader.close()


def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    reader = open_reader(f"sqlite:///{tmp_path / 'nowhere' / 'read.db'}")
    with pytest.raises(ReadTablesUnavailable):
        payment(reader, "pi_x")
    reader.close()


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"database": "nobody_made_this"}])
def test_a_server_that_lets_nobody_in_is_unavailable(mysql_url: str, change: dict[str, str]) -> None:
    url = make_url(mysql_url).set(**change)  # type: ignore[arg-type]  # a password or a schema
    reader = open_reader(url.render_as_string(hide_password=False))
    with pytest.raises(ReadTablesUnavailable):
        payment(reader, "pi_x")
    reader.close()


def test_a_table_that_is_missing_says_who_makes_it(database: Database) -> None:
    with pytest.raises(ReadTablesUnavailable, match="start the projector"):
        payment(database, "pi_x")


@pytest.mark.parametrize("url", ["postgresql://x/y", "mysql://x/y", "nothing", "mysql+mysqlconnector://h:port/x"])
def test_another_kind_of_database_is_refused_with_the_way_out(url: str) -> None:
    with pytest.raises(ReadTablesUnavailable, match="READ_TABLES_URL"):
        open_reader(url)


def test_a_database_without_room_is_unavailable_and_no_row_is_at_fault(database: Database) -> None:
    def fills_up(connection: Connection) -> None:
        if database.is_mysql:
            connection.exec_driver_sql("SET SESSION max_heap_table_size = 16384")
            connection.exec_driver_sql("CREATE TABLE small (a CHAR(200)) ENGINE = MEMORY")
        else:
            connection.exec_driver_sql("CREATE TABLE small (a TEXT)")
            connection.exec_driver_sql("PRAGMA max_page_count = 10")
        for _ in range(1_000):
            connection.execute(text("INSERT INTO small VALUES (:a)"), {"a": "x" * 200})

    with pytest.raises(ReadTablesUnavailable, match="make room"):
        database.write(fills_up)


def test_a_connection_that_was_cut_is_unavailable_once_and_then_replaced(mysql_url: str) -> None:
    database = open_database(mysql_url)
    _with_counts(database)

    def cut(connection: Connection) -> None:
        own = connection.scalar(text("SELECT CONNECTION_ID()"))
        connection.execute(text("UPDATE counts SET count = 5"))
        with database.engine.connect() as other:
            other.execute(text(f"KILL {own}"))
        connection.execute(text("UPDATE counts SET count = 6"))

    with pytest.raises(ReadTablesUnavailable):
        database.write(cut)
    assert _count(database, "a") == 0
    database.close()


def test_what_lost_to_a_deadlock_is_done_again(mysql_url: str) -> None:
    database = open_database(mysql_url)
    _with_counts(database)
    both_hold_one = Barrier(2, timeout=20)
    tries: list[str] = []

    def move(first: str, second: str) -> None:
        def work(connection: Connection) -> None:
            tries.append(first)
            connection.execute(update(COUNTS).where(COUNTS.c.name == first).values(count=COUNTS.c.count + 1))
            if tries.count(first) == 1:
                both_hold_one.wait()
            connection.execute(update(COUNTS).where(COUNTS.c.name == second).values(count=COUNTS.c.count + 1))

        database.write(work)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(move, *names) for names in ("ab", "ba")]:
            done.result()
    assert len(tries) == 3
    assert (_count(database, "a"), _count(database, "b")) == (2, 2)
    database.close()


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    _with_counts(database)

    def work(connection: Connection) -> None:
        connection.execute(update(COUNTS).values(count=9))
        connection.execute(insert(COUNTS), [{"name": "a", "count": 1}])

    with pytest.raises(IntegrityError):
        database.write(work)
    assert _count(database, "a") == 0


def test_an_error_does_not_quote_the_values(database: Database) -> None:
    _with_counts(database)
    row = {"name": "a", "count": 77123}
    with pytest.raises(DBAPIError) as raised:
        database.write(lambda connection: connection.execute(insert(COUNTS), [row]))
    assert "77123" not in str(raised.value)


def test_only_one_stands_inside_a_fence_and_others_see_it(mysql_url: str) -> None:
    database = open_database(mysql_url)
    with database.fenced("payments"):
        seen = database.write(
            lambda connection: [database.is_fenced(connection, name) for name in ("payments", "payouts")]
        )
    assert seen == [True, False]
    assert not database.write(lambda connection: database.is_fenced(connection, "payments"))
    database.close()


def test_two_who_write_at_once_take_turns(database: Database) -> None:
    _with_counts(database)

    def add(_: int) -> None:
        def work(connection: Connection) -> None:
            count = connection.scalar(select(COUNTS.c.count).where(COUNTS.c.name == "a").with_for_update())
            connection.execute(update(COUNTS).where(COUNTS.c.name == "a").values(count=(count or 0) + 1))

        database.write(work)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(40)))
    assert _count(database, "a") == 40
