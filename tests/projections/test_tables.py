"""Tables are made when missing, left alone when they hold rows, and exchanged in one step."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy
from sqlalchemy import Connection, update

from ledger.store import Ledger
from projections.database import Database
from projections.payments import PAYMENTS, payments
from projections.places import places
from projections.projection import PROJECTIONS
from projections.tables import Layout, drop_leftovers, exchange, make_tables
from tests.story import Story

Follow = Callable[[], None]
OURS = [
    (*projection.tables, projection.aside, projection.proof, projection.proof_noted, projection.place)
    for projection in PROJECTIONS.values()
]
DECLARED = {"positions", "positions__aside", *(table.name for tables in OURS for table in tables)}


def _names(database: Database) -> set[str]:
    return set(sqlalchemy.inspect(database.engine).get_table_names())


def _outdate(database: Database, name: str) -> None:
    place = PROJECTIONS[name].place
    database.write(lambda connection: connection.execute(update(place).values(definition="0" * 64)))


def test_all_tables_are_made_with_their_indexes(database: Database) -> None:
    make_tables(database)
    assert _names(database) == DECLARED
    indexes = sqlalchemy.inspect(database.engine).get_indexes("payments")
    assert {tuple(index["column_names"]) for index in indexes} == {
        tuple(column.name for column in index.columns) for index in PAYMENTS.indexes
    }


def test_making_tables_again_changes_nothing(ledger: Ledger, database: Database, follow: Follow) -> None:
    story = Story(ledger)
    story.intent(story.merchant(), 1_000)
    follow()
    before = places(database)
    make_tables(database)
    assert places(database) == before
    assert len(payments(database, limit=10)) == 1


def test_several_processes_may_make_the_tables_at_once(database: Database) -> None:
    with ThreadPoolExecutor(4) as threads:
        for made in [threads.submit(make_tables, database) for _ in range(4)]:
            made.result()
    assert _names(database) == DECLARED


def test_empty_tables_of_another_definition_are_made_anew(database: Database) -> None:
    make_tables(database)
    _outdate(database, "payments")
    make_tables(database)
    assert places(database)["payments"].definition == PROJECTIONS["payments"].definition


def test_tables_that_hold_rows_are_left_alone_when_the_definition_changes(
    ledger: Ledger, database: Database, follow: Follow
) -> None:
    story = Story(ledger)
    story.intent(story.merchant(), 1_000)
    follow()
    _outdate(database, "payments")
    make_tables(database)
    assert places(database)["payments"].definition == "0" * 64
    assert len(payments(database, limit=10)) == 1


def test_tables_that_were_half_made_are_made_anew(database: Database) -> None:
    make_tables(database)
    place = PROJECTIONS["payouts"].place
    database.write(lambda connection: connection.execute(sqlalchemy.delete(place)))
    make_tables(database)
    assert places(database)["payouts"].position == 0


def test_an_exchange_lets_new_tables_serve_and_the_old_stand_aside(
    ledger: Ledger, database: Database, follow: Follow
) -> None:
    story = Story(ledger)
    story.intent(story.merchant(), 1_000)
    follow()
    projection = PROJECTIONS["payments"]
    fresh = Layout.beside(projection, 1)

    def build(connection: Connection) -> None:
        fresh.create(connection)
        fresh.create_indexes(connection)

    database.write(build)
    with database.fenced("payments") as connection:
        exchange(connection, fresh)
    assert payments(database, limit=10) == []
    assert (places(database)["payments"].generation, places(database)["payments"].position) == (1, 0)
    assert {"payments__g0", "payments__aside__g0", "payments__place__g0"} <= _names(database)
    database.write(lambda connection: drop_leftovers(connection, projection))
    assert _names(database) == DECLARED


def test_leftovers_are_only_those_of_the_projection_itself(database: Database) -> None:
    make_tables(database)
    others = [Layout.beside(PROJECTIONS[name], 3) for name in ("payments", "payouts")]
    for layout in others:
        database.write(layout.create)
    database.write(lambda connection: drop_leftovers(connection, PROJECTIONS["payments"]))
    assert _names(database) - DECLARED == {table.name for table in others[1].all}


@pytest.mark.parametrize("name", sorted(PROJECTIONS))
def test_table_names_leave_room_for_what_is_put_behind_them(name: str) -> None:
    assert all(len(table.name) <= 50 for table in Layout(PROJECTIONS[name]).all)


def test_tables_of_a_release_that_set_nothing_aside_get_what_they_lack(
    ledger: Ledger, database: Database, follow: Follow
) -> None:
    story = Story(ledger)
    story.intent(story.merchant(), 1_000)
    follow()

    def age(connection: Connection) -> None:
        for projection in PROJECTIONS.values():
            connection.exec_driver_sql(f"ALTER TABLE {projection.place.name} DROP COLUMN aside")
            connection.exec_driver_sql(f"DROP TABLE {projection.aside.name}")

    database.write(age)
    story.intent(story.merchant(), 2_000)
    follow()
    assert _names(database) == DECLARED
    assert len(payments(database, limit=10)) == 2
    assert {place.generation for place in places(database).values()} == {0}
