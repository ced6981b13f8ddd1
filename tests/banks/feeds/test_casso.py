"""Casso's proofs: its published vector, every byte changed, and the token and lists of v1."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from banks.feeds.casso import MOVEMENTS_MAX, Casso, CassoV1, sorted_json
from ledger.errors import SignatureInvalid, WebhookUnreadable
from ledger.money import Money
from tests.banks.feeds.access import account

KEY = "mgExMrjj4i7a1p8Cs6LmFbpCd8lbw4sSX4LZXPag7TKazeIogtR90tvWYTkwQbvs"
STAMP = "1727948258788"
DIGEST = (
    "ed0a4bd2e826d5cb69988cdb141e6c1a080e21f3b57eb72cd78192220042b9e7"
    "dde0868fc667faea8e224900fa7904e7c88dfa098032fb2d6b6996856e8b7ff3"
)
HEADERS = {"X-Casso-Signature": f"t={STAMP},v1={DIGEST}"}
BODY = (
    b'{"error":0,"data":{"id":0,"reference":"MA_GIAO_DICH_THU_NGHIEM","description":"giao dich thu nghiem",'
    b'"amount":599000,"runningBalance":25000000,"transactionDateTime":"2024-10-03 15:06:37",'
    b'"accountNumber":"88888888","bankName":"VPBank","bankAbbreviation":"VPB","virtualAccountNumber":"",'
    b'"virtualAccountName":"","counterAccountName":"NGUYEN VAN A","counterAccountNumber":"8888888888",'
    b'"counterAccountBankId":"970415","counterAccountBankName":"VietinBank"}}'
)


def feed(*keys: str, alone: bool = False) -> Casso:
    ours = account("casso", *keys or (KEY,), number="88888888")
    return Casso(ours, lambda: datetime(2025, 1, 1, tzinfo=UTC), alone=alone)


def refused(headers: dict[str, str], body: bytes = BODY) -> str:
    with pytest.raises(SignatureInvalid) as refusal:
        feed().verify_webhook(headers, body)
    return str(refusal.value)


def test_the_published_vector() -> None:
    feed().verify_webhook(HEADERS, BODY)
    feed("another-key-of-ours", KEY).verify_webhook({"x-casso-signature": HEADERS["X-Casso-Signature"]}, BODY)


def test_the_whole_body_is_signed_whatever_the_order_and_the_blanks() -> None:
    body = json.loads(BODY)
    other = {"data": dict(reversed(list(body["data"].items()))), "error": 0}
    feed().verify_webhook(HEADERS, json.dumps(other, indent=2).encode())
    refused(HEADERS, json.dumps(body["data"]).encode())
    refused(HEADERS, json.dumps(body | {"more": 1}).encode())


def test_the_test_message_of_casso_is_read_where_its_number_may_stand_in() -> None:
    (row,) = feed(alone=True).parse_webhook(BODY).lines
    assert (row.amount, row.account_number, row.bank_reference) == (Money(599_000), "88888888", "casso-0")
    assert (row.counterparty_name, row.counterparty_bank) == ("NGUYEN VAN A", "VietinBank")
    assert row.virtual_account is None
    with pytest.raises(WebhookUnreadable):
        feed().parse_webhook(BODY)


def test_a_change_of_any_byte_is_refused_with_the_same_words() -> None:
    words = refused({})
    for place in range(len(BODY)):
        changed = bytearray(BODY)
        changed[place] ^= 1
        assert refused(HEADERS, bytes(changed)) == words
    given = HEADERS["X-Casso-Signature"]
    for place in range(len(given)):
        changed = bytearray(given.encode())
        changed[place] ^= 1
        assert refused({"X-Casso-Signature": changed.decode()}) == words


@pytest.mark.parametrize(
    "value",
    [
        "",
        DIGEST,
        f"t={STAMP}",
        f"v1={DIGEST}",
        f"t={STAMP},v1={DIGEST[:-1]}",
        f"t={STAMP},v1={DIGEST}0",
        f"t={STAMP},v1={DIGEST.upper()}",
        f"t={STAMP}, v1={DIGEST}",
        f"t=,v1={DIGEST}",
        f"t={STAMP},v1={DIGEST},v1={DIGEST}",
    ],
)
def test_odd_headers_are_refused(value: str) -> None:
    assert refused({"X-Casso-Signature": value}) == refused({})


@pytest.mark.parametrize("body", [b"", b"[]", b'{"error":0,"error":0}', b'{"a":NaN}', b"\xff", b'{"a":"\\ud800"}'])
def test_a_body_that_two_readers_could_read_differently_is_refused(body: bytes) -> None:
    assert refused(HEADERS, body) == refused({})


def test_slashes_and_letters_are_signed_as_they_are() -> None:
    assert sorted_json({"b": "a/b Nguyễn", "a": [{"d": 1, "c": None}]}) == ('{"a":[{"c":null,"d":1}],"b":"a/b Nguyễn"}')


def test_an_error_is_not_booked() -> None:
    with pytest.raises(WebhookUnreadable, match="error is not 0"):
        feed(alone=True).parse_webhook(BODY.replace(b'"error":0', b'"error":1'))


# v1


def v1() -> CassoV1:
    ours = account("cassov1", "planted-casso-token-1", "planted-casso-token-0")
    return CassoV1(ours, lambda: datetime(2025, 1, 1, tzinfo=UTC), alone=False)


def row(number: int, amount: int = 150_000) -> dict[str, object]:
    return {
        "id": number,
        "tid": f"FT{number:014d}",
        "description": "SOCAI7K3M9Q2X",
        "amount": amount,
        "when": "2025-01-15 10:30:00",
        "bank_sub_acc_id": "0001234567890",
    }


def said(*rows: dict[str, object], error: int = 0) -> bytes:
    return json.dumps({"error": error, "data": list(rows)}).encode()


def test_either_token_proves_a_message_of_v1() -> None:
    for token in ("planted-casso-token-1", "planted-casso-token-0"):
        v1().verify_webhook({"Secure-Token": token}, b"")
    for headers in ({}, {"Secure-Token": ""}, {"Secure-Token": "planted"}, HEADERS):
        with pytest.raises(SignatureInvalid):
            v1().verify_webhook(headers, said(row(1)))


def test_several_movements_come_at_once() -> None:
    notice = v1().parse_webhook(said(row(1), row(2, -5_000), row(3)))
    assert notice.kind == "list"
    assert [(one.direction, one.amount) for one in notice.lines] == [
        ("credit", Money(150_000)),
        ("debit", Money(5_000)),
        ("credit", Money(150_000)),
    ]
    assert len({one.key for one in notice.lines}) == 3
    assert v1().parse_webhook(said()).lines == ()


def test_the_other_name_of_the_account_serves_too() -> None:
    other = row(1) | {"bank_sub_acc_id": None, "subAccId": "0001234567890"}
    (line,) = v1().parse_webhook(said(other)).lines
    assert line.account_number == "0001234567890"


def test_one_movement_that_cannot_be_read_keeps_the_whole_message() -> None:
    for bad in (row(2, 0), row(2) | {"tid": "MBVCB.1"}, row(2) | {"when": "today"}, row(2) | {"id": "2"}):
        with pytest.raises(WebhookUnreadable):
            v1().parse_webhook(said(row(1), bad))


def test_an_error_or_too_many_movements_are_not_booked() -> None:
    with pytest.raises(WebhookUnreadable):
        v1().parse_webhook(said(row(1), error=1))
    with pytest.raises(WebhookUnreadable):
        v1().parse_webhook(said(*[row(1)] * (MOVEMENTS_MAX + 1)))
