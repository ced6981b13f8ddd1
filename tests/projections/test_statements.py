"""Statement lines in the table are what the aggregates are, and a merchant finds its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger.statements import StatementLine
from projections.database import Database
from projections.statements import line, lines
from tests.projections.tale import Tale
from tests.story import BANK_ACCOUNT

Follow = Callable[[], None]


def test_every_line_in_the_table_is_what_the_aggregate_is(tale: Tale, tables: Database) -> None:
    rows = lines(tables, limit=1000)
    assert {row.id for row in rows} >= set(tale.lines.values())
    same = [
        *("bank_account_id", "bank_reference", "direction", "booked_at", "value_date", "memo", "counterparty_name"),
        *("counterparty_account", "source", "is_reversal", "status", "owner_id", "reason", "entry_id"),
    ]
    for row in rows:
        aggregate = tale.story.ledger.get(StatementLine, row.id)
        assert [getattr(row, name) for name in same] == [getattr(aggregate, name) for name in same]
        assert (row.amount, row.currency) == (aggregate.amount.units, aggregate.amount.currency)
        assert row.balance_after == (aggregate.balance_after.units if aggregate.balance_after else None)
    assert {row.balance_after for row in rows} == {None, 5_004_400}


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("exact", "matched", None),
        ("late", "unmatched", "late"),
        ("taken back", "reversed", None),
        ("reversal", "matched", None),
        ("reversal of nothing", "unmatched", "reversal_without_original"),
        ("no code", "unmatched", "no_code"),
        ("by hand", "matched", "khách gọi"),
        ("fee", "matched", "phí tháng 11"),
        ("unordered", "unmatched", "unordered"),
        ("confirms", "matched", None),
        ("came back", "matched", None),
        ("after all", "matched", None),
    ],
)
def test_a_line_shows_what_became_of_it(
    tale: Tale, tables: Database, word: str, status: str, reason: str | None
) -> None:
    row = line(tables, tale.lines[word])
    assert row is not None
    assert (row.status, row.reason) == (status, reason)


def test_a_merchant_finds_the_lines_of_its_payments_and_payouts(tale: Tale, tables: Database) -> None:
    mine = {row.id for row in lines(tables, merchant_id=tale.merchant, limit=1000)}
    words = ("exact", "over", "twice", "second", "under", "taken back", "reversal", "by hand")
    later = ("confirms", "sent", "came back", "after all")
    assert mine == {tale.lines[word] for word in (*words, *later)}
    assert len(lines(tables, merchant_id=tale.quiet, limit=1000)) == 1


def test_a_reversal_names_the_line_it_takes_back_and_is_named_by_it(tale: Tale, tables: Database) -> None:
    original, reversal = (line(tables, tale.lines[word]) for word in ("taken back", "reversal"))
    assert original is not None
    assert reversal is not None
    assert reversal.owner_id == original.id
    assert original.reversed_by == reversal.id


def test_lines_are_found_by_account_status_and_direction(tale: Tale, tables: Database) -> None:
    debits = lines(tables, bank_account_id=BANK_ACCOUNT, status="unmatched", direction="debit", limit=10)
    everything = lines(tables, limit=1000)
    assert debits == [row for row in everything if (row.status, row.direction) == ("unmatched", "debit")]
    assert tale.lines["unordered"] in {row.id for row in debits}
    assert lines(tables, bank_account_id="ba_other", limit=10) == []
