"""Payouts in the table are what the aggregates are; their timelines tell every event; what is due is found."""

from __future__ import annotations

from collections.abc import Callable

from ledger.payouts import Payout
from projections.database import Database
from projections.payouts import asked_about, due_to_send, payout, payouts, timeline
from tests.projections.tale import Tale
from tests.story import BANK_ACCOUNT

Follow = Callable[[], None]


def test_every_payout_in_the_table_is_what_the_aggregate_is(tale: Tale, tables: Database) -> None:
    rows = payouts(tables, limit=1000)
    assert {row.id for row in rows} == set(tale.payouts.values())
    same = [
        *("merchant_id", "bank_account_id", "beneficiary_bin", "beneficiary_account", "beneficiary_name", "memo"),
        *("end_to_end_id", "status", "status_at", "attempt", "submitted_at", "executed", "bank_reference", "reason"),
        *("requested_by", "escalated", "shown_on_statement"),
    ]
    for row in rows:
        aggregate = tale.story.ledger.get(Payout, row.id)
        assert [getattr(row, name) for name in same] == [getattr(aggregate, name) for name in same]
        assert (row.amount, row.fee) == (aggregate.amount.units, aggregate.fee.units)
        assert row.created_at == aggregate.requested_at


def test_the_story_leaves_payouts_in_every_state(tale: Tale, tables: Database) -> None:
    found = {word: payout(tables, payout_id) for word, payout_id in tale.payouts.items()}
    assert {word: row and row.status for word, row in found.items()} == {
        "requested": "requested",
        "rejected": "rejected",
        "cancelled": "cancelled",
        "approved": "approved",
        "by policy": "approved",
        "confirmed": "confirmed",
        "accepted": "accepted",
        "submitted": "submitted",
        "sent again": "submitted",
        "unknown": "unknown",
        "failed": "failed",
        "not found": "failed",
        "declined late": "failed",
        "returned": "returned",
        "after all": "confirmed",
    }


def test_a_timeline_tells_every_event_in_order(tale: Tale, tables: Database) -> None:
    for payout_id in tale.payouts.values():
        history = tale.story.ledger.history(payout_id)
        told = timeline(tables, payout_id)
        assert [(row.version, row.name, row.at, row.actor) for row in told] == [
            (envelope.version, envelope.name, envelope.at, envelope.actor) for envelope in history
        ]
        assert [row.position for row in told] == sorted(row.position for row in told)


def test_a_timeline_goes_on_behind_the_last_event_seen(tale: Tale, tables: Database) -> None:
    payout_id = tale.payouts["not found"]
    whole = timeline(tables, payout_id)
    assert timeline(tables, payout_id, limit=2) + timeline(tables, payout_id, after=2) == whole
    assert whole[-1].detail == "not_found"


def test_approved_payouts_are_due_to_be_sent_longest_waiting_first(tale: Tale, tables: Database) -> None:
    expected = [tale.payouts["approved"], tale.payouts["by policy"]]
    due = due_to_send(tables, bank_account_ids=[BANK_ACCOUNT], limit=10)
    assert sorted(row.id for row in due) == sorted(expected)
    assert [row.status_at for row in due] == sorted(row.status_at for row in due)
    assert due_to_send(tables, bank_account_ids=["ba_other"], limit=10) == []
    assert due_to_send(tables, bank_account_ids=[], limit=10) == []


def test_payouts_due_come_page_by_page(tale: Tale, tables: Database) -> None:
    due = due_to_send(tables, bank_account_ids=[BANK_ACCOUNT], limit=10)
    first = due_to_send(tables, bank_account_ids=[BANK_ACCOUNT], limit=1)
    rest = due_to_send(tables, bank_account_ids=[BANK_ACCOUNT], limit=10, after=(first[0].status_at, first[0].id))
    assert first + rest == due


def test_open_payouts_are_asked_about_until_the_statement_shows_them(tale: Tale, tables: Database) -> None:
    rows = asked_about(tables, bank_account_ids=[BANK_ACCOUNT], limit=10)
    expected = {tale.payouts[word] for word in ("accepted", "submitted", "sent again", "unknown")}
    assert {row.id for row in rows} == expected
    assert [row.status_at for row in rows] == sorted(row.status_at for row in rows)
    first = rows[0]
    rest = asked_about(tables, bank_account_ids=[BANK_ACCOUNT], limit=10, after=(first.status_at, first.id))
    assert [first, *rest] == rows


def test_a_beneficiary_stays_sealed_and_opens_with_the_vault(tale: Tale, tables: Database) -> None:
    row = payout(tables, tale.payouts["confirmed"])
    assert row is not None
    vault = tale.story.ledger.vault
    assert (vault.open(row.beneficiary_account), vault.open(row.beneficiary_name)) == (
        "0001234567890",
        "TRAN THI BINH",
    )
    assert "0001234567890" not in repr(row)
