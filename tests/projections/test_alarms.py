"""Every alarm is shown once, newest first."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from commands.notices import CloseContractDrift, KeepUnreadableNotice, RecordNoticeReplayed, RingContractDrift
from ledger import alarms as kinds
from ledger.privacy import Personal
from projections.alarms import alarms, drifts_ringing, drifts_waiting, waiting, waiting_about
from projections.database import Database
from tests.projections.tale import Tale
from tests.story import BANK_ACCOUNT, Story


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


# what was set aside

Follow = Callable[[], None]


def kept(story: Story, number: int, drift: str = "", **changes: str) -> str:
    """A notice that is kept; its id."""
    command = KeepUnreadableNotice(
        bank_account_id=BANK_ACCOUNT,
        body_digest=f"{number:02d}" * 32,
        body=Personal("e30="),
        reason="x",
        drift=drift,
    )
    return story.when(msgspec.structs.replace(command, **changes)).subject


def test_what_waits_is_shown_oldest_first_until_it_is_read(story: Story, database: Database, follow: Follow) -> None:
    ids = [kept(story, number) for number in range(3)]
    about = kept(story, 3, "acb.history.amount", operation="history", about="2025-01-15/2025-01-15")
    follow()
    mine = {"bank_account_ids": [BANK_ACCOUNT], "limit": 10}
    shown = waiting(database, **mine)  # type: ignore[arg-type]
    assert {row.id for row in shown} == {*ids, about}
    assert waiting(database, **mine, after=(shown[1].kept_at, shown[1].id)) == shown[2:]  # type: ignore[arg-type]
    assert waiting(database, bank_account_ids=["ba_other"], limit=10) == []
    found = waiting_about(database, bank_account_id=BANK_ACCOUNT, about="2025-01-15/2025-01-15", limit=10)
    assert found == [about]
    story.when(RecordNoticeReplayed(notice_id=about, lines=0))
    follow()
    assert {row.id for row in waiting(database, **mine)} == set(ids)  # type: ignore[arg-type]


def test_a_drift_rings_until_it_is_closed_and_waits_until_all_of_it_is_read(
    story: Story, database: Database, follow: Follow
) -> None:
    first, drift = kept(story, 1, "acb.webhook.amount"), "acb.webhook.amount"
    kept(story, 2, drift)
    follow()
    assert drifts_waiting(database, limit=10) == drifts_ringing(database, limit=10) == [drift]
    story.when(RecordNoticeReplayed(notice_id=first, lines=1))
    follow()
    assert drifts_waiting(database, limit=10) == [drift]
    story.when(CloseContractDrift(drift=drift))
    follow()
    (row,) = alarms(database, limit=10)
    assert row.closed_at is not None
    assert drifts_ringing(database, limit=10) == []
    story.when(RingContractDrift(drift=drift))
    follow()
    (row,) = alarms(database, limit=10)
    assert (row.closed_at, drifts_ringing(database, limit=10)) == (None, [drift])
