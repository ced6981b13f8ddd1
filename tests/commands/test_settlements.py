"""Settlements: every payment in exactly one, to the dong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands import Receipt
from commands.settlements import CloseSettlement, ReleaseSettlement
from ledger import accounts
from ledger.errors import (
    InvalidField,
    MerchantNotFound,
    PaymentIntentNotFound,
    SettlementEmpty,
    SettlementNotFound,
    SettlementStateConflict,
)
from ledger.settlements import PAYMENTS_MAX, Settlement
from tests.story import BANK_ACCOUNT, Story


def paid(story: Story, merchant_id: str, units: int) -> str:
    intent = story.intent(merchant_id, units)
    story.bank_says(story.row(units, intent.code))
    return intent.id


def closes(story: Story, merchant_id: str, *intents: str) -> Receipt:
    return story.when(CloseSettlement(merchant_id=merchant_id, payment_intent_ids=intents))


@settings(max_examples=150)
@given(
    st.integers(0, 1_000),
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 2)), min_size=1, max_size=6),
)
def test_what_is_settled_is_what_came_less_our_fees_to_the_dong(rate: int, payments: list[tuple[int, int]]) -> None:
    story = Story()
    merchant_id = story.merchant(fee_bps=rate)
    batches: dict[int, list[str]] = {}
    for units, batch in payments:
        batches.setdefault(batch, []).append(paid(story, merchant_id, units))
    released = [closes(story, merchant_id, *intents).subject for intents in batches.values()]
    for settlement_id in released:
        story.when(ReleaseSettlement(settlement_id=settlement_id))
    gross = sum(units for units, _ in payments)
    books = story.books()
    fees = -books.get(accounts.FEES, 0)
    assert fees == sum((units * rate + 5_000) // 10_000 for units, _ in payments)
    assert books[accounts.bank(BANK_ACCOUNT)] == gross
    assert accounts.pending(merchant_id) not in books
    assert story.available(merchant_id) == gross - fees == -books.get(accounts.available(merchant_id), 0)
    settlements = [story.ledger.get(Settlement, settlement_id) for settlement_id in released]
    assert sum(settlement.net.units for settlement in settlements) == gross - fees
    within = [line.payment_intent_id for settlement in settlements for line in settlement.lines]
    assert sorted(within) == sorted(intent for intents in batches.values() for intent in intents)


def test_a_payment_is_in_one_settlement_however_often_it_is_named() -> None:
    story = Story()
    merchant_id = story.merchant()
    first, second = paid(story, merchant_id, 1_000), paid(story, merchant_id, 2_000)
    one = story.ledger.get(Settlement, closes(story, merchant_id, first, first).subject)
    two = story.ledger.get(Settlement, closes(story, merchant_id, first, second).subject)
    assert [line.payment_intent_id for line in one.lines] == [first]
    assert [line.payment_intent_id for line in two.lines] == [second]
    with pytest.raises(SettlementEmpty):
        closes(story, merchant_id, first, second)


def test_what_comes_after_the_closing_belongs_to_the_next() -> None:
    story = Story()
    merchant_id = story.merchant(fee_bps=100)
    intent = story.intent(merchant_id, 1_000)
    story.bank_says(story.row(400, intent.code))
    first = story.ledger.get(Settlement, closes(story, merchant_id, intent.id).subject)
    story.bank_says(story.row(600, intent.code))
    second = story.ledger.get(Settlement, closes(story, merchant_id, intent.id).subject)
    assert (first.gross.units, first.fees.units, second.gross.units, second.fees.units) == (400, 4, 600, 6)


def test_an_unpaid_payment_or_none_at_all_is_nothing_to_settle() -> None:
    story = Story()
    merchant_id = story.merchant()
    intent = story.intent(merchant_id, 1_000)
    for intents in ((), (intent.id,)):
        with pytest.raises(SettlementEmpty):
            closes(story, merchant_id, *intents)


def test_late_money_is_in_no_settlement() -> None:
    story = Story()
    merchant_id = story.merchant()
    intent = story.intent(merchant_id, 1_000, expires_at=None)
    from_another = story.bank_says(story.row(1_000, intent.code, bank_account_id="ba_other"))
    assert from_another.subject
    with pytest.raises(SettlementEmpty):
        closes(story, merchant_id, intent.id)


def test_a_settlement_is_released_once_and_only_then_is_the_money_available() -> None:
    story = Story()
    merchant_id = story.merchant(fee_bps=0)
    settlement_id = closes(story, merchant_id, paid(story, merchant_id, 1_000)).subject
    assert story.available(merchant_id) == 0
    story.when(ReleaseSettlement(settlement_id=settlement_id))
    assert story.available(merchant_id) == 1_000
    with pytest.raises(SettlementStateConflict):
        story.when(ReleaseSettlement(settlement_id=settlement_id))
    assert story.available(merchant_id) == 1_000
    with pytest.raises(SettlementNotFound):
        story.when(ReleaseSettlement(settlement_id="stl_9"))


def test_a_foreign_payment_is_not_found_and_nothing_is_closed() -> None:
    story = Story()
    merchant_id, stranger = story.merchant(), story.merchant()
    own, foreign = paid(story, merchant_id, 1_000), paid(story, stranger, 1_000)
    with pytest.raises(PaymentIntentNotFound):
        closes(story, merchant_id, own, foreign)
    assert story.payment(own).unsettled_gross.units == 1_000
    with pytest.raises(MerchantNotFound):
        closes(story, "mer_9", own)


def test_a_settlement_of_too_many_payments_is_refused() -> None:
    story = Story()
    with pytest.raises(InvalidField) as refusal:
        closes(story, story.merchant(), *(f"pi_{number}" for number in range(PAYMENTS_MAX + 1)))
    assert refusal.value.field == "payment_intent_ids"
