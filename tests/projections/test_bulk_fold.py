"""Poison in a build: undone, and set aside by the rules of the follower."""

from __future__ import annotations

import random

import pytest

from ledger.errors import TooManySetAside
from ledger.store import Ledger
from projections.aside import STREAMS_MAX
from projections.building import build
from projections.database import Database
from projections.follower import run_batch
from projections.places import places
from tests.projections.built import fresh, serve
from tests.projections.dumped import dump
from tests.projections.planted import Planted
from tests.story import START

WHAT = ("add", "add", "add", "raise", "halfway")


def test_what_cannot_be_folded_is_undone_and_set_aside_as_when_following(
    ledger: Ledger, database: Database, planted: Planted
) -> None:
    chance = random.Random(5)
    planted.happens(ledger, *((chance.choice(WHAT), f"tl_{chance.randrange(30)}") for _ in range(300)))
    layouts = fresh(database, planted.tallies)
    build(ledger, database, layouts, ledger.head(), START)
    while run_batch(ledger, database, planted.tallies, START):
        pass
    followed, aside = dump(database, planted.tallies), planted.aside(database)
    serve(database, layouts)
    assert aside
    assert planted.aside(database) == aside
    assert dump(database, planted.tallies) == followed
    assert places(database)["tallies"].aside == len(aside)


def test_more_than_may_be_set_aside_ends_a_build(ledger: Ledger, database: Database, planted: Planted) -> None:
    planted.happens(ledger, *(("raise", f"tl_{number}") for number in range(STREAMS_MAX + 1)))
    layouts = fresh(database, planted.tallies)
    with pytest.raises(TooManySetAside):
        build(ledger, database, layouts, ledger.head(), START)
    place = database.write(layouts[0].standing)
    assert place is not None
    assert not place.whole
