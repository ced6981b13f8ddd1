"""Settlements over HTTP: closed once, released once, and only by those who may."""

from __future__ import annotations

from tests.web.stage import OPERATOR_KEYS, Stage, problem

ADMIN = OPERATOR_KEYS["admin"]


def test_open_payments_are_closed_and_released(stage_on_each_database: Stage) -> None:
    stage = stage_on_each_database
    shop = stage.shop()
    intents = [stage.intent(shop, amount) for amount in (100_000, 200_000)]
    for intent in intents:
        stage.pays(intent["code"], intent["amount"])
    stage.project()
    closed = stage.admin("POST", "/v1/settlements", {"merchant_id": shop.id}, key="k")
    assert (closed["gross"], closed["fees"], closed["net"], closed["status"]) == (300_000, 3_000, 297_000, "closed")
    assert {line["payment_intent_id"] for line in closed["lines"]} == {intent["id"] for intent in intents}
    released = stage.admin("POST", f"/v1/settlements/{closed['id']}/release")
    assert released == closed | {"status": "released"}
    assert stage.admin("POST", "/v1/settlements", {"merchant_id": shop.id}, key="k") == closed
    stage.project()
    listed = stage.done("GET", "/v1/settlements", bearer=shop.keys["reader"])["data"]
    assert [(one["id"], one["status"], one["net"]) for one in listed] == [(closed["id"], "released", 297_000)]


def test_a_settlement_waits_for_the_position_it_is_told(stage: Stage) -> None:
    shop = stage.shop()
    paid = stage.pays(stage.intent(shop)["code"])
    assert paid.status_code == 200
    headers = {"Socai-Position": str(stage.services.ledger.head())}
    answer = stage.ask("POST", "/v1/settlements", {"merchant_id": shop.id}, bearer=ADMIN, headers=headers)
    assert problem(answer)[:2] == (503, "read-tables-behind")
    stage.project()
    assert stage.admin("POST", "/v1/settlements", {"merchant_id": shop.id}, headers=headers)["gross"] == 1_500_000


def test_what_is_settled_is_not_settled_again(stage: Stage) -> None:
    shop = stage.shop()
    stage.funds(shop)
    for _ in range(2):
        answer = stage.ask("POST", "/v1/settlements", {"merchant_id": shop.id}, bearer=ADMIN)
        assert problem(answer)[:2] == (409, "settlement-empty")
        stage.project()


def test_a_settlement_is_released_once(stage: Stage) -> None:
    shop = stage.shop()
    stage.pays(stage.intent(shop)["code"])
    stage.project()
    made = stage.admin("POST", "/v1/settlements", {"merchant_id": shop.id})
    path = f"/v1/settlements/{made['id']}/release"
    stage.admin("POST", path)
    assert problem(stage.ask("POST", path, bearer=ADMIN))[:2] == (409, "settlement-state-conflict")


def test_what_is_not_there_is_not_found(stage: Stage) -> None:
    answer = stage.ask("POST", "/v1/settlements/stl_none/release", bearer=ADMIN)
    assert problem(answer)[:2] == (404, "settlement-not-found")
    answer = stage.ask("POST", "/v1/settlements", {"merchant_id": "mer_none"}, bearer=ADMIN)
    assert problem(answer)[:2] == (404, "merchant-not-found")
