"""A follower process: reads the log in order and keeps a record of every event it saw; its position is that record.

    python -m tests.torture.follower URL RECORD --limit 500 --pause-ms 0

It ends when asked to (SIGTERM). It may be killed at any moment and goes on behind the last event on record. A log that
is damaged ends it with exit code 3, and says so on standard error.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from eventsourcing.persistence import OperationalError

from ledger.errors import LogDamaged
from ledger.event_log import EventLog, opened
from tests.torture.records import SeenRecord

WAIT_S = 0.5
DAMAGED = 3


def follow(log: EventLog, record: SeenRecord, stop: Event, *, limit: int, pause_s: float) -> None:
    """Put every event on record until stopped. Raises LogDamaged at a hole."""
    while not stop.wait(pause_s):
        try:
            found = log.read(record.position, limit)
            if found:
                record.saw(found)
            else:
                log.wait(record.position, WAIT_S)
        except OperationalError:
            stop.wait(WAIT_S / 5)


def main(arguments: Sequence[str]) -> int:
    """Follow as told by the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.follower", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("record", type=Path)
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--pause-ms", type=int, default=0)
    asked = parser.parse_args(arguments)
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with opened(asked.url) as log:
        try:
            follow(log, SeenRecord(asked.record), stop, limit=asked.limit, pause_s=asked.pause_ms / 1_000)
        except LogDamaged as damage:
            print(damage.detail, file=sys.stderr)
            return DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
