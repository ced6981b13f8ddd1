"""Payment intents end when their time is over, without a job."""

from __future__ import annotations

from datetime import timedelta

from ledger.payments import PaymentIntent
from tests.workers.world import World
from workers.payments import payment_intents_to_expire


def test_an_intent_expires_when_its_time_to_pay_is_over_and_not_before(world_on_each: World) -> None:
    world = world_on_each
    intent = world.intent(world.merchant(), expires_at=world.clock() + timedelta(minutes=15))
    world.schedule()
    assert world.parts.ledger.get(PaymentIntent, intent.id).status == "awaiting"
    world.advance(minutes=16)
    world.schedule()
    assert world.parts.ledger.get(PaymentIntent, intent.id).status == "expired"


def test_an_intent_paid_since_the_tables_were_read_does_not_expire(world: World) -> None:
    intent = world.intent(world.merchant(), expires_at=world.clock() + timedelta(minutes=15))
    other = world.intent(world.merchant(), expires_at=world.clock() + timedelta(minutes=15))
    world.project()
    world.pay(intent)
    world.read_statement()
    world.advance(minutes=16)
    assert list(payment_intents_to_expire(world.parts, world.clock())) == []
    assert world.parts.ledger.get(PaymentIntent, intent.id).status == "paid"
    assert world.parts.ledger.get(PaymentIntent, other.id).status == "expired"
