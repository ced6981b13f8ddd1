"""Rebuild: the tables of a projection are built anew beside those that serve, catch up, and take over in one step.

Nobody who reads notices more than the exchange. No side effect comes from a rebuild: folds only write rows. An
interrupted rebuild leaves tables nobody reads; the next one removes them and starts clean.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from sqlalchemy import Connection

from ledger.errors import ReadTablesUnavailable
from ledger.store import Ledger
from projections.database import Database
from projections.follower import advance, read_section
from projections.projection import Projection
from projections.tables import Layout, drop_leftovers, exchange, make_tables, serving

BATCH: Final = 5_000
"""Events in one transaction of a rebuild: nobody waits for its locks."""

Told = Callable[[int, int], None]
"""Hears the position reached and the end of the log."""


def rebuild(ledger: Ledger, database: Database, projection: Projection, told: Told = lambda reached, head: None) -> int:
    """Build the tables of a projection anew from the log while the old ones serve; the position they then show.

    Raises what a fold raises at an event it cannot fold (the old tables stay), RebuildOvertaken when another rebuild of
    the same began meanwhile, ReadTablesUnavailable, EventStoreUnavailable, LogDamaged.
    """
    make_tables(database, [projection])
    fresh = database.write(lambda connection: _begin(connection, projection))
    position = _catch_up(ledger, database, fresh, 0, told)
    database.write(fresh.create_indexes)
    position = _catch_up(ledger, database, fresh, position, told)
    position = _take_over(ledger, database, fresh, position)
    database.write(lambda connection: drop_leftovers(connection, projection))
    told(position, position)
    return position


def _begin(connection: Connection, projection: Projection) -> Layout:
    place = serving(projection).standing(connection)
    fresh = Layout.beside(projection, place.generation + 1 if place else 1)
    drop_leftovers(connection, projection)
    fresh.create(connection)
    return fresh


def _catch_up(ledger: Ledger, database: Database, fresh: Layout, position: int, told: Told) -> int:
    """Fold up to the end of the log as it is now; the position reached."""
    head = ledger.head()
    while position < head:
        section = read_section(ledger, position, BATCH)
        database.write(partial(advance, layout=fresh, section=section))
        position = section.upto
        told(position, head)
    return position


def _take_over(ledger: Ledger, database: Database, fresh: Layout, position: int) -> int:
    """The last steps while the projector stands still: catch up to it, then exchange."""
    with database.fenced(fresh.projection.name) as connection:
        # The lock is had when a batch that began before the fence is over; whoever begins now sees the fence.
        place = serving(fresh.projection).standing(connection, lock=True)
        if place is None:
            raise ReadTablesUnavailable(f"The tables of {fresh.projection.name} have gone; start the projector.")
        if database.is_mysql:
            connection.commit()
        while position < place.position:
            section = read_section(ledger, position, BATCH)
            advance(connection, fresh, section)
            position = section.upto
        exchange(connection, fresh)
    return position
