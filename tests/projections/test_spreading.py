"""How the work of a build is divided: everything once, and evenly."""

from __future__ import annotations

from collections import Counter

import pytest

from ledger.store import Ledger
from projections.database import Database
from projections.follower import read_rows
from projections.projection import PROJECTIONS
from projections.spreading import TAKEN_IN_COSTS, poured, rooms, spread, weight
from projections.tables import Layout
from projections.units import SHARES, Takers, Unit
from tests.projections.built import fresh
from tests.projections.planted import Planted
from tests.projections.tale import Tale


def test_divided_work_covers_every_projection_once(tale: Tale, database: Database) -> None:
    layouts = fresh(database, *PROJECTIONS.values())
    units = spread(tale.story.ledger, layouts, tale.story.ledger.head(), 3)
    for name, projection in PROJECTIONS.items():
        mine = sorted((unit.first, unit.behind) for some in units for unit in some if unit.projection == name)
        assert [0, *(behind for _, behind in mine)] == [*(first for first, _ in mine), SHARES]
        assert len(mine) == 1 or not projection.crosses_streams


def test_what_takes_the_same_events_is_divided_alike(tale: Tale, database: Database) -> None:
    """An event is handed to a process and decoded there once, for all that take it."""
    ledger = tale.story.ledger
    for processes in (2, 3):
        units = spread(ledger, fresh(database, *PROJECTIONS.values()), ledger.head(), processes)
        parts = {
            name: [
                (process, unit.first, unit.behind)
                for process, some in enumerate(units)
                for unit in some
                if unit.projection == name
            ]
            for name in ("journal", "balances")
        }
        assert parts["journal"] == parts["balances"]


def test_fewer_events_are_handed_out_than_if_everything_were_halved(tale: Tale, database: Database) -> None:
    """A projection goes where its events are taken already."""
    ledger = tale.story.ledger
    layouts = fresh(database, *PROJECTIONS.values())
    log = read_rows(ledger, 0, ledger.head())
    units = spread(ledger, layouts, ledger.head(), 2)
    crossing = [[unit for unit in some if PROJECTIONS[unit.projection].crosses_streams] for some in units]
    halved = [
        [
            Unit(layout.projection.name, layout.suffix, *part)
            for layout in layouts
            if not layout.projection.crosses_streams
        ]
        for part in ((0, SHARES // 2), (SHARES // 2, SHARES))
    ]

    def handed_out(units: list[list[Unit]]) -> int:
        takers = Takers(units, PROJECTIONS)
        return sum(len(takers.of(row)) for row in log)

    assert handed_out(units) < handed_out([whole + half for whole, half in zip(crossing, halved, strict=True)])


@pytest.mark.parametrize(
    ("load", "divided", "room"),
    [
        ([0, 0], 10, [5, 5]),
        ([5, 0], 10, [2.5, 7.5]),
        ([0, 30], 10, [10, 0]),
        ([30, 0, 10], 30, [0, 20, 10]),
        ([0, 0], 0, [0, 0]),
        ([7], 3, [3]),
    ],
)
def test_divided_work_evens_out_what_each_process_has(load: list[int], divided: int, room: list[float]) -> None:
    assert rooms(load, divided) == room


@pytest.mark.parametrize(
    ("work", "room", "order", "parts", "left"),
    [
        (10, [20, 0], [0, 1], [(0, 0, 256)], [10, 0]),
        (10, [0, 20], [0, 1], [(1, 0, 256)], [0, 10]),
        (10, [2.5, 20], [0, 1], [(0, 0, 64), (1, 64, 256)], [0, 12.5]),
        (10, [4, 5, 1], [1, 2, 0], [(1, 0, 128), (2, 128, 154), (0, 154, 256)], [0, 0, 0]),
        (0, [0, 0], [1, 0], [(1, 0, 256)], [0, 0]),
        (10, [0, 0], [0, 1], [(1, 0, 256)], [0, 0]),
    ],
)
def test_work_is_poured_in_order_as_far_as_there_is_room_and_all_of_it(
    work: int, room: list[float], order: list[int], parts: list[tuple[int, int, int]], left: list[float]
) -> None:
    assert poured(work, room, order) == parts
    assert room == left


def test_a_projection_weighs_what_its_events_touch_as_often_as_they_are_seen(ledger: Ledger, planted: Planted) -> None:
    planted.happens(ledger, ("add", "tl_a"), ("add", "tl_b"))
    tried = read_rows(ledger, 0, 2)
    layout = Layout.beside(planted.tallies, 1)
    once = weight(layout, tried, Counter({tried[0].name: 1}))
    assert once > TAKEN_IN_COSTS
    assert weight(layout, tried, Counter({tried[0].name: 500, "nobody.follows": 900})) == 500 * once
    assert weight(layout, [], Counter({tried[0].name: 3})) == 3 * (TAKEN_IN_COSTS + 1)
    assert weight(layout, tried, Counter()) == 0


def test_what_costs_most_is_not_given_to_one(tale: Tale, database: Database) -> None:
    ledger = tale.story.ledger
    layouts = fresh(database, *PROJECTIONS.values())
    tried = read_rows(ledger, 0, ledger.head())
    weights = {one.projection.name: weight(one, tried, Counter(row.name for row in tried)) for one in layouts}
    loads = [
        sum(weights[unit.projection] * (unit.behind - unit.first) / SHARES for unit in units)
        for units in spread(ledger, layouts, ledger.head(), 2)
    ]
    assert max(loads) - min(loads) < 0.1 * sum(loads)


def test_an_event_that_cannot_be_folded_weighs_like_one_nobody_tried(ledger: Ledger, planted: Planted) -> None:
    planted.happens(ledger, ("halfway", "tl_a"))
    tried = read_rows(ledger, 0, 1)
    assert weight(Layout.beside(planted.tallies, 1), tried, Counter({tried[0].name: 1})) == TAKEN_IN_COSTS + 1
