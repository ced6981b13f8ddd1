"""What tables beside those that serve go through: they catch up, are compared at the same position, and take over.

The comparison sees one moment: in one transaction it reads where the serving tables stand, folds the last events that
are missing beside them, and compares. Serving tables go on being read and, on MySQL and MariaDB, being followed
meanwhile. The events that come between the comparison and the exchange are folded by the same code into tables that
were equal, so they need no second comparison.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
import sqlalchemy
from sqlalchemy import Connection

from ledger.errors import NothingToSwap, ReadTablesUnavailable, RebuildOvertaken
from ledger.store import Ledger
from projections.aside import is_poison
from projections.comparing import Difference, compare
from projections.database import Database
from projections.follower import Section, advance, in_pieces, read_section, tell_set_aside
from projections.projection import Projection
from projections.tables import Layout, Place, exchange, lacking, serving

BATCH: Final = 5_000
"""Events in one transaction beside the serving tables: nobody waits for its locks."""

TAKE_OVERS_MAX: Final = 10
"""How often the last step is tried: each time an event that cannot be folded came just then."""

log = logging.getLogger(__name__)

Told = Callable[[int, int], None]
"""Hears the position reached and the one aimed at."""

EMPTY: Final = "the tables that serve hold nothing yet"
OUTSIDE: Final = "the tables that serve stand where no event is, at position "
LACKING: Final = "of the tables that serve these are missing: "


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison found. `position`: of both; `differences`: of the tables beside from those that serve.

    `not_compared`: why there was nothing to compare with, "" when there was.
    """

    position: int
    differences: tuple[Difference, ...] = ()
    not_compared: str = ""


def catch_up(ledger: Ledger, database: Database, beside: Layout, upto: int, at: datetime, told: Told) -> int:
    """Fold events up to a position in transactions of their own; the position reached, which may lie behind it.

    What cannot be folded is set aside, seen `at`. Raises TooManySetAside, RebuildOvertaken, ReadTablesUnavailable,
    EventStoreUnavailable, LogDamaged at a hole, LogCutShort.
    """
    return follow(ledger, database, beside, _position(beside, database.write(beside.standing)), upto, at, told)


def follow(
    ledger: Ledger, database: Database, beside: Layout, position: int, upto: int, at: datetime, told: Told
) -> int:
    """The same for tables that need not be whole yet and stand at `position`."""

    def step(piece: Section, cause: str | None) -> int:
        passed = database.write(partial(advance, layout=beside, section=piece, at=at, cause=cause))
        return _told_of(beside, piece, cause, passed)

    while position < upto:
        section = read_section(ledger, position, min(BATCH, upto - position))
        in_pieces(section, step)
        position = section.upto
        told(position, upto)
    return position


def compare_beside(ledger: Ledger, database: Database, beside: Layout, at: datetime, told: Told) -> Compared:
    """Bring tables beside to where the serving ones stand, and compare them there; they stay at that position.

    Raises NothingToSwap when they stand ahead of the serving ones, and what `catch_up` raises.
    """
    before = serving(beside.projection)
    place = database.write(before.standing)
    if place is not None:
        catch_up(ledger, database, beside, min(place.position, ledger.head()), at, told)
    with database.alone(beside.projection.name), database.snapshot() as connection:
        return compare_in(connection, ledger, beside, at)


def compare_in(connection: Connection, ledger: Ledger, beside: Layout, at: datetime) -> Compared:
    """The same in the transaction of `connection`, whose first question this asks. See `compare_beside`."""
    before = serving(beside.projection)
    place = before.standing(connection)
    position = _position(beside, beside.standing(connection))
    nothing = _nothing_to_compare(connection, beside.projection, place, ledger.head())
    if place is None or nothing:
        return Compared(position=position, not_compared=nothing)
    if position > place.position:
        raise NothingToSwap(
            f"The tables beside those of {beside.projection.name} stand at {position}, ahead of those that serve, which"
            f" stand at {place.position}: let the projector follow up to there, or build them anew with:"
            f" python -m projections rebuild {beside.projection.name}"
        )
    fold_up_to(connection, ledger, beside, position, place.position, at)
    return Compared(position=place.position, differences=tuple(compare(connection, before, beside)))


def fold_up_to(connection: Connection, ledger: Ledger, beside: Layout, position: int, upto: int, at: datetime) -> None:
    """Fold events up to and including `upto` in the transaction of `connection`, setting aside what cannot be."""

    def step(piece: Section, cause: str | None) -> int:
        # A piece that fails leaves nothing behind, while what the transaction has seen stays.
        with connection.begin_nested():
            passed = advance(connection, beside, piece, at, cause)
        return _told_of(beside, piece, cause, passed)

    while position < upto:
        section = read_section(ledger, position, min(BATCH, upto - position))
        in_pieces(section, step)
        position = section.upto


def take_over(ledger: Ledger, database: Database, beside: Layout, at: datetime, told: Told) -> int:
    """Go on to the end of the log, and let these tables serve; the position they then show.

    Those that served before are kept under the number of their generation. Raises RebuildOvertaken when another
    process removed or moved the tables, and what `catch_up` raises.
    """
    for left in reversed(range(TAKE_OVERS_MAX)):
        position = catch_up(ledger, database, beside, ledger.head(), at, told)
        try:
            with database.alone(beside.projection.name):
                return _exchanged(ledger, database, beside, position, at)
        except Exception as error:
            if not left or not is_poison(error):
                raise
            log.warning("%s: an event that cannot be folded came during the exchange", beside.projection.name)
    raise AssertionError("the last attempt returns or raises")


def _exchanged(ledger: Ledger, database: Database, beside: Layout, position: int, at: datetime) -> int:
    """The last steps while the projector stands still: catch up to it, then exchange."""
    projection = beside.projection
    with database.fenced(projection.name) as connection:
        # The lock is had when a batch that began before the fence is over; whoever begins now sees the fence.
        place = serving(projection).standing(connection, lock=True)
        if place is None:
            raise ReadTablesUnavailable(f"The tables of {projection.name} have gone; start the projector.")
        if database.is_mysql:
            connection.commit()
        if _position(beside, beside.standing(connection)) != position:
            raise _overtaken(beside)
        aim = min(place.position, ledger.head())
        while position < aim:
            section = read_section(ledger, position, BATCH)
            advance(connection, beside, section, at)
            position = section.upto
        known = not lacking(connection, serving(projection).aside.table)
        if beside.generation > place.generation and known:
            beside.aside.inherit(connection, serving(projection).aside)
        exchange(connection, beside)
    return position


def _nothing_to_compare(connection: Connection, projection: Projection, place: Place | None, head: int) -> str:
    if place is None or not place.position:
        return EMPTY
    if not 0 < place.position <= head:
        return OUTSIDE + str(place.position)
    missing = serving(projection).missing(set(sqlalchemy.inspect(connection).get_table_names()))
    # Another definition may have had other tables; what is missing of those of this one was taken by hand.
    return LACKING + ", ".join(missing) if missing and place.definition == projection.definition else ""


def _position(beside: Layout, place: Place | None) -> int:
    if place is None or not place.whole:
        raise _overtaken(beside)
    return place.position


def _overtaken(beside: Layout) -> RebuildOvertaken:
    return RebuildOvertaken(f"The tables of {beside.projection.name} were moved by another process meanwhile.")


def _told_of(beside: Layout, piece: Section, cause: str | None, passed: int) -> int:
    if cause is not None:
        tell_set_aside(f"{beside.projection.name}, beside,", piece.rows[0], cause)
    return passed
