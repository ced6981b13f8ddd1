"""The journal: every entry with its postings, every hold, and what both come to, now and at any earlier time.

The sums by block of positions are there for questions about the past (`books.py`): what lay in whole blocks is added up
already, so an answer reads a row a block and the single postings of one block, however long the log is.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import ClassVar, Final

import msgspec
from sqlalchemy import ColumnElement, Index, select, true

from ledger.accounts import Account, kind_of
from ledger.aggregate import Envelope
from ledger.errors import FoldImpossible
from ledger.journal import JournalEntry
from projections.columns import day, day_key, id_, id_or_none, instant, key, number, number_key, table, word
from projections.database import Reader, Row
from projections.projection import Projection, on
from projections.rows import Rows

ENTRIES = table(
    "journal_entries",
    key("id"),
    number("position"),
    word("happening"),
    id_("subject"),
    day("value_date"),
    instant("recorded_at"),
    id_or_none("reverses"),
    Index("by_position", "position"),
    Index("by_subject", "subject", "position"),
    day="value_date",
    once=True,
)

POSTINGS = table(
    "journal_postings",
    key("entry_id"),
    number_key("number"),
    number("position"),
    id_("account"),
    id_or_none("merchant_id"),
    number("units"),
    word("currency"),
    day("value_date"),
    # All that a sum asks for stands in the index: no posting has to be looked up for one.
    Index("by_account", "account", "position", "value_date", "currency", "units"),
    Index("by_merchant", "merchant_id", "position"),
    day="value_date",
    merchant="merchant_id",
    once=True,
)

TOTALS = table(
    "journal_totals",
    key("account"),
    key("currency"),
    number("debited"),
    number("credited"),
    sums=("debited", "credited"),
)
"""All debits and all credits of each account: the trial balance costs a row an account, however long the journal is.

Every account is here that was posted to or opened, so this is also the list of them.
"""

HOLDS = table(
    "journal_holds",
    key("account"),
    number_key("position"),
    number("units"),
    word("currency"),
    day("value_date"),
    day="value_date",
    once=True,
)
"""What was promised of a guarded account (above 0) or set free again (below 0); 0 when the account was opened."""

SUMS = table(
    "journal_sums",
    key("account"),
    number_key("block"),
    day_key("value_date"),
    key("currency"),
    number("debited"),
    number("credited"),
    number("held"),
    day="value_date",
    sums=("debited", "credited", "held"),
)
"""What postings and holds of one block of log positions come to, by account and value date."""

ACCOUNTS_MAX: Final = 1_000_000
"""Rows of a trial balance: three accounts a merchant, so far above what one installation has."""


class PostingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One leg of an entry: minor units, debits positive, credits negative."""

    account: str
    units: int
    currency: str


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A journal entry. `value_date`: the bank's day; `recorded_at`: when it was written; `reverses`: what it undoes."""

    id: str
    position: int
    happening: str
    subject: str
    value_date: date
    recorded_at: datetime
    reverses: str | None
    postings: list[PostingRow]


