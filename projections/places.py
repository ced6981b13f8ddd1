"""How far every follower of the log has come: the projections in their places, others by name in `positions`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, insert, select, union_all, update
from sqlalchemy.exc import IntegrityError

from ledger.errors import ReadTablesUnavailable
from projections.aside import Aside, Pile, piled
from projections.database import Database, Reader, Row
from projections.projection import PROJECTIONS, Projection
from projections.tables import ASIDE, POSITIONS, Place, make_tables, serving


def places(reader: Reader, projections: Iterable[Projection] | None = None) -> dict[str, Place]:
    """Where these projections (or all) stand, by name; those without tables are left out.

    Raises ReadTablesUnavailable.
    """
    wanted = PROJECTIONS.values() if projections is None else projections
    tables = {projection.name: serving(projection).place for projection in wanted}
    queries = [select(place).where(place.c.name == name) for name, place in tables.items()]
    return {row["name"]: Place(**row) for row in _of_all(reader, queries)}


def piles(reader: Reader) -> dict[str, Pile]:
    """How much each follower has set aside, by its name; those with nothing are left out. Raises ReadTablesUnavailable.

    Projections are followers, and so is whoever else has a position here.
    """
    tables = [ASIDE, *(serving(projection).aside.table for projection in PROJECTIONS.values())]
    return {row["follower"]: Pile(**row) for row in _of_all(reader, [piled(table) for table in tables])}


def heads(reader: Reader, limit: int) -> list[Aside]:
    """The events at which streams stand still, for each follower at most `limit`, its oldest first.

    Raises ReadTablesUnavailable.
    """
    tables = [ASIDE, *(serving(projection).aside.table for projection in PROJECTIONS.values())]
    found: list[Aside] = []
    for table in tables:
        query = select(table).where(table.c.cause.is_not(None)).order_by(table.c.follower, table.c.position)
        try:
            found += reader.all(Aside, query.limit(limit))
        except ReadTablesUnavailable as error:
            if not error.facts.get("missing_table"):
                raise
    return found


def cure(projection: Projection, place: Place) -> str | None:
    """The command that lets a projection go on which stands still; None while it follows."""
    if place.follows(projection):
        return None
    rebuild = rebuild_command(projection.name)
    return rebuild if place.failing is None or place.failing.endswith(rebuild) else retry_command(projection.name)


def rebuild_command(name: str) -> str:
    """Builds the tables of a projection anew."""
    return f"python -m projections rebuild {name}"


def retry_command(name: str) -> str:
    """Folds what a projection has set aside."""
    return f"python -m projections retry {name}"


def positions(reader: Reader) -> dict[str, int]:
    """The log position each projection shows, by its name. Raises ReadTablesUnavailable."""
    return {name: place.position for name, place in places(reader).items()}


def lag(found: Mapping[str, Place], head: int) -> dict[str, int]:
    """How many events each projection is behind the end of the log, by name; one without tables lacks them all.

    `found`: what `places` gave. One that was read after the head may be past it: that is 0.
    """
    return {name: max(0, head - (found[name].position if name in found else 0)) for name in sorted(PROJECTIONS)}


def position_of(reader: Reader, follower: str) -> int | None:
    """How far a follower that is no projection has come; None when it has not begun, which may be at 0."""
    found = reader.column(select(POSITIONS.c.position).where(POSITIONS.c.name == follower))
    return int(found[0]) if found else None


def begin(database: Database, follower: str, position: int) -> bool:
    """Let a follower begin behind this position; False when it has begun: it stays where it stands, be it at 0.

    Raises ReadTablesUnavailable, for tables that are missing as well.
    """

    def work(connection: Connection) -> bool:
        if locked(connection, follower) is not None:
            return False
        connection.execute(insert(POSITIONS), [{"name": follower, "position": position}])
        return True

    try:
        return database.write(work)
    except IntegrityError:
        return False  # another copy began in between


def move(database: Database, follower: str, *, after: int, upto: int) -> bool:
    """Move a follower from `after` to `upto`; False when it does not stand there: another copy was first.

    Makes the tables when they are missing. Raises ReadTablesUnavailable.
    """

    def work(connection: Connection) -> bool:
        position = locked(connection, follower)
        if position is None and after == 0:
            connection.execute(insert(POSITIONS), [{"name": follower, "position": upto}])
            return True
        row = POSITIONS.c
        moved = update(POSITIONS).where(row.name == follower, row.position == after).values(position=upto)
        return connection.execute(moved).rowcount == 1

    try:
        return database.write(work)
    except ReadTablesUnavailable as error:
        if not error.facts.get("missing_table"):
            raise
    make_tables(database)
    return database.write(work)


def locked(connection: Connection, follower: str) -> int | None:
    """How far a follower has come, None at its beginning; nobody else may move it until the transaction ends."""
    standing = select(POSITIONS.c.position).where(POSITIONS.c.name == follower).with_for_update()
    position: int | None = connection.scalar(standing)
    return position


def _of_all(reader: Reader, queries: Sequence[Select[Any]]) -> list[Row]:
    """The rows of all these queries in one question; those whose table is not there yet are left out."""
    if not queries:
        return []
    try:
        return list(reader.rows(union_all(*queries)))
    except ReadTablesUnavailable as error:
        if not error.facts.get("missing_table"):
            raise
        if len(queries) == 1:
            return []
    return [row for query in queries for row in _of_all(reader, [query])]
