"""A planted fault: the projector of the trials, but it commits its position in a transaction before that of the rows.

It must be caught losing events when it is killed in between. Nobody but the tests of the trials runs it.
"""

from __future__ import annotations

import sys
from datetime import datetime
from functools import partial
from threading import Event

from sqlalchemy import Connection, update

from projections import follower
from projections.database import Database
from projections.follower import Section, fold
from projections.projection import PROJECTIONS
from projections.recent import Recent
from projections.tables import Place, serving
from tests.torture import projector

CARELESS = ("balances", "journal")
"""Their folds ask for no row of an earlier event, so nothing but a comparison shows what is lost."""

GAP_S = 0.1
"""Between the position and the rows: longer than in life, so that a few kills are enough to find it."""

_careful = follower._apply_all


def position_first() -> None:
    """From now on the position of some projections moves before their rows do."""
    follower._apply_all = _apply_all  # this is the fault


def _apply_all(database: Database, together: list[Place], section: Section, at: datetime, recent: Recent) -> int:
    passed = 0
    for one in together:
        if section and one.name in CARELESS:
            move = update(serving(PROJECTIONS[one.name]).place).values(position=section.upto)
            database.write(partial(Connection.execute, statement=move))
            Event().wait(GAP_S)
            database.write(partial(fold, layout=serving(PROJECTIONS[one.name]), section=section))
            passed += len(section)
    careful = [one for one in together if one.name not in CARELESS]
    return passed + _careful(database, careful, section, at, recent)


if __name__ == "__main__":
    sys.exit(projector.main(sys.argv[1:], first=position_first))
