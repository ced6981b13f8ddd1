"""The outbox: which public event is still to be told to which endpoint of its merchant, and how telling it went.

An event is told to the endpoints its merchant has when it happens: one that was added later is not told of it, and one
that was removed is told nothing more.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Index, Select, false, select

from ledger.aggregate import Aggregate, Envelope, Event
from ledger.merchants import Merchant
from ledger.payments import PaymentIntent
from ledger.payouts import Payout
from ledger.settlements import Settlement
from ledger.webhook_deliveries import WebhookDelivery, id_of_delivery
from projections.columns import (
    flag,
    id_,
    ids,
    instant,
    instant_or_none,
    key,
    number,
    prose_or_none,
    table,
    word,
)
from projections.database import Reader
from projections.pages import Moment, newest_first, oldest_first
from projections.projection import Projection, on
from projections.rows import Rows

PENDING = "pending"
DELIVERED = "delivered"
GIVEN_UP = "given_up"


def _public(*aggregates: type[Aggregate]) -> list[type[Event]]:
    found = [kind for aggregate in aggregates for kind in vars(aggregate).values() if isinstance(kind, type)]
    return [kind for kind in found if issubclass(kind, Event) and kind.public]


PUBLIC = _public(PaymentIntent, Payout, Settlement)
"""The events merchants are told."""

Opening = PaymentIntent.Created | Payout.Requested | Settlement.Closed
"""The first event of a stream: it says whose the stream is."""

DELIVERIES = table(
    "webhook_deliveries",
    key("id"),
    id_("event_id"),
    word("event_name"),
    id_("stream"),
    number("version"),
    id_("merchant_id"),
    id_("endpoint_id"),
    number("attempts"),
    word("status"),
    instant("happened_at"),
    instant_or_none("next_at"),
    prose_or_none("last_why"),
    number("position"),
    Index("by_merchant", "merchant_id", "happened_at", "id"),
    Index("by_time", "happened_at", "id"),
    Index("by_due", "status", "next_at", "id"),
    day="happened_at",
    merchant="merchant_id",
)

ENDPOINTS = table("webhook_endpoints", key("id"), id_("merchant_id"), flag("removed"), merchant="merchant_id")

LISTENERS = table("webhook_listeners", key("merchant_id"), ids("endpoint_ids"), merchant="merchant_id")
"""The endpoints each merchant has now."""

OWNERS = table("webhook_owners", key("stream"), id_("merchant_id"), merchant="merchant_id")
"""Whose each payment intent, payout and settlement is."""


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one endpoint. `id`: stream of the delivery; `event_id`: the event as `stream@version`.

    `status`: pending, delivered or given_up; `next_at`: when it is tried next, None once it ended; `last_why`: why the
    last attempt failed; `position`: the log position of the event itself.
    """

    id: str
    event_id: str
    event_name: str
    stream: str
    version: int
    merchant_id: str
    endpoint_id: str
    attempts: int
    status: str
    happened_at: datetime
    next_at: datetime | None
    last_why: str | None
    position: int


