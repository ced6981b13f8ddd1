"""The one form of a row: what is written by it is read back the same, and equal rows are equal bytes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Date, Table

from projections.columns import day, flag, id_, id_or_none, ids, instant, instant_or_none, key, number, prose, table
from projections.encoding import NO_LINES, NULL, encoder, sql

AT = datetime(2026, 11, 25, 17, 30, 0, 5, tzinfo=UTC)
DAY = date(2026, 11, 24)
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
    "on": DAY,
    "text": "",
    "others": ("a", "b"),
}


def _line(**values: object) -> bytes:
    return encoder(EVERY).encoded([ROW | values]).lines[0]


def _bucket(kind: Table, **values: object) -> tuple[str, str]:
    return encoder(kind).encoded([values]).buckets[0]


def test_a_row_is_a_json_array_of_what_is_stored() -> None:
    assert _line() == (b'["r1",NULL,-5,1,"2026-11-25 17:30:00.000005",NULL,"2026-11-24","","[\\"a\\",\\"b\\"]"]')


def test_the_same_instant_is_the_same_bytes_in_every_zone() -> None:
    there = AT.astimezone(timezone(timedelta(hours=7)))
    assert _line(at=there) == _line()
    with pytest.raises(ValueError, match="aware"):
        _line(at=AT.replace(tzinfo=None))


@pytest.mark.parametrize(
    "instants",
    [
        (AT, AT),
        (AT, None, AT),
        (AT, AT.replace(microsecond=0)),
        (AT.astimezone(timezone(timedelta(hours=7))), AT, None),
        # As long as four with parts of a second, and divided in four where one in UTC is followed by another.
        (AT.replace(microsecond=0), None, *[AT.replace(microsecond=0)] * 4),
    ],
)
def test_instants_of_many_rows_are_written_as_those_of_one(instants: tuple[datetime | None, ...]) -> None:
    found = encoder(EVERY).encoded([ROW | {"until": until} for until in instants])
    assert list(found.lines) == [_line(until=until) for until in instants]


@pytest.mark.parametrize("days", [(DAY, DAY), (DAY, None), (None,), (AT, DAY), (*[None] * 9, *[AT] * 8)])
def test_days_of_many_rows_are_written_as_those_of_one(days: tuple[date | None, ...]) -> None:
    kind = table("by_day", key("id"), Column("on", Date()))
    found = encoder(kind).encoded([{"id": "a", "on": on} for on in days])
    assert [row[1] for row in found.stored] == [NULL if on is None else date.isoformat(on) for on in days]


def test_an_id_that_is_none_is_escaped_as_its_column_does_it() -> None:
    assert _line(owner="é").startswith(rb'["r1","\\xe9",')
    assert _line(owner="a ").startswith(rb'["r1","a\\x20",')
    assert _line(text="é ").count("é ".encode()) == 1


def test_an_odd_id_among_many_rows_is_escaped_and_no_other() -> None:
    owners = ["mer_1", "a b", "a ", None, 'q" b', "back\\slash", "Đức", "mer_1"]
    found = encoder(EVERY).encoded([ROW | {"id": f"r{n}", "owner": owner} for n, owner in enumerate(owners)])
    assert list(found.lines) == [_line(id=f"r{n}", owner=owner) for n, owner in enumerate(owners)]
    escaped = ["mer_1", "a b", "a\\x20", NULL, 'q" b', "back\\slash", "\\u0110\\u1ee9c", "mer_1"]
    assert [row[1] for row in found.stored] == escaped
    assert [merchant for _, merchant in found.buckets] == ["" if owner is NULL else owner for owner in escaped]
    assert encoder(EVERY).as_stored(found.stored) == found


def test_rows_come_in_their_order_and_none_is_none() -> None:
    assert encoder(EVERY).encoded([]) == NO_LINES == encoder(EVERY).as_stored([])
    texts = ["line\nbreak", "", "]\n[", "\r\n"]
    found = encoder(EVERY).encoded([ROW | {"text": text} for text in texts])
    assert list(found.lines) == [_line(text=text) for text in texts]
    assert [json.loads(line.replace(b"NULL", b"null"))[7] for line in found.lines] == texts
    assert found.some(1, 3).lines == found.lines[1:3]


def test_a_row_is_counted_under_its_bank_day_and_merchant() -> None:
    assert _bucket(EVERY, **ROW) == ("2026-11-26", "")
    assert _bucket(EVERY, **ROW | {"owner": "mer_1", "at": AT - timedelta(hours=1)}) == ("2026-11-25", "mer_1")
    assert _bucket(table("plain", key("id"), id_("what")), id="a", what="b") == ("", "")
    assert _bucket(table("by_day", key("id"), day("on"), day="on"), id="a", on=date(2026, 1, 1)) == ("2026-01-01", "")
    with pytest.raises(ValueError, match="isoformat"):
        encoder(EVERY).as_stored([("r1", NULL, 1, 1, "no instant at all", NULL, "2026-01-01", "", "[]")])


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
