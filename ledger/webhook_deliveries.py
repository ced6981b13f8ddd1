"""WebhookDelivery: one public event on its way to one endpoint of a merchant.

Retried on the ladder below, a little over three days, as the Standard Webhooks specification asks; then given up, which
stays visible. An event reaches an endpoint at least once, under one message id, so the merchant can tell repeats.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.context import Context
from ledger.ids import derive

LADDER: Final = (
    *(timedelta(seconds=s) for s in (5, 30)),
    *(timedelta(minutes=m) for m in (5, 30)),
    *(timedelta(hours=h) for h in (2, 5, 10, 14, 20, 24)),
)
"""How long to wait after each failed attempt."""


def id_of_delivery(event_id: str, endpoint_id: str) -> str:
    """The stream of the delivery of this event (`stream@version`) to this endpoint."""
    return derive("wd", event_id, endpoint_id)


class WebhookDelivery(Aggregate):
    """One event on its way to one endpoint."""

    attempts: int
    ended: bool

    class Delivered(Event):
        """The endpoint took it."""

        merchant_id: str
        event_id: str
        endpoint_id: str
        attempt: int
        http_status: int

    class AttemptFailed(Event):
        """The endpoint did not take it; `next_at`: when it is tried again, None when it is given up."""

        merchant_id: str
        event_id: str
        endpoint_id: str
        attempt: int
        http_status: int | None
        why: str
        next_at: datetime | None

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.attempts = 0
        self.ended = False

    def delivered(
        self, context: Context, *, merchant_id: str, event_id: str, endpoint_id: str, http_status: int
    ) -> None:
        """The endpoint answered 2xx. Said once."""
        if self.ended:
            return
        event = self.Delivered(
            merchant_id=merchant_id,
            event_id=event_id,
            endpoint_id=endpoint_id,
            attempt=self.attempts + 1,
            http_status=http_status,
        )
        self.trigger_event(event, context)

    def attempt_failed(
        self, context: Context, *, merchant_id: str, event_id: str, endpoint_id: str, http_status: int | None, why: str
    ) -> None:
        """Anything else. Changes nothing once it ended."""
        if self.ended:
            return
        more = self.attempts < len(LADDER)
        event = self.AttemptFailed(
            merchant_id=merchant_id,
            event_id=event_id,
            endpoint_id=endpoint_id,
            attempt=self.attempts + 1,
            http_status=http_status,
            why=why,
            next_at=context.at + LADDER[self.attempts] if more else None,
        )
        self.trigger_event(event, context)

    @follows(Delivered)
    def _delivered(self, event: Delivered, envelope: Envelope) -> None:
        self.attempts = event.attempt
        self.ended = True

    @follows(AttemptFailed)
    def _attempt_failed(self, event: AttemptFailed, envelope: Envelope) -> None:
        self.attempts = event.attempt
        self.ended = event.next_at is None
