"""Tables beside those that serve: compared with them at one position, and put in their place in one step."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from ledger.errors import NothingToSwap, RebuildOvertaken
from projections.beside import catch_up, compare_beside, take_over
from projections.building import build
from projections.database import Database
from projections.follower import run_batch
from projections.payments import PAYMENTS
from projections.places import places
from projections.projection import PROJECTIONS
from tests.projections.built import fresh
from tests.projections.dumped import dump, rows_of
from tests.projections.tale import Tale
from tests.story import START

PAYMENTS_MODEL = PROJECTIONS["payments"]


def _told(reached: int, aim: int) -> None:
    assert reached <= aim


def test_they_are_compared_where_those_that_serve_stand(tale: Tale, database: Database) -> None:
    ledger = tale.story.ledger
    run_batch(ledger, database, PAYMENTS_MODEL, START, limit=100)
    [layout] = fresh(database, PAYMENTS_MODEL)
    build(ledger, database, [layout], 50, START)
    compared = compare_beside(ledger, database, layout, START, _told)
    assert (compared.position, compared.differences, compared.not_compared) == (100, (), "")
    database.write(lambda c: c.execute(update(PAYMENTS).values(fees=PAYMENTS.c.fees + 1)))
    [found] = compare_beside(ledger, database, layout, START, _told).differences
    assert found.group.startswith("payments.fees: ")
    assert found.rows == len(rows_of(database, PAYMENTS_MODEL)["payments"])


def test_tables_that_hold_nothing_are_no_measure(tale: Tale, database: Database) -> None:
    [layout] = fresh(database, PAYMENTS_MODEL)
    build(tale.story.ledger, database, [layout], 0, START)
    assert compare_beside(tale.story.ledger, database, layout, START, _told).not_compared


def test_tables_ahead_of_those_that_serve_cannot_be_compared(tale: Tale, database: Database) -> None:
    run_batch(tale.story.ledger, database, PAYMENTS_MODEL, START, limit=100)
    [layout] = fresh(database, PAYMENTS_MODEL)
    build(tale.story.ledger, database, [layout], 150, START)
    with pytest.raises(NothingToSwap, match="ahead of those that serve"):
        compare_beside(tale.story.ledger, database, layout, START, _told)


def test_they_take_over_at_the_end_of_the_log(tale: Tale, database: Database, tables_on_sqlite: Database) -> None:
    ledger = tale.story.ledger
    run_batch(ledger, database, PAYMENTS_MODEL, START, limit=100)
    [layout] = fresh(database, PAYMENTS_MODEL)
    build(ledger, database, [layout], 100, START)
    assert catch_up(ledger, database, layout, 120, START, _told) == 120
    assert take_over(ledger, database, layout, START, _told) == ledger.head()
    assert places(database)["payments"].generation == 1
    assert dump(database, PAYMENTS_MODEL) == dump(tables_on_sqlite, PAYMENTS_MODEL)


def test_tables_that_were_removed_meanwhile_take_over_nothing(tale: Tale, database: Database) -> None:
    run_batch(tale.story.ledger, database, PAYMENTS_MODEL, START, limit=100)
    [layout] = fresh(database, PAYMENTS_MODEL)
    build(tale.story.ledger, database, [layout], 100, START)
    database.write(lambda connection: connection.execute(layout.place.delete()))
    with pytest.raises(RebuildOvertaken):
        take_over(tale.story.ledger, database, layout, START, _told)
    assert places(database)["payments"].generation == 0
