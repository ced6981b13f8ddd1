"""VietinBank's signatures: the published check values, every field that is signed, and answers taken apart."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from banks.strict_json import NotJson
from banks.transport import Answer
from banks.vietinbank_calls import (
    BALANCE,
    ENQUIRY,
    NAME,
    STATEMENT,
    TIME_LIMITS,
    TRANSFER,
    Call,
    is_signed,
    plain_text,
    said,
    signed_body,
)
from banks.vietinbank_orders import order_fields
from tests.banks.vietinbank.wire import ORDER, account, given, key

NAME_FIELDS = {"requestId": "SOCAIQ20250115100000001", "account": "12345678", "bankId": "970416"}
NAME_PLAIN = "SOCAIQ20250115100000001SOCAI12345678970416203.0.113.7WEB1.0vi"
NAME_SHA256 = "8d7dbe6add5689e6e80e3fb47b3a7008aae886610de09cc7e7cbd134b1e6488e"
TRANSFER_PLAIN = (
    "SOCAIR20250115100001001SOCAI23ERP-SOCAImaker1110000000001OURchecker1SOCAI0000000011100000000011234567820000020250115100001"
    "WEB1.0203.0.113.7vi"
)
TRANSFER_SHA256 = "15a6cbe8f61a489370bfbc461e29aa243feb5bca73cdcfbf86005a0602ec2a17"
AT = datetime(2025, 1, 15, 3, 0, 1, tzinfo=UTC)


def body(call: Call, fields: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = json.loads(signed_body(call, fields, given(), AT))
    return found


def verify(signature: object, text: str, digest: hashes.HashAlgorithm) -> None:
    key("ours").public_key().verify(b64decode(str(signature)), text.encode(), PKCS1v15(), digest)


def test_the_name_lookup_signs_the_published_text() -> None:
    sent = body(NAME, NAME_FIELDS)
    assert plain_text(sent, NAME.signed) == NAME_PLAIN
    assert hashlib.sha256(NAME_PLAIN.encode()).hexdigest() == NAME_SHA256
    verify(sent["signature"], NAME_PLAIN, hashes.SHA256())


def test_the_transfer_signs_the_published_text() -> None:
    sent = body(TRANSFER, order_fields(ORDER, account(), given()) | {"requestId": "SOCAIR20250115100001001"})
    assert plain_text(sent, TRANSFER.signed) == TRANSFER_PLAIN
    assert hashlib.sha256(TRANSFER_PLAIN.encode()).hexdigest() == TRANSFER_SHA256
    verify(sent["signature"], TRANSFER_PLAIN, hashes.SHA256())


def test_the_balance_is_signed_with_sha1_as_its_family_wants() -> None:
    sent = body(BALANCE, {"requestId": "q", "accountId": "110000000001"})
    assert "clientIP" not in sent
    text = "qSOCAI11000000000120250115100001WEB1.0vi"
    verify(sent["signature"], text, hashes.SHA1())  # noqa: S303  # the bank's own choice
    with pytest.raises(InvalidSignature):
        verify(sent["signature"], text, hashes.SHA256())


@pytest.mark.parametrize(
    ("call", "text"),
    [(ENQUIRY, "qSOCAISOCAI000000001SOCAI000000001"), (STATEMENT, "qSOCAI110000000001")],
    ids=["enquiry", "statement"],
)
def test_enquiry_and_statement_sign_ids_and_account(call: Call, text: str) -> None:
    ids = {"requestId": "q", "originalRequestId": "SOCAI000000001", "transId": "SOCAI000000001"}
    verify(body(call, ids | {"account": "110000000001"})["signature"], text, hashes.SHA256())


@pytest.mark.parametrize("name", [name for name in TRANSFER.signed if name != "records"])
def test_each_signed_field_of_a_transfer_changes_the_text(name: str) -> None:
    sent = body(TRANSFER, order_fields(ORDER, account(), given()))
    assert plain_text(sent | {name: f"{sent[name]}x"}, TRANSFER.signed) != plain_text(sent, TRANSFER.signed)


@pytest.mark.parametrize("name", ["transId", "senderAcctId", "recvAcctId", "amount"])
def test_each_signed_field_of_a_record_changes_the_text(name: str) -> None:
    sent = body(TRANSFER, order_fields(ORDER, account(), given()))
    before = plain_text(sent, TRANSFER.signed)
    record = sent["records"][0]  # type: ignore[index]  # a list, in a transfer
    record[name] += "x"
    assert plain_text(sent, TRANSFER.signed) != before


def test_a_merchant_id_where_the_bank_gave_one_is_sent_and_signed_behind_the_provider() -> None:
    known = replace(given(), merchant_id="M1")
    sent = json.loads(signed_body(STATEMENT, {"requestId": "q", "account": "1"}, known, AT))
    assert sent["merchantId"] == "M1"
    verify(sent["signature"], "qSOCAIM11", hashes.SHA256())


# answers


def reply(value: object) -> Answer:
    return Answer(200, {}, json.dumps(value).encode())


def bank_signed(text: str, by: str = "bank") -> str:
    return b64encode(key(by).sign(text.encode(), PKCS1v15(), hashes.SHA1())).decode()  # noqa: S303  # the bank's choice


@pytest.mark.parametrize("by", ["bank", "older"])
def test_an_answer_signed_by_either_key_of_the_bank_is_genuine(by: str) -> None:
    heard = said(reply({"status": {"code": "00"}, "signature": bank_signed("qSOCAI00", by)}), "q")
    assert is_signed(heard, "q", given())


@pytest.mark.parametrize(
    "signature",
    [
        None,
        5,
        "",
        "not Base64!",
        "AAAA",
        bank_signed("qSOCAI00", "stranger"),
        bank_signed("qSOCAI01"),
        bank_signed("rSOCAI00"),
    ],
    ids=range(8),
)
def test_an_answer_signed_otherwise_is_not(signature: object) -> None:
    assert not is_signed(said(reply({"status": {"code": "00"}, "signature": signature}), "q"), "q", given())


@pytest.mark.parametrize("value", [[], None, "x", {"requestId": "another"}, {"requestId": 5}], ids=str)
def test_what_is_no_answer_to_this_request_is_refused(value: object) -> None:
    with pytest.raises(NotJson):
        said(reply(value), "q")


@pytest.mark.parametrize("status", [None, [], "1", {}, {"code": 1}, {"code": None}], ids=str)
def test_a_code_that_is_no_text_is_none(status: object) -> None:
    assert said(reply({"requestId": "q", "status": status}), "q").code is None


def test_vietinbank_may_take_a_minute_to_answer() -> None:
    assert TIME_LIMITS.of("transfer").read_s == 60
    assert TIME_LIMITS.of("transfer").call_s > 60
