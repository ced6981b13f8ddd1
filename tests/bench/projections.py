"""`make bench NAME=projections`: how fast read models are rebuilt and followed, against the limits of the same server.

    python -m tests.bench.projections [EVENTS]

The log is the story of everything (`tests/torture/tales.py`) told again and again with seed 1, some 540 tellings in
100,000 events: by kind it is what the story is, printed with the result, and not the mix of a real merchant. Databases
keep their default durability; the read tables' server has 512 MB for its tables.
"""

from __future__ import annotations

import multiprocessing
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

from sqlalchemy import Connection, Table, select

from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from local.mongodb import ReplicaSet
from local.mysql import SqlServer
from projections import follower
from projections.building import build
from projections.database import Database, open_database
from projections.encoding import encoder, sql
from projections.follower import run_round
from projections.live_rows import LiveRows
from projections.loading import Loading, _load, index_all
from projections.projection import PROJECTIONS
from projections.tables import Layout, make_tables
from tests.bench import library_runner, past_balance
from tests.bench.measure import Figure, median, report
from tests.bench.visible import delays_of
from tests.story import MASTER_KEY, START, counted_bytes
from tests.torture.tales import events

EVENTS: Final = 1_000_000
APPEND: Final = 500
POOL_MB: Final = 512
LIVE: Final = 10_000
"""Events of one round of following."""
SINGLY: Final = 300
ROUNDS: Final = 5
AT_ONCE: Final = 5_000
"""Rows that are written into the files of the ceiling together."""


def open_ledger(url: str) -> Ledger:
    """The ledger over a log; nothing sealed is opened."""
    return Ledger.at(url, MASTER_KEY, counted_bytes(), keys=KeysInMemory())


def fill(ledger: Ledger, how_many: int) -> None:
    """Tell the story until the log has so many events."""
    told = events(Random(1), how_many)
    while some := list(islice(told, APPEND)):
        ledger.recorder.insert_events(some)


def bare_reading(ledger: Ledger) -> float:
    """Seconds to read the whole log without decoding it."""
    began, position = time.perf_counter(), 0
    while rows := ledger.recorded(position, 5_000):
        position = rows[-1].position
    return time.perf_counter() - began


def fresh(database: Database, generation: int) -> list[Layout]:
    """Empty tables of every read model."""
    make_tables(database)
    layouts = [Layout.beside(projection, generation) for projection in PROJECTIONS.values()]
    for layout in layouts:
        database.write(layout.create)
    return layouts


def rebuilt(ledger: Ledger, database: Database, layouts: list[Layout]) -> tuple[float, float]:
    """Seconds to build every read model, and the most memory of all processes that build (MiB of resident pages)."""
    with most_memory() as memory:
        began = time.perf_counter()
        build(ledger, database, layouts, ledger.head(), START)
        seconds = time.perf_counter() - began
    return seconds, max(memory)


@contextmanager
def most_memory() -> Iterator[list[float]]:
    """Samples of the resident memory of this process and its children, in MiB, taken ten times a second."""
    samples, over = [_resident()], threading.Event()

    def sample() -> None:
        while not over.wait(0.1):
            samples.append(_resident())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def _resident() -> float:
    pids = ["self", *(str(child.pid) for child in multiprocessing.active_children())]
    return sum(_resident_of(pid) for pid in pids)


def _resident_of(pid: str) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS")), 0.0)


def ceiling(database: Database, finished: list[Layout], generation: int, directory: Path) -> float:
    """Seconds to put the very same rows into the same tables: whole files in order of the key, over two connections."""
    files: dict[Table, tuple[Path, int]] = {}
    layouts = fresh(database, generation)
    for layout, done in zip(layouts, finished, strict=True):
        pairs = [*zip(layout.tables.values(), done.tables.values(), strict=True), (layout.proof, done.proof)]
        for table, source in pairs:
            files[table] = (file := directory / f"{table.name}.lines", database.write(partial(_dumped, source, file)))
    # The largest first, so that both connections end together.
    ordered = sorted(files, key=lambda table: -files[table][1])
    began = time.perf_counter()
    with Loading(database) as one, Loading(database) as two, ThreadPoolExecutor(2) as threads:
        queue = list(reversed(ordered))
        for loaded in [threads.submit(_load_all, loading, queue, files) for loading in (one, two)]:
            loaded.result()
    return time.perf_counter() - began


