"""Payment intents: a code nobody else has, and only one's own can be ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commands import dispatch
from commands.payments import CancelPaymentIntent, CreatePaymentIntent, ExpirePaymentIntent
from ledger import codes
from ledger.errors import InvalidAmount, MerchantNotFound, PaymentIntentClosed, PaymentIntentNotFound
from ledger.payments import id_of_code
from tests.story import BANK_ACCOUNT, Story, dong


def create(merchant_id: str, units: int = 150_000) -> CreatePaymentIntent:
    return CreatePaymentIntent(
        merchant_id=merchant_id, amount=dong(units), description="x", merchant_reference="17", expires_at=None
    )


def test_an_intent_has_a_valid_code_and_the_merchants_bank_account() -> None:
    story = Story()
    intent = story.intent(story.merchant(), 150_000)
    assert codes.is_code(intent.code, codes.PAYMENT_PREFIX, codes.PAYMENT_LENGTH)
    assert (intent.id, intent.bank_account_id, intent.status) == (id_of_code(intent.code), BANK_ACCOUNT, "awaiting")


def test_a_code_that_is_taken_is_passed_over() -> None:
    story = Story()
    merchant_id = story.merchant()
    made = [dispatch(story.ledger, create(merchant_id), story.context(name="same")).subject for _ in range(3)]
    expected = [codes.make(codes.PAYMENT_PREFIX, codes.PAYMENT_LENGTH, "same", serial) for serial in range(3)]
    assert made == [id_of_code(code) for code in expected]


def test_many_intents_have_as_many_codes() -> None:
    story = Story()
    merchant_id = story.merchant()
    assert len({story.when(create(merchant_id)).subject for _ in range(200)}) == 200


def test_only_an_intent_of_ones_own_can_be_cancelled() -> None:
    story = Story()
    merchant_id, stranger = story.merchant(), story.merchant()
    intent = story.intent(merchant_id, 150_000)
    refusals = []
    for owner, intent_id in ((stranger, intent.id), (merchant_id, "pi_99999999")):
        with pytest.raises(PaymentIntentNotFound) as refusal:
            story.when(CancelPaymentIntent(merchant_id=owner, payment_intent_id=intent_id, reason="x"))
        refusals.append(refusal.value.detail.replace(intent_id, "…"))
    assert len(set(refusals)) == 1
    story.when(CancelPaymentIntent(merchant_id=merchant_id, payment_intent_id=intent.id, reason="x"))
    assert story.payment(intent.id).status == "cancelled"


def test_an_intent_expires_when_its_time_is_over_and_not_before() -> None:
    story = Story()
    intent = story.intent(story.merchant(), 150_000, expires_at=story.now + timedelta(minutes=15))
    story.passes(minutes=14, seconds=59)
    with pytest.raises(PaymentIntentClosed):
        story.when(ExpirePaymentIntent(payment_intent_id=intent.id))
    story.passes(seconds=1)
    story.when(ExpirePaymentIntent(payment_intent_id=intent.id))
    assert story.payment(intent.id).status == "expired"
    with pytest.raises(PaymentIntentClosed):
        story.when(ExpirePaymentIntent(payment_intent_id=intent.id))
    with pytest.raises(PaymentIntentNotFound):
        story.when(ExpirePaymentIntent(payment_intent_id="pi_99999999"))


def test_an_intent_of_nobody_or_of_nothing_is_refused() -> None:
    story = Story()
    with pytest.raises(MerchantNotFound):
        story.when(create("mer_9"))
    with pytest.raises(InvalidAmount):
        story.when(create(story.merchant(), 0))
