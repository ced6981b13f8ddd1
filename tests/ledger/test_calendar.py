"""Vietnamese bank days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from ledger.calendar import ICT, bank_day


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
