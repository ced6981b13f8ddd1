"""Balances agree with the postings and with the guarded accounts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from ledger import accounts
from ledger.store import Ledger
from projections import PROJECTIONS
from projections.balances import BALANCES, balance, balances, merchant_balances
from projections.database import Database
from projections.follower import run_batch
from projections.places import heads
from tests.projections.tale import Tale
from tests.story import BANK_ACCOUNT, START, Story

Follow = Callable[[], None]


def test_every_balance_is_the_sum_of_its_postings(tale: Tale, tables: Database) -> None:
    shown = {row.account: row for row in balances(tables, limit=1000)}
    books = tale.story.books()
    assert books.keys() <= shown.keys()
    for account, row in shown.items():
        debited = books.get(account, 0)
        assert row.kind == accounts.kind_of(account).value
        assert row.posted == (debited if row.kind in ("asset", "expense") else -debited)
        assert row.available == row.posted - row.held


def test_a_merchants_available_funds_are_what_its_guarded_account_says(tale: Tale, tables: Database) -> None:
    for merchant_id in (tale.merchant, tale.quiet):
        account = tale.story.account(merchant_id)
        row = balance(tables, accounts.available(merchant_id))
        assert row is not None
        assert (row.posted, row.held) == (account.posted.units, account.held.units)
        assert row.available == account.available.units


def test_holds_are_held_and_released(story: Story, database: Database, follow: Follow) -> None:
    merchant_id = story.funded(100_000, payout_fee=1_000)
    story.requested(merchant_id, 40_000)
    follow()
    row = balance(database, accounts.available(merchant_id))
    assert row is not None
    assert (row.posted, row.held, row.available) == (100_000, 41_000, 59_000)


def test_the_bank_account_is_positive_on_its_debit_side(tale: Tale, tables: Database) -> None:
    row = balance(tables, accounts.bank(BANK_ACCOUNT))
    assert row is not None
    assert row.posted > 0


def test_a_merchant_sees_its_own_accounts_only(tale: Tale, tables: Database) -> None:
    names = [row.account for row in merchant_balances(tables, tale.quiet)]
    assert names == [accounts.available(tale.quiet), accounts.pending(tale.quiet)]


def test_balances_are_found_by_the_beginning_of_their_names(tale: Tale, tables: Database) -> None:
    assert [row.account for row in balances(tables, prefix="bank:", limit=10)] == [accounts.bank(BANK_ACCOUNT)]
    assert balances(tables, prefix="bank%", limit=10) == []


@pytest.mark.parametrize("size", [1, 2, 5])
def test_pages_of_balances_show_every_account_once(tale: Tale, tables: Database, size: int) -> None:
    seen = []
    after = ""
    while page := balances(tables, limit=size, after=after):
        seen += page
        after = page[-1].account
    assert seen == balances(tables, limit=1000)


def test_an_event_in_a_currency_that_is_not_the_accounts_is_set_aside(
    story: Story, database: Database, ledger: Ledger, follow: Follow
) -> None:
    merchant_id = story.funded(100_000)
    follow()
    wrong = update(BALANCES).values(currency="USD")
    database.write(lambda connection: connection.execute(wrong))
    story.requested(merchant_id, 40_000)
    run_batch(ledger, database, PROJECTIONS["balances"], START)
    assert heads(database, 10)
    assert all("with currency USD, not VND" in (entry.cause or "") for entry in heads(database, 10))
