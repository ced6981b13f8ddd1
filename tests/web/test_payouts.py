"""Payouts over HTTP: asked for by one, approved by another, never above what is available."""

from __future__ import annotations

import pytest

from tests.web.stage import OPERATOR_KEYS, Shop, Stage, payout, problem, said


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Merchants of one's own are enough here, so one stage serves all."""
    return shared_stage


@pytest.fixture
def shop(stage: Stage) -> Shop:
    """A merchant with 1,485,000 VND available."""
    shop = stage.shop()
    stage.funds(shop)
    return shop


def test_a_payout_is_shown_with_the_beneficiary_it_was_asked_for(stage: Stage, shop: Shop) -> None:
    made = stage.payout(shop)
    assert made["beneficiary"] == payout()["beneficiary"]
    assert (made["status"], made["amount"], made["fee"]) == ("requested", 200_000, 3_300)
    stage.project()
    shown = stage.done("GET", f"/v1/payouts/{made['id']}", bearer=shop.keys["reader"])
    timeline = shown.pop("timeline")
    assert shown == made
    assert [one["name"] for one in timeline] == ["payout.requested"]
    assert stage.done("GET", "/v1/payouts", bearer=shop.keys["reader"])["data"] == [made]


def test_nobody_approves_their_own(stage: Stage, shop: Shop) -> None:
    made = stage.done("POST", "/v1/payouts", payout(), bearer=shop.keys["owner"])
    path = f"/v1/payouts/{made['id']}/approve"
    assert problem(stage.ask("POST", path, bearer=shop.keys["owner"]))[:2] == (403, "own-approval")
    assert stage.done("POST", path, bearer=shop.keys["approver"])["status"] == "approved"


def test_a_key_one_made_oneself_is_nobody_else(stage: Stage, shop: Shop) -> None:
    made = stage.done("POST", "/v1/payouts", payout(), bearer=shop.keys["owner"])
    own = stage.done("POST", "/v1/api-keys", {"label": "me too", "role": "approver"}, bearer=shop.keys["owner"])
    path = f"/v1/payouts/{made['id']}/approve"
    answer = stage.ask("POST", path, bearer=own["secret"])
    assert problem(answer)[:2] == (403, "own-approval")
    assert "operator" in said(answer)["detail"]
    assert stage.done("POST", path, bearer=shop.keys["approver"])["status"] == "approved"


def test_an_operator_may_approve_and_reject(stage: Stage, shop: Shop) -> None:
    first, second = stage.payout(shop)["id"], stage.payout(shop)["id"]
    approver = OPERATOR_KEYS["approver"]
    assert stage.done("POST", f"/v1/payouts/{first}/approve", bearer=approver)["status"] == "approved"
    rejected = stage.done("POST", f"/v1/payouts/{second}/reject", {"reason": "nhầm"}, bearer=approver)
    assert (rejected["status"], rejected["reason"]) == ("rejected", "nhầm")


def test_a_cancelled_payout_gives_its_funds_back(stage: Stage, shop: Shop) -> None:
    made = stage.payout(shop, 1_400_000)
    assert problem(stage.ask("POST", "/v1/payouts", payout(), bearer=shop.keys["owner"]))[:2] == (
        409,
        "insufficient-funds",
    )
    stage.done("POST", f"/v1/payouts/{made['id']}/cancel", {"reason": "đổi ý"}, bearer=shop.keys["requester"])
    assert stage.payout(shop, 1_400_000)["status"] == "requested"


def test_a_payout_above_the_available_funds_says_how_much_there_is(stage: Stage, shop: Shop) -> None:
    answer = stage.ask("POST", "/v1/payouts", payout(1_485_000), bearer=shop.keys["requester"])
    assert problem(answer) == (409, "insufficient-funds", "/amount")
    assert said(answer)["facts"] == {"available": 1_485_000, "needed": 1_488_300, "currency": "VND"}


def test_more_than_the_bank_takes_on_the_rail_is_refused_at_once(stage: Stage, shop: Shop) -> None:
    asked = payout(500_000_000)
    asked["beneficiary"]["bin"] = "970441"  # no certain CITAD code
    answer = stage.ask("POST", "/v1/payouts", asked, bearer=shop.keys["requester"])
    assert problem(answer) == (422, "invalid-amount", "/amount")
    assert "by napas at ACB" in said(answer)["detail"]
    asked["beneficiary"]["bin"] = "970436"
    by_citad = stage.ask("POST", "/v1/payouts", asked, bearer=shop.keys["requester"])
    assert problem(by_citad) == (409, "insufficient-funds", "/amount")


def test_a_payout_that_ended_cannot_be_approved(stage: Stage, shop: Shop) -> None:
    made = stage.payout(shop)["id"]
    stage.done("POST", f"/v1/payouts/{made}/cancel", {"reason": "x"}, bearer=shop.keys["owner"])
    answer = stage.ask("POST", f"/v1/payouts/{made}/approve", bearer=shop.keys["approver"])
    assert problem(answer)[:2] == (409, "payout-state-conflict")


@pytest.mark.parametrize("what", ["approve", "reject", "cancel"])
def test_another_merchants_payout_is_not_found(stage: Stage, shop: Shop, what: str) -> None:
    made = stage.payout(shop)["id"]
    other = stage.shop("Khác")
    body = {} if what == "approve" else {"reason": "x"}
    for id_ in (made, "po_NONE"):
        answer = stage.ask("POST", f"/v1/payouts/{id_}/{what}", body, bearer=other.keys["owner"])
        assert problem(answer)[:2] == (404, "payout-not-found")
        assert said(answer)["facts"] == {"id": id_}


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"bin": "999999"}, "unknown-bank", "/beneficiary/bin"),
        ({"bin": "97"}, "unknown-bank", "/beneficiary/bin"),
        ({"bin": "970416", "account_number": "12345678"}, "invalid-beneficiary", "/beneficiary/account_number"),
        ({"bin": 970436}, "invalid-field", "/beneficiary/bin"),
        ({"account_number": "00-71"}, "invalid-beneficiary", "/beneficiary/account_number"),
        ({"account_number": "1" * 20}, "invalid-field", "/beneficiary/account_number"),
        ({"name": "🙂"}, "invalid-beneficiary", "/beneficiary/name"),
        ({"name": ""}, "invalid-field", "/beneficiary/name"),
    ],
)
def test_a_beneficiary_nobody_could_pay_is_refused(
    stage: Stage, shared_shop: Shop, change: dict[str, object], code: str, place: str
) -> None:
    body = payout()
    body["beneficiary"] |= change
    assert problem(stage.ask("POST", "/v1/payouts", body, bearer=shared_shop.keys["owner"])) == (422, code, place)
