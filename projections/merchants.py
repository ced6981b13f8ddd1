"""Merchants and their terms, as operators see them. Keys and endpoints stay in the log."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Index, select

from ledger.aggregate import Envelope
from ledger.merchants import Merchant
from projections.columns import id_, instant, key, number, prose, table, word
from projections.database import Reader
from projections.pages import Moment, newest_first
from projections.projection import Projection, on
from projections.rows import Rows

MERCHANTS = table(
    "merchants",
    key("id"),
    prose("name"),
    id_("bank_account_id"),
    number("fee_bps"),
    number("payout_fee"),
    word("currency"),
    number("approvals_needed"),
    instant("created_at"),
    number("position"),
    Index("by_time", "created_at", "id"),
    day="created_at",
    merchant="id",
)


class MerchantRow(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant. `fee_bps`: our share of a payment in ten-thousandths; `payout_fee`: minor units of `currency`."""

    id: str
    name: str
    bank_account_id: str
    fee_bps: int
    payout_fee: int
    currency: str
    approvals_needed: int
    created_at: datetime
    position: int


class Merchants(Projection):
    """Folds registrations."""

    name = "merchants"
    tables = (MERCHANTS,)

    @on(Merchant.Registered)
    def registered(self, rows: Rows, event: Merchant.Registered, envelope: Envelope) -> None:
        """A new row."""
        row = {
            "id": envelope.stream,
            "name": event.name,
            "bank_account_id": event.bank_account_id,
            "fee_bps": event.fee_bps,
            "payout_fee": event.payout_fee.units,
            "currency": event.payout_fee.currency,
            "approvals_needed": event.approvals_needed,
            "created_at": envelope.at,
            "position": envelope.position,
        }
        rows.put(MERCHANTS, row)


def merchant(reader: Reader, merchant_id: str) -> MerchantRow | None:
    """One merchant, or None. Raises ReadTablesUnavailable, as every query here."""
    return reader.one(MerchantRow, select(MERCHANTS).where(MERCHANTS.c.id == merchant_id))


def merchants(reader: Reader, *, limit: int, before: Moment | None = None) -> list[MerchantRow]:
    """Merchants, newest first; `before`: (created_at, id) of the last one seen."""
    return reader.all(
        MerchantRow, newest_first(select(MERCHANTS), MERCHANTS.c.created_at, MERCHANTS.c.id, limit, before)
    )
