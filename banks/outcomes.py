"""What a bank order can end in, as a closed set of values: banks do not raise for business.

Only explicit words of a bank decide success or failure; whatever is not listed is `Unknown`, and an order whose outcome
is unknown is asked about and never sent again. Match exhaustively and let `assert_never` find the forgotten case.
The classes and their meaning are chapter 1.3 of the bank wire specification.

Every field may be logged: reasons and whys are words from this project, codes are cut to letters and digits, and no
text of a bank (which may name a person) is carried along.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TypeAlias

import msgspec


class Reason(StrEnum):
    """Why a bank declined, as far as its answer tells."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    BENEFICIARY_NAME = "beneficiary_name"
    BENEFICIARY_ACCOUNT = "beneficiary_account"
    LIMIT = "limit"
    BANK_AWAY = "bank_away"
    """The receiving bank, or the rail, was away; the order was refused because of it."""
    BAD_FORMAT = "bad_format"
    BAD_SIGNATURE = "bad_signature"
    NOT_ALLOWED = "not_allowed"
    """Our address, product or account is not admitted: people must talk to the bank."""
    REFUSED = "refused"
    """The bank refused in words we hold no finer reason for."""


class Misfit(msgspec.Struct, frozen=True):
    """An answer that is of no shape we know: the path of the field, what was expected there (no value is quoted), and
    what came. Shows no more than the place.
    """

    place: str
    expected: str
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Misfit({self.place})"

    __str__ = __repr__


class Accepted(msgspec.Struct, frozen=True, tag="accepted"):
    """The bank has the order; money is not certain yet. `bank_reference` is None while the bank has given none."""

    bank_reference: str | None


class Executed(msgspec.Struct, frozen=True, tag="executed"):
    """The bank says the money went. `bank_reference` is its number of the movement, None if it gave none."""

    bank_reference: str | None


class Declined(msgspec.Struct, frozen=True, tag="declined"):
    """The bank says finally that no money moved. `bank_code` is its own code or status word."""

    reason: Reason
    bank_code: str


class NotSent(msgspec.Struct, frozen=True, tag="not_sent"):
    """Certainly nothing happened: the order never left us, or was turned away before anybody looked at it."""

    why: str


class NotFound(msgspec.Struct, frozen=True, tag="not_found"):
    """The bank does not know our id. Final only by the figures of `Bank.not_found_final`."""


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """May or may not have happened. Never a reason to send again, nor to release the money held. `misfit` where the
    answer does not fit what we know of the bank, which people have to see to.
    """

    why: str
    misfit: Misfit | None = None


Outcome: TypeAlias = Accepted | Executed | Declined | NotSent | NotFound | Unknown


def loggable_code(code: object) -> str:
    """A bank's code as it may be logged and stored: up to 24 letters, digits, `_` and `-`; "unreadable" otherwise."""
    text = str(code)
    return text if re.fullmatch(r"[A-Za-z0-9_-]{1,24}", text) else "unreadable"
