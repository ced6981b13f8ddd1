"""Rebuild: the tables of a projection are built anew beside those that serve, catch up, and take over in one step.

Nobody who reads notices more than the exchange. No side effect comes from a rebuild: folds only write rows. An
interrupted rebuild leaves tables nobody reads; the next one removes them and starts clean. What cannot be folded is set
aside beside the new tables, so a rebuild is a retry of everything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection

from ledger.errors import ReadTablesUnavailable
from ledger.store import Ledger
from projections.aside import is_poison
from projections.database import Database
from projections.follower import Section, advance, in_pieces, read_section, tell_set_aside
from projections.projection import Projection
from projections.tables import Layout, drop_leftovers, exchange, make_tables, serving

BATCH: Final = 5_000
"""Events in one transaction of a rebuild: nobody waits for its locks."""

TAKE_OVERS_MAX: Final = 10
"""How often the last step is tried: each time an event that cannot be folded came just then."""

log = logging.getLogger(__name__)

Told = Callable[[int, int], None]
"""Hears the position reached and the end of the log."""


def rebuild(
    ledger: Ledger,
    database: Database,
    projection: Projection,
    at: datetime,
    told: Told = lambda reached, head: None,
) -> int:
    """Build the tables of a projection anew from the log while the old ones serve; the position they then show.

    `at`: now, to be kept with what must be set aside and was not before. Raises TooManySetAside (the old tables stay),
    RebuildOvertaken when another rebuild of the same began meanwhile, ReadTablesUnavailable, EventStoreUnavailable,
    LogDamaged at a hole.
    """
    make_tables(database, [projection])
    fresh = database.write(lambda connection: _begin(connection, projection))
    position = _catch_up(ledger, database, fresh, 0, at, told)
    database.write(fresh.create_indexes)
    for left in reversed(range(TAKE_OVERS_MAX)):
        position = _catch_up(ledger, database, fresh, position, at, told)
        try:
            position = _take_over(ledger, database, fresh, position, at)
            break
        except Exception as error:
            if not left or not is_poison(error):
                raise
            log.warning("rebuild of %s: an event that cannot be folded came during the exchange", projection.name)
    database.write(lambda connection: drop_leftovers(connection, projection))
    told(position, position)
    return position


def _begin(connection: Connection, projection: Projection) -> Layout:
    place = serving(projection).standing(connection)
    fresh = Layout.beside(projection, place.generation + 1 if place else 1)
    drop_leftovers(connection, projection)
    fresh.create(connection)
    return fresh


def _catch_up(ledger: Ledger, database: Database, fresh: Layout, position: int, at: datetime, told: Told) -> int:
    """Fold up to the end of the log as it is now, setting aside what cannot be; the position reached."""

    def step(piece: Section, cause: str | None) -> int:
        passed = database.write(partial(advance, layout=fresh, section=piece, at=at, cause=cause))
        if cause is not None:
            tell_set_aside(f"rebuild of {fresh.projection.name}", piece.rows[0], cause)
        return passed

    head = ledger.head()
    while position < head:
        section = read_section(ledger, position, BATCH)
        in_pieces(section, step)
        position = section.upto
        told(position, head)
    return position


def _take_over(ledger: Ledger, database: Database, fresh: Layout, position: int, at: datetime) -> int:
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
            advance(connection, fresh, section, at)
            position = section.upto
        fresh.aside.inherit(connection, serving(fresh.projection).aside)
        fresh.become_whole(connection)
        exchange(connection, fresh)
    return position
