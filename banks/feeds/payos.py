"""payOS, chapter 9.3 of the bank wire specification: a payment of a link, signed over the fields of `data`.

payOS tells of incoming money only. The test message it sends when an address is registered names an account that is not
ours; it is kept like everything else that cannot be booked, and answered with success.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from banks.feeds.feed import Feed, Told, plain_amount, read_object
from banks.strict_json import Json, NotJson


class _Data(msgspec.Struct, rename="camel"):
    order_code: int
    amount: int | str
    account_number: str
    reference: str
    transaction_date_time: str
    payment_link_id: str
    currency: str
    code: str
    description: str | None = None
    counter_account_name: str | None = None
    counter_account_number: str | None = None
    counter_account_bank_name: str | None = None
    virtual_account_number: str | None = None


class _Message(msgspec.Struct):
    code: str
    data: _Data
    success: bool = True


class Payos(Feed):
    """payOS, HMAC-SHA256 with the checksum key."""

    code: ClassVar[str] = "payos"
    name: ClassVar[str] = "payOS"

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        del headers
        try:
            body = read_object(raw_body)
        except NotJson:
            raise self.refusal() from None
        data, given = body.get("data"), body.get("signature")
        if not isinstance(data, dict) or not isinstance(given, str):
            raise self.refusal()
        if not self.signed(given, "sha256", signed_text(data).encode()):
            raise self.refusal()

    def told(self, body: Mapping[str, Json]) -> tuple[str, Sequence[Told]]:
        message = msgspec.convert(body, _Message)
        data = message.data
        if (message.code, data.code, data.currency, message.success) != ("00", "00", "VND", True):
            raise NotJson("not a payment in VND that succeeded")
        told = Told(
            account_number=data.account_number,
            own_id=f"{data.reference}-{data.payment_link_id}",
            reference=data.reference,
            direction="credit",
            amount=plain_amount(data.amount),
            when=data.transaction_date_time,
            memo=data.description or "",
            counterparty_name=data.counter_account_name or "",
            counterparty_account=data.counter_account_number or "",
            counterparty_bank=data.counter_account_bank_name or "",
            virtual_account=data.virtual_account_number or "",
        )
        return data.payment_link_id, [told]


def signed_text(data: Mapping[str, Json]) -> str:
    """The text that payOS signs: `key=value` by key, joined with `&`, nothing encoded; what is null is empty."""
    return "&".join(f"{key}={_written(data[key])}" for key in sorted(data))


def _written(value: Json) -> str:
    if value is None or value in ("null", "undefined"):
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
