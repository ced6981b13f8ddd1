"""What came of telling a merchant: recorded, so that nothing depends on a queue remembering it."""

from __future__ import annotations

from commands.command import Command, Decided, handler
from ledger.context import Context
from ledger.store import Ledger
from ledger.webhook_deliveries import WebhookDelivery, id_of_delivery


class RecordWebhookDelivered(Command):
    """The endpoint took the event (`event_id` is `stream@version`)."""

    merchant_id: str
    event_id: str
    endpoint_id: str
    http_status: int


class RecordWebhookFailed(Command):
    """The endpoint did not take it. `http_status`: None when there was no answer; `why`: a word or two, no body."""

    merchant_id: str
    event_id: str
    endpoint_id: str
    http_status: int | None
    why: str


@handler(RecordWebhookDelivered)
def record_webhook_delivered(ledger: Ledger, context: Context, command: RecordWebhookDelivered) -> Decided:
    """The delivery, ended."""
    delivery = _delivery(ledger, command.event_id, command.endpoint_id)
    delivery.delivered(
        context,
        merchant_id=command.merchant_id,
        event_id=command.event_id,
        endpoint_id=command.endpoint_id,
        http_status=command.http_status,
    )
    return Decided(delivery)


@handler(RecordWebhookFailed)
def record_webhook_failed(ledger: Ledger, context: Context, command: RecordWebhookFailed) -> Decided:
    """The delivery, to be tried again or given up."""
    delivery = _delivery(ledger, command.event_id, command.endpoint_id)
    delivery.attempt_failed(
        context,
        merchant_id=command.merchant_id,
        event_id=command.event_id,
        endpoint_id=command.endpoint_id,
        http_status=command.http_status,
        why=command.why,
    )
    return Decided(delivery)


def _delivery(ledger: Ledger, event_id: str, endpoint_id: str) -> WebhookDelivery:
    stream = id_of_delivery(event_id, endpoint_id)
    return ledger.find(WebhookDelivery, stream) or WebhookDelivery(stream)
