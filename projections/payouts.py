"""Payouts, and the timeline of each: what happened to it, when, by whom. Also: which are due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Index, false, select

from ledger.aggregate import Envelope
from ledger.payouts import (
    ACCEPTED,
    APPROVED,
    CANCELLED,
    CONFIRMED,
    FAILED,
    REJECTED,
    REQUESTED,
    RETURNED,
    SUBMITTED,
    UNKNOWN,
    Payout,
)
from ledger.privacy import Sealed
from projections.columns import (
    flag,
    id_,
    instant,
    instant_or_none,
    key,
    number,
    number_key,
    prose,
    prose_or_none,
    sealed,
    table,
    word,
)
from projections.database import Reader
from projections.pages import Moment, newest_first, oldest_first
from projections.projection import Projection, on
from projections.rows import Rows

PAYOUTS = table(
    "payouts",
    key("id"),
    id_("merchant_id"),
    number("amount"),
    number("fee"),
    word("currency"),
    id_("bank_account_id"),
    word("beneficiary_bin"),
    sealed("beneficiary_account"),
    sealed("beneficiary_name"),
    prose("memo"),
    word("end_to_end_id"),
    word("status"),
    instant("status_at"),
    number("attempt"),
    instant_or_none("submitted_at"),
    flag("executed"),
    prose_or_none("bank_reference"),
    prose_or_none("reason"),
    id_("requested_by"),
    instant("created_at"),
    flag("escalated"),
    flag("shown_on_statement"),
    number("position"),
    Index("by_merchant", "merchant_id", "created_at", "id"),
    Index("by_time", "created_at", "id"),
    Index("by_status", "status", "status_at", "id"),
    day="created_at",
    merchant="merchant_id",
)

TIMELINE = table(
    "payout_timeline",
    key("payout_id"),
    number_key("version"),
    number("position"),
    word("name"),
    instant("at"),
    id_("actor"),
    prose("detail"),
    day="at",
)


class PayoutRow(msgspec.Struct, frozen=True, kw_only=True):
    """A payout. `amount` and `fee` are minor units of `currency`; the beneficiary is sealed, open it with the vault.

    `status`: requested, approved, rejected, cancelled, submitted, unknown, accepted, failed, confirmed or returned;
    `status_at`: since when. `attempt`: how often it was sent. `position`: the event that changed it last.
    """

    id: str
    merchant_id: str
    amount: int
    fee: int
    currency: str
    bank_account_id: str
    beneficiary_bin: str
    beneficiary_account: Sealed
    beneficiary_name: Sealed
    memo: str
    end_to_end_id: str
    status: str
    status_at: datetime
    attempt: int
    submitted_at: datetime | None
    executed: bool
    bank_reference: str | None
    reason: str | None
    requested_by: str
    created_at: datetime
    escalated: bool
    shown_on_statement: bool
    position: int


class TimelineRow(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a payout: its stored name, when it was recorded, by whom, and a word or sentence on it."""

    payout_id: str
    version: int
    position: int
    name: str
    at: datetime
    actor: str
    detail: str


