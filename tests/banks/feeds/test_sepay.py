"""SePay's proofs: the published check value, every byte changed, old and future messages, the API key."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta

import pytest

from banks.feeds.sepay import Sepay, SepayKey
from ledger.errors import SignatureInvalid
from ledger.money import Money
from tests.banks.feeds.access import account

SECRET = "sepay-demo-secret"
STAMP = "1736911800"
AT = datetime.fromtimestamp(1736911800, UTC)
SIGNATURE = "sha256=e966888afb235aebcb80a454362f7c90dedc78c34e4de8949985ad9cc5f18519"
BODY = (
    b'{"id":92704,"gateway":"MBBank","transactionDate":"2025-01-15 10:30:00","accountNumber":"0001234567890",'
    b'"code":null,"content":"SOCAI7K3M9Q2X","transferType":"in","transferAmount":150000,"accumulated":1150000,'
    b'"subAccount":null,"referenceCode":"FT25015000000001","description":""}'
)
HEADERS = {"X-SePay-Signature": SIGNATURE, "X-SePay-Timestamp": STAMP}


def feed(*keys: str, at: datetime = AT) -> Sepay:
    return Sepay(account("sepay", *keys or (SECRET,)), lambda: at, alone=False)


def refused(headers: dict[str, str], body: bytes = BODY, *, at: datetime = AT) -> str:
    with pytest.raises(SignatureInvalid) as refusal:
        feed(at=at).verify_webhook(headers, body)
    return str(refusal.value)


def test_the_published_check_value() -> None:
    feed().verify_webhook(HEADERS, BODY)
    feed("another-key-of-ours", SECRET).verify_webhook({k.lower(): v for k, v in HEADERS.items()}, BODY)
    notice = feed().parse_webhook(BODY)
    (row,) = notice.lines
    assert (notice.trace, notice.kind) == ("92704", "movement")
    assert (row.bank_reference, row.amount, row.direction) == ("FT25015000000001", Money(150_000), "credit")
    assert (row.memo, row.balance_after, row.virtual_account) == ("SOCAI7K3M9Q2X", Money(1_150_000), None)


def test_a_change_of_any_byte_is_refused_with_the_same_words() -> None:
    words = refused({})
    for place in range(len(BODY)):
        changed = bytearray(BODY)
        changed[place] ^= 1
        assert refused(HEADERS, bytes(changed)) == words
    for place in range(len(SIGNATURE)):
        changed = bytearray(SIGNATURE.encode())
        changed[place] ^= 1
        assert refused(HEADERS | {"X-SePay-Signature": changed.decode()}) == words


@pytest.mark.parametrize(
    "headers",
    [
        {"X-SePay-Signature": SIGNATURE},
        {"X-SePay-Timestamp": STAMP},
        HEADERS | {"X-SePay-Signature": ""},
        HEADERS | {"X-SePay-Signature": SIGNATURE.removeprefix("sha256=")},
        HEADERS | {"X-SePay-Signature": SIGNATURE.upper()},
        HEADERS | {"X-SePay-Signature": "sha256=é"},
        HEADERS | {"X-SePay-Timestamp": "1736911801"},
        HEADERS | {"X-SePay-Timestamp": " 1736911800"},
        HEADERS | {"X-SePay-Timestamp": ""},
        HEADERS | {"x-sepay-signature": SIGNATURE},
    ],
)
def test_odd_headers_are_refused(headers: dict[str, str]) -> None:
    assert refused(headers) == refused({})


def test_a_signed_timestamp_that_is_no_number_is_refused() -> None:
    for stamp in ("", "now", "-1736911800", "1736911800.5", "١٧٣٦٩١١٨٠٠", "1" * 13):
        digest = hmac.digest(SECRET.encode(), stamp.encode() + b"." + BODY, "sha256").hex()
        headers = {"X-SePay-Signature": f"sha256={digest}", "X-SePay-Timestamp": stamp}
        assert refused(headers) == refused({})


def test_a_message_replayed_later_or_from_a_fast_clock_is_refused() -> None:
    for apart in (timedelta(minutes=5), timedelta(minutes=-5), timedelta()):
        feed(at=AT + apart).verify_webhook(HEADERS, BODY)
    for apart in (timedelta(minutes=5, seconds=1), timedelta(minutes=-5, seconds=-1), timedelta(days=9)):
        assert refused(HEADERS, at=AT + apart) == refused({})


def test_the_api_key_is_named_with_its_word() -> None:
    one = SepayKey(account("sepaykey", "planted-api-key-0001", "planted-api-key-0000"), lambda: AT, alone=False)
    for key in ("planted-api-key-0001", "planted-api-key-0000"):
        one.verify_webhook({"authorization": f"Apikey {key}"}, b"")
    for value in ("planted-api-key-0001", "Bearer planted-api-key-0001", "apikey planted-api-key-0001", "Apikey ", ""):
        with pytest.raises(SignatureInvalid):
            one.verify_webhook({"Authorization": value}, BODY)
    with pytest.raises(SignatureInvalid):
        one.verify_webhook(HEADERS, BODY)


def test_a_row_without_a_known_word_for_its_direction_is_not_understood() -> None:
    for word in (b'"IN"', b'"credit"', b"null"):
        with pytest.raises(Exception, match="cannot be understood"):
            feed().parse_webhook(BODY.replace(b'"in"', word))
