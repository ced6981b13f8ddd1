"""A projector process of our own projections: rows and position in one transaction of an SQLite or MySQL database.

    python -m tests.torture.projector EVENT_STORE_URL READ_TABLES_URL PROGRESS [--limit EVENTS]

The machinery is the real one (`projections/follower.py`); only Redis and the settings of `workers` are left out. After
every round it appends its position to PROGRESS, for those who wait for it. It may be killed at any moment.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

from ledger.errors import EventStoreUnavailable, ReadTablesUnavailable
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from projections.database import Database, open_database
from projections.follower import run_round
from projections.recent import Recent
from tests.story import MASTER_KEY, START, counted_bytes

WAIT_S = 0.5


def open_ledger(url: str) -> Ledger:
    """The ledger over a log; personal data is not in it."""
    return Ledger.at(url, MASTER_KEY, counted_bytes(), keys=KeysInMemory())


def project(ledger: Ledger, database: Database, progress: Path, stop: Event, limit: int = 100) -> None:
    """Project until stopped, up to `limit` events in one transaction. Raises LogDamaged at a hole."""
    recent = Recent()
    told = os.open(progress, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    while not stop.is_set():
        try:
            done = run_round(ledger, database, START, limit, recent)
            os.write(told, f"[{done.position}]\n".encode())
            if done.held_up:
                stop.wait(WAIT_S / 5)
            elif not done.applied:
                ledger.wait(done.position, WAIT_S)
        except (EventStoreUnavailable, ReadTablesUnavailable):
            stop.wait(WAIT_S / 5)


def main(arguments: Sequence[str], first: Callable[[], None] | None = None) -> int:
    """Project as told by the command line; exit code 0. `first` is done before: it may plant a fault."""
    events, tables, progress, *rest = arguments
    limit = int(rest[1]) if rest else 100
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if first is not None:
        first()
    ledger, database = open_ledger(events), open_database(tables)
    try:
        project(ledger, database, Path(progress), stop, limit)
    finally:
        database.close()
        ledger.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
