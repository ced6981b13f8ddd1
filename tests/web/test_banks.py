"""What banks offer, over HTTP."""

from __future__ import annotations

import pytest

from banks.facts import every_bank
from tests.web.stage import OPERATOR_KEYS, Stage


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Nothing is changed here, so one stage serves all."""
    return shared_stage


def test_merchants_and_operators_see_what_every_bank_offers(stage: Stage) -> None:
    seen = [
        stage.ask("GET", "/v1/banks/capabilities", bearer=bearer).get_json()
        for bearer in (OPERATOR_KEYS["auditor"], stage.shop().keys["reader"])
    ]
    assert seen[0] == seen[1]
    assert [bank["code"] for bank in seen[0]["data"]] == [bank.code for bank in every_bank()]
    acb = next(bank for bank in seen[0]["data"] if bank["code"] == "acb")
    assert (acb["bin"], acb["lacks"]) == ("970416", ["lookup_name"])
    assert {"rail": "napas", "amount_max": 499_999_999, "opens": None, "closes": None} in acb["rails"]
    assert acb["not_found_final"] == {"after_s": 900, "enquiries": 3, "apart_s": 60}
