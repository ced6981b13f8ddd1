"""The story of a thing holds everything it touched, and nothing personal."""

from __future__ import annotations

import pytest

from commands.payouts import RecordPayoutDeclined
from ledger.errors import NotFound
from ledger.story import details, story
from tests.story import Story


def test_a_payouts_story_holds_its_hold_its_entries_and_its_statement_line() -> None:
    told = Story()
    merchant_id = told.funded(2_000_000)
    told.requested(merchant_id, 5_000)
    payout = told.submitted(merchant_id, 1_000_000)
    told.bank_says(told.row(1_000_000, payout.end_to_end_id, direction="debit"))
    found = story(told.ledger, payout.id)
    assert [envelope.name for envelope in found if envelope.stream == payout.id] == told.names(payout.id)
    names = [envelope.name for envelope in found]
    assert names.count("journal_entry.posted") == 2
    assert names.count("account.hold_placed") == 1
    assert {"account.hold_captured", "statement_line.recorded", "statement_line.matched"} <= set(names)
    assert [envelope.at for envelope in found] == sorted(envelope.at for envelope in found)


def test_a_payments_story_holds_its_line_and_entry() -> None:
    told = Story()
    intent = told.intent(told.merchant(), 150_000)
    told.bank_says(told.row(150_000, intent.code))
    names = [envelope.name for envelope in story(told.ledger, intent.id)]
    assert names[0] == "payment_intent.created"
    assert {"payment_intent.paid", "statement_line.recorded", "journal_entry.posted"} <= set(names)


def test_a_payouts_story_holds_what_came_of_it_after_it_had_failed() -> None:
    told = Story()
    payout = told.submitted(told.funded(2_000_000), 1_000_000)
    told.when(RecordPayoutDeclined(payout_id=payout.id, reason="refused", bank_code="x"))
    told.bank_says(told.row(1_000_000, payout.end_to_end_id, direction="debit"))
    told.bank_says(told.row(1_000_000, payout.end_to_end_id))
    names = {envelope.name for envelope in story(told.ledger, payout.id)}
    assert {"account.hold_released", "account.debited", "account.credited", "alarm.raised"} <= names


def test_nothing_personal_is_told() -> None:
    told = Story()
    payout = told.submitted(told.funded(2_000_000), 1_000_000)
    shown = str([details(envelope) for envelope in story(told.ledger, payout.id)])
    assert "[sealed]" in shown
    assert "1,000,000 VND" in shown
    assert "TRAN THI BINH" not in shown


def test_an_id_nobody_has_is_not_found() -> None:
    with pytest.raises(NotFound):
        story(Story().ledger, "po_NOBODY")
