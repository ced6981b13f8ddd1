"""Rows written as text are read back as they were, whatever stands in them."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import CreateTable, DropTable

from projections import writing
from projections.columns import (
    day,
    day_key,
    flag,
    id_or_none,
    ids,
    instant,
    key,
    number,
    number_key,
    prose_or_none,
    table,
)
from projections.database import Database, open_database
from projections.encoding import Lines, Row, encoder
from projections.messages import BYTES_AT_ONCE
from projections.writing import BYTES_AHEAD, Statements

EVERY = table(
    "every_kind",
    key("id"),
    id_or_none("other"),
    number("units"),
    flag("done"),
    instant("at"),
    day("on"),
    prose_or_none("text"),
    ids("others"),
)
ODD = "%s ' \" \\ \n \r \t \b \f \0 \x1a \x7f ​ Đức 💸 ]\n[ NULL"


def _row(id_: str, text: str | None = "", **values: object) -> Row:
    at = datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=UTC)
    row = {"id": id_, "other": None, "units": -(2**63), "done": False, "at": at, "on": date(2024, 2, 29)}
    return row | {"text": text, "others": ("a", 'b"')} | values


def _made(database: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(DropTable(EVERY, if_exists=True))
        connection.execute(CreateTable(EVERY))

    database.write(work)


def _all(database: Database) -> list[Row]:
    return [dict(row) for row in database.rows(select(EVERY).order_by(EVERY.c.id))]


def test_odd_text_comes_back_as_it_was(database: Database) -> None:
    _made(database)
    rows = [_row("a", ODD), _row("b", None, done=True), _row("c", "NULL", other="NULL", units=2**63 - 1)]
    database.write(partial(writing.insert, table=EVERY, rows=encoder(EVERY).encoded(rows)))
    assert _all(database) == rows


# The table is made anew for each example.
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
def test_any_text_comes_back_as_it_was_from_mysql(mysql_url: str, texts: list[str]) -> None:
    database = open_database(mysql_url)
    _made(database)
    rows = [_row(f"r{number_:02}", text) for number_, text in enumerate(texts)]
    database.write(partial(writing.upsert, table=EVERY, rows=encoder(EVERY).encoded(rows)))
    assert _all(database) == rows
    database.close()


def test_many_and_large_rows_are_written_in_several_statements(database: Database) -> None:
    _made(database)
    rows = [_row(f"r{number_:04}", "x" * (BYTES_AT_ONCE // 3 if number_ < 9 else 1)) for number_ in range(2_500)]
    encoded = encoder(EVERY).encoded(rows)
    database.write(partial(writing.insert, table=EVERY, rows=encoded))
    assert _all(database) == rows
    changed = encoder(EVERY).encoded([row | {"units": 7} for row in rows])
    database.write(partial(writing.upsert, table=EVERY, rows=changed))
    assert {row["units"] for row in _all(database)} == {7}


def test_rows_with_odd_keys_are_removed_and_no_others(database: Database) -> None:
    _made(database)
    odd = [
        "it's",
        'a "b"',
        "') OR 1=1 -- ",
        "x\\",
        "nul\0",
        "%s",
        "Đức",
        "a ",
        "n\nl",
        "/* c */",
        "",
        "`t`",
        "; DELETE",
    ]
    rows = [_row(key_) for key_ in [*odd, "stays"]]
    database.write(partial(writing.insert, table=EVERY, rows=encoder(EVERY).encoded(rows)))
    for number_, key_ in enumerate(odd):
        database.write(partial(writing.remove, table=EVERY, keys=[(key_,), ("never there",)]))
        assert len(_all(database)) == len(odd) - number_
    assert [row["id"] for row in _all(database)] == ["stays"]


def test_rows_are_removed_by_the_whole_of_their_key(database: Database) -> None:
    two = table("two_keys", key("id"), day_key("on"), number_key("number"))
    database.write(lambda connection: connection.execute(CreateTable(two)))
    rows = [{"id": id_, "on": date(2026, 1, on), "number": n} for id_ in "ab" for on in (1, 2) for n in (1, 2)]
    database.write(partial(writing.insert, table=two, rows=encoder(two).encoded(rows)))
    keys = [("a", date(2026, 1, 2), 1), ("b", date(2026, 1, 1), 2), ("A", date(2026, 1, 1), 1)]
    database.write(partial(writing.remove, table=two, keys=keys))
    left = {tuple(row.values()) for row in database.rows(select(two))}
    assert left == {tuple(row.values()) for row in rows} - set(keys)


def _large(letter: str) -> Lines:
    rows = [_row(f"{letter}{number_}", "x" * 1_000) for number_ in range(100)]
    assert sum(len(row["text"]) for row in rows) > BYTES_AHEAD
    return encoder(EVERY).encoded(rows)


def test_what_is_sent_ahead_is_written_in_order_with_the_rest(database: Database) -> None:
    _made(database)

    def work(connection: Connection) -> None:
        with Statements(connection) as statements:
            for letter in "abc":
                statements.insert(EVERY, _large(letter))
                statements.send_ahead()
            statements.remove(EVERY, [("b7",)])
            statements.upsert(EVERY, encoder(EVERY).encoded([_row("a1", "changed")]))
            statements.send()

    database.write(work)
    found = {row["id"]: row["text"] for row in _all(database)}
    assert len(found) == 299
    assert "b7" not in found
    assert found["a1"] == "changed"


def test_what_was_wrong_with_what_was_sent_ahead_is_told_later_and_nothing_is_kept(database: Database) -> None:
    _made(database)

    def work(connection: Connection) -> None:
        with Statements(connection) as statements:
            for letter in "aab":
                statements.insert(EVERY, _large(letter))
                statements.send_ahead()
            statements.send()

    with pytest.raises(IntegrityError) as refused:
        database.write(work)
    assert "xxx" not in str(refused.value)
    assert _all(database) == []


def test_who_fails_while_something_is_on_its_way_waits_for_it_before_the_connection_is_used(database: Database) -> None:
    _made(database)

    def work(connection: Connection) -> None:
        with Statements(connection) as statements:
            statements.insert(EVERY, _large("a"))
            statements.send_ahead()
            raise LookupError

    for _ in range(20):
        with pytest.raises(LookupError):
            database.write(work)
    assert _all(database) == []


def test_a_row_that_is_there_is_refused_without_being_told(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    _made(database)
    rows = encoder(EVERY).encoded([_row("a", "a secret value")])
    database.write(partial(writing.insert, table=EVERY, rows=rows))
    with caplog.at_level(logging.DEBUG), pytest.raises(IntegrityError) as refused:
        database.write(partial(writing.insert, table=EVERY, rows=rows))
    assert "secret" not in f"{refused.value}"
    assert isinstance(refused.value, DBAPIError)
