"""Vietnamese bank time: Asia/Ho_Chi_Minh, fixed +07:00, no daylight saving (bank wire specification 1.2)."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Final

ICT: Final = timezone(timedelta(hours=7), "+07")


def bank_day(at: datetime) -> date:
    """The calendar day in Vietnam at this instant (an aware datetime)."""
    return at.astimezone(ICT).date()


def day_written(text: str) -> date:
    """The day of this century or a later one that is written as 2026-11-23. Raises ValueError for anything else."""
    if not re.fullmatch(r"2\d{3}-\d\d-\d\d", text, re.ASCII):
        raise ValueError("this is not a day")
    return date.fromisoformat(text)
