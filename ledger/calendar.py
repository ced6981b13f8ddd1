"""Vietnamese bank time: Asia/Ho_Chi_Minh, fixed +07:00, no daylight saving (bank wire specification 1.2).

`data/holidays.csv` lists the public holidays that are no Saturday or Sunday (`day,name,source`). In a year it does not
know there are weekends only: an order sent on a holiday then waits at the bank.
"""

from __future__ import annotations

import csv
import re
from datetime import date, datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Final

ICT: Final = timezone(timedelta(hours=7), "+07")
SATURDAY: Final = 5


def bank_day(at: datetime) -> date:
    """The calendar day in Vietnam at this instant (an aware datetime)."""
    return at.astimezone(ICT).date()


def is_working_day(day: date) -> bool:
    """Whether banks clear payments on this day: Monday to Friday, and no public holiday."""
    return day.weekday() < SATURDAY and day not in _holidays()


def day_written(text: str) -> date:
    """The day of this century or a later one that is written as 2026-11-23. Raises ValueError for anything else."""
    if not re.fullmatch(r"2\d{3}-\d\d-\d\d", text, re.ASCII):
        raise ValueError("this is not a day")
    return date.fromisoformat(text)


@cache
def _holidays() -> frozenset[date]:
    text = files("ledger").joinpath("data", "holidays.csv").read_text(encoding="utf-8")
    return frozenset(day_written(row["day"]) for row in csv.DictReader(text.splitlines()))
