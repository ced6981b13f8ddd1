"""A planted fault: a rebuild that fills its tables with half of the log, says they are whole, and compares nothing.

It must be caught by the rows that are missing. Nobody but the tests of the trials runs it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from ledger.store import Ledger
from projections import rebuild
from projections.__main__ import main
from projections.beside import Compared, Told, take_over
from projections.database import Database
from projections.rebuild import Rebuilt
from projections.tables import Layout

_careful = rebuild.build  # type: ignore[attr-defined]


def half(
    ledger: Ledger,
    database: Database,
    layouts: Sequence[Layout],
    upto: int,
    at: datetime,
    told: Told,
    processes: int | None = None,
) -> None:
    """This is the fault."""
    _careful(ledger, database, layouts, upto // 2, at, told, processes)
    for layout in layouts:
        database.write(partial(layout.become_whole, position=upto))


def unseen(
    ledger: Ledger, database: Database, beside: Layout, at: datetime, told: Told, accepted: Collection[str]
) -> Rebuilt:
    """And nobody looks."""
    position = take_over(ledger, database, beside, at, told)
    return Rebuilt(name=beside.projection.name, position=position, swapped=True, compared=Compared(position=position))


if __name__ == "__main__":
    rebuild.build = half  # type: ignore[attr-defined, assignment]
    rebuild.finish = unseen
    sys.exit(main(sys.argv[1:]))
