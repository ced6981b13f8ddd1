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
from projections.columns import day, flag, id_or_none, ids, instant, key, number, prose_or_none, table
from projections.database import Database, open_database
from projections.encoding import Lines, Row, encoder
from projections.writing import BYTES_AT_ONCE

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


def _encoded(*rows: Row) -> Lines:
    return encoder(EVERY).encoded(rows)


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
    database.write(partial(writing.insert, table=EVERY, rows=_encoded(*rows)))
    assert _all(database) == rows


# The table is made anew for each example.
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
def test_any_text_comes_back_as_it_was_from_mysql(mysql_url: str, texts: list[str]) -> None:
    database = open_database(mysql_url)
    _made(database)
    rows = [_row(f"r{number_:02}", text) for number_, text in enumerate(texts)]
    database.write(partial(writing.upsert, table=EVERY, rows=_encoded(*rows)))
    assert _all(database) == rows
    database.close()


def test_many_and_large_rows_are_written_in_several_statements(database: Database) -> None:
    _made(database)
    rows = [_row(f"r{number_:04}", "x" * (BYTES_AT_ONCE // 3 if number_ < 9 else 1)) for number_ in range(2_500)]
    encoded = _encoded(*rows)
    database.write(partial(writing.insert, table=EVERY, rows=encoded))
    assert _all(database) == rows
    changed = _encoded(*(row | {"units": 7} for row in rows))
    database.write(partial(writing.upsert, table=EVERY, rows=changed))
    assert {row["units"] for row in _all(database)} == {7}


def test_a_row_that_is_there_is_refused_without_being_told(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    _made(database)
    rows = _encoded(_row("a", "a secret value"))
    database.write(partial(writing.insert, table=EVERY, rows=rows))
    with caplog.at_level(logging.DEBUG), pytest.raises(IntegrityError) as refused:
        database.write(partial(writing.insert, table=EVERY, rows=rows))
    assert "secret" not in f"{refused.value}"
    assert isinstance(refused.value, DBAPIError)
