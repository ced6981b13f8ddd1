"""Histories that are asked for day by day and page by page: a cursor names the day and the page, `2025-01-15.2`.

A day by itself keeps the pages short, so that a row which arrives while we read shifts few others.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from ledger.errors import InvalidCursor

PAGES_MAX: Final = 1000
"""Our own bound on the pages of one day."""


def place_of(cursor: str | None, day_from: date, day_to: date) -> tuple[date, int]:
    """The day and page to read; the first ones without a cursor. Raises InvalidCursor."""
    if cursor is None:
        return day_from, 1
    match = re.fullmatch(r"(\d{4}-\d{2}-\d{2})\.([1-9]\d{0,3})", cursor, re.ASCII)
    try:
        day = date.fromisoformat(match[1]) if match else None
    except ValueError:
        day = None
    if match is None or day is None or not day_from <= day <= day_to or int(match[2]) > PAGES_MAX:
        raise InvalidCursor("Start again without a cursor; this one is not from this history.", field="cursor")
    return day, int(match[2])


def cursor_after(day: date, page: int, pages: int, day_to: date) -> str | None:
    """The cursor of what follows this page of a day that has `pages` of them; None at the end."""
    if page < pages:
        return f"{day.isoformat()}.{page + 1}"
    if day < day_to:
        return f"{(day + timedelta(days=1)).isoformat()}.1"
    return None
