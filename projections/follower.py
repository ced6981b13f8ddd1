"""Following the log: sections of it are folded into tables, rows and position of a projection in one transaction.

Each projection has a position of its own. One that meets an event it cannot fold stops before it, says so in its place,
and lets the others go on; no event is ever skipped.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, update

from ledger.aggregate import Envelope, decode
from ledger.errors import (
    Problem,
    ProjectionFailing,
    ProjectionOutdated,
    ReadTablesUnavailable,
    RebuildOvertaken,
)
from ledger.event_log import Recorded
from ledger.ids import of_event
from ledger.store import Ledger
from projections.database import Database
from projections.places import places
from projections.projection import PROJECTIONS, Projection
from projections.rows import Rows
from projections.tables import Layout, Place, make_tables, serving

BATCH: Final = 500
"""Events in one transaction."""

log = logging.getLogger(__name__)


class Section:
    """A piece of the log behind `after`, read once for all projections that stand there; decoded where needed."""

    def __init__(self, after: int, rows: Sequence[Recorded]) -> None:
        self.after = after
        self.rows = rows
        self._decoded: dict[int, Envelope] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def upto(self) -> int:
        """The position of the last event."""
        return self.rows[-1].position if self.rows else self.after

    def streams(self, projection: Projection) -> list[str]:
        """The streams that concern a projection."""
        return list(dict.fromkeys(row.stream for row in self.rows if projection.follows(row.name)))

    def envelopes(self, projection: Projection) -> Iterator[Envelope]:
        """The events that concern a projection. Raises LogDamaged at one that cannot be read."""
        for row in self.rows:
            if projection.follows(row.name):
                yield self._envelope(row)

    def singles(self) -> Iterator[Section]:
        """The same, event by event."""
        after = self.after
        for row in self.rows:
            yield Section(after, [row])
            after = row.position

    def _envelope(self, row: Recorded) -> Envelope:
        if row.position not in self._decoded:
            self._decoded[row.position] = decode(row.name, row.stream, row.version, row.state, row.position)
        return self._decoded[row.position]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What one round over all projections did: events applied, and the lowest position from which there is more to do.

    When `applied` is 0, waiting for an event behind `position` is all there is to do.
    """

    applied: int
    position: int


def read_section(ledger: Ledger, after: int, limit: int = BATCH) -> Section:
    """Up to `limit` events behind a position. Raises LogDamaged, LogCutShort, EventStoreUnavailable."""
    return Section(after, ledger.recorded(after, limit))


def run_round(ledger: Ledger, database: Database, limit: int = BATCH) -> Round:
    """One batch for every projection that follows. One that fails is logged and left behind.

    Raises ReadTablesUnavailable, EventStoreUnavailable, LogDamaged at a hole: nobody goes on then.
    """
    found = _made(database, PROJECTIONS.values())
    sections: dict[int, Section] = {}
    applied = 0
    for name, projection in PROJECTIONS.items():
        place = found[name]
        if place.failing is not None or place.definition != projection.definition:
            continue
        if place.position not in sections:
            sections[place.position] = read_section(ledger, place.position, limit)
        try:
            applied += apply(database, projection, sections[place.position])
        except ProjectionFailing:
            log.warning("projection %s is left behind", name)
        except ProjectionOutdated:
            log.warning("projection %s was rebuilt by another release", name)
    return Round(applied=applied, position=min(sections) if sections else ledger.head())


def run_batch(ledger: Ledger, database: Database, projection: Projection, limit: int = BATCH) -> int:
    """Fold the next events into the tables of one projection; how many (0: nothing new, or another copy was first).

    Makes its tables when they are missing. Raises ProjectionFailing at an event that cannot be folded (what stands
    before it is kept), ProjectionOutdated when the tables are of another definition, ReadTablesUnavailable,
    EventStoreUnavailable, LogDamaged at a hole.
    """
    place = _made(database, [projection])[projection.name]
    _must_follow(projection, place)
    return apply(database, projection, read_section(ledger, place.position, limit))


