"""The mark and the holes of an account in the tables are those of the aggregate."""

from __future__ import annotations

from ledger.completeness import Completeness, id_of_completeness
from projections.completeness import completeness, holes
from projections.database import Database
from tests.projections.tale import Tale
from tests.story import BANK_ACCOUNT


def test_the_account_is_shown_as_it_stands(tale: Tale, tables: Database) -> None:
    aggregate = tale.story.ledger.get(Completeness, id_of_completeness(BANK_ACCOUNT))
    row = completeness(tables, BANK_ACCOUNT)
    assert row is not None
    assert aggregate.told is not None
    assert (row.watched_from, row.complete_up_to) == (aggregate.watched_from, aggregate.complete_up_to)
    assert (row.balance, row.balance_as_of) == (aggregate.told.balance.units, aggregate.told.at)
    assert row.complete_from == row.complete_up_to
    assert (row.open_holes, row.closed_holes) == (len(aggregate.holes), 1)
    assert completeness(tables, "ba_none") is None


def test_holes_are_shown_newest_first_and_a_closed_one_stays(tale: Tale, tables: Database) -> None:
    newer, older = holes(tables, BANK_ACCOUNT, limit=10)
    assert (newer.id, newer.missing, newer.closed_at) == ("hole_open", -500, None)
    assert (older.id, older.missing) == ("hole_tale", 7_000)
    assert older.closed_at == newer.noticed_at
    assert holes(tables, BANK_ACCOUNT, limit=10, before=(newer.noticed_at, newer.id)) == [older]
    assert holes(tables, "ba_none", limit=10) == []
