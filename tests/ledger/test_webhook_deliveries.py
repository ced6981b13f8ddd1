"""WebhookDelivery: tried again for more than three days, then given up, and never after it ended."""

from __future__ import annotations

from datetime import timedelta

from ledger.webhook_deliveries import LADDER, WebhookDelivery, id_of_delivery
from tests.story import Story

STREAM = id_of_delivery("po_1@3", "we_1")


def fails(story: Story, delivery: WebhookDelivery) -> WebhookDelivery.AttemptFailed | None:
    before = delivery.version
    delivery.attempt_failed(
        story.context(), merchant_id="mer_1", event_id="po_1@3", endpoint_id="we_1", http_status=None, why="time-out"
    )
    if delivery.version == before:
        return None
    event = delivery.collect_events()[-1].event
    assert isinstance(event, WebhookDelivery.AttemptFailed)
    return event


def succeeds(story: Story, delivery: WebhookDelivery) -> None:
    delivery.delivered(story.context(), merchant_id="mer_1", event_id="po_1@3", endpoint_id="we_1", http_status=204)


def test_the_ladder_rises_and_lasts_more_than_three_days() -> None:
    assert list(LADDER) == sorted(LADDER)
    assert timedelta(days=3) < sum(LADDER, timedelta()) < timedelta(days=4)


def test_each_failed_attempt_says_when_the_next_is_and_the_last_says_never() -> None:
    story, delivery = Story(), WebhookDelivery(STREAM)
    start = story.now
    for number, wait in enumerate(LADDER, start=1):
        event = fails(story, delivery)
        assert event is not None
        assert (event.attempt, event.next_at) == (number, story.now + wait)
        story.now += wait
    last = fails(story, delivery)
    assert last is not None
    assert (last.attempt, last.next_at) == (len(LADDER) + 1, None)
    assert delivery.ended
    assert story.now - start > timedelta(days=3)


def test_nothing_is_said_after_the_end() -> None:
    story = Story()
    given_up, taken = WebhookDelivery(STREAM), WebhookDelivery(STREAM)
    while fails(story, given_up):
        story.passes(hours=1)
    succeeds(story, taken)
    taken.collect_events()
    for delivery in (given_up, taken):
        succeeds(story, delivery)
        assert fails(story, delivery) is None
        assert delivery.collect_events() == []


def test_a_delivery_may_succeed_after_failures() -> None:
    story, delivery = Story(), WebhookDelivery(STREAM)
    fails(story, delivery)
    succeeds(story, delivery)
    assert (delivery.attempts, delivery.ended) == (2, True)


def test_an_event_has_one_delivery_to_each_endpoint() -> None:
    assert len({STREAM, id_of_delivery("po_1@3", "we_2"), id_of_delivery("po_1@4", "we_1")}) == 3
    assert id_of_delivery("po_1@3", "we_1") == STREAM
