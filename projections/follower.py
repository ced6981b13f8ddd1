"""Following the log: sections of it are folded into tables, rows and position of a projection in one transaction.

Each projection has a position of its own. Those that stand together are moved together, in one transaction: a commit
costs more than a fold. Where that is not to be had, because one of them has something set aside, is being exchanged, or
cannot fold an event, each goes by itself.

An event that cannot be folded is set aside with all that follows in its stream (`projections/aside.py`), in the
transaction that moves the position behind it, and the other streams go on. Only when it had to set aside too many does
a projection stop, says so in its place, and lets the other projections go on.

A section is folded as one; where that fails, its halves are, and so on down to the event at fault, so a section without
such an event costs nothing for the care.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence, Set
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection, update

from ledger.aggregate import Envelope, decode
from ledger.errors import (
    EventDamaged,
    ProjectionFailing,
    ProjectionOutdated,
    ReadTablesUnavailable,
    RebuildOvertaken,
    TooManySetAside,
)
from ledger.event_log import Recorded
from ledger.ids import of_event
from ledger.store import Ledger
from projections.aside import Aside, is_poison, told
from projections.database import Database
from projections.live_rows import LiveRows, Wanted, read
from projections.messages import Statement, sent
from projections.places import places
from projections.projection import PROJECTIONS, Projection
from projections.proof import is_to_be_summed, notes_of, sum_up
from projections.recent import Recent, Seen
from projections.tables import Layout, Place, is_made_so, make_tables, serving
from projections.writing import Statements

BATCH: Final = 500
"""Events in one transaction."""

FIRST: Final = 1
"""The version of the event with which a stream begins."""

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

    def concerning(self, projection: Projection, waiting: Set[str] = frozenset()) -> list[Recorded]:
        """The events that concern a projection, those of streams that are `waiting` left out."""
        return [row for row in self.rows if row.stream not in waiting and concerns_follower(row, projection.follows)]

    def halves(self) -> tuple[Section, Section]:
        """The same in two pieces."""
        middle = len(self.rows) // 2
        first = Section(self.after, self.rows[:middle])
        return first, Section(first.upto, self.rows[middle:])

    def envelope(self, row: Recorded) -> Envelope:
        """An event of this section, decoded once. Raises LogDamaged when it cannot be read."""
        if row.position not in self._decoded:
            self._decoded[row.position] = decode(row.name, row.stream, row.version, row.state, row.position)
        return self._decoded[row.position]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What one round over all projections did: events applied, and the lowest position from which there is more to do.

    When `applied` is 0, waiting for an event behind `position` is all there is to do; unless it was `held_up`: there
    were events, and whoever stood before them might not move or was moved by another (a rebuild takes over, another
    copy was first). Then the log has nothing to wait for, and a pause is due.
    """

    applied: int
    position: int
    held_up: bool


def read_section(ledger: Ledger, after: int, limit: int = BATCH) -> Section:
    """Up to `limit` events behind a position. Raises LogDamaged at a hole, LogCutShort, EventStoreUnavailable."""
    return Section(after, read_rows(ledger, after, limit))


