"""The journal holds every entry whole, and its trial balance is even at every position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from ledger import accounts
from ledger.aggregate import Envelope
from ledger.journal import JournalEntry, Posting
from ledger.store import Ledger
from projections import PROJECTIONS
from projections.database import Database
from projections.follower import run_batch
from projections.journal import POSTINGS, TrialBalance, entries, merchant_of, trial_balance
from projections.places import heads
from tests.projections.tale import Tale
from tests.story import BANK_ACCOUNT, START, Story, dong

Follow = Callable[[], None]


def _sides(shown: TrialBalance) -> dict[str, int]:
    return {row.account: row.debit - row.credit for row in shown.rows if row.debit or row.credit}


def test_every_entry_stands_in_the_journal_with_all_its_postings(tale: Tale, tables: Database) -> None:
    shown = {row.id: row for row in entries(tables, limit=1000)}
    posted = [e for e in tale.story.log() if isinstance(e.event, JournalEntry.Posted)]
    assert shown.keys() == {envelope.stream for envelope in posted}
    for envelope in posted:
        assert isinstance(envelope.event, JournalEntry.Posted)
        row = shown[envelope.stream]
        assert (row.position, row.recorded_at, row.value_date) == (
            envelope.position,
            envelope.at,
            envelope.effective_on,
        )
        assert (row.happening, row.subject, row.reverses) == (
            envelope.event.happening,
            envelope.event.subject,
            envelope.event.reverses,
        )
        legs = [(leg.account, leg.units, leg.currency) for leg in row.postings]
        assert legs == [(p.account, p.amount.units, p.amount.currency) for p in envelope.event.postings]


def test_the_trial_balance_is_even_at_every_position(tale: Tale, database: Database) -> None:
    books: Counter[str] = Counter()
    by_position: dict[int, Envelope] = {envelope.position: envelope for envelope in tale.story.log()}
    for position, envelope in sorted(by_position.items()):
        assert run_batch(tale.story.ledger, database, PROJECTIONS["journal"], START, limit=1) == 1
        if isinstance(envelope.event, JournalEntry.Posted):
            for posting in envelope.event.postings:
                books[posting.account] += posting.amount.units
            shown = trial_balance(database)
            assert shown.position == position
            assert [debit - credit for debit, credit in shown.totals().values()] == [0]
            assert _sides(shown) == {account: units for account, units in books.items() if units}


def test_the_trial_balance_is_the_sum_of_all_postings(tale: Tale, tables: Database) -> None:
    sums = select(POSTINGS.c.account, func.sum(POSTINGS.c.units).label("units")).group_by(POSTINGS.c.account)
    expected = {row["account"]: int(row["units"]) for row in tables.rows(sums) if row["units"]}
    assert _sides(trial_balance(tables)) == expected == tale.story.books()


def test_an_empty_journal_has_an_even_trial_balance(database: Database, follow: Follow) -> None:
    follow()
    assert trial_balance(database) == TrialBalance(rows=[], position=0)


def test_entries_are_found_by_account_merchant_and_subject(tale: Tale, tables: Database) -> None:
    everything = entries(tables, limit=1000)
    pending = accounts.pending(tale.merchant)
    mine = [row for row in everything if any(merchant_of(leg.account) == tale.merchant for leg in row.postings)]
    of_pending = [row for row in everything if any(leg.account == pending for leg in row.postings)]
    both = [row for row in mine if any(leg.account == accounts.FEES for leg in row.postings)]
    confirmed = tale.payouts["confirmed"]
    about = [row for row in everything if row.subject == confirmed]
    assert entries(tables, merchant_id=tale.merchant, limit=1000) == mine
    assert entries(tables, account=pending, limit=1000) == of_pending
    assert entries(tables, account=accounts.FEES, merchant_id=tale.merchant, limit=1000) == both
    assert [row.happening for row in about] == ["payout_confirmed", "payout_accepted"]
    assert entries(tables, subject=confirmed, limit=10) == about
    assert entries(tables, subject=confirmed, merchant_id=tale.merchant, limit=10) == about[1:]


@pytest.mark.parametrize("size", [1, 3, 7])
def test_pages_of_the_journal_show_every_entry_once(tale: Tale, tables: Database, size: int) -> None:
    account = accounts.bank(BANK_ACCOUNT)
    whole = entries(tables, account=account, limit=1000)
    seen = []
    before = None
    while page := entries(tables, account=account, limit=size, before=before):
        seen += page
        before = page[-1].position
    assert seen == whole


def test_an_entry_that_does_not_sum_to_zero_is_not_shown(story: Story, database: Database, ledger: Ledger) -> None:
    entry = JournalEntry("je_crooked")
    legs = (Posting(accounts.FEES, dong(-1)), Posting(accounts.UNIDENTIFIED, dong(2)))
    event = JournalEntry.Posted(happening="crooked", subject="x", postings=legs)
    entry.trigger_event(event, story.context())
    ledger.keep(entry)
    run_batch(ledger, database, PROJECTIONS["journal"], START)
    (entry_aside,) = heads(database, 10)
    assert "does not sum to zero in VND" in (entry_aside.cause or "")
    assert entries(database, limit=10) == []
