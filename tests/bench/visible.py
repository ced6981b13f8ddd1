"""From append to visible row: a paced writer, a projector of its own, and a reader who looks for the position.

Three processes, as in life. CLOCK_MONOTONIC is the same for all of them on one host.
"""

from __future__ import annotations

import multiprocessing
import time
from contextlib import closing
from itertools import islice
from multiprocessing.connection import Connection
from typing import Final

from projections.database import Database, open_database
from projections.follower import run_round
from projections.projection import PROJECTIONS
from projections.recent import Recent
from projections.tables import make_tables, serving
from tests.bench.measure import Figure, percentile
from tests.generated import MERCHANTS, appends
from tests.story import START
from tests.torture.projector import open_ledger

COMMANDS_A_SECOND: Final = 500
COMMANDS: Final = 5_000
EVENTS: Final = 1_000_000
"""How dense the month is."""
P50_MS: Final = 20
P99_MS: Final = 150
LOOK_S: Final = 0.002


def write(url: str, pipe: Connection) -> None:
    """Append what commands of the modelled month store, at an even pace; gives when each was acknowledged."""
    ledger, done = open_ledger(url), list[tuple[int, float]]()
    some = list(islice(appends(EVENTS), MERCHANTS * 2 + COMMANDS))
    for opening in some[:-COMMANDS]:
        ledger.recorder.insert_events(opening)
    began = time.monotonic()
    for number, events in enumerate(some[-COMMANDS:]):
        time.sleep(max(0.0, began + number / COMMANDS_A_SECOND - time.monotonic()))
        kept = ledger.recorder.insert_events(events)
        done.append((kept[-1] if kept else 0, time.monotonic()))
    pipe.send((done, time.monotonic() - began))
    ledger.close()


def project(url: str, tables: str) -> None:
    """The projector's loop, until it is ended."""
    ledger, database, recent = open_ledger(url), open_database(tables), Recent()
    while True:
        done = run_round(ledger, database, START, recent=recent)
        if not done.applied:
            ledger.wait(done.position, 1.0)


def _looked(database: Database, pipe: Connection) -> tuple[list[tuple[int, float]], list[tuple[int, float]], float]:
    """When each position was seen, when each was acknowledged, and how long the writer wrote.

    Whoever looks shall cost little: a cursor of the driver, and a pause.
    """
    question = f"SELECT position FROM {serving(PROJECTIONS['webhooks']).place.name}"  # noqa: S608  # a table of ours
    seen, done, seconds = [(0, 0.0)], list[tuple[int, float]](), 0.0
    with closing(database.engine.raw_connection()) as connection:
        cursor = connection.cursor()
        while not done or seen[-1][0] < done[-1][0]:
            cursor.execute(question)
            position = cursor.fetchall()[0][0]
            connection.commit()
            if position > seen[-1][0]:
                seen.append((position, time.monotonic()))
            if not done and pipe.poll():
                done, seconds = pipe.recv()
            time.sleep(LOOK_S)
    return seen, done, seconds


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
    seen, done, seconds = _looked(database, ours)
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
