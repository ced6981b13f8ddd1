"""Swapping by hand: tables that wait beside those that serve are looked at again, and take over, forth or back.

What waits is a rebuild whose differences nobody has accepted yet (the candidate), or what served before the last
exchange (kept until the next rebuild). Both go the same way as a rebuild: catch up, be compared at the same position,
take over only when each difference is explained or accepted by name.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from ledger.errors import NothingToSwap
from ledger.store import Ledger
from projections.beside import Compared, Told, compare_beside
from projections.database import Database
from projections.projection import Projection
from projections.rebuild import Rebuilt, finish
from projections.tables import Layout, make_tables, serving, standing_beside


def compare_again(
    ledger: Ledger,
    database: Database,
    projection: Projection,
    at: datetime,
    told: Told = lambda reached, aim: None,
    *,
    back: bool = False,
) -> Compared:
    """What would change if the candidate took over, or with `back` what served before; nothing takes over.

    `at`: now. Raises NothingToSwap, TooManySetAside, RebuildOvertaken, ReadTablesUnavailable, EventStoreUnavailable,
    LogDamaged at a hole.
    """
    return compare_beside(ledger, database, _waiting(database, projection, back=back), at, told)


def swap(
    ledger: Ledger,
    database: Database,
    projection: Projection,
    at: datetime,
    accepted: Collection[str] = (),
    told: Told = lambda reached, aim: None,
    *,
    back: bool = False,
) -> Rebuilt:
    """Let the candidate, or with `back` what served before, take over unless it differs in what is not `accepted`.

    What served until then is kept, so that swapping back works again. Raises what `compare_again` raises.
    """
    return finish(ledger, database, _waiting(database, projection, back=back), at, told, accepted)


def _waiting(database: Database, projection: Projection, *, back: bool) -> Layout:
    make_tables(database, [projection])
    return database.write(partial(_chosen, projection=projection, back=back))


def _chosen(connection: Connection, projection: Projection, back: bool) -> Layout:
    place = serving(projection).standing(connection)
    generation = place.generation if place else 0
    beside = [layout for layout in standing_beside(connection, projection) if layout.generation != generation]
    found = [layout for layout in beside if (layout.generation < generation) == back]
    if not found:
        which = (
            "No tables that served before are kept: they are from one rebuild that took over until the next begins."
            if back
            else f"No tables wait beside, whole; build some with: python -m projections rebuild {projection.name}"
        )
        raise NothingToSwap(f"{projection.name}: {which}")
    waiting = found[-1].standing(connection)
    if waiting is None or waiting.definition != projection.definition:
        raise NothingToSwap(
            f"{projection.name}: the tables beside were made by another definition than this release has; swap them"
            f" with the release that made them, or: python -m projections rebuild {projection.name}"
        )
    return found[-1]