class TrialRow(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of one account, minor units, on the side it stands on; the other side is 0."""

    account: str
    kind: str
    currency: str
    debit: int
    credit: int


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """The balances of all accounts, true up to the log position `position`."""

    rows: list[TrialRow]
    position: int

    def totals(self) -> dict[str, tuple[int, int]]:
        """The sums of both sides by currency: equal, or the books are wrong."""
        sums: dict[str, tuple[int, int]] = {}
        for row in self.rows:
            debit, credit = sums.get(row.currency, (0, 0))
            sums[row.currency] = (debit + row.debit, credit + row.credit)
        return sums


class Journal(Projection):
    """Folds journal entries, and the holds of guarded accounts.

    `block_size`: positions in a block of sums. A question reads at most a block of postings and a row for each block
    before it: with 2^14, the two are equal at 2^28 positions.
    """

    name = "journal"
    tables = (ENTRIES, POSTINGS, TOTALS, HOLDS, SUMS)
    block_size: ClassVar[int] = 2**14

    @on(JournalEntry.Posted)
    def posted(self, rows: Rows, event: JournalEntry.Posted, envelope: Envelope) -> None:
        """A new entry. Raises FoldImpossible when it does not sum to zero: wrong books are not shown to anybody."""
        sums: dict[str, int] = {}
        row = {
            "id": envelope.stream,
            "position": envelope.position,
            "happening": event.happening,
            "subject": event.subject,
            "value_date": envelope.effective_on,
            "recorded_at": envelope.at,
            "reverses": event.reverses,
        }
        rows.put(ENTRIES, row)
        for number_, posting in enumerate(event.postings):
            currency = posting.amount.currency
            sums[currency] = sums.get(currency, 0) + posting.amount.units
            self._post(rows, envelope, number_, posting.account, posting.amount.units, currency)
        if any(sums.values()):
            odd = ", ".join(currency for currency, total in sums.items() if total)
            raise FoldImpossible(f"Journal entry {envelope.stream} does not sum to zero in {odd}.")

    def _post(self, rows: Rows, envelope: Envelope, number_: int, account: str, units: int, currency: str) -> None:
        row = {
            "entry_id": envelope.stream,
            "number": number_,
            "position": envelope.position,
            "account": account,
            "merchant_id": merchant_of(account),
            "units": units,
            "currency": currency,
            "value_date": envelope.effective_on,
        }
        rows.put(POSTINGS, row)
        side = {"debited" if units > 0 else "credited": abs(units)}
        rows.add(TOTALS, {"account": account, "currency": currency}, **side)
        self._sum(rows, envelope, account, currency, **side)

    @on(Account.Opened)
    def opened(self, rows: Rows, event: Account.Opened, envelope: Envelope) -> None:
        """A guarded account is there, empty."""
        rows.add(TOTALS, {"account": envelope.stream, "currency": event.currency})
        self._hold(rows, envelope, 0, event.currency)

    @on(Account.HoldPlaced)
    def hold_placed(self, rows: Rows, event: Account.HoldPlaced, envelope: Envelope) -> None:
        """Some of it is promised."""
        self._hold(rows, envelope, event.amount.units, event.amount.currency)

    @on(Account.HoldReleased, Account.HoldCaptured)
    def hold_ended(self, rows: Rows, event: Account.HoldReleased | Account.HoldCaptured, envelope: Envelope) -> None:
        """It is promised no more."""
        self._hold(rows, envelope, -event.amount.units, event.amount.currency)

    def _hold(self, rows: Rows, envelope: Envelope, units: int, currency: str) -> None:
        row = {
            "account": envelope.stream,
            "position": envelope.position,
            "units": units,
            "currency": currency,
            "value_date": envelope.effective_on,
        }
        rows.put(HOLDS, row)
        self._sum(rows, envelope, envelope.stream, currency, held=units)

    def _sum(self, rows: Rows, envelope: Envelope, account: str, currency: str, **amounts: int) -> None:
        block = envelope.position // self.block_size
        row = {"account": account, "currency": currency, "block": block, "value_date": envelope.effective_on}
        rows.add(SUMS, row, **amounts)


@lru_cache(maxsize=50_000)
def merchant_of(account: str) -> str | None:
    """The merchant whose account this is, or None for an account of the house."""
    owner, _, rest = account.partition(":")
    return rest.partition(":")[0] if owner == "merchant" else None


def entries(
    reader: Reader,
    *,
    account: str | None = None,
    merchant_id: str | None = None,
    subject: str | None = None,
    limit: int,
    before: int | None = None,
) -> list[EntryRow]:
    """Journal entries with all their postings, last written first; `before`: the position of the last one seen.

    `account`, `merchant_id`: those with a posting to this account, or to an account of this merchant.
    """
    place = ENTRIES.c.position if account is None and merchant_id is None else POSTINGS.c.position
    query = select(place).distinct().where(*_conditions(account, merchant_id, subject))
    if before is not None:
        query = query.where(place < before)
    positions = reader.column(query.order_by(place.desc()).limit(limit))
    # Entries are never changed, so what was found cannot have gone meanwhile.
    found = reader.rows(select(ENTRIES).where(ENTRIES.c.position.in_(positions)).order_by(ENTRIES.c.position.desc()))
    legs = _legs(reader, [row["id"] for row in found])
    return [EntryRow(**row, postings=legs[row["id"]]) for row in found]


def trial_balance(reader: Reader) -> TrialBalance:
    """Every account's balance, on the side it stands on, as of one log position."""
    place = Journal().place
    query = select(place.c.position, TOTALS).select_from(place.outerjoin(TOTALS, true()))
    found = reader.rows(query.order_by(TOTALS.c.account, TOTALS.c.currency).limit(ACCOUNTS_MAX))
    rows = [trial_row(row) for row in found if row["account"] is not None]
    return TrialBalance(rows=rows, position=found[0]["position"] if found else 0)


def _conditions(account: str | None, merchant_id: str | None, subject: str | None) -> list[ColumnElement[bool]]:
    """What a posting, or an entry when only the subject is asked for, must fulfil."""
    conditions: list[ColumnElement[bool]] = []
    if account is not None:
        conditions.append(POSTINGS.c.account == account)
    if merchant_id is not None and account is None:
        conditions.append(POSTINGS.c.merchant_id == merchant_id)
    elif merchant_id is not None:
        other = POSTINGS.alias()
        same_entry = other.c.entry_id == POSTINGS.c.entry_id
        conditions.append(select(other.c.entry_id).where(same_entry, other.c.merchant_id == merchant_id).exists())
    if subject is not None and not conditions:
        conditions.append(ENTRIES.c.subject == subject)
    elif subject is not None:
        conditions.append(POSTINGS.c.entry_id.in_(select(ENTRIES.c.id).where(ENTRIES.c.subject == subject)))
    return conditions


def _legs(reader: Reader, entry_ids: list[str]) -> dict[str, list[PostingRow]]:
    legs: dict[str, list[PostingRow]] = {entry_id: [] for entry_id in entry_ids}
    postings = POSTINGS.c
    query = select(postings.entry_id, postings.account, postings.units, postings.currency)
    for row in reader.rows(query.where(postings.entry_id.in_(entry_ids)).order_by(postings.entry_id, postings.number)):
        legs[row["entry_id"]].append(PostingRow(account=row["account"], units=row["units"], currency=row["currency"]))
    return legs


def trial_row(row: Row) -> TrialRow:
    """One line of a trial balance, of what was debited and credited in all."""
    net = row["debited"] - row["credited"]
    return TrialRow(
        account=row["account"],
        kind=kind_of(row["account"]).value,
        currency=row["currency"],
        debit=max(net, 0),
        credit=max(-net, 0),
    )
