"""How far every follower of the log has come: the projections in their places, others by name in `positions`."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, union_all, update

from ledger.errors import ReadTablesUnavailable
from projections.database import Database, Reader
from projections.projection import PROJECTIONS, Projection
from projections.tables import POSITIONS, Place, make_tables, serving


def places(reader: Reader, projections: Iterable[Projection] | None = None) -> dict[str, Place]:
    """Where these projections (or all) stand, by name; those without tables are left out.

    Raises ReadTablesUnavailable.
    """
    wanted = list(PROJECTIONS.values() if projections is None else projections)
    try:
        return _places(reader, wanted)
    except ReadTablesUnavailable as error:
        if not error.facts.get("missing_table"):
            raise
    found: dict[str, Place] = {}
    for projection in wanted:
        try:
            found |= _places(reader, [projection])
        except ReadTablesUnavailable as error:
            if not error.facts.get("missing_table"):
                raise
    return found


def positions(reader: Reader) -> dict[str, int]:
    """The log position each projection shows, by its name. Raises ReadTablesUnavailable."""
    return {name: place.position for name, place in places(reader).items()}


def position_of(reader: Reader, follower: str) -> int:
    """How far a follower that is no projection has come; 0 when it has not begun."""
    found = reader.column(select(POSITIONS.c.position).where(POSITIONS.c.name == follower))
    return int(found[0]) if found else 0


def move(database: Database, follower: str, *, after: int, upto: int) -> bool:
    """Move a follower from `after` to `upto`; False when it does not stand there: another copy was first.

    Makes the tables when they are missing. Raises ReadTablesUnavailable.
    """

    def work(connection: Connection) -> bool:
        row = POSITIONS.c
        standing = select(row.position).where(row.name == follower).with_for_update()
        position = connection.scalar(standing)
        if position is None and after == 0:
            connection.execute(insert(POSITIONS), [{"name": follower, "position": upto}])
            return True
        moved = update(POSITIONS).where(row.name == follower, row.position == after).values(position=upto)
        return connection.execute(moved).rowcount == 1

    try:
        return database.write(work)
    except ReadTablesUnavailable as error:
        if not error.facts.get("missing_table"):
            raise
    make_tables(database)
    return database.write(work)


def _places(reader: Reader, wanted: list[Projection]) -> dict[str, Place]:
    if not wanted:
        return {}
    query = union_all(*(select(serving(projection).place) for projection in wanted))
    return {row["name"]: Place(**row) for row in reader.rows(query)}
