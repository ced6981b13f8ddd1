"""Who may do what: every route by every role, on one's own things and on another's. Nothing is allowed by default.

The table below is written by hand and knows nothing of the declarations of the routes. A route without a row fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest

from tests.web.stage import BANK_ACCOUNT, OPERATOR_KEYS, Shop, Stage, notice, payout

MERCHANT = {"owner", "requester", "approver", "reader"}
OPERATOR = {"admin", "op-approver", "auditor"}
EVERYBODY = MERCHANT | OPERATOR
NUMBERS = count(1)


@dataclass(frozen=True)
class Asked:
    """One request about a thing of a merchant; `key` is left out where none is taken."""

    path: str
    body: object = None


Make = Callable[[Stage, Shop], Asked]


@dataclass(frozen=True)
class Row:
    """Who may (`may`) and what they get; `foreign`: what a merchant who may gets about another merchant's thing.

    `anyone`: the status everybody gets on an open route. `foreign` None: the request names no thing of a merchant.
    """

    make: Make
    may: set[str] = field(default_factory=set)
    own: int = 200
    foreign: int | None = None
    anyone: int | None = None


def at(path: str, body: object = None) -> Make:
    """A request that names no thing of a merchant."""
    return lambda stage, shop: Asked(path, body)


def listed(path: str) -> Make:
    """A list that names whose."""
    return lambda stage, shop: Asked(f"{path}?merchant_id={shop.id}")


def about_intent(end: str) -> Make:
    def make(stage: Stage, shop: Shop) -> Asked:
        made = stage.intent(shop)["id"]
        if not end:
            stage.project()
        return Asked(f"/v1/payment-intents/{made}{end}")

    return make


def about_payout(end: str, body: object = None) -> Make:
    def make(stage: Stage, shop: Shop) -> Asked:
        made = stage.payout(shop, 1_000)["id"]
        if not end:
            stage.project()
        return Asked(f"/v1/payouts/{made}{end}", body)

    return make


def about_key(path: str) -> Make:
    def make(stage: Stage, shop: Shop) -> Asked:
        body = {"label": "x", "role": "reader"}
        key = stage.done("POST", "/v1/api-keys", body, bearer=shop.keys["owner"])
        return Asked(path.format(shop=shop.id, key=key["id"]))

    return make


def about_endpoint(stage: Stage, shop: Shop) -> Asked:
    listed = stage.done("GET", "/v1/webhook-endpoints", bearer=shop.keys["owner"])["data"]
    made = listed[0] if listed else stage.done("POST", "/v1/webhook-endpoints", URL, bearer=shop.keys["owner"])
    return Asked(f"/v1/webhook-endpoints/{made['id']}")


def about_open_payments(stage: Stage, shop: Shop) -> Asked:
    stage.pays(stage.intent(shop, 10_000)["code"], 10_000)
    stage.project()
    return Asked("/v1/settlements", {"merchant_id": shop.id})


def about_settlement(stage: Stage, shop: Shop) -> Asked:
    asked = about_open_payments(stage, shop)
    made = stage.admin("POST", asked.path, asked.body)
    return Asked(f"/v1/settlements/{made['id']}/release")


def about_debit(stage: Stage, shop: Shop) -> Asked:
    raw = notice(memo="fee", amount=1_100, trace=f"L{next(NUMBERS)}", direction="debit")
    line = stage.bank_says(raw).get_json()["responseBody"]["referenceCode"]
    return Asked(f"/v1/statement-lines/{line}/bank-fee", REASON)


def about_line(stage: Stage, shop: Shop) -> Asked:
    raw = notice(memo="nobody's", amount=5_000, trace=f"L{next(NUMBERS)}")
    line = stage.bank_says(raw).get_json()["responseBody"]["referenceCode"]
    intent = stage.intent(shop, 5_000)["id"]
    return Asked(f"/v1/statement-lines/{line}/match", {"payment_intent_id": intent, "reason": "x"})


URL = {"url": "https://shop.example/hooks"}
KEY = {"label": "x", "role": "reader"}
MERCHANT_ASKED = {
    "name": "x",
    "bank_account_id": BANK_ACCOUNT,
    "fee_bps": 0,
    "payout_fee": 0,
    "currency": "VND",
}
INTENT = {"amount": 1_000, "currency": "VND"}
REASON = {"reason": "x"}

TABLE: dict[str, Row] = {
    "GET /": Row(at("/"), anyone=200),
    "GET /live": Row(at("/live"), anyone=200),
    "GET /ready": Row(at("/ready"), anyone=503),
    "GET /openapi.json": Row(at("/openapi.json"), anyone=200),
    "GET /problems": Row(at("/problems"), anyone=200),
    "GET /problems/<slug>": Row(at("/problems/lost-race"), anyone=200),
    "POST /v1/bank-webhooks/<bank_account_id>": Row(at(f"/v1/bank-webhooks/{BANK_ACCOUNT}", {}), anyone=401),
    "POST /v1/bank-webhooks/<bank_account_id>/token": Row(
        at(f"/v1/bank-webhooks/{BANK_ACCOUNT}/token", {}), anyone=404
    ),
    "POST /v1/bank-feeds/<bank_account_id>": Row(at(f"/v1/bank-feeds/{BANK_ACCOUNT}", {}), anyone=404),
    "POST /v1/merchants": Row(at("/v1/merchants", MERCHANT_ASKED), {"admin"}, 201),
    "GET /v1/merchants": Row(at("/v1/merchants"), OPERATOR),
    "POST /v1/merchants/<merchant_id>/api-keys": Row(
        lambda stage, shop: Asked(f"/v1/merchants/{shop.id}/api-keys", KEY), {"admin"}, 201
    ),
    "DELETE /v1/merchants/<merchant_id>/api-keys/<key_id>": Row(
        about_key("/v1/merchants/{shop}/api-keys/{key}"), {"admin"}, 204
    ),
    "POST /v1/api-keys": Row(at("/v1/api-keys", KEY), {"owner"}, 201),
    "GET /v1/api-keys": Row(at("/v1/api-keys"), {"owner"}),
    "DELETE /v1/api-keys/<key_id>": Row(about_key("/v1/api-keys/{key}"), {"owner"}, 204, 404),
    "POST /v1/payment-intents": Row(at("/v1/payment-intents", INTENT), {"owner", "requester"}, 201),
    "GET /v1/payment-intents": Row(listed("/v1/payment-intents"), EVERYBODY, 200, 404),
    "GET /v1/payment-intents/<payment_intent_id>": Row(about_intent(""), EVERYBODY, 200, 404),
    "GET /v1/payment-intents/<payment_intent_id>/qr.png": Row(about_intent("/qr.png"), EVERYBODY, 200, 404),
    "GET /v1/payment-intents/<payment_intent_id>/qr.svg": Row(about_intent("/qr.svg"), EVERYBODY, 200, 404),
    "POST /v1/payment-intents/<payment_intent_id>/cancel": Row(
        about_intent("/cancel"), {"owner", "requester"}, 200, 404
    ),
    "POST /v1/payouts": Row(at("/v1/payouts", payout(1_000)), {"owner", "requester"}, 201),
    "GET /v1/payouts": Row(listed("/v1/payouts"), EVERYBODY, 200, 404),
    "GET /v1/payouts/<payout_id>": Row(about_payout(""), EVERYBODY, 200, 404),
    "POST /v1/payouts/<payout_id>/approve": Row(
        about_payout("/approve"), {"owner", "approver", "op-approver"}, 200, 404
    ),
    "POST /v1/payouts/<payout_id>/reject": Row(
        about_payout("/reject", REASON), {"owner", "approver", "op-approver"}, 200, 404
    ),
    "POST /v1/payouts/<payout_id>/cancel": Row(about_payout("/cancel", REASON), {"owner", "requester"}, 200, 404),
    "GET /v1/statement-lines": Row(listed("/v1/statement-lines"), EVERYBODY, 200, 404),
    "POST /v1/statement-lines/<line_id>/match": Row(about_line, {"admin"}),
    "POST /v1/statement-lines/<line_id>/bank-fee": Row(about_debit, {"admin"}),
    "GET /v1/balances": Row(listed("/v1/balances"), EVERYBODY, 200, 404),
    "GET /v1/journal": Row(listed("/v1/journal"), EVERYBODY, 200, 404),
    "GET /v1/trial-balance": Row(at("/v1/trial-balance"), OPERATOR),
    "GET /metrics": Row(at("/metrics"), OPERATOR),
    "GET /v1/alarms": Row(at("/v1/alarms"), OPERATOR),
    "GET /v1/bank-accounts": Row(at("/v1/bank-accounts"), OPERATOR),
    "GET /v1/bank-accounts/<bank_account_id>/completeness": Row(
        at("/v1/bank-accounts/ba_acb_main/completeness"), OPERATOR
    ),
    "GET /v1/banks/capabilities": Row(at("/v1/banks/capabilities"), EVERYBODY),
    "POST /v1/bank-notices/<notice_id>/replay": Row(at("/v1/bank-notices/bn_none/replay"), {"admin"}, 404),
    "POST /v1/settlements": Row(about_open_payments, {"admin"}, 201),
    "POST /v1/settlements/<settlement_id>/release": Row(about_settlement, {"admin"}),
    "GET /v1/settlements": Row(listed("/v1/settlements"), EVERYBODY, 200, 404),
    "POST /v1/webhook-endpoints": Row(at("/v1/webhook-endpoints", URL), {"owner"}, 201),
    "GET /v1/webhook-endpoints": Row(listed("/v1/webhook-endpoints"), EVERYBODY, 200, 404),
    "DELETE /v1/webhook-endpoints/<endpoint_id>": Row(about_endpoint, {"owner"}, 204, 404),
    "GET /v1/webhook-deliveries": Row(listed("/v1/webhook-deliveries"), EVERYBODY, 200, 404),
}


def keys(shop: Shop) -> dict[str, str]:
    """Everybody's key: a role of this merchant, or an operator."""
    operators = {"op-approver" if role == "approver" else role: key for role, key in OPERATOR_KEYS.items()}
    return shop.keys | operators


