"""From append to visible row: a paced writer, a projector of its own, and a reader who looks for the position.

Three processes, as in life. CLOCK_MONOTONIC is the same for all of them on one host.
"""

from __future__ import annotations

import multiprocessing
import time
from contextlib import closing
from itertools import islice
from multiprocessing.connection import Connection
from random import Random
from typing import Final

from projections.database import Database, open_database
from projections.follower import run_round
from projections.projection import PROJECTIONS
from projections.recent import Recent
from projections.tables import make_tables, serving
from tests.bench.driver import bare_connection
from tests.bench.measure import Figure, percentile
from tests.generated import MERCHANTS, events
from tests.story import START
from tests.torture.projector import open_ledger

COMMANDS_A_SECOND: Final = 500
COMMANDS: Final = 5_000
EVENTS_MAX: Final = 4
"""A command brings one event to so many, each number as often: 2.5 in the mean, where those of the month bring 1.7."""
OPENING: Final = MERCHANTS * 3
"""Events of the month before anybody buys: merchants, their accounts and endpoints."""
DENSITY: Final = 1_000_000
"""How many events the month has."""
P50_MS: Final = 20
P99_MS: Final = 150
LOOK_S: Final = 0.002
PATIENT_S: Final = 300
"""Longer than all of it takes on a slow machine."""

Times = list[tuple[int, float]]
"""When a position was reached, in seconds of CLOCK_MONOTONIC."""


def write(url: str, pipe: Connection) -> None:
    """Append the opening of the month and say where it ends; when told, what follows, at an even pace.

    Gives when each command was acknowledged, and how many seconds all took.
    """
    ledger, dice, done = open_ledger(url), Random(2), Times()
    told = events(DENSITY)
    ledger.recorder.insert_events(list(islice(told, OPENING)))
    some = [list(islice(told, dice.randint(1, EVENTS_MAX))) for _ in range(COMMANDS)]
    pipe.send(OPENING)
    pipe.recv()
    began = time.monotonic()
    for number, found in enumerate(some):
        time.sleep(max(0.0, began + number / COMMANDS_A_SECOND - time.monotonic()))
        kept = ledger.recorder.insert_events(found)
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


class Reader:
    """Looks where the read tables stand, and costs as little as can be: a prepared statement, and a pause."""

    def __init__(self, database: Database) -> None:
        self._connection = bare_connection(database)
        self._cursor = self._connection.cursor(prepared=True)
        self._question = f"SELECT position FROM {serving(PROJECTIONS['webhooks']).place.name}"  # noqa: S608  # ours
        self._until = time.monotonic() + PATIENT_S
        self.seen: Times = [(0, 0.0)]

    def look(self) -> int:
        """The position now, and a pause after it. Raises TimeoutError when all of it has taken too long."""
        if time.monotonic() > self._until:
            raise TimeoutError(f"the read tables stand at {self.seen[-1][0]} after {PATIENT_S} s")
        self._cursor.execute(self._question)
        position = int(self._cursor.fetchall()[0][0])
        if position > self.seen[-1][0]:
            self.seen.append((position, time.monotonic()))
        time.sleep(LOOK_S)
        return position

    def close(self) -> None:
        """Let the connection go."""
        self._cursor.close()
        self._connection.close()


def _looked(database: Database, pipe: Connection) -> tuple[Times, Times, float]:
    """When each position was seen, when each was acknowledged, and how long the writer wrote."""
    with closing(Reader(database)) as reader:
        opening = pipe.recv()
        while reader.look() < opening:
            pass
        pipe.send("go on")
        while not pipe.poll():
            reader.look()
        done, seconds = pipe.recv()
        while reader.look() < done[-1][0]:
            pass
        return reader.seen, done, seconds


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
