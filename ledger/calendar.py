"""Vietnamese bank time: Asia/Ho_Chi_Minh, fixed +07:00, no daylight saving (bank wire specification 1.2)."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Final

ICT: Final = timezone(timedelta(hours=7), "+07")


def bank_day(at: datetime) -> date:
    """The calendar day in Vietnam at this instant (an aware datetime)."""
    return at.astimezone(ICT).date()