def apply(database: Database, projection: Projection, section: Section) -> int:
    """Fold a section into the tables that serve, unless they stand elsewhere; how many events were applied.

    Raises ProjectionFailing, ProjectionOutdated, ReadTablesUnavailable.
    """
    if not section:
        return 0
    try:
        return database.write(lambda connection: _apply(database, connection, projection, section))
    except (ReadTablesUnavailable, ProjectionFailing, ProjectionOutdated):
        raise
    except Exception as error:
        if len(section) == 1:
            raise _stopped(database, projection, section, error) from error
        log.warning("projection %s goes event by event from position %s", projection.name, section.after)
    return sum(apply(database, projection, single) for single in section.singles())


def advance(connection: Connection, layout: Layout, section: Section) -> None:
    """Fold a section into these tables and move their position behind it, in the transaction of `connection`.

    Raises RebuildOvertaken when they do not stand where the section begins, and whatever a fold raises.
    """
    rows = Rows(connection, layout.tables)
    rows.expect(section.streams(layout.projection))
    for envelope in section.envelopes(layout.projection):
        layout.projection.fold(rows, envelope)
    rows.flush()
    place = layout.place
    moved = update(place).where(place.c.position == section.after).values(position=section.upto)
    if connection.execute(moved).rowcount != 1:
        raise RebuildOvertaken(f"The tables of {layout.projection.name} were moved by another process meanwhile.")


def resume(database: Database, projection: Projection) -> None:
    """Let a projection that stopped try its event again: after a new release, or a repair of the log."""
    place = serving(projection).place
    database.write(lambda connection: connection.execute(update(place).values(failing_at=None, failing=None)))


def _made(database: Database, projections: Collection[Projection]) -> dict[str, Place]:
    """Where these projections stand, once their tables are made; empty ones of another definition are made anew."""
    found = places(database, projections)

    def is_made(projection: Projection) -> bool:
        place = found.get(projection.name)
        return place is not None and (place.position > 0 or place.definition == projection.definition)

    if all(map(is_made, projections)):
        return found
    make_tables(database, projections)
    return places(database, projections)


def _apply(database: Database, connection: Connection, projection: Projection, section: Section) -> int:
    layout = serving(projection)
    place = layout.standing(connection, lock=True)
    if place is None or place.position != section.after or database.is_fenced(connection, projection.name):
        return 0
    _must_follow(projection, place)
    advance(connection, layout, section)
    return len(section)


def _must_follow(projection: Projection, place: Place) -> None:
    if place.definition != projection.definition:
        raise ProjectionOutdated(
            f"The tables of {projection.name} were made by another definition than this release has; rebuild them with:"
            f" python -m projections rebuild {projection.name}",
            name=projection.name,
        )
    if place.failing is not None:
        raise ProjectionFailing(
            f"{projection.name} has stopped before position {place.failing_at}: {place.failing}. When that is mended:"
            f" python -m projections resume {projection.name}",
            name=projection.name,
            position=place.failing_at,
        )


def _stopped(database: Database, projection: Projection, section: Section, error: Exception) -> ProjectionFailing:
    """Write into its place that a projection cannot fold this one event."""
    row = section.rows[0]
    failing = f"{row.name} {of_event(row.stream, row.version)}: {_told(error)}"

    def work(connection: Connection) -> None:
        layout = serving(projection)
        place = layout.standing(connection, lock=True)
        if place is not None and place.position == section.after:
            connection.execute(update(layout.place).values(failing_at=row.position, failing=failing))

    database.write(work)
    log.error("projection %s has stopped before position %s: %s", projection.name, row.position, failing)
    return ProjectionFailing(
        f"{projection.name} has stopped before position {row.position}: {failing}",
        name=projection.name,
        position=row.position,
    )


def _told(error: Exception) -> str:
    """What went wrong and where. Only our own words: others may quote values."""
    if isinstance(error, Problem):
        return f"{type(error).__name__}: {error.detail}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/projections/" in frame.filename]
    where = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