class Payouts(Projection):
    """Folds payouts."""

    name = "payouts"
    tables = (PAYOUTS, TIMELINE)

    @on(Payout.Requested)
    def requested(self, rows: Rows, event: Payout.Requested, envelope: Envelope) -> None:
        """A new row."""
        row = {
            "id": envelope.stream,
            "merchant_id": event.merchant_id,
            "amount": event.amount.units,
            "fee": event.fee.units,
            "currency": event.amount.currency,
            "bank_account_id": event.bank_account_id,
            "beneficiary_bin": event.beneficiary_bin,
            "beneficiary_account": event.beneficiary_account,
            "beneficiary_name": event.beneficiary_name,
            "memo": event.memo,
            "end_to_end_id": event.end_to_end_id,
            "status": REQUESTED,
            "status_at": envelope.at,
            "attempt": 0,
            "submitted_at": None,
            "executed": False,
            "bank_reference": None,
            "reason": None,
            "requested_by": envelope.actor,
            "created_at": envelope.at,
            "escalated": False,
            "shown_on_statement": False,
            "position": envelope.position,
        }
        rows.put(PAYOUTS, row)
        self._tell(rows, envelope)

    @on(Payout.Approved)
    def approved(self, rows: Rows, event: Payout.Approved, envelope: Envelope) -> None:
        """It may be sent."""
        self._becomes(rows, envelope, APPROVED)

    @on(Payout.Rejected)
    def rejected(self, rows: Rows, event: Payout.Rejected, envelope: Envelope) -> None:
        """Somebody said no."""
        self._becomes(rows, envelope, REJECTED, event.reason, reason=event.reason)

    @on(Payout.Cancelled)
    def cancelled(self, rows: Rows, event: Payout.Cancelled, envelope: Envelope) -> None:
        """Taken back before it was sent."""
        self._becomes(rows, envelope, CANCELLED, event.reason, reason=event.reason)

    @on(Payout.Submitted)
    def submitted(self, rows: Rows, event: Payout.Submitted, envelope: Envelope) -> None:
        """About to be sent."""
        detail = f"attempt {event.attempt}"
        self._becomes(rows, envelope, SUBMITTED, detail, attempt=event.attempt, submitted_at=envelope.at)

    @on(Payout.NotSent)
    def not_sent(self, rows: Rows, event: Payout.NotSent, envelope: Envelope) -> None:
        """Approved again."""
        self._becomes(rows, envelope, APPROVED, event.why)

    @on(Payout.OutcomeUnknown)
    def outcome_unknown(self, rows: Rows, event: Payout.OutcomeUnknown, envelope: Envelope) -> None:
        """Nobody knows."""
        self._becomes(rows, envelope, UNKNOWN, event.why)

    @on(Payout.Enquired)
    def enquired(self, rows: Rows, event: Payout.Enquired, envelope: Envelope) -> None:
        """The bank was asked and did not decide."""
        self._change(rows, envelope, f"{event.answer}: {event.why}")

    @on(Payout.Escalated)
    def escalated(self, rows: Rows, event: Payout.Escalated, envelope: Envelope) -> None:
        """People decide."""
        self._change(rows, envelope, event.why, escalated=True)

    @on(Payout.Accepted)
    def accepted(self, rows: Rows, event: Payout.Accepted, envelope: Envelope) -> None:
        """The bank took it."""
        self._becomes(rows, envelope, ACCEPTED, event.bank_reference, bank_reference=event.bank_reference)

    @on(Payout.Executed)
    def executed(self, rows: Rows, event: Payout.Executed, envelope: Envelope) -> None:
        """The bank says it is done."""
        self._change(rows, envelope, event.bank_reference, executed=True, bank_reference=event.bank_reference)

    @on(Payout.Failed)
    def failed(self, rows: Rows, event: Payout.Failed, envelope: Envelope) -> None:
        """No money left."""
        detail = f"{event.reason} {event.bank_code}".strip()
        self._becomes(rows, envelope, FAILED, detail, reason=event.reason)

    @on(Payout.Confirmed)
    def confirmed(self, rows: Rows, event: Payout.Confirmed, envelope: Envelope) -> None:
        """The statement shows the debit; a return that was seen before it stays the last word."""
        returned = rows.value(PAYOUTS, "status", envelope.stream) == RETURNED
        status = RETURNED if returned else CONFIRMED
        self._becomes(rows, envelope, status, event.line_id, shown_on_statement=True)

    @on(Payout.Returned)
    def returned(self, rows: Rows, event: Payout.Returned, envelope: Envelope) -> None:
        """The money came back."""
        self._becomes(rows, envelope, RETURNED, event.line_id)

    def _becomes(self, rows: Rows, envelope: Envelope, status: str, detail: str = "", **values: Any) -> None:
        self._change(rows, envelope, detail, status=status, status_at=envelope.at, **values)

    def _change(self, rows: Rows, envelope: Envelope, detail: str, **values: Any) -> None:
        rows.change(PAYOUTS, envelope.stream, position=envelope.position, **values)
        self._tell(rows, envelope, detail)

    def _tell(self, rows: Rows, envelope: Envelope, detail: str = "") -> None:
        row = {
            "payout_id": envelope.stream,
            "version": envelope.version,
            "position": envelope.position,
            "name": envelope.name,
            "at": envelope.at,
            "actor": envelope.actor,
            "detail": detail,
        }
        rows.put(TIMELINE, row)


def payout(reader: Reader, payout_id: str) -> PayoutRow | None:
    """One payout, or None. Raises ReadTablesUnavailable, as every query here."""
    return reader.one(PayoutRow, select(PAYOUTS).where(PAYOUTS.c.id == payout_id))


def payouts(
    reader: Reader,
    *,
    merchant_id: str | None = None,
    status: str | None = None,
    limit: int,
    before: Moment | None = None,
) -> list[PayoutRow]:
    """Payouts, newest first; `before`: (created_at, id) of the last one seen."""
    query = select(PAYOUTS)
    if merchant_id is not None:
        query = query.where(PAYOUTS.c.merchant_id == merchant_id)
    if status is not None:
        query = query.where(PAYOUTS.c.status == status)
    return reader.all(PayoutRow, newest_first(query, PAYOUTS.c.created_at, PAYOUTS.c.id, limit, before))


def timeline(reader: Reader, payout_id: str, *, limit: int = 1000, after: int = 0) -> list[TimelineRow]:
    """What happened to a payout, in order; `after`: the version of the last event seen."""
    rows = TIMELINE.c
    query = select(TIMELINE).where(rows.payout_id == payout_id, rows.version > after)
    return reader.all(TimelineRow, query.order_by(rows.version).limit(limit))


def due_to_send(
    reader: Reader, *, bank_account_ids: Sequence[str], limit: int, after: Moment | None = None
) -> list[PayoutRow]:
    """Approved payouts out of these accounts of ours, longest waiting first.

    `after`: (status_at, id) of the last one seen.
    """
    rows = PAYOUTS.c
    query = select(PAYOUTS).where(rows.status == APPROVED, rows.bank_account_id.in_(bank_account_ids))
    return reader.all(PayoutRow, oldest_first(query, rows.status_at, rows.id, limit, after))


def asked_about(
    reader: Reader, *, bank_account_ids: Sequence[str], limit: int, after: Moment | None = None
) -> list[PayoutRow]:
    """Payouts out of these accounts of which only the bank or its statement knows how they went, longest waiting first.

    Submitted, unknown or accepted, and not on the statement yet. `after`: (status_at, id) of the last one seen.
    """
    rows = PAYOUTS.c
    query = select(PAYOUTS).where(
        rows.status.in_((SUBMITTED, UNKNOWN, ACCEPTED)),
        rows.bank_account_id.in_(bank_account_ids),
        rows.shown_on_statement == false(),
    )
    return reader.all(PayoutRow, oldest_first(query, rows.status_at, rows.id, limit, after))
