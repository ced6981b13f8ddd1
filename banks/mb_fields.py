"""The fields of MB's rows and notices: amounts, times, references and account numbers, each in one place (1.1, 1.2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from ledger.calendar import ICT
from ledger.errors import InvalidAmount
from ledger.money import Money, from_bank, positive

T = TypeVar("T")


class RowUnreadable(Exception):
    """A row that gives no StatementRow. The message names the field and quotes nothing."""


def convert(item: object, shape: type[T]) -> T:
    try:
        return msgspec.convert(item, shape)
    except msgspec.ValidationError as error:
        raise RowUnreadable(str(error)) from None


def amount_of(value: int | str, field: str) -> Money:
    try:
        return positive(from_bank(value))
    except InvalidAmount:
        raise RowUnreadable(f"{field}: not a whole amount above zero") from None


def instant(text: str, shape: str, form: str, field: str) -> datetime:
    """An aware UTC instant from Vietnamese time in this form."""
    try:
        if re.fullmatch(shape, text, re.ASCII) is None:
            raise ValueError
        return datetime.strptime(text, form).replace(tzinfo=ICT).astimezone(UTC)
    except ValueError:
        raise RowUnreadable(f"{field}: not a time of this century in the bank's form") from None


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


def short(text: str, field: str) -> str:
    if len(text) > 100:
        raise RowUnreadable(f"{field}: more than 100 characters")
    return text
