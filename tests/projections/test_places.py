"""Every follower has a position that only one copy moves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.schema import DropTable

from projections import positions
from projections.database import Database
from projections.places import begin, move, places, position_of
from projections.projection import PROJECTIONS
from projections.tables import Layout, make_tables
from tests.projections.tale import Tale


def test_places_tell_where_every_projection_stands(tale: Tale, tables: Database) -> None:
    head = tale.story.ledger.head()
    assert positions(tables) == dict.fromkeys(PROJECTIONS, head)
    assert all(place.failing is None for place in places(tables).values())


def test_nothing_made_yet_is_nobody_there(database: Database) -> None:
    assert places(database) == {}
    assert positions(database) == {}


def test_a_projection_without_tables_does_not_hide_the_others(database: Database) -> None:
    make_tables(database)
    gone = Layout(PROJECTIONS["alarms"]).place
    database.write(lambda connection: connection.execute(DropTable(gone)))
    assert positions(database).keys() == PROJECTIONS.keys() - {"alarms"}


def test_a_follower_moves_from_where_it_stands(database: Database) -> None:
    assert move(database, "reactor", after=0, upto=5)
    assert position_of(database, "reactor") == 5
    assert move(database, "reactor", after=5, upto=9)
    assert (position_of(database, "reactor"), position_of(database, "somebody")) == (9, None)


def test_a_follower_that_began_at_0_has_begun(database: Database) -> None:
    make_tables(database)
    assert position_of(database, "reactor") is None
    assert begin(database, "reactor", 0)
    assert position_of(database, "reactor") == 0
    assert not begin(database, "reactor", 5)
    assert position_of(database, "reactor") == 0


def test_of_two_copies_only_one_begins_a_follower(database: Database) -> None:
    make_tables(database)
    with ThreadPoolExecutor(4) as threads:
        begun = list(threads.map(lambda position: (begin(database, "reactor", position), position), range(4)))
    assert [position for first, position in begun if first] == [position_of(database, "reactor")]


def test_a_follower_that_stands_elsewhere_is_not_moved(database: Database) -> None:
    move(database, "reactor", after=0, upto=5)
    assert not move(database, "reactor", after=0, upto=7)
    assert not move(database, "reactor", after=4, upto=7)
    assert position_of(database, "reactor") == 5


def test_of_two_copies_only_one_moves_a_follower(database: Database) -> None:
    move(database, "reactor", after=0, upto=1)
    with ThreadPoolExecutor(4) as threads:
        moved = list(threads.map(lambda upto: move(database, "reactor", after=1, upto=upto), range(10, 14)))
    assert sorted(moved) == [False, False, False, True]
