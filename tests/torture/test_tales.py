"""The log of the trials: everything happens in it, every projection folds it, and the same dice give the same."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random

from ledger.aggregate import EVENTS
from projections.database import open_database
from projections.follower import run_round
from projections.places import piles, positions
from projections.projection import PROJECTIONS
from tests.projections.dumped import dump
from tests.story import START
from tests.torture.feeding import Feeder
from tests.torture.projector import open_ledger
from tests.torture.tales import events

COUNT = 3_000

RARE = {"merchant.api_key_added", "merchant.api_key_revoked", "command_receipt.given", "statement_hint.received"}
"""Not in the story; no read model shows them."""


def test_every_projection_folds_it_and_nothing_is_set_aside(sqlite_events_url: str, tmp_path: Path) -> None:
    told = events(Random(1), COUNT)
    with Feeder(sqlite_events_url, told, Random(2)) as feeder, closing(open_ledger(sqlite_events_url)) as ledger:
        feeder.feed(COUNT - 50)
        feeder.go_on(COUNT)
        feeder.wait()
        assert ledger.head() == feeder.position == COUNT
        with closing(open_database(f"sqlite:///{tmp_path / 'read.db'}")) as database:
            while run_round(ledger, database, START).applied:
                pass
            assert set(positions(database).values()) == {COUNT}
            assert piles(database) == {}
            for projection in PROJECTIONS.values():
                assert all(dump(database, projection).values()), f"{projection.name} has an empty table"


def test_everything_happens_in_it() -> None:
    # Other tests of this process may have planted events of their own.
    ours = {name for name, kind in EVENTS.items() if kind.__module__.startswith("ledger.")}
    assert {event.topic for event in events(Random(1), COUNT)} | RARE == ours


def test_streams_have_versions_1_2_3_and_lie_among_each_other() -> None:
    versions: dict[str, list[int]] = {}
    told = list(events(Random(1), COUNT))
    for event in told:
        versions.setdefault(str(event.originator_id), []).append(event.originator_version)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    assert sum(one.originator_id == next_.originator_id for one, next_ in pairwise(told)) < COUNT / 4


def test_the_same_dice_give_the_same_log() -> None:
    assert list(events(Random(1), 500)) == list(events(Random(1), 500))
    assert list(events(Random(1), 500)) != list(events(Random(2), 500))
