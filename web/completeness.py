"""Completeness over HTTP: up to when the statement of one of our bank accounts is whole, and the holes in it."""

from __future__ import annotations

from marshmallow import Schema, fields

from ledger.completeness import BY_ENQUIRY, BY_RUNNING_BALANCE
from ledger.errors import UnknownBankAccount
from projections import completeness
from projections.completeness import CompletenessRow, HoleRow
from web.auth import OPERATORS
from web.fields import Currency, Instant, Word
from web.routes import Answer, Call, route

HOLES_MAX = 100
"""Holes shown, those noticed last first; the counts are of all."""


class HoleShown(Schema):
    """Money that moved and is on no line of ours. `missing`: minor units, below zero for a debit or a line too many;
    the lines are named where running balances show it, else it lies anywhere between the two instants.
    """

    id = fields.String(required=True)
    seen_by = Word(BY_RUNNING_BALANCE, BY_ENQUIRY, required=True)
    since = Instant(required=True)
    until = Instant(required=True)
    missing = fields.Integer(required=True)
    currency = Currency(required=True)
    after_line_id = fields.String(required=True, allow_none=True)
    before_line_id = fields.String(required=True, allow_none=True)
    noticed_at = Instant(required=True)
    closed_at = Instant(required=True, allow_none=True)


class CompletenessShown(Schema):
    """Every movement booked from `complete_from` to `complete_up_to` is proved to be on record; both are null while
    nothing is proved. `balance`: what the bank told last, in minor units, `balance_as_of` our clock then.
    """

    object = Word("completeness", required=True)
    bank_account_id = fields.String(required=True)
    watched_from = Instant(required=True, allow_none=True)
    complete_from = Instant(required=True, allow_none=True)
    complete_up_to = Instant(required=True, allow_none=True)
    balance = fields.Integer(required=True, allow_none=True)
    balance_as_of = Instant(required=True, allow_none=True)
    open_holes = fields.Integer(required=True)
    closed_holes = fields.Integer(required=True)
    holes = fields.List(fields.Nested(HoleShown), required=True)


@route(
    "GET",
    "/v1/bank-accounts/<bank_account_id>/completeness",
    roles=OPERATORS,
    answer=CompletenessShown,
    reads=("completeness",),
    refuses=(UnknownBankAccount,),
)
def completeness_of_bank_account(call: Call) -> Answer:
    """Up to when every movement of this account is on record, and the holes noticed last."""
    bank_account_id, reader = call.path["bank_account_id"], call.services.reader
    known = completeness.completeness(reader, bank_account_id)
    if known is None and bank_account_id not in call.services.banks:
        raise UnknownBankAccount("We have no such bank account.", field="bank_account_id")
    noticed = completeness.holes(reader, bank_account_id, limit=HOLES_MAX)
    return Answer(body=_show(bank_account_id, known) | {"holes": [_show_hole(hole) for hole in noticed]})


def _show(bank_account_id: str, row: CompletenessRow | None) -> dict[str, object]:
    return {
        "object": "completeness",
        "bank_account_id": bank_account_id,
        "watched_from": row.watched_from if row else None,
        "complete_from": row.complete_from if row else None,
        "complete_up_to": row.complete_up_to if row else None,
        "balance": row.balance if row else None,
        "balance_as_of": row.balance_as_of if row else None,
        "open_holes": row.open_holes if row else 0,
        "closed_holes": row.closed_holes if row else 0,
    }


def _show_hole(row: HoleRow) -> dict[str, object]:
    return {
        "id": row.id,
        "seen_by": row.seen_by,
        "since": row.since,
        "until": row.until,
        "missing": row.missing,
        "currency": row.currency,
        "after_line_id": row.after_line_id,
        "before_line_id": row.before_line_id,
        "noticed_at": row.noticed_at,
        "closed_at": row.closed_at,
    }
