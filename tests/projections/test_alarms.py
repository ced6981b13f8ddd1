"""Every alarm is shown once, newest first."""

from __future__ import annotations

from ledger import alarms as kinds
from projections.alarms import alarms
from projections.database import Database
from tests.projections.tale import Tale


def test_every_alarm_of_the_story_is_shown_newest_first(tale: Tale, tables: Database) -> None:
    shown = alarms(tables, limit=100)
    assert [(row.raised_at, row.id) for row in shown] == sorted(
        ((row.raised_at, row.id) for row in shown), reverse=True
    )
    assert {(row.kind, row.subject) for row in shown} >= {
        (kinds.UNORDERED_DEBIT, tale.lines["unordered"]),
        (kinds.REVERSAL_WITHOUT_ORIGINAL, tale.lines["reversal of nothing"]),
        (kinds.PAYOUT_ESCALATED, tale.payouts["unknown"]),
        (kinds.CONFIRMED_AFTER_FAILURE, tale.payouts["after all"]),
    }
    assert {row.detail for row in shown if row.kind == kinds.UNREADABLE_NOTICE} == {"không đọc được"}
