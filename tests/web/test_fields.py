"""Fields take nothing for what it is not, and every fault names its field."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields

from ledger.money import UNITS_MAX
from web.fields import Count, Currency, Day, Instant, PositionOrInstant, Strict, Text, Units, Whole, Word, load
from web.problems import FaultyFields


class Inner(Strict):
    bin = Text(longest=6, required=True)


class Everything(Strict):
    amount = Units()
    fee = Units(minimum=0)
    currency = Currency()
    bps = Whole(minimum=0, maximum=1_000)
    limit = Count(minimum=1, maximum=100)
    name = Text(longest=5)
    role = Word("owner", "reader")
    at = Instant()
    known = PositionOrInstant()
    day = Day()
    inner = fields.Nested(Inner)


def faults(**said: object) -> list[tuple[str, str | None]]:
    with pytest.raises(FaultyFields) as refused:
        load(Everything(), said)
    return [(fault.slug, fault.field) for fault in refused.value.faults]


@pytest.mark.parametrize("value", ["5000", "1.5", 1.5, 5_000.0, True, None, [], {}, 0, -1, UNITS_MAX + 1, "1e3"])
def test_what_is_no_positive_whole_amount_is_an_invalid_amount(value: object) -> None:
    if value is None:
        assert faults(amount=value) == [("invalid-field", "amount")]
    else:
        assert faults(amount=value) == [("invalid-amount", "amount")]


@pytest.mark.parametrize("value", [1, 1_500_000, UNITS_MAX])
def test_a_positive_whole_amount_is_taken_as_it_is(value: int) -> None:
    assert load(Everything(), {"amount": value}) == {"amount": value}


def test_a_fee_may_be_nothing() -> None:
    assert load(Everything(), {"fee": 0}) == {"fee": 0}
    assert faults(fee=-1) == [("invalid-amount", "fee")]


@pytest.mark.parametrize("value", ["USD", "vnd", "", 704, None, ["VND"]])
def test_another_currency_is_unknown(value: object) -> None:
    assert faults(currency=value) == [("unknown-currency" if value is not None else "invalid-field", "currency")]


@pytest.mark.parametrize("value", [-1, 1_001, "5", True, 2.0])
def test_a_whole_number_is_neither_text_nor_truth_nor_outside_its_bounds(value: object) -> None:
    assert faults(bps=value) == [("invalid-field", "bps")]


@pytest.mark.parametrize("value", ["0", "101", "x", "1.0", "-5", " 5", "１", "9" * 40])
def test_a_count_is_plain_digits_within_its_bounds(value: str) -> None:
    assert faults(limit=value) == [("invalid-field", "limit")]


def test_a_count_is_read_from_text() -> None:
    assert load(Everything(), {"limit": "100"}) == {"limit": 100}


@pytest.mark.parametrize("value", ["", "   ", "sechs!", "a\nb", "a\x00b", "\u2028", 5, None])
def test_text_has_bounds_and_no_control_characters(value: object) -> None:
    assert faults(name=value) == [("invalid-field", "name")]


def test_blanks_around_text_are_gone() -> None:
    assert load(Everything(), {"name": "  Mai "}) == {"name": "Mai"}


@pytest.mark.parametrize("value", ["2026-11-23", "2026-11-23T09:30:00", "2026-13-23T09:30:00Z", "now", 5])
def test_an_instant_says_its_offset(value: object) -> None:
    assert faults(at=value) == [("invalid-field", "at")]


def test_an_instant_is_taken_as_utc() -> None:
    said = load(Everything(), {"at": "2026-11-23T09:30:00+07:00"})
    assert said == {"at": datetime(2026, 11, 23, 2, 30, tzinfo=UTC)}


def test_a_word_is_one_of_the_list() -> None:
    assert faults(role="admin") == [("invalid-field", "role")]


def test_unknown_and_nested_fields_are_named_by_their_path() -> None:
    assert faults(inner={"bin": "970416", "x": 1}, y=2) == [("invalid-field", "inner.x"), ("invalid-field", "y")]
    assert faults(inner={}) == [("invalid-field", "inner.bin")]
    assert faults(inner=5) == [("invalid-field", "inner._schema")]


def test_faults_of_a_kind_of_their_own_come_first() -> None:
    assert faults(name="", currency="USD", bps=-1)[0] == ("unknown-currency", "currency")


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.lists(st.integers())))
def test_an_amount_is_either_taken_unchanged_or_refused(value: object) -> None:
    try:
        said = load(Everything(), {"amount": value})
    except FaultyFields:
        assert type(value) is not int or not 1 <= value <= UNITS_MAX
    else:
        assert type(value) is int
        assert said == {"amount": value}


def test_a_place_in_time_is_a_position_or_an_instant() -> None:
    assert load(Everything(), {"known": "17"}) == {"known": 17}
    assert load(Everything(), {"known": "2026-11-23T09:30:00+07:00"}) == {
        "known": datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    }


@pytest.mark.parametrize("value", [17, "-1", "1.0", "٣", "9" * 19, "2026-11-23", "2026-11-23T09:30:00", "", None])
def test_what_is_neither_position_nor_instant_is_refused(value: object) -> None:
    assert faults(known=value) == [("invalid-field", "known")]


def test_a_day_is_a_day() -> None:
    assert load(Everything(), {"day": "2026-11-23"}) == {"day": date(2026, 11, 23)}


@pytest.mark.parametrize("value", ["2026-02-30", "20261123", "2026-W48-1", "2026-11-23T00:00:00Z", "٢٠26-11-23", 5])
def test_what_is_no_day_is_refused(value: object) -> None:
    assert faults(day=value) == [("invalid-field", "day")]
