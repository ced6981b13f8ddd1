"""SePay, chapter 9.1 of the bank wire specification: one movement a message, proven by HMAC or by an API key.

Without a proof, or by OAuth, nothing is taken. `referenceCode` is the bank's reference or a piece of the transfer's
text; which of the two is decided by its shape (`banks/feeds/feed.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Literal

import msgspec

from banks.feeds.feed import Feed, Told, balance, header, plain_amount
from banks.signatures import key_matches
from banks.strict_json import Json

AGE_MAX_S: Final = 300
"""How far a message's timestamp may be from our clock, either way."""


class _Message(msgspec.Struct, rename="camel"):
    id: int
    transaction_date: str
    account_number: str
    content: str | None
    transfer_type: Literal["in", "out"]
    transfer_amount: int | str
    reference_code: str | None = None
    sub_account: str | None = None
    accumulated: int | str | None = None


class _Sepay(Feed):
    name: ClassVar[str] = "SePay"

    def told(self, body: Mapping[str, Json]) -> tuple[str, Sequence[Told]]:
        message = msgspec.convert(body, _Message)
        told = Told(
            account_number=message.account_number,
            own_id=str(message.id),
            reference=message.reference_code or "",
            direction="credit" if message.transfer_type == "in" else "debit",
            amount=plain_amount(message.transfer_amount),
            when=message.transaction_date,
            memo=message.content or "",
            virtual_account=message.sub_account or "",
            balance_after=balance(message.accumulated),
        )
        return told.own_id, [told]


class Sepay(_Sepay):
    """SePay with HMAC-SHA256 over time and raw body."""

    code: ClassVar[str] = "sepay"

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        stamp = header(headers, "x-sepay-timestamp")
        given = header(headers, "x-sepay-signature")
        proven = given.startswith("sha256=") and self.signed(
            given.removeprefix("sha256="), "sha256", stamp.encode("utf-8", "surrogateescape") + b"." + raw_body
        )
        if not proven or not re.fullmatch(r"\d{1,12}", stamp, re.ASCII):
            raise self.refusal()
        if abs(self._clock().timestamp() - int(stamp)) > AGE_MAX_S:
            raise self.refusal()


class SepayKey(_Sepay):
    """SePay with an API key, which proves the sender and nothing about the body."""

    code: ClassVar[str] = "sepaykey"

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        del raw_body
        word, _, given = header(headers, "authorization").partition(" ")
        if word != "Apikey" or not key_matches([given], [key.reveal() for key in self._keys]):
            raise self.refusal()
