"""`make bench NAME=projections`: how fast read models are rebuilt and followed, against the limits of the same server.

    python -m tests.bench.projections [EVENTS]

The log is the modelled month of `tests/generated.py`; its mix is printed. Databases keep their default durability; the
read tables' server has 512 MB for its tables. A rebuild is held against what was measured next to it: of three pairs
the one with the middle ratio counts.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from rich.console import Console

from ledger.store import Ledger
from local.mongodb import ReplicaSet
from local.mysql import SqlServer
from projections.building import build
from projections.checking import check
from projections.comparing import compare
from projections.database import Database, open_database
from projections.projection import PROJECTIONS
from projections.tables import Layout, make_tables
from tests.bench import following, library_runner, past_balance, past_pages
from tests.bench.ceiling import Finished, bare_reading, finished, loaded
from tests.bench.measure import Figure, report
from tests.bench.resources import most_memory
from tests.bench.visible import delays_of
from tests.generated import events
from tests.projections.built import serve
from tests.story import START
from tests.torture.projector import open_ledger

EVENTS: Final = 1_000_000
APPEND: Final = 500
POOL_MB: Final = 512
RUNS: Final = 3

OpenFresh = Callable[[], Database]


def fill(ledger: Ledger, how_many: int) -> Counter[str]:
    """Tell the month until the log has so many events; how often each kind is among them."""
    told, seen = events(how_many), Counter[str]()
    while some := list(islice(told, APPEND)):
        ledger.recorder.insert_events(some)
        seen.update(event.topic for event in some)
    return seen


def fill_at(url: str, how_many: int) -> Counter[str]:
    """The same in a log of this URL."""
    with closing(open_ledger(url)) as ledger:
        return fill(ledger, how_many)


def fresh(database: Database, generation: int) -> list[Layout]:
    """Empty tables of every read model."""
    make_tables(database)
    layouts = [Layout.beside(projection, generation) for projection in PROJECTIONS.values()]
    for layout in layouts:
        database.write(layout.create)
    return layouts


def rebuilding(ledger: Ledger, open_fresh: OpenFresh, directory: Path, how_many: int) -> Iterator[Figure]:
    """Rebuilding everything against the ceiling and the library, with its memory; then what whole tables are good for.

    Building, reading and loading are done in turn, three times. What was measured next to each other belongs together,
    since the machine is not always the same: the pair with the middle ratio counts.
    """
    database = open_fresh()
    built = [fresh(database, 1 + run) for run in range(RUNS)]
    rows: dict[str, Finished] = {}
    memory, builds, readings, loads = list[float](), list[float](), list[float](), list[float]()
    for run, layouts in enumerate(built):
        with most_memory() as samples:
            builds.append(_built(ledger, database, layouts))
        memory += samples
        rows = rows or finished(database, layouts, directory)
        readings.append(bare_reading(ledger))
        loads.append(_loaded(database, 1 + RUNS + run, rows))
    limits = [reading + load for reading, load in zip(readings, loads, strict=True)]
    worst, middle, best = by_ratio(
        [(how_many / built_s, how_many / limit_s) for built_s, limit_s in zip(builds, limits, strict=True)]
    )
    against = "against loading the same rows behind it"
    yield Figure(f"rebuild of all, {against}, middle of three pairs", "events/s", *middle, 0.5)
    yield Figure("the same, best pair", "events/s", *best)
    yield Figure("the same, worst pair", "events/s", *worst)
    by_library = open_fresh()
    make_tables(by_library)
    library = library_runner.rate(ledger.url, by_library)
    yield Figure("rebuild of all, against the library's runner", "events/s", middle[0], library, 60)
    yield Figure("bare reading of the log", "events/s", how_many / min(readings))
    yield Figure("rows of all tables", "rows", sum(one.rows for one in rows.values()))
    yield Figure("most memory of a rebuild", "MiB", max(memory), None, 1_024, at_most=True)
    yield Figure("compare of all", "events/s", how_many / _compared(database, *built[-2:]))
    serve(database, built[-1])
    yield Figure("check of all", "events/s", how_many / _checked(ledger, database))
    yield from past_pages.figures(ledger, database)


def by_ratio(pairs: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Pairs of (value, reference), those with the lowest ratio first."""
    return sorted(pairs, key=lambda pair: pair[0] / pair[1])


def _built(ledger: Ledger, database: Database, layouts: list[Layout]) -> float:
    began = time.perf_counter()
    build(ledger, database, layouts, ledger.head(), START)
    return time.perf_counter() - began


def _loaded(database: Database, generation: int, rows: dict[str, Finished]) -> float:
    """Seconds to load these rows into tables that are gone afterwards."""
    layouts = fresh(database, generation)
    seconds = loaded(database, layouts, rows)
    for layout in layouts:
        database.write(layout.drop)
    return seconds


def _compared(database: Database, before: list[Layout], after: list[Layout]) -> float:
    """Seconds to compare whole tables of every read model with whole tables. Raises AssertionError if they differ."""
    began = time.perf_counter()
    for old, new in zip(before, after, strict=True):
        with database.snapshot() as connection:
            differences = compare(connection, old, new)
        if differences:
            raise AssertionError(f"what was built twice is not the same: {differences[0].group}")
    return time.perf_counter() - began


def _checked(ledger: Ledger, database: Database) -> float:
    """Seconds to hold every read model against the log. Raises AssertionError if one does not fit."""
    began = time.perf_counter()
    findings = check(ledger, database, list(PROJECTIONS.values()), START)
    if findings:
        raise AssertionError(f"what was built does not fit the log: {findings[0]}")
    return time.perf_counter() - began


def main(arguments: list[str]) -> int:
    """Measure; 0 when it could be measured, whatever bars are met; 2 for a log that is too short."""
    how_many = int(arguments[0]) if arguments else EVENTS
    console = Console(width=120)
    if how_many < following.EVENTS_MIN:
        console.print(f"Take {following.EVENTS_MIN} events at least.")
        return 2
    with tempfile.TemporaryDirectory(prefix="socai-bench-") as name:
        directory = Path(name)
        mongo = ReplicaSet(directory / "mongodb")
        server = SqlServer(directory / "mysql", password=secrets.token_hex(16), pool_mb=POOL_MB)
        with mongo, server:
            # By another process: a million events leave its memory in pieces, and a rebuild is a process of its own.
            with ProcessPoolExecutor(1, get_context("spawn")) as filling:
                seen = filling.submit(fill_at, mongo.url_of("bench"), how_many).result()
            for kind, count in seen.most_common():
                console.print(f"{count / how_many:7.2%}  {kind}", highlight=False)
            ledger = open_ledger(mongo.url_of("bench"))

            def open_fresh() -> Database:
                return open_database(server.create_schema(f"bench_{secrets.token_hex(4)}"))

            figures = [*rebuilding(ledger, open_fresh, directory, how_many), *following.figures(ledger, open_fresh)]
            tables = open_fresh().engine.url.render_as_string(hide_password=False)
            figures += delays_of(mongo.url_of("delay"), tables)
            figures += past_balance.figures(open_fresh())
            report("projections", figures)
            ledger.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
