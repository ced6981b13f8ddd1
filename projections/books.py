"""The books as they were: balances and trial balance as of a log position and a value date, added up from the journal.

    the sums of all whole blocks before the position  +  the postings and holds of the block it lies in

Both are found in an index, and both count only what took effect by the value date; so an answer costs about the same at
any position and in a log of any length, and nothing is replayed.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, case, func, literal, select, union_all

from ledger.accounts import kind_of
from projections.as_of import AsOf
from projections.balances import DEBIT_NORMAL, BalanceRow
from projections.database import Reader, Row
from projections.journal import (
    ACCOUNTS_MAX,
    HOLDS,
    POSTINGS,
    SUMS,
    TOTALS,
    Journal,
    TrialBalance,
    TrialRow,
    merchant_of,
    trial_row,
)
from projections.pages import Looked

MERCHANT_ACCOUNTS_MAX: Final = 100
"""Accounts of one merchant."""

LOOKED_AT_MAX: Final = 10_000
AT_ONCE: Final = 500
"""Accounts that one question looks at, and those that one query does."""

AMOUNTS: Final = ("debited", "credited", "held")
ZERO: Final = literal(0)


def balances(reader: Reader, as_of: AsOf, *, prefix: str = "", limit: int, after: str = "") -> Looked[BalanceRow, str]:
    """Balances of accounts whose names begin with `prefix` as they were, by name; `after`: the last name looked at.

    Accounts that were not there yet are looked at and not shown, so a page may be short. Raises ReadTablesUnavailable,
    as all here.
    """
    found: list[BalanceRow] = []
    for _ in range(LOOKED_AT_MAX // AT_ONCE):
        names = _names(reader, prefix, AT_ONCE, after)
        for row in _balances(reader, as_of, names):
            if len(found) == limit:
                return Looked(found, after)
            found.append(row)
            after = row.account
        if len(names) < AT_ONCE:
            return Looked(found, None)
        after = names[-1]
    return Looked(found, after)


def merchant_balances(reader: Reader, merchant_id: str, as_of: AsOf) -> list[BalanceRow]:
    """The balances of a merchant's accounts as they were, by name."""
    return _balances(reader, as_of, _names(reader, f"merchant:{merchant_id}:", MERCHANT_ACCOUNTS_MAX, ""))


def balance(reader: Reader, account: str, as_of: AsOf) -> BalanceRow | None:
    """The balance of one account as it was, or None when nothing had been posted to it."""
    found = _balances(reader, as_of, [account])
    return found[0] if found else None


def trial_balance(reader: Reader, as_of: AsOf) -> TrialBalance:
    """Every account's balance as it was, on the side it stood on."""
    rows: list[TrialRow] = []
    after = ""
    for _ in range(ACCOUNTS_MAX // AT_ONCE):
        names = _names(reader, "", AT_ONCE, after)
        rows += [trial_row(row) for row in _added_up(reader, as_of, names)]
        if len(names) < AT_ONCE:
            break
        after = names[-1]
    return TrialBalance(rows=rows, position=as_of.known_at)


def _names(reader: Reader, prefix: str, limit: int, after: str) -> list[str]:
    name = TOTALS.c.account
    query = select(name).distinct().where(name.startswith(prefix, autoescape=True), name > after)
    return reader.column(query.order_by(name).limit(limit))


def _balances(reader: Reader, as_of: AsOf, names: list[str]) -> list[BalanceRow]:
    return [_balance(row) for row in _added_up(reader, as_of, names)]


def _balance(row: Row) -> BalanceRow:
    kind = kind_of(row["account"])
    net = row["debited"] - row["credited"]
    posted = net if kind in DEBIT_NORMAL else -net
    return BalanceRow(
        account=row["account"],
        kind=kind.value,
        merchant_id=merchant_of(row["account"]),
        currency=row["currency"],
        posted=posted,
        held=row["held"],
        available=posted - row["held"],
    )


def _added_up(reader: Reader, as_of: AsOf, names: list[str]) -> list[Row]:
    # Servers give sums as decimals.
    found = reader.rows(question(as_of, names)) if names else []
    return [{**row, **{name: int(row[name]) for name in AMOUNTS}} for row in found]


def question(as_of: AsOf, names: list[str]) -> Select[Any]:
    """What was debited, credited and held by account and currency, in this order; accounts not there yet are left out.

    One query, of three parts that each walk one index.
    """
    # The first block that is not wholly part of it: of this one, and of no other, single rows are added.
    block = (as_of.known_at + 1) // Journal.block_size
    units = POSTINGS.c.units
    parts = union_all(
        _part(SUMS, as_of, names, SUMS.c.debited, SUMS.c.credited, SUMS.c.held).where(SUMS.c.block < block),
        _single(POSTINGS, as_of, names, case((units > 0, units), else_=0), case((units < 0, -units), else_=0), ZERO),
        _single(HOLDS, as_of, names, ZERO, ZERO, HOLDS.c.units),
    ).subquery()
    added = [func.sum(parts.c[name]).label(name) for name in AMOUNTS]
    query = select(parts.c.account, parts.c.currency, *added).group_by(parts.c.account, parts.c.currency)
    return query.order_by(parts.c.account, parts.c.currency)


def _single(table: Table, as_of: AsOf, names: list[str], *amounts: ColumnElement[int]) -> Select[Any]:
    begin = (as_of.known_at + 1) // Journal.block_size * Journal.block_size
    position = table.c.position
    return _part(table, as_of, names, *amounts).where(position >= begin, position <= as_of.known_at)


def _part(table: Table, as_of: AsOf, names: list[str], *amounts: ColumnElement[int]) -> Select[Any]:
    rows = table.c
    added = [func.sum(amount).label(name) for name, amount in zip(AMOUNTS, amounts, strict=True)]
    query = select(rows.account, rows.currency, *added).where(rows.account.in_(names))
    if as_of.effective_at is not None:
        query = query.where(rows.value_date <= as_of.effective_at)
    return query.group_by(rows.account, rows.currency)
