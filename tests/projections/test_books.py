"""Balances of the past in pages, by name and by merchant; that they are right is shown in `test_past_pages.py`."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from ledger import accounts
from projections import books
from projections.as_of import AsOf
from projections.balances import balance, balances, merchant_balances
from projections.database import Database
from projections.journal import HOLDS, POSTINGS, SUMS, trial_balance
from tests.projections.tale import Tale
from tests.story import BANK_ACCOUNT


@pytest.fixture
def now(tale: Tale) -> AsOf:
    """The end of the story."""
    return AsOf(tale.story.ledger.head())


def test_the_past_as_of_now_is_the_present(tale: Tale, tables: Database, now: AsOf) -> None:
    assert books.trial_balance(tables, now) == trial_balance(tables)
    assert books.balances(tables, now, limit=1000).rows == balances(tables, limit=1000)
    for merchant_id in (tale.merchant, tale.quiet):
        assert books.merchant_balances(tables, merchant_id, now) == merchant_balances(tables, merchant_id)
        available = accounts.available(merchant_id)
        assert books.balance(tables, available, now) == balance(tables, available)
    assert books.balance(tables, "bank:nobody", now) is None


def test_a_guarded_account_is_there_from_its_opening_on(tale: Tale, tables: Database) -> None:
    opened = next(one.position for one in tale.story.log() if one.name == "account.opened")
    assert books.balances(tables, AsOf(opened - 1), limit=10).rows == []
    (row,) = books.balances(tables, AsOf(opened), limit=10).rows
    assert (row.posted, row.held, row.available) == (0, 0, 0)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize(("at_once", "at_most"), [(2, 4), (500, 10_000)])
def test_pages_show_every_account_once_however_few_are_looked_at(
    tables: Database, now: AsOf, monkeypatch: pytest.MonkeyPatch, size: int, at_once: int, at_most: int
) -> None:
    monkeypatch.setattr(books, "AT_ONCE", at_once)
    monkeypatch.setattr(books, "LOOKED_AT_MAX", at_most)
    seen: list[Any] = []
    after: str | None = ""
    while after is not None:
        page = books.balances(tables, now, limit=size, after=after)
        assert len(page.rows) <= size
        seen += page.rows
        after = page.behind
    assert seen == balances(tables, limit=1000)
    assert books.trial_balance(tables, now) == trial_balance(tables)


def test_balances_are_found_by_the_beginning_of_their_names(tables: Database, now: AsOf) -> None:
    found = books.balances(tables, now, prefix="bank:", limit=10)
    assert [row.account for row in found.rows] == [accounts.bank(BANK_ACCOUNT)]
    assert books.balances(tables, now, prefix="bank%", limit=10).rows == []


def test_the_sums_of_all_blocks_are_the_sums_of_what_they_are_made_of(tables: Database) -> None:
    columns = [func.sum(SUMS.c[name]).label(name) for name in ("debited", "credited", "held")]
    (sums,) = tables.rows(select(*columns))
    debited, credited, held = (int(sums[name]) for name in ("debited", "credited", "held"))
    (posted,) = tables.column(select(func.sum(func.abs(POSTINGS.c.units))))
    assert (debited + credited, debited - credited) == (int(posted), 0)
    assert held == int(tables.column(select(func.sum(HOLDS.c.units)))[0])


def test_a_question_costs_a_row_a_block_and_the_rows_of_one_block(tables_on_sqlite: Database, now: AsOf) -> None:
    """The plan names the index that each part walks, and none of them looks at a whole table."""
    query = books.question(now, ["fees"]).compile(tables_on_sqlite.engine, compile_kwargs={"literal_binds": True})
    with tables_on_sqlite.engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
    walked = {line.split()[1]: line for line in plan if " journal_" in line}
    assert walked.keys() == {"journal_sums", "journal_postings", "journal_holds"}
    assert all(line.startswith("SEARCH") for line in walked.values())
    assert "(account=?" in walked["journal_sums"]
    assert "COVERING INDEX" in walked["journal_postings"]
    for name in ("journal_postings", "journal_holds"):
        assert "(account=? AND position>? AND position<?)" in walked[name]
