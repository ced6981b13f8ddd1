"""Balances over HTTP: what stands in our books for each account."""

from __future__ import annotations

from marshmallow import Schema, fields

from ledger.accounts import AccountKind
from ledger.errors import MerchantNotFound
from projections import balances, books
from projections.as_of import AsOf
from projections.balances import BalanceRow
from web.auth import MERCHANTS, OPERATORS
from web.fields import Currency, Text, Word
from web.pages import OfMerchant, looked_page, page, whole
from web.past import InThePast
from web.routes import Answer, Call, route


class BalanceShown(Schema):
    """One ledger account. `available` is `posted` less `held`; each is positive in the account's own direction."""

    object = Word("balance", required=True)
    account = fields.String(required=True)
    kind = Word(*(kind.value for kind in AccountKind), required=True)
    currency = Currency(required=True)
    posted = fields.Integer(required=True)
    held = fields.Integer(required=True)
    available = fields.Integer(required=True)


class WhichBalances(OfMerchant, InThePast):
    """A page of balances; a merchant has so few that they are always on one."""

    prefix = Text(longest=100, metadata={"description": "Accounts whose name begins so."})


@route(
    "GET",
    "/v1/balances",
    roles=MERCHANTS | OPERATORS,
    query=WhichBalances,
    answer=BalanceShown,
    listed=True,
    reads=("balances",),
    recalls=("journal",),
    refuses=(MerchantNotFound,),
)
def list_balances(call: Call) -> Answer:
    """A merchant's balances; for operators those of every account, by name.

    Of the past, a page may hold fewer than `limit`, or none, and still have more behind it.
    """
    reader, merchant_id = call.services.reader, call.merchant_id_or_all()
    prefix = call.query.get("prefix") or ""
    if call.as_of is not None:
        return _as_they_were(call, call.as_of, merchant_id, prefix)
    if merchant_id is not None:
        own = balances.merchant_balances(reader, merchant_id)
        return whole([_show(row) for row in own if row.account.startswith(prefix)])
    return page(
        call,
        str,
        lambda limit, after: balances.balances(reader, prefix=prefix, limit=limit, after=after or ""),
        lambda row: row.account,
        _show,
    )


def _as_they_were(call: Call, as_of: AsOf, merchant_id: str | None, prefix: str) -> Answer:
    reader = call.services.reader
    if merchant_id is not None:
        own = books.merchant_balances(reader, merchant_id, as_of)
        return whole([_show(row) for row in own if row.account.startswith(prefix)])
    return looked_page(
        call,
        str,
        lambda limit, after: books.balances(reader, as_of, prefix=prefix, limit=limit, after=after or ""),
        _show,
    )


def _show(row: BalanceRow) -> dict[str, object]:
    return {
        "object": "balance",
        "account": row.account,
        "kind": row.kind,
        "currency": row.currency,
        "posted": row.posted,
        "held": row.held,
        "available": row.available,
    }
