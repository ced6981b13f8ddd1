"""Balances: what stands on each ledger account, and on guarded accounts what of it is held."""

from __future__ import annotations

from functools import lru_cache

import msgspec
from sqlalchemy import Index, select

from ledger.accounts import Account, AccountKind, kind_of
from ledger.aggregate import Envelope
from ledger.journal import JournalEntry
from projections.columns import id_or_none, key, number, table, word
from projections.database import Reader
from projections.journal import merchant_of
from projections.projection import Projection, on
from projections.rows import Rows

BALANCES = table(
    "balances",
    key("account"),
    word("kind"),
    id_or_none("merchant_id"),
    word("currency"),
    number("posted"),
    number("held"),
    number("available"),
    Index("by_merchant", "merchant_id", "account"),
    merchant="merchant_id",
    sums=("posted", "held", "available"),
)

DEBIT_NORMAL = frozenset({AccountKind.ASSET, AccountKind.EXPENSE})
"""Kinds that grow by debits; the others grow by credits."""


class BalanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of an account in minor units, positive on the side on which accounts of its `kind` grow.

    `posted`: the sum of its postings; `held`: what of it is promised; `available`: the difference.
    """

    account: str
    kind: str
    merchant_id: str | None
    currency: str
    posted: int
    held: int
    available: int


class Balances(Projection):
    """Folds postings into balances, and holds of guarded accounts into what is left of them."""

    name = "balances"
    tables = (BALANCES,)

    @on(Account.Opened)
    def opened(self, rows: Rows, event: Account.Opened, envelope: Envelope) -> None:
        """A guarded account, empty."""
        self._add(rows, envelope.stream, event.currency)

    @on(JournalEntry.Posted)
    def posted(self, rows: Rows, event: JournalEntry.Posted, envelope: Envelope) -> None:
        """Every account of the entry moves."""
        for posting in event.postings:
            amount = posting.amount
            self._add(rows, posting.account, amount.currency, debited=amount.units)

    @on(Account.HoldPlaced)
    def hold_placed(self, rows: Rows, event: Account.HoldPlaced, envelope: Envelope) -> None:
        """Some of it is promised."""
        self._add(rows, envelope.stream, event.amount.currency, held=event.amount.units)

    @on(Account.HoldReleased, Account.HoldCaptured)
    def hold_ended(self, rows: Rows, event: Account.HoldReleased | Account.HoldCaptured, envelope: Envelope) -> None:
        """It is promised no more; what a capture takes out is a posting of its own."""
        self._add(rows, envelope.stream, event.amount.currency, held=-event.amount.units)

    def _add(self, rows: Rows, account: str, currency: str, *, debited: int = 0, held: int = 0) -> None:
        kind, sign, merchant_id = self._described(account)
        row = {"account": account, "kind": kind, "merchant_id": merchant_id, "currency": currency}
        posted = sign * debited
        rows.add(BALANCES, row, posted=posted, held=held, available=posted - held)

    @staticmethod
    @lru_cache(maxsize=50_000)
    def _described(account: str) -> tuple[str, int, str | None]:
        """The kind of an account, whether a debit makes it larger (1) or smaller (-1), and whose it is."""
        kind = kind_of(account)
        return kind.value, 1 if kind in DEBIT_NORMAL else -1, merchant_of(account)


def balance(reader: Reader, account: str) -> BalanceRow | None:
    """The balance of one account, or None while nothing was posted to it. Raises ReadTablesUnavailable, as all here."""
    return reader.one(BalanceRow, select(BALANCES).where(BALANCES.c.account == account))


def balances(reader: Reader, *, prefix: str = "", limit: int, after: str = "") -> list[BalanceRow]:
    """The balances of accounts whose names begin with `prefix`, by name; `after`: the name of the last one seen."""
    rows = BALANCES.c
    query = select(BALANCES).where(rows.account.startswith(prefix, autoescape=True), rows.account > after)
    return reader.all(BalanceRow, query.order_by(rows.account).limit(limit))


def merchant_balances(reader: Reader, merchant_id: str) -> list[BalanceRow]:
    """The balances of a merchant's accounts (available, pending, …), by name."""
    rows = BALANCES.c
    query = select(BALANCES).where(rows.merchant_id == merchant_id).order_by(rows.account)
    return reader.all(BalanceRow, query.limit(100))
