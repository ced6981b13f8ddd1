"""Statement lines: every movement our banks reported, whose it is, and which merchant that concerns."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Index, select

from ledger.aggregate import Envelope
from ledger.payments import PaymentIntent
from ledger.payouts import Payout
from ledger.privacy import Sealed
from ledger.statements import MATCHED, RECORDED, REVERSED, UNMATCHED, StatementLine
from projections.columns import (
    day,
    flag,
    id_,
    id_or_none,
    instant,
    key,
    number,
    number_or_none,
    prose,
    prose_or_none,
    sealed_or_none,
    table,
    word,
)
from projections.database import Reader
from projections.pages import Moment, newest_first
from projections.projection import Projection, on
from projections.rows import Rows

LINES = table(
    "statement_lines",
    key("id"),
    id_("bank_account_id"),
    prose("bank_reference"),
    word("direction"),
    number("amount"),
    word("currency"),
    instant("booked_at"),
    day("value_date"),
    prose("bank_time"),
    sealed_or_none("memo"),
    sealed_or_none("counterparty_name"),
    sealed_or_none("counterparty_account"),
    prose("counterparty_bank"),
    prose("source"),
    flag("is_reversal"),
    number_or_none("balance_after"),
    word("status"),
    id_or_none("owner_id"),
    id_or_none("merchant_id"),
    prose_or_none("reason"),
    id_or_none("entry_id"),
    id_or_none("reversed_by"),
    instant("recorded_at"),
    number("position"),
    Index("by_account", "bank_account_id", "booked_at", "id"),
    Index("by_merchant", "merchant_id", "booked_at", "id"),
    Index("by_status", "status", "booked_at", "id"),
    Index("by_time", "booked_at", "id"),
    day="value_date",
    merchant="merchant_id",
)

OWNERS = table("statement_line_owners", key("owner_id"), id_("merchant_id"), merchant="merchant_id")
"""Whose each payment intent and payout is, so that a matched line can be shown to its merchant."""


class StatementRow(msgspec.Struct, frozen=True, kw_only=True):
    """A movement. `amount`: minor units, above zero; `direction`: credit or debit, as it moved on our account.

    `status`: recorded, matched, unmatched or reversed; `owner_id`: the payment intent, payout, reversed line or
    `bank_fees` it belongs to; `merchant_id`: whose that owner is; `balance_after`: minor units on the account then,
    where the bank told. Texts of persons are sealed.
    """

    id: str
    bank_account_id: str
    bank_reference: str
    direction: str
    amount: int
    currency: str
    booked_at: datetime
    value_date: date
    bank_time: str
    memo: Sealed | None
    counterparty_name: Sealed | None
    counterparty_account: Sealed | None
    counterparty_bank: str
    source: str
    is_reversal: bool
    balance_after: int | None
    status: str
    owner_id: str | None
    merchant_id: str | None
    reason: str | None
    entry_id: str | None
    reversed_by: str | None
    recorded_at: datetime
    position: int


class StatementLines(Projection):
    """Folds statement lines, and remembers whose payment intents and payouts are."""

    name = "statement_lines"
    crosses_streams = True
    tables = (LINES, OWNERS)

    @on(StatementLine.Recorded)
    def recorded(self, rows: Rows, event: StatementLine.Recorded, envelope: Envelope) -> None:
        """A new row."""
        row = {
            "id": envelope.stream,
            "bank_account_id": event.bank_account_id,
            "bank_reference": event.bank_reference,
            "direction": event.direction,
            "amount": event.amount.units,
            "currency": event.amount.currency,
            "booked_at": event.booked_at,
            "value_date": envelope.effective_on,
            "bank_time": event.bank_time,
            "memo": event.memo,
            "counterparty_name": event.counterparty_name,
            "counterparty_account": event.counterparty_account,
            "counterparty_bank": event.counterparty_bank,
            "source": event.source,
            "is_reversal": event.is_reversal,
            "balance_after": event.balance_after.units if event.balance_after is not None else None,
            "status": RECORDED,
            "owner_id": None,
            "merchant_id": None,
            "reason": None,
            "entry_id": None,
            "reversed_by": None,
            "recorded_at": envelope.at,
            "position": envelope.position,
        }
        rows.put(LINES, row)

    @on(StatementLine.BalanceTold)
    def balance_told(self, rows: Rows, event: StatementLine.BalanceTold, envelope: Envelope) -> None:
        """What the account held after it became known later."""
        self._change(rows, envelope, balance_after=event.balance_after.units)

    @on(StatementLine.Matched)
    def matched(self, rows: Rows, event: StatementLine.Matched, envelope: Envelope) -> None:
        """It has an owner; the owner of a reversal is the line it takes back."""
        owner = rows.get(OWNERS, event.owner_id) or rows.get(LINES, event.owner_id)
        values = {"owner_id": event.owner_id, "merchant_id": owner["merchant_id"] if owner else None}
        self._change(rows, envelope, status=MATCHED, entry_id=event.entry_id, reason=event.reason, **values)

    @on(StatementLine.Unmatched)
    def unmatched(self, rows: Rows, event: StatementLine.Unmatched, envelope: Envelope) -> None:
        """Nobody's yet."""
        self._change(rows, envelope, status=UNMATCHED, entry_id=event.entry_id, reason=event.reason)

    @on(StatementLine.Reversed)
    def reversed(self, rows: Rows, event: StatementLine.Reversed, envelope: Envelope) -> None:
        """The bank took it back."""
        self._change(rows, envelope, status=REVERSED, reversed_by=event.by_line_id)

    @on(PaymentIntent.Created, Payout.Requested)
    def owned(self, rows: Rows, event: PaymentIntent.Created | Payout.Requested, envelope: Envelope) -> None:
        """Whose this payment intent or payout is."""
        rows.put(OWNERS, {"owner_id": envelope.stream, "merchant_id": event.merchant_id})

    def _change(self, rows: Rows, envelope: Envelope, **values: Any) -> None:
        rows.change(LINES, envelope.stream, position=envelope.position, **values)


def line(reader: Reader, line_id: str) -> StatementRow | None:
    """One statement line, or None. Raises ReadTablesUnavailable, as every query here."""
    return reader.one(StatementRow, select(LINES).where(LINES.c.id == line_id))


def lines(
    reader: Reader,
    *,
    bank_account_id: str | None = None,
    merchant_id: str | None = None,
    status: str | None = None,
    direction: str | None = None,
    limit: int,
    before: Moment | None = None,
) -> list[StatementRow]:
    """Statement lines, newest booking first; `before`: (booked_at, id) of the last one seen."""
    wanted = {
        LINES.c.bank_account_id: bank_account_id,
        LINES.c.merchant_id: merchant_id,
        LINES.c.status: status,
        LINES.c.direction: direction,
    }
    query = select(LINES).where(*(column == value for column, value in wanted.items() if value is not None))
    return reader.all(StatementRow, newest_first(query, LINES.c.booked_at, LINES.c.id, limit, before))
