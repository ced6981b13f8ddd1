"""Each bad input has a problem of a kind of its own, with the place and the way out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.stage import OPERATOR_KEYS, Shop, Stage, notice, payout, problem, said

FRACTION = b'{"amount": 1.5, "currency": "VND"}'


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Refusals change nothing, so one stage serves them all."""
    return shared_stage


@pytest.fixture
def shop(shared_shop: Shop) -> Shop:
    """A merchant with 1,485,000 VND available."""
    return shared_shop


@pytest.mark.parametrize("path", ["/v1/payment-intents", "/v1/payouts"])
@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("1.5", "invalid-amount"),
        ("1500000.0", "invalid-amount"),
        ("1e6", "invalid-amount"),
        ('"1500000"', "invalid-amount"),
        ("true", "invalid-amount"),
        ("0", "invalid-amount"),
        ("-1", "invalid-amount"),
        ("1000000000000001", "invalid-amount"),
        ("9" * 18, "invalid-amount"),
        ("9" * 300, "invalid-amount"),
        ("null", "invalid-field"),
        ("50000000000000", "invalid-field"),
    ],
)
def test_an_amount_that_is_none(stage: Stage, shop: Shop, path: str, amount: str, code: str) -> None:
    raw = b'{"currency": "VND", "beneficiary": %s, "amount": %s}' % (
        b'{"bin": "970436", "account_number": "1", "name": "x"}',
        amount.encode(),
    )
    if path == "/v1/payment-intents":
        raw = raw.replace(b'"beneficiary": {"bin": "970436", "account_number": "1", "name": "x"}, ', b"")
    answer = stage.ask("POST", path, raw=raw, bearer=shop.keys["owner"])
    assert problem(answer) == (422, code, "/amount")
    assert len(said(answer)["detail"]) > 20


@pytest.mark.parametrize("currency", ["USD", "vnd", "", "VNDD"])
def test_a_currency_that_is_not_handled(stage: Stage, shop: Shop, currency: str) -> None:
    answer = stage.ask("POST", "/v1/payouts", payout(currency=currency), bearer=shop.keys["owner"])
    assert problem(answer) == (422, "unknown-currency", "/currency")
    assert "VND" in said(answer)["detail"]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", FRACTION[:-1], b"[]", b"null", b'"x"', b'{"amount": 1, "amount": 2}', b'{"a": NaN}', b"\xff", b"[" * 9],
)
def test_a_malformed_or_truncated_body(stage: Stage, shop: Shop, raw: bytes) -> None:
    answer = stage.ask("POST", "/v1/payouts", raw=raw, bearer=shop.keys["owner"])
    if raw == b"":
        assert problem(answer) == (422, "invalid-field", "/amount")
    else:
        assert problem(answer) == (400, "unreadable-body", "")


@pytest.mark.parametrize(
    ("headers", "place"),
    [
        ({"Content-Type": "text/plain"}, "Content-Type"),
        ({"Content-Type": "application/xml"}, "Content-Type"),
        ({"Content-Type": "application/json; charset=utf-16"}, "Content-Type"),
        ({"Content-Encoding": "gzip"}, "Content-Encoding"),
    ],
)
def test_a_body_in_another_form(stage: Stage, shop: Shop, headers: dict[str, str], place: str) -> None:
    answer = stage.ask("POST", "/v1/payouts", payout(), bearer=shop.keys["owner"], headers=headers)
    assert problem(answer) == (415, "unsupported-media-type", place)


def test_a_body_that_is_too_large(stage: Stage, shop: Shop) -> None:
    answer = stage.ask("POST", "/v1/payouts", raw=b" " * 70_000, bearer=shop.keys["owner"])
    assert problem(answer)[:2] == (413, "body-too-large")


@pytest.mark.parametrize("name", ["status", "id", "merchant_id", "fee", "approved", "__proto__"])
def test_a_field_that_is_not_the_callers_to_set(stage: Stage, shop: Shop, name: str) -> None:
    answer = stage.ask("POST", "/v1/payouts", payout() | {name: "x"}, bearer=shop.keys["owner"])
    assert problem(answer) == (422, "invalid-field", f"/{name}")


@pytest.mark.parametrize("bearer", [None, "sk_x", "op_x", ""])
def test_a_wrong_key(stage: Stage, bearer: str | None) -> None:
    answer = stage.ask("POST", "/v1/payouts", payout(), bearer=bearer)
    assert problem(answer) == (401, "api-key-invalid", "Authorization")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_bank_that_is_not_ours(stage: Stage) -> None:
    answer = stage.ask("POST", "/v1/bank-webhooks/ba_other", raw=b"{}", key="")
    assert problem(answer)[:2] == (404, "unknown-bank-account")


def test_a_wrong_signature_of_a_bank(stage: Stage) -> None:
    raw = notice(memo="x", amount=5, trace="1")
    answer = stage.bank_says(raw, webhook_key="wrong")
    assert answer.status_code == 401
    assert answer.mimetype == "application/json"
    assert said(answer).keys() == {"requestTrace", "responseDateTime", "responseStatus"}
    assert said(answer)["requestTrace"] is None
    assert said(answer)["responseStatus"] == {"responseCode": "40100001", "responseMessage": "wrong key"}


def test_a_missing_idempotency_key(stage: Stage, shop: Shop) -> None:
    answer = stage.ask("POST", "/v1/payouts", payout(), bearer=shop.keys["owner"], key="")
    assert problem(answer) == (400, "idempotency-key-missing", "Idempotency-Key")


def test_a_reused_idempotency_key(stage: Stage, shop: Shop) -> None:
    stage.payout(shop, 1_000, key="used-before")
    intent: dict[str, Any] = {"amount": 1, "currency": "VND"}
    for path, body in (("/v1/payouts", payout(1)), ("/v1/payment-intents", intent)):
        answer = stage.ask("POST", path, body, bearer=shop.keys["requester"], key="used-before")
        assert problem(answer) == (422, "idempotency-key-reused", "Idempotency-Key")


def test_an_id_of_another_merchant(stage: Stage, shop: Shop) -> None:
    made = stage.payout(shop, 1_000)["id"]
    stage.project()
    other = stage.shop("Khác")
    assert problem(stage.ask("GET", f"/v1/payouts/{made}", bearer=other.keys["owner"]))[:2] == (404, "payout-not-found")


def test_a_payout_above_the_available_funds(stage: Stage, shop: Shop) -> None:
    answer = stage.ask("POST", "/v1/payouts", payout(400_000_000), bearer=shop.keys["owner"])
    assert problem(answer) == (409, "insufficient-funds", "/amount")


def test_a_payout_above_what_one_transfer_may_be(stage: Stage, shop: Shop) -> None:
    answer = stage.ask("POST", "/v1/payouts", payout(10_000_000_000_001), bearer=shop.keys["owner"])
    assert problem(answer) == (422, "invalid-field", "/amount")


@pytest.mark.parametrize("id_", ["x" * 500, "%00", "..%2f", "'; DROP TABLE payouts; --", "${7*7}", "🙂", "$where"])
def test_an_id_that_is_none(stage: Stage, shop: Shop, id_: str) -> None:
    for path in (f"/v1/payouts/{id_}", f"/v1/payment-intents/{id_}"):
        assert stage.ask("GET", path, bearer=shop.keys["owner"]).status_code == 404
    posted = stage.ask("POST", f"/v1/payouts/{id_}/approve", bearer=OPERATOR_KEYS["approver"])
    assert posted.status_code == 404