def funded(stage: Stage, name: str) -> Shop:
    shop = stage.shop(name)
    stage.funds(shop, 50_000_000)
    return shop


def test_every_route_has_a_row_and_every_row_a_route(stage: Stage) -> None:
    rules = {
        f"{method} {rule.rule}"
        for rule in stage.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert rules == set(TABLE)


@pytest.mark.parametrize("address", [address for address, row in TABLE.items() if row.anyone is not None])
def test_an_open_route_treats_everybody_alike(shared_stage: Stage, shared_shop: Shop, address: str) -> None:
    row, stage, shop = TABLE[address], shared_stage, shared_shop
    asked = row.make(stage, shop)
    for bearer in (None, "sk_nobody", *keys(shop).values()):
        answer = stage.ask(address.partition(" ")[0], asked.path, asked.body, bearer=bearer)
        assert answer.status_code == row.anyone, (address, bearer)


def test_every_role_gets_exactly_what_the_table_says(stage: Stage) -> None:
    ours, theirs = funded(stage, "A"), funded(stage, "B")
    wrong, cells = [], 0
    for address, row in TABLE.items():
        if row.anyone is not None:
            continue
        refused = row.make(stage, ours)
        for who, bearer in {"nobody": None, "unknown": "op_unknown", **keys(ours)}.items():
            for whose, shop in {"own": ours, "foreign": theirs}.items():
                if whose == "foreign" and row.foreign is None:
                    continue
                asked = row.make(stage, shop) if who in row.may else refused
                answer = stage.ask(address.partition(" ")[0], asked.path, asked.body, bearer=bearer)
                cells += 1
                if answer.status_code != expected(row, who, whose):
                    wrong.append(f"{address} as {who} on {whose}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []
    assert cells > 400


def expected(row: Row, who: str, whose: str) -> int:
    if who in ("nobody", "unknown"):
        return 401
    if who not in row.may:
        return 403
    if whose == "foreign" and who in MERCHANT:
        assert row.foreign is not None
        return row.foreign
    return row.own
