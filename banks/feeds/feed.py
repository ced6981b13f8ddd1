"""What every aggregator feed is: a message with a proof of its origin, and the movements it tells of.

A feed tells of the same money as the bank's own push and history, so a row carries the reference that the bank itself
uses wherever the aggregator passes it on, and the three merge by `StatementRow.key`. The text of a transfer and the
aggregator's own numbers are no help there: they differ from feed to feed. An aggregator's number stands in only at a
bank that tells of no movements itself, where nothing else could give the money a second key.
"""

from __future__ import annotations

import hmac
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Final, TypeVar

import msgspec

from banks.accounts import BankAccount
from banks.bank import Acknowledgement, BankNotice, Direction, StatementRow
from banks.drift import unreadable
from banks.strict_json import Json, NotJson, parse
from ledger.calendar import ICT, bank_day
from ledger.errors import (
    Invalid,
    InvalidAmount,
    InvalidBankAccounts,
    Malformed,
    Problem,
    SignatureInvalid,
    Unauthenticated,
    WebhookUnreadable,
)
from ledger.money import Money, from_bank, positive

SIZE_MAX: Final = 256 * 1024

BANK_REFERENCES: Final[Mapping[str, str]] = {
    "mb": r"FT\d{14}",
    "mbdn": r"FT\d{14}",
    "techcombank": r"FT\d{14}",
}
"""The shape of the reference that a bank's own feeds carry and aggregators pass on unchanged (3.1.6, 5.1.7, 9.1).

At a bank that is not listed an aggregator's reference is not known to be the bank's.
"""

BANK_SUFFIX: Final = "\\BNK"
"""What Techcombank puts behind the references of credits (5.2)."""

T = TypeVar("T")


class RowUnreadable(Exception):
    """A movement that gives no StatementRow. The message names the field and quotes nothing."""


class ReferenceUnknown(RowUnreadable):
    """An aggregator passed on a piece of text in place of the bank's reference, as some do; no contract has changed."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One movement in an aggregator's words. `own_id` is the aggregator's number of it, `reference` what it passes on
    as the bank's; `when` is `yyyy-MM-dd HH:mm:ss` in Vietnam. Hides itself.
    """

    account_number: str
    own_id: str
    reference: str
    direction: Direction
    amount: Money
    when: str
    memo: str
    counterparty_name: str = ""
    counterparty_account: str = ""
    counterparty_bank: str = ""
    virtual_account: str = ""
    balance_after: Money | None = None

    def __repr__(self) -> str:
        return f"Told({self.direction}, {self.amount})"

    __str__ = __repr__


