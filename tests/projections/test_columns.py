"""What goes into a column comes out of it, on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from ledger.privacy import Sealed
from projections import live_rows
from projections.columns import (
    ID_MAX,
    Instant,
    day,
    flag,
    id_,
    id_or_none,
    ids,
    instant,
    instant_or_none,
    key,
    number,
    number_or_none,
    prose,
    prose_or_none,
    sealed,
    sealed_or_none,
    table,
    word,
)
from projections.database import Database
from projections.encoding import Row
from projections.live_rows import LiveRows

EVERYTHING = table(
    "everything",
    key("id"),
    id_("id_"),
    id_or_none("id_or_none"),
    word("word"),
    number("number"),
    number_or_none("number_or_none"),
    flag("flag"),
    instant("instant"),
    instant_or_none("instant_or_none"),
    day("day"),
    prose("prose"),
    prose_or_none("prose_or_none"),
    sealed("sealed"),
    sealed_or_none("sealed_or_none"),
    ids("ids"),
)

FIRST = datetime(1970, 1, 1)  # noqa: DTZ001  # hypothesis adds the time zone
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=ID_MAX)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.sampled_from(["Nguyễn Văn Đức", "💸 trả", "'; DROP TABLE x; --", "\\", "%s %(x)s :x", " blank "]),
    st.integers(60_000, 70_000).map(lambda length: "x" * length),
)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
INSTANTS = st.datetimes(
    FIRST.replace(day=2),
    FIRST.replace(year=9998),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=7))]),
)
SEALS = st.builds(Sealed, person=IDS, text=TEXTS, digest=IDS)
ROWS = st.fixed_dictionaries(
    {
        "id": IDS,
        "id_": IDS,
        "id_or_none": st.none() | IDS,
        "word": IDS.map(lambda text: text[:64]),
        "number": NUMBERS,
        "number_or_none": st.none() | NUMBERS,
        "flag": st.booleans(),
        "instant": INSTANTS,
        "instant_or_none": st.none() | INSTANTS,
        "day": st.dates(FIRST.date()),
        "prose": TEXTS,
        "prose_or_none": st.none() | TEXTS,
        "sealed": SEALS,
        "sealed_or_none": st.none() | SEALS,
        "ids": st.lists(IDS, max_size=5).map(tuple),
    }
)


@pytest.fixture
def one_table(database: Database) -> Database:
    """A database with a table of every kind of column."""
    database.write(lambda connection: connection.execute(CreateTable(EVERYTHING)))
    return database


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ROWS, min_size=1, max_size=6, unique_by=lambda row: row["id"]))
def test_every_value_comes_back_as_it_went_in(one_table: Database, rows: list[Row]) -> None:
    def write(connection: Any) -> None:
        written = LiveRows(connection, {"everything": EVERYTHING})
        for row in rows:
            written.put(EVERYTHING, row)
        written.flush()

    def read(connection: Any) -> list[Row | None]:
        fresh = LiveRows(connection, {"everything": EVERYTHING})
        live_rows.read(connection, [(fresh, fresh.expected({row["id"]: ["everything"] for row in rows}))])
        return [fresh.get(EVERYTHING, row["id"]) for row in rows]

    one_table.write(write)
    found = one_table.write(read)
    assert found == rows
    assert all(row is not None and row["instant"].tzinfo is UTC for row in found)


def test_a_naive_datetime_is_no_instant() -> None:
    with pytest.raises(ValueError, match="aware"):
        Instant().process_bind_param(datetime(2026, 1, 1), sqlite.dialect())  # noqa: DTZ001
