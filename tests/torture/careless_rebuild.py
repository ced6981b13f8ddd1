"""A planted fault: the rebuild of operators, but it drops the tables that serve before the new ones take their names.

Readers must be caught failing in between. Nobody but the tests of the trials runs it.
"""

from __future__ import annotations

import runpy
from threading import Event

from sqlalchemy import Connection
from sqlalchemy.schema import DropTable

from projections import beside
from projections.tables import Layout, serving

GAP_S = 0.3


def drop_first(connection: Connection, fresh: Layout) -> None:
    """The exchange, in two steps. The place goes last: without it a projector would make new tables at once."""
    connection.commit()
    before = serving(fresh.projection)
    for made in before.tables.values():
        connection.execute(DropTable(made))
    connection.commit()
    Event().wait(GAP_S)
    for made in (before.aside.table, before.proof, before.place):
        connection.execute(DropTable(made))
    for made, declared in zip(fresh.all, before.all, strict=True):
        connection.exec_driver_sql(f"ALTER TABLE {made.name} RENAME TO {declared.name}")


if __name__ == "__main__":
    beside.exchange = drop_first  # type: ignore[attr-defined]  # this is the fault
    runpy.run_module("projections", run_name="__main__")
