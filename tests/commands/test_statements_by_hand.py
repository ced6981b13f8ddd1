"""What people decided about a movement, and what becomes of it when the bank or the merchant changes its mind."""

from __future__ import annotations

import pytest

from commands.payments import CancelPaymentIntent
from commands.statements import ExplainBankFee, MatchStatementLine
from ledger import accounts
from ledger.errors import PaymentIntentClosed, PaymentIntentNotFound, StatementLineNotFound, StatementLineOwned
from ledger.journal import JournalEntry
from ledger.statements import StatementLine
from tests.story import BANK_ACCOUNT, Story

BANK = accounts.bank(BANK_ACCOUNT)


def by_hand(line_id: str, intent_id: str) -> MatchStatementLine:
    return MatchStatementLine(line_id=line_id, payment_intent_id=intent_id, reason="the payer called")


def test_a_credit_matched_by_hand_and_then_taken_back_leaves_nothing_behind() -> None:
    story = Story()
    merchant_id = story.merchant(fee_bps=100)
    intent = story.intent(merchant_id, 150_000)
    line_id = story.bank_says(story.row(150_000, "quen ghi ma", reference="R1")).subject
    story.when(by_hand(line_id, intent.id))
    matched_by = story.ledger.get(StatementLine, line_id).entry_id
    story.bank_says(story.row(150_000, "quen ghi ma", reference="R1", is_reversal=True))
    assert story.books() == {}
    assert (story.payment(intent.id).status, story.payment(intent.id).received.units) == ("awaiting", 0)
    last = [envelope.event for envelope in story.log() if isinstance(envelope.event, JournalEntry.Posted)][-1]
    assert last.reverses == matched_by


def test_a_bank_fee_that_the_bank_gives_back_leaves_nothing_behind() -> None:
    story = Story()
    line_id = story.bank_says(story.row(11_000, "PHI DICH VU", direction="debit", reference="R1")).subject
    story.when(ExplainBankFee(line_id=line_id, reason="monthly fee"))
    assert story.books() == {BANK: -11_000, accounts.BANK_FEES: 11_000}
    story.bank_says(story.row(11_000, "PHI DICH VU", direction="debit", reference="R1", is_reversal=True))
    assert story.books() == {}


def test_an_unmatched_credit_that_is_taken_back_leaves_nothing_behind_and_has_no_owner_any_more() -> None:
    story = Story()
    intent = story.intent(story.merchant(), 150_000)
    line_id = story.bank_says(story.row(150_000, "?", reference="R1")).subject
    story.bank_says(story.row(150_000, "?", reference="R1", is_reversal=True))
    assert story.books() == {}
    with pytest.raises(StatementLineOwned):
        story.when(by_hand(line_id, intent.id))


def test_money_is_not_matched_to_an_intent_that_has_ended() -> None:
    story = Story()
    merchant_id = story.merchant(fee_bps=100)
    intent, other = story.intent(merchant_id, 150_000), story.intent(merchant_id, 150_000)
    story.when(CancelPaymentIntent(merchant_id=merchant_id, payment_intent_id=intent.id, reason="sold out"))
    line_id = story.bank_says(story.row(150_000, intent.code)).subject
    books = story.books()
    with pytest.raises(PaymentIntentClosed):
        story.when(by_hand(line_id, intent.id))
    assert story.books() == books
    story.when(by_hand(line_id, other.id))
    assert story.payment(other.id).status == "paid"


def test_a_reversal_does_not_wake_an_intent_that_was_cancelled() -> None:
    story = Story()
    merchant_id = story.merchant()
    intent = story.intent(merchant_id, 150_000)
    story.bank_says(story.row(100_000, intent.code, reference="R1"))
    story.when(CancelPaymentIntent(merchant_id=merchant_id, payment_intent_id=intent.id, reason="sold out"))
    story.bank_says(story.row(100_000, intent.code, reference="R1", is_reversal=True))
    assert (story.payment(intent.id).status, story.books()) == ("cancelled", {})


def test_only_a_line_and_an_intent_that_exist_can_be_matched_and_only_in_the_right_direction() -> None:
    story = Story()
    intent = story.intent(story.merchant(), 150_000)
    credit = story.bank_says(story.row(150_000, "?")).subject
    debit = story.bank_says(story.row(11_000, "?", direction="debit")).subject
    with pytest.raises(StatementLineNotFound):
        story.when(by_hand("sl_9", intent.id))
    with pytest.raises(PaymentIntentNotFound):
        story.when(by_hand(credit, "pi_99999999"))
    with pytest.raises(StatementLineOwned):
        story.when(by_hand(debit, intent.id))
    with pytest.raises(StatementLineOwned):
        story.when(ExplainBankFee(line_id=credit, reason="monthly fee"))
