"""The fields of MB's rows and notices that are MB's own: times in milliseconds, references, account numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from banks.row_fields import RowUnreadable


def epoch(value: int | str | None, field: str) -> datetime:
    """An aware UTC instant from whole milliseconds since 1970, in the years 2001 to 2099."""
    text = str(value)
    if not re.fullmatch(r"[1-3]\d{12}|9[89]\d{10}", text, re.ASCII):
        raise RowUnreadable(f"{field}: not milliseconds since 1970")
    seconds, rest = divmod(int(text), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def reference_of(text: str, field: str) -> str:
    """The bank's reference, cut at the backslash that one feed puts behind it (3.2.3)."""
    bare = text.partition("\\")[0].strip()
    if not re.fullmatch(r"[!-~]{1,64}", bare):
        raise RowUnreadable(f"{field}: missing, so the row cannot be told from others")
    return bare


def account_of(number: str, field: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z]{1,19}", number):
        raise RowUnreadable(f"{field}: not an account number")
    return number
