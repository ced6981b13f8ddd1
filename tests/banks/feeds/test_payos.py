"""payOS's proof: its published vector, every field changed, and what is not a payment."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from banks.feeds.payos import Payos, signed_text
from ledger.errors import SignatureInvalid, WebhookUnreadable
from ledger.money import Money
from tests.banks.feeds.access import account

SIGNATURE = "302b3becca1672dff99daafae2965f40e48ea3ca39453e4bf37fbcc26807a0e8"
DATA: dict[str, Any] = {
    "orderCode": 0,
    "amount": 20000,
    "description": "thanh toan",
    "accountNumber": "0123456789",
    "reference": "FT-REFERENCE",
    "transactionDateTime": "2025-12-12 09:00:00",
    "currency": "VND",
    "paymentLinkId": "payment-link-id",
    "code": "00",
    "desc": "success",
    "counterAccountBankId": "01202001",
    "counterAccountBankName": "",
    "counterAccountName": "NGUYEN VAN A",
    "counterAccountNumber": "9876543210",
    "virtualAccountName": "",
    "virtualAccountNumber": "",
}
TEXT = (
    "accountNumber=0123456789&amount=20000&code=00&counterAccountBankId=01202001&counterAccountBankName="
    "&counterAccountName=NGUYEN VAN A&counterAccountNumber=9876543210&currency=VND&desc=success"
    "&description=thanh toan&orderCode=0&paymentLinkId=payment-link-id&reference=FT-REFERENCE"
    "&transactionDateTime=2025-12-12 09:00:00&virtualAccountName=&virtualAccountNumber="
)


def body(signature: object = SIGNATURE, **changes: object) -> bytes:
    data = {name: value for name, value in (DATA | changes).items() if value != "left out"}
    return json.dumps({"code": "00", "desc": "success", "success": True, "data": data, "signature": signature}).encode()


def feed(*keys: str, alone: bool = True) -> Payos:
    ours = account("payos", *keys or ("test_checksum_key",), bank="techcombank", number="0123456789")
    return Payos(ours, lambda: datetime(2025, 12, 12, tzinfo=UTC), alone=alone)


def refused(raw: bytes) -> str:
    with pytest.raises(SignatureInvalid) as refusal:
        feed().verify_webhook({}, raw)
    return str(refusal.value)


def test_the_published_vector() -> None:
    assert signed_text(DATA) == TEXT
    feed().verify_webhook({}, body())
    feed("another-key-of-ours", "test_checksum_key").verify_webhook({}, body())
    notice = feed().parse_webhook(body())
    (row,) = notice.lines
    assert notice.trace == "payment-link-id"
    assert (row.amount, row.direction, row.account_number) == (Money(20_000), "credit", "0123456789")
    assert row.bank_reference == "payos-FT-REFERENCE-payment-link-id"
    assert (row.counterparty_name, row.counterparty_account, row.counterparty_bank) == (
        "NGUYEN VAN A",
        "9876543210",
        None,
    )


def test_what_is_null_is_signed_as_nothing() -> None:
    for empty in (None, "null", "undefined", ""):
        feed().verify_webhook({}, body(counterAccountBankName=empty, virtualAccountName=empty))
    assert signed_text({"b": [{"d": 1, "c": None}], "a": True, "c": 1}) == 'a=true&b=[{"c":null,"d":1}]&c=1'


@pytest.mark.parametrize("name", DATA)
def test_every_field_of_data_is_signed(name: str) -> None:
    words = refused(b"{}")
    for value in ("changed", 7, "left out"):
        assert refused(body(**{name: value})) == words
    assert refused(body(more="1")) == words


def test_a_signature_changed_in_any_sign_is_refused() -> None:
    for place in range(len(SIGNATURE)):
        changed = bytearray(SIGNATURE.encode())
        changed[place] ^= 1
        assert refused(body(changed.decode())) == refused(b"{}")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"\xff",
        body(None),
        body(""),
        body(7),
        body(SIGNATURE.upper()),
        b'{"data":[],"signature":""}',
        body().replace(b'"amount": 20000', b'"amount": 20000.0'),
        body().replace(b'"amount": 20000', b'"amount": 20000, "amount": 20000'),
    ],
)
def test_odd_bodies_are_refused_with_the_same_words(raw: bytes) -> None:
    assert refused(raw) == refused(b"{}")


@pytest.mark.parametrize(
    "changes", [{"code": "01"}, {"currency": "USD"}, {"amount": 0}, {"amount": -5}, {"accountNumber": None}]
)
def test_what_is_not_a_payment_that_succeeded_is_not_booked(changes: dict[str, object]) -> None:
    with pytest.raises(WebhookUnreadable):
        feed().parse_webhook(body(**changes))
    with pytest.raises(WebhookUnreadable):
        feed().parse_webhook(body().replace(b'"code": "00", "desc"', b'"code": "20", "desc"', 1))
    with pytest.raises(WebhookUnreadable):
        feed().parse_webhook(body().replace(b"true", b"false"))


def test_without_the_bank_reference_a_payment_is_kept_where_the_bank_tells_of_it_too() -> None:
    with pytest.raises(WebhookUnreadable, match="cannot be told"):
        feed(alone=False).parse_webhook(body())