class Feed(ABC):
    """One aggregator's messages about one account of ours. Safe to share between threads.

    `alone` says that the account's bank tells of no movements itself; `clock` gives aware instants. Raises
    InvalidBankAccounts where an aggregator's movements could not be told from the bank's own.
    """

    code: ClassVar[str]
    name: ClassVar[str]

    def __init__(self, account: BankAccount, clock: Callable[[], datetime], *, alone: bool) -> None:
        self.account = account
        self._keys = account.feed.keys if account.feed is not None else ()
        self._clock = clock
        self._shape = BANK_REFERENCES.get(account.bank)
        self._alone = alone
        if self._shape is None and not alone:
            raise InvalidBankAccounts(
                "The bank tells of this account's movements itself, under references that no aggregator is known to"
                " pass on: leave its feed out.",
                field=f"{account.id}.feed",
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    @abstractmethod
    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        """Whether the aggregator sent this. Raises SignatureInvalid, with the same words for every cause."""

    @abstractmethod
    def told(self, body: Mapping[str, Json]) -> tuple[str, Sequence[Told]]:
        """The aggregator's number of the message, and the movements in it. Raises NotJson, RowUnreadable, and
        msgspec.ValidationError.
        """

    def parse_webhook(self, raw_body: bytes) -> BankNotice:
        """What an authentic body says; verify first. Raises WebhookUnreadable naming the place, quoting nothing.

        Where a message tells of several accounts, the movements of ours are taken: the others have feeds of their own.
        """
        try:
            trace, movements = self.told(read_object(raw_body))
            ours = [one for one in movements if one.account_number == self.account.account_number]
            lines = tuple(self._row(one) for one in ours or movements)
        except ReferenceUnknown as error:
            raise WebhookUnreadable(f"The message cannot be told from others: {error}.", field="body") from None
        except (NotJson, RowUnreadable, msgspec.ValidationError) as error:
            raise unreadable("The message cannot be understood", error) from None
        return BankNotice(lines=lines, trace=trace, kind="movement" if len(lines) == 1 else "list")

    def acknowledge(self, problem: Problem | None) -> Acknowledgement:
        """What the aggregator is answered. It comes again after anything that is not 200."""
        status = 200
        if problem is not None:
            families = (Unauthenticated, 401), (Malformed, 400), (Invalid, 400)
            status = next((http for family, http in families if isinstance(problem, family)), 503)
        return Acknowledgement(status, b'{"success":true}' if status == 200 else b'{"success":false}')

    def refusal(self) -> SignatureInvalid:
        """What every unproven message gets, whatever was wrong with it."""
        return SignatureInvalid(f"This is not proven to come from {self.name}.", field="signature")

    def signed(self, given: str, digest: str, message: bytes) -> bool:
        """Whether `given` (hex) is the HMAC of `message` under one of our keys; every key is tried, in constant
        time.
        """
        matches = False
        for key in self._keys:
            mine = hmac.digest(key.reveal().encode(), message, digest).hex()
            matches |= hmac.compare_digest(given.encode("utf-8", "surrogateescape"), mine.encode())
        return matches

    def _row(self, told: Told) -> StatementRow:
        booked_at = vietnam_instant(told.when)
        return StatementRow(
            account_number=told.account_number,
            bank_reference=self._reference(told),
            direction=told.direction,
            amount=told.amount,
            booked_at=booked_at,
            bank_time=told.when,
            value_date=bank_day(booked_at),
            source="webhook",
            memo=told.memo,
            counterparty_name=told.counterparty_name or None,
            counterparty_account=told.counterparty_account or None,
            counterparty_bank=told.counterparty_bank or None,
            virtual_account=told.virtual_account or None,
            balance_after=told.balance_after,
        )

    def _reference(self, told: Told) -> str:
        given = told.reference.strip().removesuffix(BANK_SUFFIX)
        if self._shape is not None and re.fullmatch(self._shape, given, re.ASCII):
            return given
        if self._alone and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", told.own_id):
            return f"{self.code}-{told.own_id}"
        raise ReferenceUnknown("the reference is not the bank's, so the movement cannot be told from others")


def read_object(raw_body: bytes) -> Mapping[str, Json]:
    """The JSON object in a body. Raises NotJson."""
    body = parse(raw_body, size_max=SIZE_MAX)
    if not isinstance(body, dict):
        raise NotJson("not an object")
    return body


def header(headers: Mapping[str, str], name: str) -> str:
    """The value of a header whose name may come in any case; "" when it is missing or there twice."""
    found = [value for key, value in headers.items() if key.lower() == name]
    return found[0] if len(found) == 1 else ""


def signed_amount(value: int | str) -> tuple[Direction, Money]:
    """Direction and amount where the sign tells the direction (1.1). Raises RowUnreadable."""
    text = str(value)
    return ("debit", plain_amount(text[1:])) if text.startswith("-") else ("credit", plain_amount(value))


def plain_amount(value: int | str) -> Money:
    """An amount above zero. Raises RowUnreadable."""
    try:
        return positive(from_bank(value))
    except InvalidAmount:
        raise RowUnreadable("amount: not a whole amount above zero") from None


def balance(value: int | str | None) -> Money | None:
    """A running balance; None where there is none above zero, since aggregators write 0 for "not known"."""
    try:
        return positive(from_bank(value)) if value is not None else None
    except InvalidAmount:
        return None


def vietnam_instant(text: str) -> datetime:
    """An aware UTC instant from `yyyy-MM-dd HH:mm:ss`, which is Vietnamese time (1.2). Raises RowUnreadable for
    anything else and for years outside 2000 to 2099.
    """
    try:
        if re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", text, re.ASCII) is None:
            raise ValueError
        return datetime.fromisoformat(text).replace(tzinfo=ICT).astimezone(UTC)
    except ValueError:
        raise RowUnreadable("time: not yyyy-MM-dd HH:mm:ss") from None
