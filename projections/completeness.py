"""Completeness: up to when the statement of each of our bank accounts is whole, and every hole that was noticed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Index, select

from ledger.aggregate import Envelope
from ledger.completeness import Completeness, id_of_completeness
from projections.columns import (
    id_,
    id_or_none,
    instant,
    instant_or_none,
    key,
    number,
    number_or_none,
    table,
    word,
)
from projections.database import Reader
from projections.pages import Moment, newest_first
from projections.projection import Projection, on
from projections.rows import Rows

COMPLETENESS = table(
    "completeness",
    key("id"),
    id_("bank_account_id"),
    instant("watched_from"),
    instant_or_none("complete_from"),
    instant_or_none("complete_up_to"),
    number_or_none("balance"),
    instant_or_none("balance_as_of"),
    number("open_holes"),
    number("closed_holes"),
    number("position"),
)

HOLES = table(
    "statement_holes",
    key("id"),
    id_("bank_account_id"),
    word("seen_by"),
    instant("since"),
    instant("until"),
    number("missing"),
    word("currency"),
    id_or_none("after_line_id"),
    id_or_none("before_line_id"),
    instant("noticed_at"),
    instant_or_none("closed_at"),
    number("position"),
    Index("by_account", "bank_account_id", "noticed_at", "id"),
    day="noticed_at",
)


class CompletenessRow(msgspec.Struct, frozen=True, kw_only=True):
    """One account: watched since when, and from when to when every movement is proved to be on record (None: nothing is
    proved yet). `balance`: what the bank told last, in minor units, as of when.
    """

    id: str
    bank_account_id: str
    watched_from: datetime
    complete_from: datetime | None
    complete_up_to: datetime | None
    balance: int | None
    balance_as_of: datetime | None
    open_holes: int
    closed_holes: int
    position: int


class HoleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One hole. `missing`: minor units that moved and are on no line, below zero for a debit; `seen_by`:
    running_balance, between two lines that are named, or enquiry.
    """

    id: str
    bank_account_id: str
    seen_by: str
    since: datetime
    until: datetime
    missing: int
    currency: str
    after_line_id: str | None
    before_line_id: str | None
    noticed_at: datetime
    closed_at: datetime | None
    position: int


class CompletenessOfStatements(Projection):
    """Folds marks and holes."""

    name = "completeness"
    tables = (COMPLETENESS, HOLES)

    @on(Completeness.Begun)
    def begun(self, rows: Rows, event: Completeness.Begun, envelope: Envelope) -> None:
        """The account is watched."""
        row = {
            "id": envelope.stream,
            "bank_account_id": event.bank_account_id,
            "watched_from": envelope.at,
            "complete_from": None,
            "complete_up_to": None,
            "balance": None,
            "balance_as_of": None,
            "open_holes": 0,
            "closed_holes": 0,
            "position": envelope.position,
        }
        rows.put(COMPLETENESS, row)

    @on(Completeness.BalanceTold)
    def balance_told(self, rows: Rows, event: Completeness.BalanceTold, envelope: Envelope) -> None:
        """What the bank says."""
        self._change(rows, envelope, balance=event.balance.units, balance_as_of=event.as_of)

    @on(Completeness.Proved)
    def proved(self, rows: Rows, event: Completeness.Proved, envelope: Envelope) -> None:
        """The mark moves."""
        first = rows.value(COMPLETENESS, "complete_from", envelope.stream) or event.proof.since
        self._change(rows, envelope, complete_from=first, complete_up_to=event.proof.up_to)

    @on(Completeness.HoleNoticed)
    def hole_noticed(self, rows: Rows, event: Completeness.HoleNoticed, envelope: Envelope) -> None:
        """A new row, or one that is open again."""
        known, hole = rows.must_get(COMPLETENESS, envelope.stream), event.hole
        row = {
            "id": hole.hole_id,
            "bank_account_id": known["bank_account_id"],
            "seen_by": hole.seen_by,
            "since": hole.since,
            "until": hole.until,
            "missing": hole.missing.units,
            "currency": hole.missing.currency,
            "after_line_id": hole.after_line_id,
            "before_line_id": hole.before_line_id,
            "noticed_at": envelope.at,
            "closed_at": None,
            "position": envelope.position,
        }
        rows.put(HOLES, row)
        self._change(rows, envelope, open_holes=known["open_holes"] + 1)

    @on(Completeness.HoleClosed)
    def hole_closed(self, rows: Rows, event: Completeness.HoleClosed, envelope: Envelope) -> None:
        """Nothing is missing there any more."""
        known = rows.must_get(COMPLETENESS, envelope.stream)
        rows.change(HOLES, event.hole_id, closed_at=envelope.at, position=envelope.position)
        counts = {"open_holes": known["open_holes"] - 1, "closed_holes": known["closed_holes"] + 1}
        self._change(rows, envelope, **counts)

    def _change(self, rows: Rows, envelope: Envelope, **values: Any) -> None:
        rows.change(COMPLETENESS, envelope.stream, position=envelope.position, **values)


def completeness(reader: Reader, bank_account_id: str) -> CompletenessRow | None:
    """One account, or None while it is not watched. Raises ReadTablesUnavailable, as every query here."""
    id_of_row = id_of_completeness(bank_account_id)
    return reader.one(CompletenessRow, select(COMPLETENESS).where(COMPLETENESS.c.id == id_of_row))


def holes(reader: Reader, bank_account_id: str, *, limit: int, before: Moment | None = None) -> list[HoleRow]:
    """Holes of an account, those noticed last first; `before`: (noticed_at, id) of the last one seen."""
    query = select(HOLES).where(HOLES.c.bank_account_id == bank_account_id)
    return reader.all(HoleRow, newest_first(query, HOLES.c.noticed_at, HOLES.c.id, limit, before))