def _load_all(loading: Loading, queue: list[Table], files: dict[Table, tuple[Path, int]]) -> None:
    while queue:
        table = queue.pop()
        path, rows = files[table]
        spooled = loading.folder / path.name
        path.rename(spooled)
        loading.write(partial(_load, table=table, file=spooled, expected=rows))
        index_all(loading, [table])


def _dumped(source: Table, file: Path, connection: Connection) -> int:
    form, rows = encoder(source), 0
    with file.open("wb") as lines:
        found = connection.execute(select(source).order_by(*source.primary_key.columns)).mappings()
        for some in found.partitions(AT_ONCE):
            lines.writelines(sql(line) + b"\n" for line in form.encoded([dict(row) for row in some]).lines)
            rows += len(some)
    return rows


def followed(ledger: Ledger, database: Database, how_many: int, limit: int) -> float:
    """Events a second that the follower takes in, `limit` in a transaction."""
    began, rounds = time.perf_counter(), how_many // limit
    for _ in range(rounds):
        run_round(ledger, database, START, limit)
    return rounds * limit / (time.perf_counter() - began)


class Unproven(LiveRows):
    """The same rows without a proof, to see what the proof costs."""

    def __init__(self, connection: Connection, tables: dict[str, Table], proof: Table | None = None) -> None:
        super().__init__(connection, tables)


@contextmanager
def unproven() -> Iterator[None]:
    """The follower keeps no proof meanwhile."""
    try:
        vars(follower)["LiveRows"] = Unproven
        yield
    finally:
        vars(follower)["LiveRows"] = LiveRows


def live_figures(ledger: Ledger, open_fresh: Callable[[], Database]) -> list[Figure]:
    """Following in batches against one event a transaction, and with the proof against without."""
    with_proof, without, singly = [], [], []
    proven, plain = open_fresh(), open_fresh()
    for database in (proven, plain):
        run_round(ledger, database, START)
    for _ in range(ROUNDS):
        with_proof.append(followed(ledger, proven, LIVE, follower.BATCH))
        with unproven():
            without.append(followed(ledger, plain, LIVE, follower.BATCH))
        singly.append(followed(ledger, proven, SINGLY, 1))
    return [
        Figure("live, against one event a transaction", "events/s", median(with_proof), median(singly), 20),
        Figure("live with the proof, against without", "events/s", median(with_proof), median(without), 0.95),
    ]


def main(arguments: list[str]) -> int:
    """Measure; 0 when it could be measured, whatever bars are met."""
    how_many = int(arguments[0]) if arguments else EVENTS
    with tempfile.TemporaryDirectory(prefix="socai-bench-") as name:
        directory = Path(name)
        mongo = ReplicaSet(directory / "mongodb")
        server = SqlServer(directory / "mysql", password=secrets.token_hex(16), pool_mb=POOL_MB)
        with mongo, server:
            ledger = open_ledger(mongo.url_of("bench"))
            fill(ledger, how_many)

            def open_fresh() -> Database:
                return open_database(server.create_schema(f"bench_{secrets.token_hex(4)}"))

            figures = live_figures(ledger, open_fresh)
            by_library = open_fresh()
            make_tables(by_library)
            library = library_runner.rate(mongo.url_of("bench"), by_library)
            reading = bare_reading(ledger)
            database = open_fresh()
            layouts = fresh(database, 1)
            seconds, memory = rebuilt(ledger, database, layouts)
            least = reading + ceiling(database, layouts, 2, directory)
            rates = (how_many / seconds, how_many / least)
            figures = [
                Figure("rebuild of all, against loading the same rows", "events/s", *rates, 0.5),
                Figure("rebuild of all, against the library's runner", "events/s", rates[0], library, 60),
                Figure("bare reading of the log", "events/s", how_many / reading),
                Figure("most memory of a rebuild", "MiB", memory, None, 1_024, at_most=True),
                *figures,
                *delays_of(mongo.url_of("delay"), open_fresh().engine.url.render_as_string(hide_password=False)),
            ]
            figures += past_balance.figures(open_fresh())
            report("projections", figures)
            ledger.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
