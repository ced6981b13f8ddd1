"""Numbers and times in MB's answers."""

from __future__ import annotations

from datetime import UTC, date, datetime

from banks.simulator.mb.statements import instant, retrieval_reference
from banks.simulator.records import Movement

AT = datetime(2025, 1, 15, 18, 30, 5, tzinfo=UTC)


def test_an_instant_is_told_in_vietnam() -> None:
    assert instant(AT) == "2025-01-16 01:30:05"


def test_a_retrieval_reference_is_year_digit_day_hour_and_trace() -> None:
    movement = Movement(
        reference="FT",
        account="1",
        trace="101151",
        at=AT,
        effective_on=date(2025, 1, 16),
        direction="debit",
        amount=1,
        balance_after=0,
        memo="",
        product="napas",
    )
    assert retrieval_reference(movement) == "501601101151"
