"""Statement lines over HTTP: what the bank said, and an operator's word on whose it is."""

from __future__ import annotations

from typing import Any

import pytest

from commands import dispatch
from commands.payouts import SubmitPayout
from ledger.accounts import BANK_FEES
from ledger.payouts import Payout
from tests.web.stage import OPERATOR_KEYS, Shop, Stage, notice, problem, said
from web.context import context

ADMIN = OPERATOR_KEYS["admin"]


@pytest.fixture
def shop(stage: Stage) -> Shop:
    """A merchant; one credit of 70,000 VND is nobody's yet."""
    shop = stage.shop()
    stage.pays("no code at all", 70_000)
    stage.project()
    return shop


def unmatched(stage: Stage) -> Any:
    return stage.done("GET", "/v1/statement-lines?status=unmatched", bearer=ADMIN)["data"]


def test_a_line_is_shown_as_the_bank_told_it(stage: Stage, shop: Shop) -> None:
    line = unmatched(stage)[0]
    assert (line["amount"], line["direction"], line["status"]) == (70_000, "credit", "unmatched")
    assert (line["memo"], line["counterparty_name"]) == ("no code at all", "NGUYEN VAN ANH")
    assert line["booked_at"] == "2026-11-23T02:30:00Z"


def test_a_line_is_matched_by_hand_once(stage: Stage, shop: Shop) -> None:
    intent = stage.intent(shop, 70_000)
    path = f"/v1/statement-lines/{unmatched(stage)[0]['id']}/match"
    body = {"payment_intent_id": intent["id"], "reason": "khách gọi"}
    matched = stage.admin("POST", path, body, key="k")
    assert (matched["status"], matched["owner_id"], matched["reason"]) == ("matched", intent["id"], "khách gọi")
    assert stage.admin("POST", path, body, key="k") == matched
    assert problem(stage.ask("POST", path, body, bearer=ADMIN))[:2] == (409, "statement-line-owned")
    stage.project()
    assert unmatched(stage) == []
    shown = stage.done("GET", "/v1/statement-lines", bearer=shop.keys["reader"])["data"]
    assert [line["id"] for line in shown] == [matched["id"]]


def test_a_line_or_intent_that_is_not_there_is_not_found(stage: Stage, shop: Shop) -> None:
    line = unmatched(stage)[0]["id"]
    body = {"payment_intent_id": "pi_NONE", "reason": "x"}
    answer = stage.ask("POST", f"/v1/statement-lines/{line}/match", body, bearer=ADMIN)
    assert problem(answer)[:2] == (404, "payment-intent-not-found")
    answer = stage.ask("POST", "/v1/statement-lines/sl_none/bank-fee", {"reason": "x"}, bearer=ADMIN)
    assert problem(answer)[:2] == (404, "statement-line-not-found")
    body["payment_intent_id"] = stage.intent(shop)["id"]
    answer = stage.ask("POST", "/v1/statement-lines/sl_none/match", body, bearer=ADMIN)
    assert problem(answer)[:2] == (404, "statement-line-not-found")


def test_an_ended_intent_takes_no_line(stage: Stage, shop: Shop) -> None:
    intent = stage.intent(shop, 70_000)
    stage.done("POST", f"/v1/payment-intents/{intent['id']}/cancel", bearer=shop.keys["owner"])
    body = {"payment_intent_id": intent["id"], "reason": "x"}
    answer = stage.ask("POST", f"/v1/statement-lines/{unmatched(stage)[0]['id']}/match", body, bearer=ADMIN)
    assert problem(answer)[:2] == (409, "payment-intent-closed")


def debit(stage: Stage, amount: int) -> str:
    """The line of a debit that names nothing of ours."""
    raw = notice(memo="no id at all", amount=amount, trace=f"D{amount}", direction="debit")
    line: str = said(stage.bank_says(raw))["responseBody"]["referenceCode"]
    return line


def test_a_debit_is_explained_as_the_banks_fee_once(stage: Stage, shop: Shop) -> None:
    path, body = f"/v1/statement-lines/{debit(stage, 1_100)}/bank-fee", {"reason": "phí tháng 11"}
    explained = stage.admin("POST", path, body, key="k")
    assert (explained["status"], explained["reason"]) == ("matched", "phí tháng 11")
    assert explained["owner_id"] == BANK_FEES
    assert stage.admin("POST", path, body, key="k") == explained
    assert problem(stage.ask("POST", path, body, bearer=ADMIN))[:2] == (409, "statement-line-owned")


