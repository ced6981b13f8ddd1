"""The one form of a row: what is written by it is read back the same, and equal rows are equal bytes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.columns import day, flag, id_, id_or_none, ids, instant, instant_or_none, key, number, prose, table
from projections.encoding import NULL, encoder, sql

AT = datetime(2026, 11, 25, 17, 30, 0, 5, tzinfo=UTC)
EVERY = table(
    "every",
    key("id"),
    id_or_none("owner"),
    number("units"),
    flag("done"),
    instant("at"),
    instant_or_none("until"),
    day("on"),
    prose("text"),
    ids("others"),
    day="at",
    merchant="owner",
)
ROW = {
    "id": "r1",
    "owner": None,
    "units": -5,
    "done": True,
    "at": AT,
    "until": None,
    "on": date(2026, 11, 24),
    "text": "",
    "others": ("a", "b"),
}


def _line(**values: object) -> bytes:
    return encoder(EVERY).encoded([ROW | values]).lines[0]


def test_a_row_is_a_json_array_of_what_is_stored() -> None:
    assert _line() == (b'["r1",NULL,-5,1,"2026-11-25 17:30:00.000005",NULL,"2026-11-24","","[\\"a\\",\\"b\\"]"]')


def test_the_same_instant_is_the_same_bytes_in_every_zone() -> None:
    there = AT.astimezone(timezone(timedelta(hours=7)))
    assert _line(at=there) == _line()
    with pytest.raises(ValueError, match="aware"):
        _line(at=AT.replace(tzinfo=None))


def test_an_id_that_is_none_is_escaped_as_its_column_does_it() -> None:
    assert _line(owner="é").startswith(rb'["r1","\\xe9",')
    assert _line(owner="a ").startswith(rb'["r1","a\\x20",')
    assert _line(text="é ").count("é ".encode()) == 1


def test_a_row_is_counted_under_its_bank_day_and_merchant() -> None:
    rows = [ROW, ROW | {"owner": "mer_1", "at": AT - timedelta(hours=1)}]
    assert encoder(EVERY).encoded(rows).buckets == [("2026-11-26", ""), ("2026-11-25", "mer_1")]
    plain = encoder(table("plain", key("id"), id_("what")))
    assert plain.encoded([{"id": "a", "what": "b"}] * 2).buckets == [("", "")] * 2
    by_day = encoder(table("by_day", key("id"), day("on"), day="on"))
    assert by_day.encoded([{"id": "a", "on": date(2026, 1, 1)}]).buckets == [("2026-01-01", "")]


@given(st.lists(st.text()), st.lists(st.sampled_from(["a", "a ", "é", '"', "\\", "\n", "x y"])))
def test_many_rows_are_the_bytes_of_each_alone(texts: list[str], ids_: list[str]) -> None:
    rows = [ROW | {"owner": owner, "text": text} for owner in (None, *ids_) for text in ("", *texts)]
    many = encoder(EVERY).encoded(rows)
    alone = [encoder(EVERY).encoded([row]) for row in rows]
    assert many.lines == [line for one in alone for line in one.lines]
    assert many.buckets == [bucket for one in alone for bucket in one.buckets]
    assert list(map(list, many.stored)) == [list(stored) for one in alone for stored in one.stored]
    assert encoder(EVERY).encoded([]).lines == []


def test_odd_characters_stand_as_they_are_for_servers() -> None:
    assert sql(_line(text='q" b\\ n\n t\t')) == _line(text='q" b\\ n\n t\t')
    odd = sql(_line(text="\x01\x0c\\u0041\x00"))
    assert b'"\x01\x0c\\\\u0041\\0"' in odd


def test_null_is_no_text() -> None:
    assert encoder(EVERY).encoded([ROW]).stored[0][1] is NULL
    assert _line(owner="NULL") != _line()


def test_a_table_says_only_columns_it_has() -> None:
    with pytest.raises(ValueError, match="has no column nowhere"):
        table("odd", key("id"), day="nowhere")
