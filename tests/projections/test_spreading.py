"""How the work of a build is divided: everything once, and evenly."""

from __future__ import annotations

from collections import Counter

import pytest

from ledger.store import Ledger
from projections.database import Database
from projections.follower import read_rows
from projections.projection import PROJECTIONS
from projections.spreading import TAKEN_IN_COSTS, shares, spread, weight
from projections.tables import Layout
from projections.units import SHARES
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


@pytest.mark.parametrize(
    ("load", "divided", "ends"),
    [
        ([0, 0], 10, [128, 256]),
        ([5, 0], 10, [64, 256]),
        ([0, 30], 10, [256, 256]),
        ([30, 0, 10], 30, [0, 170, 256]),
        ([0, 0], 0, [128, 256]),
        ([7], 3, [256]),
    ],
)
def test_divided_work_evens_out_what_each_process_has(load: list[int], divided: int, ends: list[int]) -> None:
    assert shares(load, divided) == ends


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
