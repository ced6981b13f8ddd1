"""The log reaches the tables once, in order, whatever stops in between."""

from __future__ import annotations

from collections.abc import Callable

from projections.database import Database
from projections.places import positions
from tests.projections.tale import Tale


def test_every_projection_comes_to_the_end_of_the_log(
    tale: Tale, database: Database, follow: Callable[[], None]
) -> None:
    follow()
    assert set(positions(database).values()) == {tale.story.ledger.head()}
