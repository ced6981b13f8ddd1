"""Settlements: what was closed for a merchant, with which figures, and whether it was released."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Index, select

from ledger.aggregate import Envelope
from ledger.settlements import CLOSED, RELEASED, Settlement
from projections.columns import id_, id_or_none, instant, instant_or_none, key, number, table, word
from projections.database import Reader
from projections.pages import Moment, newest_first
from projections.projection import Projection, on
from projections.rows import Rows

SETTLEMENTS = table(
    "settlements",
    key("id"),
    id_("merchant_id"),
    number("gross"),
    number("fees"),
    number("net"),
    word("currency"),
    number("payments"),
    word("status"),
    instant("closed_at"),
    instant_or_none("released_at"),
    id_or_none("entry_id"),
    number("position"),
    Index("by_merchant", "merchant_id", "closed_at", "id"),
    Index("by_status", "status", "closed_at", "id"),
    Index("by_time", "closed_at", "id"),
    day="closed_at",
    merchant="merchant_id",
)


class SettlementRow(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement. `gross`, `fees` and `net`: minor units; `payments`: how many are in it; `status`: closed, released.

    `entry_id`: the journal entry that released it.
    """

    id: str
    merchant_id: str
    gross: int
    fees: int
    net: int
    currency: str
    payments: int
    status: str
    closed_at: datetime
    released_at: datetime | None
    entry_id: str | None
    position: int


class Settlements(Projection):
    """Folds settlements."""

    name = "settlements"
    tables = (SETTLEMENTS,)

    @on(Settlement.Closed)
    def closed(self, rows: Rows, event: Settlement.Closed, envelope: Envelope) -> None:
        """A new row."""
        row = {
            "id": envelope.stream,
            "merchant_id": event.merchant_id,
            "gross": event.gross.units,
            "fees": event.fees.units,
            "net": event.net.units,
            "currency": event.net.currency,
            "payments": len(event.lines),
            "status": CLOSED,
            "closed_at": envelope.at,
            "released_at": None,
            "entry_id": None,
            "position": envelope.position,
        }
        rows.put(SETTLEMENTS, row)

    @on(Settlement.Released)
    def released(self, rows: Rows, event: Settlement.Released, envelope: Envelope) -> None:
        """The net is available."""
        values = {"released_at": envelope.at, "entry_id": event.entry_id, "position": envelope.position}
        rows.change(SETTLEMENTS, envelope.stream, status=RELEASED, **values)


def settlement(reader: Reader, settlement_id: str) -> SettlementRow | None:
    """One settlement, or None. Raises ReadTablesUnavailable, as every query here."""
    return reader.one(SettlementRow, select(SETTLEMENTS).where(SETTLEMENTS.c.id == settlement_id))


def settlements(
    reader: Reader,
    *,
    merchant_id: str | None = None,
    status: str | None = None,
    limit: int,
    before: Moment | None = None,
) -> list[SettlementRow]:
    """Settlements, newest first; `before`: (closed_at, id) of the last one seen."""
    query = select(SETTLEMENTS)
    if merchant_id is not None:
        query = query.where(SETTLEMENTS.c.merchant_id == merchant_id)
    if status is not None:
        query = query.where(SETTLEMENTS.c.status == status)
    rows = SETTLEMENTS.c
    return reader.all(SettlementRow, newest_first(query, rows.closed_at, rows.id, limit, before))


def closed(reader: Reader, *, limit: int) -> list[str]:
    """Ids of settlements that are closed and not released, oldest first."""
    rows = SETTLEMENTS.c
    query = select(rows.id).where(rows.status == CLOSED).order_by(rows.closed_at, rows.id)
    return reader.column(query.limit(limit))
