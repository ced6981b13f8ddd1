"""A bank whose notices only hint at movements: it is answered in its own words, and only the hint is recorded."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from banks.registry import open_banks
from banks.transport import Transport
from ledger.alarms import UNREADABLE_NOTICE
from ledger.notices import BankNotice
from tests.banks.vietinbank.wire import ACCOUNT_NUMBER, NOTICE_TEXT, account, notice
from tests.web.stage import OPERATOR_KEYS, Stage

OURS = "ba_vietinbank_main"


@pytest.fixture
def hinted(stage: Stage) -> Stage:
    """The stage with an account at VietinBank."""
    opened = open_banks({OURS: account("http://127.0.0.1:9")}, Transport(lambda: 0.0), stage.clock, lambda: "t")
    return Stage(
        replace(stage.services, banks={**stage.services.banks, **opened}), stage.clock, _numbers=stage._numbers
    )


def says(stage: Stage, raw: bytes) -> tuple[int, str]:
    """Status and code of the answer."""
    answer = stage.ask("POST", f"/v1/bank-webhooks/{OURS}", raw=raw, key="")
    return answer.status_code, json.loads(answer.data)["data"]["errors"]["errorCode"]


def test_a_hint_is_acknowledged_and_is_no_movement(hinted: Stage) -> None:
    head = hinted.services.ledger.head()
    for raw in (notice(), notice(), notice({"amount": "1500001", "balance": "5150000"}), notice({"transType": "D"})):
        assert says(hinted, raw) == (200, "00")
    events = hinted.services.ledger.read(head, 10)
    assert {one.name for one in events} == {"statement_hint.received"}
    assert len(events) == 1  # shifted borders and a turned direction are under the same signature


def test_a_forged_notice_leaves_no_trace_either(hinted: Stage) -> None:
    head = hinted.services.ledger.head()
    for raw in (notice(by="stranger"), notice({"amount": "1500000"}), b"", b"{}"):
        assert says(hinted, raw) == (200, "01")
    assert hinted.services.ledger.head() == head


def test_a_notice_of_another_account_is_kept_with_one_alarm(hinted: Stage) -> None:
    text = NOTICE_TEXT.replace(ACCOUNT_NUMBER, "999")
    for _ in range(2):
        assert says(hinted, notice({"custAcct": "999"}, text=text)) == (200, "03")
    hinted.project()
    shown = hinted.done("GET", "/v1/alarms", bearer=OPERATOR_KEYS["auditor"])["data"]
    assert [one["kind"] for one in shown] == [UNREADABLE_NOTICE]
    assert hinted.services.ledger.get(BankNotice, shown[0]["subject"]).bank_account_id == OURS
