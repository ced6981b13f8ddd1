"""What came of telling a merchant."""

from __future__ import annotations

from commands import Command
from commands.webhooks import RecordWebhookDelivered, RecordWebhookFailed
from ledger.webhook_deliveries import LADDER, WebhookDelivery, id_of_delivery
from tests.story import Story

STREAM = id_of_delivery("po_1@3", "we_1")


def failed(status: int | None = 503) -> Command:
    return RecordWebhookFailed(
        merchant_id="mer_1", event_id="po_1@3", endpoint_id="we_1", http_status=status, why="unavailable"
    )


def delivered() -> Command:
    return RecordWebhookDelivered(merchant_id="mer_1", event_id="po_1@3", endpoint_id="we_1", http_status=200)


def test_failures_are_counted_until_it_is_delivered_and_then_nothing_is() -> None:
    story = Story()
    for command in (failed(), failed(None), delivered(), delivered(), failed()):
        assert story.when(command).subject == STREAM
    names = ["webhook_delivery.attempt_failed"] * 2 + ["webhook_delivery.delivered"]
    assert story.names(STREAM) == names
    assert story.ledger.get(WebhookDelivery, STREAM).attempts == 3


def test_a_used_up_ladder_gives_up_and_stays_visible() -> None:
    story = Story()
    for _ in range(len(LADDER) + 5):
        story.when(failed())
    delivery = story.ledger.get(WebhookDelivery, STREAM)
    assert (delivery.attempts, delivery.ended) == (len(LADDER) + 1, True)
    last = story.ledger.history(STREAM)[-1].event
    assert isinstance(last, WebhookDelivery.AttemptFailed)
    assert last.next_at is None
