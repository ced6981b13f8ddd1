"""A planted fault: a rebuild that removes the tables that serve, and only then lets its own take over, one by one.

It must be caught: who reads in between finds no table, and when it is killed there, half a set serves. Nobody but the
tests of the trials runs it.
"""

from __future__ import annotations

import sys
from threading import Event

from sqlalchemy import Connection
from sqlalchemy.schema import DropTable

from projections import beside
from projections.__main__ import main
from projections.tables import Layout, serving

GAP_S = 0.3
"""Between removing the old tables and renaming the first of the new ones: longer than in life."""


def one_by_one(connection: Connection, fresh: Layout) -> None:
    """This is the fault."""
    before = serving(fresh.projection)
    for old, new in zip(before.all, fresh.all, strict=True):
        connection.execute(DropTable(old, if_exists=True))
        Event().wait(GAP_S)
        connection.exec_driver_sql(f"ALTER TABLE {new.name} RENAME TO {old.name}")


if __name__ == "__main__":
    beside.exchange = one_by_one  # type: ignore[attr-defined]
    sys.exit(main(sys.argv[1:]))
