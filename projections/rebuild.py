"""Rebuild: tables are built anew from the log beside those that serve, compared with them, and take over.

Nobody who reads notices more than the exchange. Where the new tables would show something else than those that serve,
they wait beside them until somebody has accepted each group of differences by its name (`swapping.py`). No side effect
comes from a rebuild: folds only write rows. An interrupted rebuild leaves tables nobody reads; the next one removes
them and starts clean. What cannot be folded is set aside beside the new tables, so a rebuild is a retry of everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection

from ledger.errors import DifferencesFound
from ledger.store import Ledger
from projections.beside import Compared, Told, compare_beside, take_over
from projections.building import build
from projections.comparing import swap_command, unexplained
from projections.database import Database
from projections.places import places
from projections.projection import Projection
from projections.tables import Layout, drop_leftovers, make_tables, next_generation

NEAR: Final = 20_000
"""Events by which positions may be apart to be built in one pass over the log: what is left is folded in a second."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of building, or of swapping: `position` is that of the tables that serve now, or of those that wait.

    `swapped`: whether they took over.
    """

    name: str
    position: int
    swapped: bool
    compared: Compared


def rebuild(
    ledger: Ledger,
    database: Database,
    projection: Projection,
    at: datetime,
    told: Told = lambda reached, aim: None,
    accepted: Collection[str] = (),
) -> int:
    """Build the tables of a projection anew while the old ones serve; the position they then show.

    `at`: now, to be kept with what must be set aside and was not before. `accepted`: groups of differences, by name.
    Raises DifferencesFound when there are others (the new tables wait beside), TooManySetAside (the old tables stay),
    RebuildOvertaken when another rebuild of the same began meanwhile, ReadTablesUnavailable, EventStoreUnavailable,
    LogDamaged at a hole.
    """
    (done,) = rebuild_all(ledger, database, [projection], at, told, accepted)
    if not done.swapped:
        groups = "; ".join(one.group for one in unexplained(done.compared.differences, accepted))
        raise DifferencesFound(
            f"{projection.name} was built anew and would show something else: {groups}. Look at them with: python -m"
            f" projections compare {projection.name}. This accepts them:"
            f" {swap_command(projection.name, done.compared.differences)}",
            name=projection.name,
        )
    return done.position


def rebuild_all(
    ledger: Ledger,
    database: Database,
    projections: Sequence[Projection],
    at: datetime,
    told: Told = lambda reached, aim: None,
    accepted: Collection[str] = (),
) -> list[Rebuilt]:
    """The same for several, in as few passes over the log as can be; what came of each, differences included."""
    make_tables(database, projections)
    found = places(database, projections)
    head = ledger.head()
    # One that holds nothing yet has nothing to be compared with, and goes to the end of the log at once.
    aims = {name: min(place.position, head) if place.position > 0 else head for name, place in found.items()}
    done = []
    for together, upto in passes(projections, aims):
        layouts = [database.write(partial(_begin, projection=projection)) for projection in together]
        build(ledger, database, layouts, upto, at, told)
        done += [finish(ledger, database, layout, at, told, accepted) for layout in layouts]
        told(upto, upto)
    return done


def passes(projections: Sequence[Projection], aims: Mapping[str, int]) -> Iterator[tuple[list[Projection], int]]:
    """Which projections are built together, and up to which position: none of them further than its aim."""
    left = sorted(projections, key=lambda projection: aims[projection.name])
    while left:
        upto = aims[left[0].name]
        together = [projection for projection in left if aims[projection.name] <= upto + NEAR]
        left = left[len(together) :]
        yield together, upto


def finish(
    ledger: Ledger, database: Database, beside: Layout, at: datetime, told: Told, accepted: Collection[str]
) -> Rebuilt:
    """Compare whole tables with those that serve, and let them take over if nothing speaks against it.

    Raises what `compare_beside` and `take_over` raise.
    """
    compared = compare_beside(ledger, database, beside, at, told)
    swapped = not unexplained(compared.differences, accepted)
    position = take_over(ledger, database, beside, at, told) if swapped else compared.position
    return Rebuilt(name=beside.projection.name, position=position, swapped=swapped, compared=compared)


def _begin(connection: Connection, projection: Projection) -> Layout:
    fresh = Layout.beside(projection, next_generation(connection, projection))
    drop_leftovers(connection, projection)
    fresh.create(connection)
    return fresh
