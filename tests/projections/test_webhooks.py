"""Public events wait for the endpoints there were when they happened, and what came of telling them is shown."""

from __future__ import annotations

from collections.abc import Callable

from commands.merchants import AddWebhookEndpoint
from ledger.aggregate import EVENTS
from ledger.ids import of_event
from ledger.privacy import Personal
from ledger.webhook_deliveries import LADDER, id_of_delivery
from projections.database import Database
from projections.webhooks import PUBLIC, deliveries, delivery, due
from tests.projections.tale import Tale
from tests.story import Story

Follow = Callable[[], None]


def test_every_public_event_of_the_ledger_is_followed() -> None:
    assert {kind for kind in EVENTS.values() if kind.public} == set(PUBLIC)


def test_a_public_event_waits_for_its_merchants_endpoint(tale: Tale, tables: Database) -> None:
    told = {row.event_id for row in deliveries(tables, merchant_id=tale.merchant, limit=1000)}
    mine = {*tale.payments.values(), *tale.payouts.values(), *tale.settlements} - {tale.payouts["by policy"]}
    expected = {e.id for e in tale.story.log() if e.stream in mine and e.event.public}
    assert expected <= told
    assert deliveries(tables, merchant_id=tale.quiet, limit=10) == []


def test_a_delivery_carries_what_the_event_is_and_is_due_at_once(tale: Tale, tables: Database) -> None:
    envelope = next(e for e in tale.story.log() if e.name == "payout.confirmed")
    row = delivery(tables, id_of_delivery(envelope.id, tale.endpoint))
    assert row is not None
    assert (row.event_id, row.event_name, row.stream, row.version) == (
        envelope.id,
        envelope.name,
        envelope.stream,
        envelope.version,
    )
    assert (row.merchant_id, row.endpoint_id, row.position) == (tale.merchant, tale.endpoint, envelope.position)
    assert (row.status, row.attempts, row.last_why) == ("pending", 0, None)
    assert row.next_at == row.happened_at == envelope.at


def test_what_came_of_telling_is_shown(tale: Tale, tables: Database) -> None:
    events = [of_event(tale.payments["exact"], version) for version in (1, 2)]
    taken, given_up = (delivery(tables, id_of_delivery(event_id, tale.endpoint)) for event_id in events)
    assert taken is not None
    assert given_up is not None
    assert (taken.status, taken.attempts, taken.next_at) == ("delivered", 3, None)
    assert taken.last_why == "status 500"
    assert (given_up.status, given_up.attempts, given_up.next_at) == ("given_up", len(LADDER) + 1, None)


def test_what_is_due_is_what_is_pending_for_endpoints_that_stand(tale: Tale, tables: Database) -> None:
    pending = [row for row in deliveries(tables, limit=1000) if row.status == "pending"]
    removed = [row for row in pending if row.endpoint_id != tale.endpoint]
    assert removed, "the second endpoint was told of one intent before it was removed"
    shown = due(tables, now=tale.story.now, limit=1000)
    assert {row.id for row in shown} == {row.id for row in pending} - {row.id for row in removed}
    assert [row.next_at for row in shown] == sorted(row.next_at for row in shown if row.next_at)


def test_an_event_from_before_an_endpoint_is_not_told_to_it(story: Story, database: Database, follow: Follow) -> None:
    merchant_id = story.merchant()
    before = story.intent(merchant_id, 5_000)
    command = AddWebhookEndpoint(merchant_id=merchant_id, url="https://a.example", secret=Personal("whsec_x"))
    story.when(command)
    story.bank_says(story.row(5_000, before.code))
    follow()
    assert [row.event_name for row in deliveries(database, limit=10)] == ["payment_intent.paid"]


def test_nothing_is_due_before_its_time(tale: Tale, tables: Database) -> None:
    first = due(tables, now=tale.story.now, limit=1)[0]
    assert first.next_at is not None
    assert all(row.next_at == first.next_at for row in due(tables, now=first.next_at, limit=1000))
