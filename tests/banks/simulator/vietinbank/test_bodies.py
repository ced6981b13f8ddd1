"""Days and times as VietinBank writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from banks.simulator.refusals import Malformed
from banks.simulator.vietinbank.bodies import day, instant


def test_times_are_vietnams() -> None:
    assert instant("20250115100000", "x") == datetime(2025, 1, 15, 3, tzinfo=UTC)
    assert day("15/01/2025", "x") == date(2025, 1, 15)


@pytest.mark.parametrize("text", ["20251315100000", "20250115250000", "2025"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="x"):
        instant(text, "x")


@pytest.mark.parametrize("text", ["31/02/2025", "2025-01-15"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="x"):
        day(text, "x")
