"""Fresh tables made for a build, and put into place after it."""

from __future__ import annotations

from functools import partial

from projections.database import Database
from projections.projection import Projection
from projections.tables import Layout, drop_leftovers, exchange, make_tables


def fresh(database: Database, *projections: Projection) -> list[Layout]:
    """Empty tables of generation 1 beside those that serve."""
    make_tables(database)
    found = [Layout.beside(projection, 1) for projection in projections]
    for layout in found:
        database.write(layout.create)
    return found


def serve(database: Database, layouts: list[Layout]) -> None:
    """Let them take over."""
    for layout in layouts:
        with database.fenced(layout.projection.name) as connection:
            exchange(connection, layout)
        database.write(partial(drop_leftovers, projection=layout.projection))


def is_whole(database: Database, layout: Layout) -> bool:
    """Whether the tables say that they are whole."""
    place = database.write(layout.standing)
    return place is not None and place.whole