class Webhooks(Projection):
    """Folds public events into deliveries, for the endpoints there are, and what came of each."""

    name = "webhooks"
    crosses_streams = True
    tables = (DELIVERIES, ENDPOINTS, LISTENERS, OWNERS)

    @on(Merchant.WebhookEndpointAdded)
    def added(self, rows: Rows, event: Merchant.WebhookEndpointAdded, envelope: Envelope) -> None:
        """One endpoint more."""
        merchant_id, endpoint_id = envelope.stream, event.endpoint.endpoint_id
        rows.put(ENDPOINTS, {"id": endpoint_id, "merchant_id": merchant_id, "removed": False})
        there = self._endpoints(rows, merchant_id)
        rows.put(LISTENERS, {"merchant_id": merchant_id, "endpoint_ids": (*there, endpoint_id)})

    @on(Merchant.WebhookEndpointRemoved)
    def removed(self, rows: Rows, event: Merchant.WebhookEndpointRemoved, envelope: Envelope) -> None:
        """One endpoint less."""
        merchant_id = envelope.stream
        rows.change(ENDPOINTS, event.endpoint_id, removed=True)
        left = tuple(id_ for id_ in self._endpoints(rows, merchant_id) if id_ != event.endpoint_id)
        rows.put(LISTENERS, {"merchant_id": merchant_id, "endpoint_ids": left})

    @on(PaymentIntent.Created, Payout.Requested, Settlement.Closed)
    def owned(self, rows: Rows, event: Opening, envelope: Envelope) -> None:
        """Whose this stream is."""
        rows.put(OWNERS, {"stream": envelope.stream, "merchant_id": event.merchant_id})

    @on(*PUBLIC)
    def happened(self, rows: Rows, event: Event, envelope: Envelope) -> None:
        """To be told to every endpoint its merchant has."""
        event_id, merchant_id = envelope.id, rows.value(OWNERS, "merchant_id", envelope.stream)
        for endpoint_id in self._endpoints(rows, merchant_id):
            row = {
                "id": id_of_delivery(event_id, endpoint_id),
                "event_id": event_id,
                "event_name": envelope.name,
                "stream": envelope.stream,
                "version": envelope.version,
                "merchant_id": merchant_id,
                "endpoint_id": endpoint_id,
                "attempts": 0,
                "status": PENDING,
                "happened_at": envelope.at,
                "next_at": envelope.at,
                "last_why": None,
                "position": envelope.position,
            }
            rows.put(DELIVERIES, row)

    @on(WebhookDelivery.Delivered)
    def delivered(self, rows: Rows, event: WebhookDelivery.Delivered, envelope: Envelope) -> None:
        """The endpoint took it."""
        rows.change(DELIVERIES, envelope.stream, status=DELIVERED, attempts=event.attempt, next_at=None)

    @on(WebhookDelivery.AttemptFailed)
    def attempt_failed(self, rows: Rows, event: WebhookDelivery.AttemptFailed, envelope: Envelope) -> None:
        """It is tried again, or given up."""
        status = GIVEN_UP if event.next_at is None else PENDING
        values = {"attempts": event.attempt, "next_at": event.next_at, "last_why": event.why}
        rows.change(DELIVERIES, envelope.stream, status=status, **values)

    def _endpoints(self, rows: Rows, merchant_id: str) -> tuple[str, ...]:
        listener = rows.get(LISTENERS, merchant_id)
        return tuple(listener["endpoint_ids"]) if listener else ()


def due(reader: Reader, *, now: datetime, limit: int, after: Moment | None = None) -> list[DeliveryRow]:
    """Pending deliveries whose time had come at `now`, longest due first; none to endpoints that were removed.

    `after`: (next_at, id) of the last one seen. Raises ReadTablesUnavailable, as every query here.
    """
    rows = DELIVERIES.c
    query = _deliveries().where(rows.status == PENDING, rows.next_at <= now, ENDPOINTS.c.removed == false())
    return reader.all(DeliveryRow, oldest_first(query, rows.next_at, rows.id, limit, after))


def deliveries(
    reader: Reader, *, merchant_id: str | None = None, limit: int, before: Moment | None = None
) -> list[DeliveryRow]:
    """Deliveries, newest event first; `before`: (happened_at, id) of the last one seen."""
    rows = DELIVERIES.c
    query = select(DELIVERIES)
    if merchant_id is not None:
        query = query.where(rows.merchant_id == merchant_id)
    return reader.all(DeliveryRow, newest_first(query, rows.happened_at, rows.id, limit, before))


def delivery(reader: Reader, delivery_id: str) -> DeliveryRow | None:
    """One delivery, or None."""
    return reader.one(DeliveryRow, select(DELIVERIES).where(DELIVERIES.c.id == delivery_id))


def _deliveries() -> Select[tuple[object, ...]]:
    return select(DELIVERIES).join(ENDPOINTS, ENDPOINTS.c.id == DELIVERIES.c.endpoint_id)
