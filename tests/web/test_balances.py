"""Balances over HTTP: a merchant sees its own, operators all of them."""

from __future__ import annotations

from tests.web.stage import BANK_ACCOUNT, OPERATOR_KEYS, Stage


def test_held_funds_are_not_available(stage_on_each_database: Stage) -> None:
    stage = stage_on_each_database
    shop = stage.shop()
    stage.funds(shop)
    stage.payout(shop)
    stage.project()
    found = {row["account"]: row for row in stage.done("GET", "/v1/balances", bearer=shop.keys["reader"])["data"]}
    available = found[f"merchant:{shop.id}:available"]
    assert (available["posted"], available["held"], available["available"]) == (1_485_000, 203_300, 1_281_700)
    assert found[f"merchant:{shop.id}:pending"]["posted"] == 0


def test_a_merchant_sees_no_account_but_its_own(stage: Stage) -> None:
    ours, theirs = stage.shop(), stage.shop("Khác")
    stage.funds(theirs)
    stage.project()
    for query in ("", "?prefix=bank:", f"?prefix=merchant:{theirs.id}"):
        listed = stage.done("GET", f"/v1/balances{query}", bearer=ours.keys["reader"])["data"]
        assert {row["account"].split(":")[1] for row in listed} <= {ours.id}


def test_an_operator_sees_every_account_or_those_named(stage: Stage) -> None:
    shop = stage.shop()
    stage.funds(shop)
    stage.project()
    auditor = OPERATOR_KEYS["auditor"]
    accounts = {row["account"] for row in stage.done("GET", "/v1/balances", bearer=auditor)["data"]}
    assert {f"bank:{BANK_ACCOUNT}", "fees", f"merchant:{shop.id}:available"} <= accounts
    banks = stage.done("GET", "/v1/balances?prefix=bank:", bearer=auditor)["data"]
    assert [(row["account"], row["posted"]) for row in banks] == [(f"bank:{BANK_ACCOUNT}", 1_500_000)]
    own = stage.done("GET", f"/v1/balances?merchant_id={shop.id}", bearer=auditor)["data"]
    assert {row["account"].split(":")[1] for row in own} == {shop.id}
