"""Alarms over HTTP, newest first, for operators."""

from __future__ import annotations

from tests.web.stage import OPERATOR_KEYS, Stage, notice


def test_alarms_are_listed_newest_first(stage_on_each_database: Stage) -> None:
    stage = stage_on_each_database
    stage.bank_says(b"{")
    stage.bank_says(notice(memo="who ordered this?", amount=9_000, trace="1", direction="debit"))
    stage.project()
    listed = stage.done("GET", "/v1/alarms", bearer=OPERATOR_KEYS["approver"])["data"]
    assert [alarm["kind"] for alarm in listed] == ["unordered_debit", "bank_contract_drift"]
    assert [alarm["closed_at"] for alarm in listed] == [None, None]
    assert "9,000 VND" in listed[0]["detail"]
