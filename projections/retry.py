"""Retry: what a projection has set aside is folded after all, when what was at fault is mended.

The oldest event of each stream is tried first, then what waits behind it; within a stream the first that fails again
ends it. Pieces of a stream are folded and their entries removed in one transaction, under the lock of the projection's
place: a projector may run meanwhile, and whoever dies leaves nothing half done.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from sqlalchemy import Connection, update

from ledger.errors import NothingSetAside, ReadTablesUnavailable
from ledger.event_log import Recorded
from ledger.store import Ledger
from projections.aside import EVENTS_MAX, Aside, Retried, is_poison, told
from projections.database import Database
from projections.follower import Section, fold, must_be_defined_so, read_rows
from projections.projection import Projection
from projections.tables import Layout, make_tables, serving

PIECE: Final = 500
"""Most events of a stream in one transaction."""


def retry(ledger: Ledger, database: Database, projection: Projection, stream: str | None = None) -> Retried:
    """Fold what was set aside, of one stream or all; a projection that had stopped goes on from now on.

    Raises NothingSetAside for a stream that has nothing set aside, ProjectionOutdated when the tables are of another
    definition (a rebuild retries them), ReadTablesUnavailable, EventStoreUnavailable, LogDamaged at a hole.
    """
    make_tables(database, [projection])
    heads = database.write(partial(_let_go_on, database, projection))
    chosen = chosen_heads(projection.name, heads, stream)
    taken = sum(_drain(ledger, database, projection, entry.stream) for entry in chosen)
    return Retried(taken=taken, left=database.write(serving(projection).aside.count))


def chosen_heads(follower: str, heads: dict[str, Aside], stream: str | None) -> list[Aside]:
    """The heads to begin with, oldest first. Raises NothingSetAside."""
    if stream is None:
        return list(heads.values())
    if stream not in heads:
        raise NothingSetAside(
            f"{follower} has set aside nothing of that stream; what is set aside is shown by: python -m projections lag"
        )
    return [heads[stream]]


def recorded(ledger: Ledger, entry: Aside) -> Recorded:
    """The event of an entry as it stands in the log. Raises LogDamaged at a hole, EventStoreUnavailable."""
    return read_rows(ledger, entry.position - 1, 1)[0]


def _let_go_on(database: Database, projection: Projection, connection: Connection) -> dict[str, Aside]:
    layout = _held(database, projection, connection)
    connection.execute(update(layout.place).values(failing_at=None, failing=None))
    return layout.aside.heads(connection)


def _drain(ledger: Ledger, database: Database, projection: Projection, stream: str) -> int:
    """Fold what is set aside of one stream up to the first event that fails again; how many."""
    aside = serving(projection).aside
    taken, size = 0, PIECE
    for _ in range(2 * EVENTS_MAX):
        entries = database.write(partial(aside.of_stream, stream=stream, limit=size))
        if not entries:
            break
        section = Section(entries[0].position - 1, [recorded(ledger, entry) for entry in entries])
        try:
            taken += database.write(partial(_take, database, projection, entries, section))
            size = min(2 * size, PIECE)
        except Exception as error:
            if not is_poison(error):
                raise
            if len(entries) == 1:
                database.write(partial(_failed_again, database, projection, entries[0], told(error)))
                break
            size = len(entries) // 2
    return taken


def _take(
    database: Database, projection: Projection, entries: list[Aside], section: Section, connection: Connection
) -> int:
    layout = _held(database, projection, connection)
    if layout.aside.of_stream(connection, entries[0].stream, len(entries)) != entries:
        return 0
    fold(connection, layout, section)
    layout.aside.take(connection, entries)
    connection.execute(update(layout.place).values(aside=layout.place.c.aside - len(entries)))
    return len(entries)


def _failed_again(database: Database, projection: Projection, entry: Aside, cause: str, connection: Connection) -> None:
    _held(database, projection, connection).aside.failed_again(connection, entry, cause)


def _held(database: Database, projection: Projection, connection: Connection) -> Layout:
    """The tables that serve, locked. Raises ProjectionOutdated, ReadTablesUnavailable during an exchange."""
    layout = serving(projection)
    place = layout.standing(connection, lock=True)
    if place is None or database.is_fenced(connection, projection.name):
        raise ReadTablesUnavailable(f"The tables of {projection.name} are being exchanged; try again.")
    must_be_defined_so(projection, place)
    return layout
