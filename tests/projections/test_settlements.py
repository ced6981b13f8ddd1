"""Settlements in the table are what the aggregates are."""

from __future__ import annotations

from collections.abc import Callable

from ledger.settlements import Settlement
from projections.database import Database
from projections.settlements import closed, settlement, settlements
from tests.projections.tale import Tale

Follow = Callable[[], None]


def test_every_settlement_in_the_table_is_what_the_aggregate_is(tale: Tale, tables: Database) -> None:
    rows = settlements(tables, limit=100)
    assert {row.id for row in rows} > set(tale.settlements)
    for row in rows:
        aggregate = tale.story.ledger.get(Settlement, row.id)
        assert (row.merchant_id, row.status, row.payments) == (
            aggregate.merchant_id,
            aggregate.status,
            len(aggregate.lines),
        )
        assert (row.gross, row.fees, row.net) == (
            aggregate.gross.units,
            aggregate.fees.units,
            aggregate.net.units,
        )


def test_a_released_settlement_says_when_and_by_which_entry(tale: Tale, tables: Database) -> None:
    released, waiting = (settlement(tables, id_) for id_ in tale.settlements)
    assert released is not None
    assert waiting is not None
    assert released.released_at is not None
    assert released.released_at > released.closed_at
    assert released.entry_id is not None
    assert (waiting.status, waiting.released_at, waiting.entry_id) == ("closed", None, None)


def test_closed_settlements_wait_to_be_released(tale: Tale, tables: Database) -> None:
    assert closed(tables, limit=10) == tale.settlements[1:]


def test_settlements_are_found_by_merchant_and_status(tale: Tale, tables: Database) -> None:
    found = settlements(tables, merchant_id=tale.merchant, status="released", limit=10)
    assert [row.id for row in found] == tale.settlements[:1]
