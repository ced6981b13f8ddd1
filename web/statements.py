"""Statement lines over HTTP: what banks report, and an operator's word on whose an unmatched credit is."""

from __future__ import annotations

from marshmallow import Schema, fields

from commands.statements import MatchStatementLine
from ledger import statements as ledger_statements
from ledger.errors import (
    IdempotencyKeyReused,
    MerchantNotFound,
    PaymentIntentNotFound,
    ReasonMissing,
    StatementLineNotFound,
    StatementLineOwned,
)
from ledger.payments import PaymentIntent
from ledger.statements import StatementLine
from projections import statements
from projections.statements import StatementRow
from web.auth import ADMIN, MERCHANTS, OPERATORS
from web.fields import Currency, Instant, Strict, Text, Word
from web.pages import Moment, OfMerchant, page
from web.routes import Answer, Call, route

STATUSES = (
    ledger_statements.RECORDED,
    ledger_statements.MATCHED,
    ledger_statements.UNMATCHED,
    ledger_statements.REVERSED,
)


class MatchAsked(Strict):
    """Whose the line is, and why."""

    payment_intent_id = Text(longest=64, required=True)
    reason = Text(longest=500, required=True)


class LineMatched(Schema):
    """A statement line and its owner."""

    object = Word("statement_line", required=True)
    id = fields.String(required=True)
    bank_account_id = fields.String(required=True)
    bank_reference = fields.String(required=True)
    direction = Word("credit", "debit", required=True)
    amount = fields.Integer(required=True)
    currency = Currency(required=True)
    booked_at = Instant(required=True)
    value_date = fields.Date(required=True)
    status = Word(*STATUSES, required=True)
    owner_id = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)


class LineShown(LineMatched):
    """A movement on one of our bank accounts as the bank reported it; `[erased]` once the person was forgotten."""

    memo = fields.String(required=True)
    counterparty_name = fields.String(required=True)
    counterparty_account = fields.String(required=True)
    counterparty_bank = fields.String(required=True)
    source = fields.String(required=True)
    is_reversal = fields.Boolean(required=True)


class Lines(OfMerchant):
    """A page of statement lines."""

    bank_account_id = Text(longest=64)
    status = Word(*STATUSES)
    direction = Word("credit", "debit")


@route(
    "GET",
    "/v1/statement-lines",
    roles=MERCHANTS | OPERATORS,
    query=Lines,
    answer=LineShown,
    listed=True,
    reads=("statement_lines",),
    refuses=(MerchantNotFound,),
)
def list_statement_lines(call: Call) -> Answer:
    """Movements on our bank accounts, newest first; a merchant sees those that are its own payments and payouts."""
    reader, merchant_id, query = call.services.reader, call.merchant_id_or_all(), call.query
    return page(
        call,
        Moment,
        lambda limit, before: statements.lines(
            reader,
            bank_account_id=query.get("bank_account_id"),
            merchant_id=merchant_id,
            status=query.get("status"),
            direction=query.get("direction"),
            limit=limit,
            before=before,
        ),
        lambda row: Moment(row.booked_at, row.id),
        lambda row: _show(call, row),
    )


@route(
    "POST",
    "/v1/statement-lines/<line_id>/match",
    roles=ADMIN,
    body=MatchAsked,
    answer=LineMatched,
    refuses=(
        StatementLineNotFound,
        StatementLineOwned,
        PaymentIntentNotFound,
        ReasonMissing,
        IdempotencyKeyReused,
    ),
)
def match_statement_line(call: Call) -> Answer:
    """Say which payment intent an unmatched credit belongs to."""
    intent = call.services.ledger.get(PaymentIntent, call.body["payment_intent_id"], PaymentIntentNotFound)
    command = MatchStatementLine(line_id=call.path["line_id"], payment_intent_id=intent.id, reason=call.body["reason"])
    receipt = call.dispatch(command)
    return call.answer(receipt, _matched(call.then(StatementLine, receipt)))


def _matched(line: StatementLine) -> dict[str, object]:
    return {
        "object": "statement_line",
        "id": line.id,
        "bank_account_id": line.bank_account_id,
        "bank_reference": line.bank_reference,
        "direction": line.direction,
        "amount": line.amount.units,
        "currency": line.amount.currency,
        "booked_at": line.booked_at,
        "value_date": line.value_date,
        "status": line.status,
        "owner_id": line.owner_id,
        "reason": line.reason,
    }


def _show(call: Call, row: StatementRow) -> dict[str, object]:
    vault = call.services.ledger.vault
    return {
        "object": "statement_line",
        "id": row.id,
        "bank_account_id": row.bank_account_id,
        "bank_reference": row.bank_reference,
        "direction": row.direction,
        "amount": row.amount,
        "currency": row.currency,
        "booked_at": row.booked_at,
        "value_date": row.value_date,
        "status": row.status,
        "owner_id": row.owner_id,
        "reason": row.reason,
        "memo": vault.open(row.memo),
        "counterparty_name": vault.open(row.counterparty_name),
        "counterparty_account": vault.open(row.counterparty_account),
        "counterparty_bank": row.counterparty_bank,
        "source": row.source,
        "is_reversal": row.is_reversal,
    }
