"""The journal over HTTP: balanced entries, and for a merchant its own legs only."""

from __future__ import annotations

import pytest

from tests.web.stage import OPERATOR_KEYS, Shop, Stage, problem


@pytest.fixture
def shop(stage: Stage) -> Shop:
    """A merchant whose money has come and was settled."""
    shop = stage.shop()
    stage.funds(shop)
    stage.project()
    return shop


def test_an_operator_sees_entries_that_sum_to_zero(stage: Stage, shop: Shop) -> None:
    entries = stage.done("GET", "/v1/journal", bearer=OPERATOR_KEYS["auditor"])["data"]
    assert [entry["happening"] for entry in entries] == ["settlement_released", "payment_matched"]
    for entry in entries:
        assert sum(posting["amount"] for posting in entry["postings"]) == 0
        assert len(entry["postings"]) > 1


def test_a_merchant_sees_the_legs_on_its_own_accounts(stage: Stage, shop: Shop) -> None:
    entries = stage.done("GET", "/v1/journal", bearer=shop.keys["reader"])["data"]
    legs = {posting["account"] for entry in entries for posting in entry["postings"]}
    assert legs == {f"merchant:{shop.id}:pending", f"merchant:{shop.id}:available"}


def test_entries_are_found_by_account_and_by_subject(stage: Stage, shop: Shop) -> None:
    auditor = OPERATOR_KEYS["auditor"]
    fees = stage.done("GET", "/v1/journal?account=fees", bearer=auditor)["data"]
    assert [entry["happening"] for entry in fees] == ["payment_matched"]
    found = stage.done("GET", f"/v1/journal?subject={fees[0]['subject']}", bearer=auditor)["data"]
    assert found == fees


def test_the_journal_comes_in_pages(stage: Stage, shop: Shop) -> None:
    first = stage.done("GET", "/v1/journal?limit=1", bearer=shop.keys["reader"])
    path = f"/v1/journal?limit=1&cursor={first['next_cursor']}"
    second = stage.done("GET", path, bearer=shop.keys["reader"])
    assert first["data"][0]["position"] > second["data"][0]["position"]
    assert second["has_more"] is False


def test_an_account_that_is_not_ones_own_is_not_found(stage: Stage, shop: Shop) -> None:
    other = stage.shop("Khác")
    for account in ("fees", f"merchant:{other.id}:pending", "nothing", f"merchant:{shop.id}"):
        answer = stage.ask("GET", f"/v1/journal?account={account}", bearer=shop.keys["reader"])
        assert problem(answer) == (404, "account-not-found", "account")


def test_the_totals_of_the_trial_balance_are_equal(stage_on_each_database: Stage) -> None:
    stage = stage_on_each_database
    stage.funds(stage.shop())
    stage.pays("nobody's", 70_000)
    stage.project()
    trial = stage.done("GET", "/v1/trial-balance", bearer=OPERATOR_KEYS["auditor"])
    assert [(total["debit"], total["credit"]) for total in trial["totals"]] == [(1_570_000, 1_570_000)]
    assert trial["position"] > 0
