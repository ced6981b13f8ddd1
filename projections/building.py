"""Building fresh tables from the beginning of the log (to be replaced by the bulk build)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from ledger.store import Ledger
from projections.database import Database
from projections.follower import Section, advance, in_pieces, read_section
from projections.tables import Layout


def build(ledger: Ledger, database: Database, layouts: Sequence[Layout], upto: int, at: datetime, told: object) -> None:
    """Fill fresh tables up to a position, and say that they are whole."""
    for layout in layouts:
        position = 0
        while position < upto:
            section = read_section(ledger, position, min(5_000, upto - position))

            def step(piece: Section, cause: str | None, layout: Layout = layout) -> int:
                return database.write(partial(advance, layout=layout, section=piece, at=at, cause=cause))

            in_pieces(section, step)
            position = section.upto
            if callable(told):
                told(position, upto)

        def end(connection: Connection, layout: Layout = layout) -> None:
            layout.create_indexes(connection)
            layout.become_whole(connection)

        database.write(end)
