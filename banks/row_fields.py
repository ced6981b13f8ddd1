"""The fields of statement rows and notices that several banks write alike: amounts and times (1.1, 1.2)."""

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


class RowContradicts(RowUnreadable):
    """A row of the shape we know that cannot be true, or is none of ours: the bank's contract has not changed."""


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


def short(text: str, field: str) -> str:
    if len(text) > 100:
        raise RowUnreadable(f"{field}: more than 100 characters")
    return text