def test_a_credit_is_no_bank_fee(stage: Stage, shop: Shop) -> None:
    path = f"/v1/statement-lines/{unmatched(stage)[0]['id']}/bank-fee"
    assert problem(stage.ask("POST", path, {"reason": "x"}, bearer=ADMIN))[:2] == (409, "statement-line-owned")
    assert problem(stage.ask("POST", path, {}, bearer=ADMIN)) == (422, "invalid-field", "/reason")


def sent_payout(stage: Stage, shop: Shop, amount: int) -> str:
    """A payout that was approved and handed to the bank."""
    stage.funds(shop)
    made: str = stage.payout(shop, amount)["id"]
    stage.done("POST", f"/v1/payouts/{made}/approve", bearer=shop.keys["approver"])
    worker = context(stage.services, actor="worker:test", request_id="test", natural_key=("submit", made))
    dispatch(stage.services.ledger, SubmitPayout(payout_id=made), worker)
    return made


def test_a_debit_is_matched_to_the_payout_it_pays(stage: Stage, shop: Shop) -> None:
    made = sent_payout(stage, shop, 200_000)
    path = f"/v1/statement-lines/{debit(stage, 200_000)}/match"
    body = {"payout_id": made, "reason": "mất mã"}
    matched = stage.admin("POST", path, body, key="k")
    assert (matched["status"], matched["owner_id"], matched["direction"]) == ("matched", made, "debit")
    assert stage.admin("POST", path, body, key="k") == matched
    assert problem(stage.ask("POST", path, body, bearer=ADMIN))[:2] == (409, "statement-line-owned")
    assert stage.services.ledger.get(Payout, made).status == "confirmed"


def test_a_debit_is_matched_to_no_payout_that_it_cannot_pay(stage: Stage, shop: Shop) -> None:
    made = sent_payout(stage, shop, 200_000)
    path = f"/v1/statement-lines/{debit(stage, 199_999)}/match"
    answer = stage.ask("POST", path, {"payout_id": made, "reason": "x"}, bearer=ADMIN)
    assert problem(answer)[:2] == (409, "payout-state-conflict")
    answer = stage.ask("POST", path, {"payout_id": "po_NONE", "reason": "x"}, bearer=ADMIN)
    assert problem(answer)[:2] == (404, "payout-not-found")
    assert stage.services.ledger.get(Payout, made).status == "submitted"


@pytest.mark.parametrize(
    ("owners", "place"),
    [({}, "/payment_intent_id"), ({"payment_intent_id": "pi_1", "payout_id": "po_1"}, "/payout_id")],
)
def test_a_line_is_matched_to_exactly_one(stage: Stage, shop: Shop, owners: dict[str, str], place: str) -> None:
    path = f"/v1/statement-lines/{unmatched(stage)[0]['id']}/match"
    answer = stage.ask("POST", path, {**owners, "reason": "x"}, bearer=ADMIN)
    assert problem(answer) == (422, "invalid-field", place)


def test_a_match_needs_a_reason(stage: Stage, shop: Shop) -> None:
    body = {"payment_intent_id": stage.intent(shop)["id"]}
    answer = stage.ask("POST", f"/v1/statement-lines/{unmatched(stage)[0]['id']}/match", body, bearer=ADMIN)
    assert problem(answer) == (422, "invalid-field", "/reason")


def test_a_merchant_sees_only_what_is_its_own(stage: Stage, shop: Shop) -> None:
    assert stage.done("GET", "/v1/statement-lines", bearer=shop.keys["owner"])["data"] == []
    stage.pays(stage.intent(shop)["code"])
    stage.project()
    assert len(stage.done("GET", "/v1/statement-lines", bearer=shop.keys["owner"])["data"]) == 1
    assert len(stage.done("GET", "/v1/statement-lines", bearer=ADMIN)["data"]) == 2


def test_what_was_forgotten_reads_erased(stage: Stage, shop: Shop) -> None:
    vault = stage.services.ledger.vault
    assert vault.erase(vault.person("account", "1012345678"))
    assert {unmatched(stage)[0][name] for name in ("memo", "counterparty_name")} == {"[erased]"}
