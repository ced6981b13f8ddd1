"""Merchants and their keys over HTTP: a secret is shown once, and a broken-off registration finds its end."""

from __future__ import annotations

import json

import pytest

from commands import dispatch
from commands.merchants import RegisterMerchant
from ledger.merchants import Merchant
from ledger.money import Money
from tests.web.stage import BANK_ACCOUNT, OPERATOR_KEYS, Stage, problem, said
from web.context import context
from web.idempotency import key_of

ASKED = {
    "name": "Cửa hàng Mai",
    "bank_account_id": BANK_ACCOUNT,
    "fee_bps": 100,
    "payout_fee": 3_300,
    "currency": "VND",
    "approvals_needed": 1,
}


def test_a_secret_is_shown_once(stage: Stage) -> None:
    first = stage.admin("POST", "/v1/merchants", ASKED, key="k")
    second = stage.admin("POST", "/v1/merchants", ASKED, key="k")
    assert first["api_key"]["secret"].startswith("sk_")
    assert second["api_key"].pop("secret") is None
    first["api_key"].pop("secret")
    assert first == second
    merchant = stage.services.ledger.get(Merchant, first["id"])
    assert len(merchant.api_keys) == 1


def test_a_registration_broken_off_before_its_key_gets_it_when_sent_again(stage: Stage) -> None:
    """The process died between the two insertions: the merchant is there, its key is not."""

    scope = "operator:admin-an"
    key = key_of("k", scope=scope, method="POST", path="/v1/merchants", body=ASKED)
    circumstances = context(stage.services, actor=scope, request_id="req_1", natural_key=(scope, "k"))
    command = RegisterMerchant(
        name="Cửa hàng Mai",
        bank_account_id=BANK_ACCOUNT,
        fee_bps=100,
        payout_fee=Money(3_300),
        approvals_needed=1,
    )
    merchant_id = dispatch(stage.services.ledger, command, circumstances, key).subject
    made = stage.admin("POST", "/v1/merchants", ASKED, key="k")
    assert made["id"] == merchant_id
    assert stage.done("GET", "/v1/api-keys", bearer=made["api_key"]["secret"])["data"][0]["role"] == "owner"


def test_merchants_are_listed_for_operators(stage: Stage) -> None:
    made = [stage.shop(name).id for name in ("A", "B")]
    stage.project()
    listed = stage.done("GET", "/v1/merchants", bearer=OPERATOR_KEYS["auditor"])["data"]
    assert [merchant["id"] for merchant in listed] == made[::-1]
    assert listed[0]["payout_fee"] == 3_300


def test_operators_give_and_take_keys(stage: Stage) -> None:
    shop = stage.shop()
    path = f"/v1/merchants/{shop.id}/api-keys"
    key = stage.admin("POST", path, {"label": "kế toán", "role": "reader"})
    assert stage.ask("GET", "/v1/webhook-endpoints", bearer=key["secret"]).status_code == 200
    stage.admin("DELETE", f"{path}/{key['id']}")
    assert stage.ask("GET", "/v1/webhook-endpoints", bearer=key["secret"]).status_code == 401
    again = stage.ask("DELETE", f"{path}/{key['id']}", bearer=OPERATOR_KEYS["admin"])
    assert problem(again)[:2] == (404, "api-key-not-found")


def test_a_key_of_another_merchant_cannot_be_taken(stage: Stage) -> None:
    ours, theirs = stage.shop(), stage.shop("Khác")
    foreign = stage.done("GET", "/v1/api-keys", bearer=theirs.keys["owner"])["data"][0]["id"]
    answer = stage.ask("DELETE", f"/v1/api-keys/{foreign}", bearer=ours.keys["owner"])
    assert problem(answer)[:2] == (404, "api-key-not-found")


def test_listed_keys_hold_no_secret(stage: Stage) -> None:
    shop = stage.shop()
    listed = json.dumps(stage.done("GET", "/v1/api-keys", bearer=shop.keys["owner"]))
    assert all(key not in listed for key in shop.keys.values())


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"fee_bps": 1_001}, "invalid-field", "/fee_bps"),
        ({"fee_bps": "100"}, "invalid-field", "/fee_bps"),
        ({"payout_fee": -1}, "invalid-amount", "/payout_fee"),
        ({"currency": "USD"}, "unknown-currency", "/currency"),
        ({"approvals_needed": 2}, "invalid-field", "/approvals_needed"),
        ({"approvals_needed": True}, "invalid-field", "/approvals_needed"),
        ({"bank_account_id": "ba_none"}, "invalid-field", "/bank_account_id"),
        ({"name": " "}, "invalid-field", "/name"),
        ({"id": "mer_mine"}, "invalid-field", "/id"),
    ],
)
def test_terms_outside_their_bounds_are_refused(
    shared_stage: Stage, change: dict[str, object], code: str, place: str
) -> None:
    answer = shared_stage.ask("POST", "/v1/merchants", ASKED | change, bearer=OPERATOR_KEYS["admin"])
    assert problem(answer) == (422, code, place)


def test_an_unknown_merchant_gets_no_key(stage: Stage) -> None:
    body = {"label": "x", "role": "owner"}
    answer = stage.ask("POST", "/v1/merchants/mer_none/api-keys", body, bearer=OPERATOR_KEYS["admin"])
    assert problem(answer)[:2] == (404, "merchant-not-found")
    assert said(answer)["facts"] == {"id": "mer_none"}
