"""Our bank accounts over HTTP: everything but what we prove ourselves with."""

from __future__ import annotations

import pytest

from tests.banks.acb.rig import CLIENT_SECRET, WEBHOOK_KEY
from tests.web.stage import BANK_ACCOUNT, OPERATOR_KEYS, Stage


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Merchants of one's own are enough here, so one stage serves all."""
    return shared_stage


def test_accounts_are_listed_without_their_secrets(stage: Stage) -> None:
    answer = stage.ask("GET", "/v1/bank-accounts", bearer=OPERATOR_KEYS["auditor"])
    assert BANK_ACCOUNT in answer.text
    assert "transfer_napas" in answer.text
    for secret in (CLIENT_SECRET, WEBHOOK_KEY, "PRIVATE KEY"):
        assert secret not in answer.text
