"""Cursors of a history that is read day by day: they lead through every page, and strange ones are refused."""

from __future__ import annotations

from datetime import date

import pytest

from banks.day_pages import PAGES_MAX, cursor_after, place_of
from ledger.errors import InvalidCursor

FIRST, LAST = date(2025, 1, 31), date(2025, 2, 2)


def test_the_cursors_lead_through_every_page_of_every_day() -> None:
    pages = {date(2025, 1, 31): 2, date(2025, 2, 1): 0, date(2025, 2, 2): 1}
    walked, cursor = [], None
    for _ in range(10):
        day, page = place_of(cursor, FIRST, LAST)
        walked.append((day, page))
        cursor = cursor_after(day, page, pages[day], LAST)
        if cursor is None:
            break
    assert walked == [(date(2025, 1, 31), 1), (date(2025, 1, 31), 2), (date(2025, 2, 1), 1), (date(2025, 2, 2), 1)]


@pytest.mark.parametrize(
    "cursor", ["", "x", "2025-02-01", "2025-02-01.0", "2025-13-01.1", "2025-02-03.1", "2025-01-30.1", "2025-02-01.9999"]
)
def test_a_cursor_from_elsewhere_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        place_of(cursor, FIRST, LAST)


def test_the_last_page_a_day_may_have_is_reached() -> None:
    assert place_of(f"2025-02-01.{PAGES_MAX}", FIRST, LAST) == (date(2025, 2, 1), PAGES_MAX)