def read_rows(ledger: Ledger, after: int, limit: int) -> list[Recorded]:
    """The same as rows. An event whose checksum does not fit comes alone and without its bytes."""
    try:
        return ledger.recorded(after, limit)
    except EventDamaged as damaged:
        if limit > 1:
            return read_rows(ledger, after, limit // 2)
        stream, version, name = (damaged.facts.get(fact) for fact in ("stream", "version", "name"))
        return [Recorded(after + 1, str(stream), version if isinstance(version, int) else 0, str(name), b"")]


def concerns_follower(row: Recorded, follows: Callable[[str], bool]) -> bool:
    """Whether an event concerns a follower; one that was altered concerns all, since its name cannot be trusted."""
    return not row.state or follows(row.name)


def run_round(
    ledger: Ledger, database: Database, at: datetime, limit: int = BATCH, recent: Recent | None = None
) -> Round:
    """One batch for every projection that follows. One that stops is logged and left behind.

    `at`: now, to be kept with what must be set aside; `recent`: what the rounds before this one saw, so that less is
    asked for. Raises ReadTablesUnavailable, EventStoreUnavailable, LogDamaged at a hole: nobody goes on then.
    """
    recent = Recent() if recent is None else recent
    found = recent.places or _made(database, PROJECTIONS.values())
    standing: dict[int, list[Projection]] = {}
    for name, projection in PROJECTIONS.items():
        if found[name].follows(projection):
            standing.setdefault(found[name].position, []).append(projection)
    applied, is_behind = 0, False
    # Where somebody wrote a position the log has not got to, the others have moved before that is found out.
    for position, together in sorted(standing.items()):
        section = read_section(ledger, position, limit)
        is_behind = is_behind or len(section) > 0
        applied += _apply_all(database, [found[projection.name] for projection in together], section, at, recent)
    held_up = is_behind and not applied
    return Round(applied=applied, position=min(standing) if standing else ledger.head(), held_up=held_up)


def run_batch(ledger: Ledger, database: Database, projection: Projection, at: datetime, limit: int = BATCH) -> int:
    """Fold the next events into the tables of one projection; how many (0: nothing new, or another copy was first).

    Makes its tables when they are missing. Raises ProjectionFailing when it had to set aside too many events,
    ProjectionOutdated when the tables are of another definition, ReadTablesUnavailable, EventStoreUnavailable,
    LogDamaged at a hole.
    """
    place = _made(database, [projection])[projection.name]
    _must_follow(projection, place)
    return apply(database, projection, read_section(ledger, place.position, limit), at)


def apply(database: Database, projection: Projection, section: Section, at: datetime) -> int:
    """Fold a section into the tables that serve, unless they stand elsewhere; how many events it went past.

    What cannot be folded is set aside, seen `at`. Raises ProjectionFailing (too much set aside, or a table was dropped:
    the cure is named), ProjectionOutdated, ReadTablesUnavailable.
    """
    if not section:
        return 0

    def step(piece: Section, cause: str | None) -> int:
        passed = database.write(partial(_apply, database, projection, piece, at, cause))
        if passed and cause is not None:
            tell_set_aside(projection.name, piece.rows[0], cause)
        return passed

    try:
        return in_pieces(section, step)
    except TooManySetAside as full:
        raise _stopped(database, projection, int(full.facts["position"] or 0), full.detail) from full
    except ReadTablesUnavailable as error:
        lacking = database.write(serving(projection).lacking) if _is_lacking(error) else []
        if not lacking:
            raise
        cause = f"{', '.join(lacking)} is not there: python -m projections rebuild {projection.name}"
        raise _stopped(database, projection, section.after + 1, cause) from error


class _EachByItself(Exception):
    """One of several projections stands elsewhere, is being exchanged, or has something set aside."""


def _apply_all(database: Database, together: list[Place], section: Section, at: datetime, recent: Recent) -> int:
    """Fold a section into every projection that stands before it: together, or else each by itself."""
    if not section:
        return 0
    try:
        seen = database.write(partial(_apply_together, database, together, section, recent))
    except Exception as error:
        recent.forget()
        if not isinstance(error, _EachByItself) and not is_poison(error) and not _is_lacking(error):
            raise
        return sum(_apply_alone(database, PROJECTIONS[place.name], section, at) for place in together)
    if len(together) == len(PROJECTIONS):
        moved = {place.name: msgspec.structs.replace(place, position=section.upto) for place in together}
        recent.moved(moved, seen)
    return len(together) * len(section)


def _apply_together(
    database: Database, together: list[Place], section: Section, recent: Recent, connection: Connection
) -> dict[str, Seen]:
    """The same in one transaction; the rows as they then stand.

    Raises _EachByItself when one of them may not be moved so, IntegrityError when a row was taken for new that is not.
    """
    if not _moved(database, connection, together, section.upto):
        raise _EachByItself
    with Statements(connection) as statements:
        written = _written(connection, together, section, recent, statements)
        statements.send()
    return {name: rows.seen for name, rows in written.items()}


def _written(
    connection: Connection, together: list[Place], section: Section, recent: Recent, statements: Statements
) -> dict[str, LiveRows]:
    """Let `statements` write what follows from a section; the rows by projection."""
    written: dict[str, LiveRows] = {}
    notes: dict[str, Sequence[str]] = {}
    concerning = {place.name: section.concerning(PROJECTIONS[place.name]) for place in together}
    for name in concerning:
        layout = serving(PROJECTIONS[name])
        written[name] = LiveRows(connection, layout.tables, layout.proof, recent.rows(name))
        if is_to_be_summed(section.after, section.upto):
            notes[name] = notes_of(connection, layout.proof_noted)
    read(connection, [(rows, _expected(rows, PROJECTIONS[name], concerning[name])) for name, rows in written.items()])
    for name, rows in written.items():
        _fold_all(rows, PROJECTIONS[name], section, concerning[name])
    read(connection, [(rows, rows.lacking()) for rows in written.values()])
    for rows in written.values():
        rows.write(statements)
        statements.send_ahead()
    # What is left is worked out while the server writes.
    for name, rows in written.items():
        layout = serving(PROJECTIONS[name])
        if name in notes:
            sum_up(statements, notes[name], layout.proof, layout.proof_noted)
        rows.prove(statements, layout.proof_noted, section.upto)
    return written


def _moved(database: Database, connection: Connection, together: list[Place], upto: int) -> bool:
    """Move projections that still stand at their places, may follow, have nothing set aside and no fence.

    Whether all could be moved; when not, the transaction must be given up.
    """
    moves = [_move(place, upto) for place in together]
    if not database.is_mysql:
        return all(connection.exec_driver_sql(move).rowcount == 1 for move in moves)
    # The fence is looked at behind the locks that the moves take, see `Database.is_fenced`.
    fence = database.fence_question([place.name for place in together])
    *moved, fences = sent(connection, [Statement(statement) for statement in (*moves, fence)])
    return all(one.about == 1 for one in moved) and fences.rows[0][0] is None


def _move(place: Place, upto: int) -> str:
    """The statement that moves a projection, if it still stands at its place, may follow, and has nothing set aside."""
    projection = PROJECTIONS[place.name]
    # Numbers, a hash and a name of ours.
    return (
        f"UPDATE {serving(projection).place.name} SET position = {upto}"  # noqa: S608
        f" WHERE position = {place.position} AND generation = {place.generation}"
        f" AND definition = '{projection.definition}' AND failing_at IS NULL AND aside = 0"
    )


def _apply_alone(database: Database, projection: Projection, section: Section, at: datetime) -> int:
    try:
        return apply(database, projection, section, at)
    except ProjectionFailing:
        log.warning("projection %s is left behind", projection.name)
    except ProjectionOutdated:
        log.warning("projection %s was rebuilt by another release", projection.name)
    return 0


def _is_lacking(error: Exception) -> bool:
    """Whether a table or a column was missing: that is about one projection, while the others can go on."""
    return isinstance(error, ReadTablesUnavailable) and bool(error.facts.get("missing_table"))


def in_pieces(section: Section, step: Callable[[Section, str | None], int]) -> int:
    """Do `step` with a section; where an event in it is poison, with its pieces, and with that event and its cause."""
    try:
        return step(section, None)
    except Exception as error:
        divisible = len(section) > 1 and isinstance(error, TooManySetAside)
        if not (divisible or is_poison(error)):
            raise
        if len(section) == 1:
            return step(section, told(error))
    first, second = section.halves()
    return in_pieces(first, step) + in_pieces(second, step)


def advance(connection: Connection, layout: Layout, section: Section, at: datetime, cause: str | None = None) -> int:
    """Fold a section into these tables and move their position behind it, in the transaction of `connection`.

    With a `cause` the one event of the section is set aside instead. Gives the number of events. Raises
    RebuildOvertaken when the tables do not stand where the section begins, TooManySetAside, and whatever a fold raises.
    """
    place = layout.standing(connection)
    if place is None or place.position != section.after:
        raise RebuildOvertaken(f"The tables of {layout.projection.name} were moved by another process meanwhile.")
    return _advance(connection, layout, place, section, at, cause)


def fold(connection: Connection, layout: Layout, section: Section, waiting: Set[str] = frozenset()) -> None:
    """Write what follows from the events of a section, those of `waiting` streams left out. Raises what a fold does."""
    concerning = section.concerning(layout.projection, waiting)
    rows = LiveRows(connection, layout.tables, layout.proof)
    read(connection, [(rows, _expected(rows, layout.projection, concerning))])
    _fold_all(rows, layout.projection, section, concerning)
    # Also where nothing is noted: a table that is gone is found here, and not first by the nightly check.
    statements = Statements(connection)
    sum_up(statements, notes_of(connection, layout.proof_noted), layout.proof, layout.proof_noted)
    statements.send()
    rows.flush()


def _fold_all(rows: LiveRows, projection: Projection, section: Section, concerning: Sequence[Recorded]) -> None:
    for row in concerning:
        rows.begin(row.stream, projection.habits[row.name])
        projection.fold(rows, section.envelope(row))


def _expected(rows: LiveRows, projection: Projection, concerning: Sequence[Recorded]) -> Wanted:
    asked: dict[str, set[str]] = {}
    made: dict[str, set[str]] = {}
    for row in concerning:
        habit = projection.habits[row.name]
        asked.setdefault(row.stream, set()).update(habit.asks - made.get(row.stream, set()))
        made.setdefault(row.stream, set()).update(habit.makes)
    # Other streams may have made a row where a fold crosses streams.
    fresh = () if projection.crosses_streams else {row.stream for row in concerning if row.version == FIRST}
    return rows.expected(asked, fresh)


def tell_set_aside(follower: str, row: Recorded | Aside, cause: str) -> None:
    """Log that an event was set aside."""
    event = f"{row.name} {of_event(row.stream, row.version)}"
    log.error("%s has set aside %s at position %s: %s", follower, event, row.position, cause)


def must_be_defined_so(projection: Projection, place: Place) -> None:
    """Raises ProjectionOutdated when the tables are of another definition than this release has."""
    if place.definition != projection.definition:
        raise ProjectionOutdated(
            f"The tables of {projection.name} were made by another definition than this release has; rebuild them with:"
            f" python -m projections rebuild {projection.name}",
            name=projection.name,
        )


def _made(database: Database, projections: Collection[Projection]) -> dict[str, Place]:
    """Where these projections stand, once their tables are made; empty ones of another definition are made anew."""
    found = places(database, projections)

    def is_made(projection: Projection) -> bool:
        place = found.get(projection.name)
        return place is not None and (place.position > 0 or is_made_so(projection, place))

    if all(map(is_made, projections)):
        return found
    make_tables(database, projections)
    return places(database, projections)


def _apply(
    database: Database,
    projection: Projection,
    section: Section,
    at: datetime,
    cause: str | None,
    connection: Connection,
) -> int:
    layout = serving(projection)
    place = layout.standing(connection, lock=True)
    if place is None or place.position != section.after or database.is_fenced(connection, projection.name):
        return 0
    _must_follow(projection, place)
    return _advance(connection, layout, place, section, at, cause)


def _advance(
    connection: Connection, layout: Layout, place: Place, section: Section, at: datetime, cause: str | None
) -> int:
    projection = layout.projection
    waiting = layout.aside.heads(connection).keys() if place.aside else frozenset[str]()
    entries = [
        Aside.of(projection.name, row, at)
        for row in (section.rows if waiting else ())
        if row.stream in waiting and concerns_follower(row, projection.follows)
    ]
    if cause is None:
        fold(connection, layout, section, waiting)
    elif not entries:
        entries = [Aside.of(projection.name, row, at, cause) for row in section.rows]
    layout.aside.add(connection, entries)
    standing = layout.place.c.position == section.after
    moved = update(layout.place).where(standing).values(position=section.upto, aside=place.aside + len(entries))
    if connection.execute(moved).rowcount != 1:
        raise RebuildOvertaken(f"The tables of {projection.name} were moved by another process meanwhile.")
    return len(section)


def _must_follow(projection: Projection, place: Place) -> None:
    must_be_defined_so(projection, place)
    if place.failing is not None:
        raise ProjectionFailing(
            f"{projection.name} has stopped before position {place.failing_at}: {place.failing}. When that is mended:"
            f" python -m projections retry {projection.name}",
            name=projection.name,
            position=place.failing_at,
        )


def _stopped(database: Database, projection: Projection, position: int, cause: str) -> ProjectionFailing:
    """Write into its place that a projection may go no further, and why: too much set aside, or a table is gone."""

    def work(connection: Connection) -> None:
        layout = serving(projection)
        place = layout.standing(connection, lock=True)
        if place is not None and place.position == position - 1:
            connection.execute(update(layout.place).values(failing_at=position, failing=cause))

    database.write(work)
    log.error("projection %s has stopped before position %s: %s", projection.name, position, cause)
    return ProjectionFailing(
        f"{projection.name} has stopped before position {position}: {cause}", name=projection.name, position=position
    )
