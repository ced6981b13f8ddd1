"""Settlements over HTTP: an operator closes a merchant's open payments and releases them; both read."""

from __future__ import annotations

from marshmallow import Schema, fields

from commands.settlements import CloseSettlement, ReleaseSettlement
from ledger import settlements as ledger_settlements
from ledger.errors import (
    IdempotencyKeyReused,
    MerchantNotFound,
    SettlementEmpty,
    SettlementNotFound,
    SettlementStateConflict,
)
from ledger.merchants import Merchant
from ledger.settlements import PAYMENTS_MAX, Settlement
from projections import payments, settlements
from projections.settlements import SettlementRow
from web.auth import ADMIN, MERCHANTS, OPERATORS
from web.fields import Currency, Instant, Strict, Text, Word
from web.pages import Moment, OfMerchant, page
from web.routes import Answer, Call, route


class SettlementAsked(Strict):
    """Whose open payments to close."""

    merchant_id = Text(longest=64, required=True)


class SettlementShown(Schema):
    """A settlement: figures fixed when it was closed; the net is available once released."""

    object = Word("settlement", required=True)
    id = fields.String(required=True)
    merchant_id = fields.String(required=True)
    status = Word(ledger_settlements.CLOSED, ledger_settlements.RELEASED, required=True)
    gross = fields.Integer(required=True)
    fees = fields.Integer(required=True)
    net = fields.Integer(required=True)
    currency = Currency(required=True)


class SettlementLineShown(Schema):
    """What one payment brought."""

    payment_intent_id = fields.String(required=True)
    gross = fields.Integer(required=True)
    fee = fields.Integer(required=True)


class SettlementWithLines(SettlementShown):
    """A settlement with the payments in it."""

    lines = fields.List(fields.Nested(SettlementLineShown), required=True)


class SettlementListed(SettlementShown):
    """A settlement in the list."""

    payments = fields.Integer(required=True, metadata={"description": "How many payments are in it."})
    closed_at = Instant(required=True)
    released_at = Instant(required=True, allow_none=True)


@route(
    "POST",
    "/v1/settlements",
    roles=ADMIN,
    body=SettlementAsked,
    answer=SettlementWithLines,
    status=201,
    reads=("payments",),
    refuses=(MerchantNotFound, SettlementEmpty, IdempotencyKeyReused),
)
def close_settlement(call: Call) -> Answer:
    """Close what is open of a merchant: up to 500 payments; send again for more."""
    merchant = call.services.ledger.get(Merchant, call.body["merchant_id"], MerchantNotFound)
    open_ids = payments.unsettled(call.services.reader, merchant_id=merchant.id, limit=PAYMENTS_MAX)
    receipt = call.dispatch(CloseSettlement(merchant_id=merchant.id, payment_intent_ids=tuple(open_ids)))
    return call.answer(receipt, _show(call.then(Settlement, receipt)))


@route(
    "POST",
    "/v1/settlements/<settlement_id>/release",
    roles=ADMIN,
    answer=SettlementWithLines,
    refuses=(SettlementNotFound, SettlementStateConflict, IdempotencyKeyReused),
)
def release_settlement(call: Call) -> Answer:
    """Make the net of a settlement available to its merchant."""
    receipt = call.dispatch(ReleaseSettlement(settlement_id=call.path["settlement_id"]))
    return call.answer(receipt, _show(call.then(Settlement, receipt)))


@route(
    "GET",
    "/v1/settlements",
    roles=MERCHANTS | OPERATORS,
    query=OfMerchant,
    answer=SettlementListed,
    listed=True,
    reads=("settlements",),
    refuses=(MerchantNotFound,),
)
def list_settlements(call: Call) -> Answer:
    """A merchant's settlements, newest first."""
    reader, merchant_id = call.services.reader, call.merchant_id()
    return page(
        call,
        Moment,
        lambda limit, before: settlements.settlements(reader, merchant_id=merchant_id, limit=limit, before=before),
        lambda row: Moment(row.closed_at, row.id),
        _listed,
    )


def _show(settlement: Settlement) -> dict[str, object]:
    return {
        "object": "settlement",
        "id": settlement.id,
        "merchant_id": settlement.merchant_id,
        "status": settlement.status,
        "gross": settlement.gross.units,
        "fees": settlement.fees.units,
        "net": settlement.net.units,
        "currency": settlement.gross.currency,
        "lines": [
            {"payment_intent_id": line.payment_intent_id, "gross": line.gross.units, "fee": line.fee.units}
            for line in settlement.lines
        ],
    }


def _listed(row: SettlementRow) -> dict[str, object]:
    return {
        "object": "settlement",
        "id": row.id,
        "merchant_id": row.merchant_id,
        "status": row.status,
        "gross": row.gross,
        "fees": row.fees,
        "net": row.net,
        "currency": row.currency,
        "payments": row.payments,
        "closed_at": row.closed_at,
        "released_at": row.released_at,
    }
