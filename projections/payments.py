"""Payment intents as merchants see them: what was expected, what came, what is settled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Index, select

from ledger.aggregate import Envelope
from ledger.payments import AWAITING, CANCELLED, EXPIRED, OVERPAID, PAID, UNDERPAID, PaymentIntent
from projections.columns import id_, instant, instant_or_none, key, number, prose, table, word
from projections.database import Reader
from projections.pages import Moment, newest_first
from projections.projection import Projection, on
from projections.rows import Rows

PAYMENTS = table(
    "payments",
    key("id"),
    id_("merchant_id"),
    number("amount"),
    word("currency"),
    word("code"),
    id_("bank_account_id"),
    prose("description"),
    prose("merchant_reference"),
    instant_or_none("expires_at"),
    instant("created_at"),
    word("status"),
    number("received"),
    number("fees"),
    number("settled"),
    number("settled_fees"),
    number("position"),
    Index("by_merchant", "merchant_id", "created_at", "id"),
    Index("by_time", "created_at", "id"),
    Index("by_expiry", "status", "expires_at"),
    day="created_at",
    merchant="merchant_id",
)


class PaymentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A payment intent. Minor units of `currency`: `amount`, `received`, `fees`, `settled` (gross) and `settled_fees`.

    `status`: awaiting, underpaid, paid, overpaid, expired or cancelled. `position`: the event that changed it last.
    """

    id: str
    merchant_id: str
    amount: int
    currency: str
    code: str
    bank_account_id: str
    description: str
    merchant_reference: str
    expires_at: datetime | None
    created_at: datetime
    status: str
    received: int
    fees: int
    settled: int
    settled_fees: int
    position: int


class Payments(Projection):
    """Folds payment intents."""

    name = "payments"
    tables = (PAYMENTS,)

    @on(PaymentIntent.Created)
    def created(self, rows: Rows, event: PaymentIntent.Created, envelope: Envelope) -> None:
        """A new row."""
        row = {
            "id": envelope.stream,
            "merchant_id": event.merchant_id,
            "amount": event.amount.units,
            "currency": event.amount.currency,
            "code": event.code,
            "bank_account_id": event.bank_account_id,
            "description": event.description,
            "merchant_reference": event.merchant_reference,
            "expires_at": event.expires_at,
            "created_at": envelope.at,
            "status": AWAITING,
            "received": 0,
            "fees": 0,
            "settled": 0,
            "settled_fees": 0,
            "position": envelope.position,
        }
        rows.put(PAYMENTS, row)

    @on(PaymentIntent.Paid)
    def paid(self, rows: Rows, event: PaymentIntent.Paid, envelope: Envelope) -> None:
        """Exactly what was expected is here."""
        self._received(rows, event, envelope, PAID)

    @on(PaymentIntent.Underpaid)
    def underpaid(self, rows: Rows, event: PaymentIntent.Underpaid, envelope: Envelope) -> None:
        """Some is still missing."""
        self._received(rows, event, envelope, UNDERPAID)

    @on(PaymentIntent.Overpaid)
    def overpaid(self, rows: Rows, event: PaymentIntent.Overpaid, envelope: Envelope) -> None:
        """More than expected is here."""
        self._received(rows, event, envelope, OVERPAID)

    @on(PaymentIntent.Reversed)
    def reversed(self, rows: Rows, event: PaymentIntent.Reversed, envelope: Envelope) -> None:
        """The bank took a credit back."""
        fees = rows.value(PAYMENTS, "fees", envelope.stream) - event.fee.units
        self._change(rows, envelope, status=event.status, received=event.received.units, fees=fees)

    @on(PaymentIntent.Expired)
    def expired(self, rows: Rows, event: PaymentIntent.Expired, envelope: Envelope) -> None:
        """The time to pay is over."""
        self._change(rows, envelope, status=EXPIRED)

    @on(PaymentIntent.Cancelled)
    def cancelled(self, rows: Rows, event: PaymentIntent.Cancelled, envelope: Envelope) -> None:
        """The merchant expects it no more."""
        self._change(rows, envelope, status=CANCELLED)

    @on(PaymentIntent.Settled)
    def settled(self, rows: Rows, event: PaymentIntent.Settled, envelope: Envelope) -> None:
        """Part of it is in a settlement."""
        settled = rows.value(PAYMENTS, "settled", envelope.stream) + event.gross.units
        fees = rows.value(PAYMENTS, "settled_fees", envelope.stream) + event.fee.units
        self._change(rows, envelope, settled=settled, settled_fees=fees)

    def _received(
        self,
        rows: Rows,
        event: PaymentIntent.Paid | PaymentIntent.Underpaid | PaymentIntent.Overpaid,
        envelope: Envelope,
        status: str,
    ) -> None:
        fees = rows.value(PAYMENTS, "fees", envelope.stream) + event.fee.units
        self._change(rows, envelope, status=status, received=event.received.units, fees=fees)

    def _change(self, rows: Rows, envelope: Envelope, **values: Any) -> None:
        rows.change(PAYMENTS, envelope.stream, position=envelope.position, **values)


def payment(reader: Reader, payment_intent_id: str) -> PaymentRow | None:
    """One payment intent, or None. Raises ReadTablesUnavailable, as every query here."""
    return reader.one(PaymentRow, select(PAYMENTS).where(PAYMENTS.c.id == payment_intent_id))


def payments(
    reader: Reader,
    *,
    merchant_id: str | None = None,
    status: str | None = None,
    limit: int,
    before: Moment | None = None,
) -> list[PaymentRow]:
    """Payment intents, newest first; `before`: (created_at, id) of the last one seen."""
    query = select(PAYMENTS)
    if merchant_id is not None:
        query = query.where(PAYMENTS.c.merchant_id == merchant_id)
    if status is not None:
        query = query.where(PAYMENTS.c.status == status)
    return reader.all(PaymentRow, newest_first(query, PAYMENTS.c.created_at, PAYMENTS.c.id, limit, before))


def unsettled(reader: Reader, *, merchant_id: str, limit: int) -> list[str]:
    """Ids of a merchant's payment intents whose money, or whose fees, are not all in a settlement; oldest first."""
    rows = PAYMENTS.c
    waiting = (rows.received != rows.settled) | (rows.fees != rows.settled_fees)
    query = select(rows.id).where(rows.merchant_id == merchant_id, waiting)
    return reader.column(query.order_by(rows.created_at, rows.id).limit(limit))


def due_to_expire(reader: Reader, *, now: datetime, limit: int) -> list[str]:
    """Ids of payment intents whose time to pay was over at `now` and that still wait for money; earliest first."""
    rows = PAYMENTS.c
    query = select(rows.id).where(rows.status.in_((AWAITING, UNDERPAID)), rows.expires_at <= now)
    return reader.column(query.order_by(rows.expires_at, rows.id).limit(limit))
