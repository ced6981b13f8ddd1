"""Statement lines over HTTP: what banks report, and an operator's word on whose an unmatched credit is."""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import Schema, ValidationError, fields, validates_schema

from commands import Command
from commands.statements import ExplainBankFee, MatchPayoutLine, MatchStatementLine
from ledger import statements as ledger_statements
from ledger.errors import (
    IdempotencyKeyReused,
    MerchantNotFound,
    PaymentIntentClosed,
    PaymentIntentNotFound,
    PayoutNotFound,
    PayoutStateConflict,
    ReasonMissing,
    StatementLineNotFound,
    StatementLineOwned,
)
from ledger.statements import StatementLine
from projections import past_pages, statements
from projections.statements import StatementRow
from web.auth import ADMIN, MERCHANTS, OPERATORS
from web.fields import Currency, Instant, Strict, Text, Word
from web.pages import Moment, OfMerchant, looked_page, page
from web.past import InThePast
from web.routes import Answer, Call, route

STATUSES = (
    ledger_statements.RECORDED,
    ledger_statements.MATCHED,
    ledger_statements.UNMATCHED,
    ledger_statements.REVERSED,
)


class MatchAsked(Strict):
    """Whose the line is, and why: a payment intent's or a payout's, exactly one of them."""

    payment_intent_id = Text(longest=64, metadata={"description": "Whose an unmatched credit is."})
    payout_id = Text(longest=64, metadata={"description": "Whose an unmatched debit is."})
    reason = Text(longest=500, required=True)

    @validates_schema
    def _one_owner(self, data: Mapping[str, object], **_: object) -> None:
        if "payment_intent_id" in data and "payout_id" in data:
            raise ValidationError("A line is one's: take this out, or payment_intent_id.", "payout_id")
        if "payment_intent_id" not in data and "payout_id" not in data:
            raise ValidationError("Name payment_intent_id for a credit, or payout_id for a debit.", "payment_intent_id")


class FeeAsked(Strict):
    """Why the line is the bank's fee."""

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


class Lines(OfMerchant, InThePast):
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
    recalls=("statement_lines",),
    refuses=(MerchantNotFound,),
)
def list_statement_lines(call: Call) -> Answer:
    """Movements on our bank accounts, newest first; a merchant sees those that are its own payments and payouts.

    Of the past, a page may hold fewer than `limit`, or none, and still have more behind it.
    """
    reader, merchant_id, query = call.services.reader, call.merchant_id_or_all(), call.query
    filters = {name: query.get(name) for name in ("bank_account_id", "status", "direction")}
    as_of = call.as_of
    if as_of is not None:
        return looked_page(
            call,
            Moment,
            lambda limit, before: past_pages.lines(
                reader, call.services.ledger, as_of, merchant_id=merchant_id, limit=limit, before=before, **filters
            ),
            lambda row: _show(call, row),
        )
    return page(
        call,
        Moment,
        lambda limit, before: statements.lines(reader, merchant_id=merchant_id, limit=limit, before=before, **filters),
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
        PaymentIntentClosed,
        PayoutNotFound,
        PayoutStateConflict,
        ReasonMissing,
        IdempotencyKeyReused,
    ),
)
def match_statement_line(call: Call) -> Answer:
    """Say which payment intent an unmatched credit belongs to, or which payout an unmatched debit does."""
    line_id, reason = call.path["line_id"], call.body["reason"]
    if "payout_id" in call.body:
        return _decided(call, MatchPayoutLine(line_id=line_id, payout_id=call.body["payout_id"], reason=reason))
    intent_id = call.body["payment_intent_id"]
    return _decided(call, MatchStatementLine(line_id=line_id, payment_intent_id=intent_id, reason=reason))


@route(
    "POST",
    "/v1/statement-lines/<line_id>/bank-fee",
    roles=ADMIN,
    body=FeeAsked,
    answer=LineMatched,
    refuses=(StatementLineNotFound, StatementLineOwned, ReasonMissing, IdempotencyKeyReused),
)
def explain_bank_fee(call: Call) -> Answer:
    """Say that an unmatched debit is what the bank charged us."""
    return _decided(call, ExplainBankFee(line_id=call.path["line_id"], reason=call.body["reason"]))


def _decided(call: Call, command: Command) -> Answer:
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
