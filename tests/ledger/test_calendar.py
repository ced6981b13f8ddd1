"""Vietnamese bank days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from ledger.calendar import ICT, bank_day, day_written, is_working_day


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 23, 16, 59, 59, 999_999, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 17, 0, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 12, 31, 17, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2026, 11, 23, 0, 0, tzinfo=ICT), date(2026, 11, 23)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=timezone(timedelta(hours=-5))), date(2026, 11, 23)),
    ],
)
def test_a_bank_day_begins_at_midnight_in_vietnam(at: datetime, day: date) -> None:
    assert bank_day(at) == day


def test_there_is_no_daylight_saving() -> None:
    offsets = {datetime(2026, month, 1, tzinfo=ICT).utcoffset() for month in range(1, 13)}
    assert offsets == {timedelta(hours=7)}


def test_a_day_is_written_in_one_way() -> None:
    assert day_written("2026-11-23") == date(2026, 11, 23)


@pytest.mark.parametrize("text", ["", "2026-1-3", "20261123", "2026-W48-1", "2026-02-30", "1026-11-23", "2026-11-23 "])
def test_what_is_no_day_or_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="day"):
        day_written(text)


def test_digits_of_other_scripts_are_none() -> None:
    with pytest.raises(ValueError, match="day"):
        day_written("202６-11-23")


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 27), True),
        (date(2026, 11, 28), False),
        (date(2026, 11, 29), False),
        (date(2026, 11, 30), True),
        (date(2026, 2, 17), False),
        (date(2026, 4, 26), False),
        (date(2026, 4, 27), False),
        (date(2026, 9, 2), False),
        (date(2027, 1, 1), False),
        (date(2099, 9, 2), True),
    ],
)
def test_banks_clear_on_weekdays_that_are_no_public_holiday(day: date, works: bool) -> None:
    assert is_working_day(day) is works
