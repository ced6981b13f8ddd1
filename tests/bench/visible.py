"""From append to visible row: a paced writer, a projector of its own, and a reader who looks for the position.

Three processes, as in life. CLOCK_MONOTONIC is the same for all of them on one host.
"""

from __future__ import annotations

import multiprocessing
import time
from itertools import islice
from multiprocessing.connection import Connection
from random import Random
from typing import Final

from sqlalchemy import select

from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from projections.database import open_database
from projections.follower import run_round
from projections.projection import PROJECTIONS
from projections.recent import Recent
from projections.tables import make_tables, serving
from tests.bench.measure import Figure, percentile
from tests.story import MASTER_KEY, START, counted_bytes
from tests.torture.tales import events

COMMANDS_A_SECOND: Final = 500
COMMANDS: Final = 5_000
P50_MS: Final = 20
P99_MS: Final = 150
LOOK_S: Final = 0.001


def _open(url: str) -> Ledger:
    return Ledger.at(url, MASTER_KEY, counted_bytes(), keys=KeysInMemory())


def write(url: str, pipe: Connection) -> None:
    """Append commands of one to four events at an even pace; gives when each was acknowledged."""
    ledger, dice = _open(url), Random(2)
    told, done = events(Random(3), COMMANDS * 4), list[tuple[int, float]]()
    began = time.monotonic()
    for number in range(COMMANDS):
        time.sleep(max(0.0, began + number / COMMANDS_A_SECOND - time.monotonic()))
        kept = ledger.recorder.insert_events(list(islice(told, dice.randint(1, 4))))
        done.append((kept[-1] if kept else 0, time.monotonic()))
    pipe.send((done, time.monotonic() - began))
    ledger.close()


def project(url: str, tables: str) -> None:
    """The projector's loop, until it is ended."""
    ledger, database, recent = _open(url), open_database(tables), Recent()
    while True:
        done = run_round(ledger, database, START, recent=recent)
        if not done.applied:
            ledger.wait(done.position, 1.0)


def delays_of(url: str, tables: str) -> list[Figure]:
    """Milliseconds from the answer of an append to the moment in which a reader sees its rows."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    database = open_database(tables)
    make_tables(database)
    projector = context.Process(target=project, args=(url, tables), daemon=True)
    writer = context.Process(target=write, args=(url, theirs), daemon=True)
    projector.start()
    writer.start()
    place = serving(PROJECTIONS["webhooks"]).place
    seen: list[tuple[int, float]] = [(0, 0.0)]
    done: list[tuple[int, float]] = []
    seconds = 0.0
    while not done or seen[-1][0] < done[-1][0]:
        position = database.column(select(place.c.position))[0]
        if position > seen[-1][0]:
            seen.append((position, time.monotonic()))
        if not done and ours.poll():
            done, seconds = ours.recv()
        time.sleep(LOOK_S)
    projector.kill()
    writer.join()
    database.close()
    delays, look = [], 0
    for position, at in done:
        while seen[look][0] < position:
            look += 1
        delays.append(max(0.0, seen[look][1] - at) * 1_000)
    pace = f"at {len(done) / seconds:.0f} commands/s"
    return [
        Figure(f"from append to visible, {pace}, p50", "ms", percentile(delays, 0.5), None, P50_MS, at_most=True),
        Figure(f"from append to visible, {pace}, p99", "ms", percentile(delays, 0.99), None, P99_MS, at_most=True),
    ]
