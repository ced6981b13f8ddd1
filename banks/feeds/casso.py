"""Casso, chapter 9.2 of the bank wire specification: v2 signs its message, v1 sends a token and several movements.

The signature of v2 is over the whole body with its keys sorted and no blanks, so the body is read first, strictly, and
written again. Amounts carry a sign: below zero is money out (for v2 [assumed]).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import msgspec

from banks.feeds.feed import Feed, Told, balance, header, read_object, signed_amount
from banks.signatures import key_matches
from banks.strict_json import Json, NotJson

MOVEMENTS_MAX: Final = 1000


class _V1Row(msgspec.Struct):
    id: int
    amount: int | str
    when: str
    description: str | None
    tid: str | None = None
    bank_sub_acc_id: str | None = None
    subAccId: str | None = None  # the name on the wire
    cusum_balance: int | str | None = None
    virtualAccount: str | None = None
    corresponsiveName: str | None = None
    corresponsiveAccount: str | None = None
    corresponsiveBankName: str | None = None


class _V1(msgspec.Struct):
    error: int
    data: list[_V1Row]


class _V2Row(msgspec.Struct, rename="camel"):
    id: int
    reference: str | None
    description: str | None
    amount: int | str
    transaction_date_time: str
    account_number: str
    running_balance: int | str | None = None
    virtual_account_number: str | None = None
    counter_account_name: str | None = None
    counter_account_number: str | None = None
    counter_account_bank_name: str | None = None


class _V2(msgspec.Struct):
    error: int
    data: _V2Row


class Casso(Feed):
    """Casso v2: one movement, HMAC-SHA512. The time in the header is signed but bounds nothing: how long Casso repeats
    a message is not published, and a repeated movement has the key it had before.
    """

    code: ClassVar[str] = "casso"
    name: ClassVar[str] = "Casso"

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        match = re.fullmatch(r"t=(\d{1,16}),v1=([0-9a-f]{128})", header(headers, "x-casso-signature"), re.ASCII)
        try:
            text = sorted_json(read_object(raw_body))
        except NotJson:
            raise self.refusal() from None
        if match is None or not self.signed(match[2], "sha512", f"{match[1]}.{text}".encode()):
            raise self.refusal()

    def told(self, body: Mapping[str, Json]) -> tuple[str, Sequence[Told]]:
        message = msgspec.convert(body, _V2)
        if message.error != 0:
            raise NotJson("error is not 0")
        row = message.data
        direction, amount = signed_amount(row.amount)
        told = Told(
            account_number=row.account_number,
            own_id=str(row.id),
            reference=row.reference or "",
            direction=direction,
            amount=amount,
            when=row.transaction_date_time,
            memo=row.description or "",
            counterparty_name=row.counter_account_name or "",
            counterparty_account=row.counter_account_number or "",
            counterparty_bank=row.counter_account_bank_name or "",
            virtual_account=row.virtual_account_number or "",
            balance_after=balance(row.running_balance),
        )
        return told.own_id, [told]


class CassoV1(Feed):
    """Casso v1: a list of movements, proven by a token of ours in `secure-token`."""

    code: ClassVar[str] = "cassov1"
    name: ClassVar[str] = "Casso"

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        del raw_body
        if not key_matches([header(headers, "secure-token")], [key.reveal() for key in self._keys]):
            raise self.refusal()

    def told(self, body: Mapping[str, Json]) -> tuple[str, Sequence[Told]]:
        message = msgspec.convert(body, _V1)
        if message.error != 0 or len(message.data) > MOVEMENTS_MAX:
            raise NotJson(f"error is not 0, or more than {MOVEMENTS_MAX} movements")
        return "-".join(str(row.id) for row in message.data[:3]), [_told(row) for row in message.data]


def sorted_json(value: object) -> str:
    """The text that v2 signs: keys sorted at every depth, no blanks, letters and slashes as they are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _told(row: _V1Row) -> Told:
    direction, amount = signed_amount(row.amount)
    return Told(
        account_number=row.bank_sub_acc_id or row.subAccId or "",
        own_id=str(row.id),
        reference=row.tid or "",
        direction=direction,
        amount=amount,
        when=row.when,
        memo=row.description or "",
        counterparty_name=row.corresponsiveName or "",
        counterparty_account=row.corresponsiveAccount or "",
        counterparty_bank=row.corresponsiveBankName or "",
        virtual_account=row.virtualAccount or "",
        balance_after=balance(row.cusum_balance),
    )
