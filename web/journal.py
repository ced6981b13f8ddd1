"""The journal over HTTP: every movement between accounts, and the trial balance."""

from __future__ import annotations

from marshmallow import Schema, fields

from ledger import accounts
from ledger.errors import AccountNotFound, MerchantNotFound
from projections import books, journal
from projections.journal import EntryRow
from web.auth import MERCHANTS, OPERATORS
from web.fields import Currency, Instant, Text, Word
from web.pages import OfMerchant, page
from web.past import InThePast
from web.routes import Answer, Call, route


class PostingShown(Schema):
    """One leg. Debits are positive, credits negative."""

    account = fields.String(required=True)
    amount = fields.Integer(required=True)
    currency = Currency(required=True)


class EntryShown(Schema):
    """A journal entry; operators see all legs, which sum to zero, a merchant those on its own accounts."""

    object = Word("journal_entry", required=True)
    id = fields.String(required=True)
    position = fields.Integer(required=True)
    happening = fields.String(required=True)
    subject = fields.String(required=True)
    value_date = fields.Date(required=True)
    recorded_at = Instant(required=True)
    reverses = fields.String(required=True, allow_none=True)
    postings = fields.List(fields.Nested(PostingShown), required=True)


class Entries(OfMerchant):
    """A page of the journal."""

    account = Text(longest=100, metadata={"description": "Entries with a leg on this account."})
    subject = Text(longest=100, metadata={"description": "Entries about this id."})


class TrialRowShown(Schema):
    """One account in the trial balance."""

    account = fields.String(required=True)
    kind = fields.String(required=True)
    currency = Currency(required=True)
    debit = fields.Integer(required=True)
    credit = fields.Integer(required=True)


class TotalShown(Schema):
    """The sums in one currency: always equal."""

    currency = Currency(required=True)
    debit = fields.Integer(required=True)
    credit = fields.Integer(required=True)


class TrialBalanceShown(Schema):
    """All accounts at one position of the log."""

    object = Word("trial_balance", required=True)
    position = fields.Integer(required=True)
    rows = fields.List(fields.Nested(TrialRowShown), required=True)
    totals = fields.List(fields.Nested(TotalShown), required=True)


@route(
    "GET",
    "/v1/journal",
    roles=MERCHANTS | OPERATORS,
    query=Entries,
    answer=EntryShown,
    listed=True,
    reads=("journal",),
    refuses=(MerchantNotFound, AccountNotFound),
)
def list_journal(call: Call) -> Answer:
    """Journal entries, newest first."""
    reader, merchant_id, query = call.services.reader, call.merchant_id_or_all(), call.query
    own = _own(call)
    account = query.get("account")
    if account is not None and not account.startswith(own):
        raise AccountNotFound(f"There is no ledger account {account!r}.", field="account")
    return page(
        call,
        int,
        lambda limit, before: journal.entries(
            reader,
            account=account,
            merchant_id=merchant_id,
            subject=query.get("subject"),
            limit=limit,
            before=before,
        ),
        lambda row: row.position,
        lambda row: _show(row, own),
    )


@route(
    "GET",
    "/v1/trial-balance",
    roles=OPERATORS,
    query=InThePast,
    answer=TrialBalanceShown,
    reads=("journal",),
    recalls=("journal",),
)
def read_trial_balance(call: Call) -> Answer:
    """Debits and credits of every account; the totals are equal."""
    reader, as_of = call.services.reader, call.as_of
    trial = journal.trial_balance(reader) if as_of is None else books.trial_balance(reader, as_of)
    totals: dict[str, list[int]] = {}
    for row in trial.rows:
        sums = totals.setdefault(row.currency, [0, 0])
        sums[0] += row.debit
        sums[1] += row.credit
    return Answer(
        body={
            "object": "trial_balance",
            "position": trial.position,
            "rows": [
                {
                    "account": row.account,
                    "kind": row.kind,
                    "currency": row.currency,
                    "debit": row.debit,
                    "credit": row.credit,
                }
                for row in trial.rows
            ],
            "totals": [
                {"currency": currency, "debit": debit, "credit": credit}
                for currency, (debit, credit) in sorted(totals.items())
            ],
        }
    )


def _own(call: Call) -> str:
    """How the names of the accounts begin that the caller may see."""
    merchant = call.who.merchant
    return accounts.pending(merchant.id).removesuffix("pending") if merchant else ""


def _show(row: EntryRow, own: str) -> dict[str, object]:
    return {
        "object": "journal_entry",
        "id": row.id,
        "position": row.position,
        "happening": row.happening,
        "subject": row.subject,
        "value_date": row.value_date,
        "recorded_at": row.recorded_at,
        "reverses": row.reverses,
        "postings": [
            {"account": posting.account, "amount": posting.units, "currency": posting.currency}
            for posting in row.postings
            if posting.account.startswith(own)
        ],
    }
