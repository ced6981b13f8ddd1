"""Statement lines over HTTP: what the bank said, and an operator's word on whose it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.stage import OPERATOR_KEYS, Shop, Stage, problem

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
    body["payment_intent_id"] = stage.intent(shop)["id"]
    answer = stage.ask("POST", "/v1/statement-lines/sl_none/match", body, bearer=ADMIN)
    assert problem(answer)[:2] == (404, "statement-line-not-found")


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
    assert vault.erase(vault.person("account", "VIETINBANK", "1012345678"))
    assert {unmatched(stage)[0][name] for name in ("memo", "counterparty_name")} == {"[erased]"}
