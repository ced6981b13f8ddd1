"""`make bench NAME=projections`: how fast read models are rebuilt and followed, against the limits of the same server.

    python -m tests.bench.projections [EVENTS]

The log is the modelled month of `tests/generated.py`; its mix is printed. Databases keep their default durability; the
read tables' server has 512 MB for its tables. What is measured twice counts with the better run, on both sides.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from rich.console import Console

from ledger.store import Ledger
from local.mongodb import ReplicaSet
from local.mysql import SqlServer
from projections.building import build
from projections.checking import check
from projections.database import Database, open_database
from projections.projection import PROJECTIONS
from projections.rebuild import rebuild_all
from projections.tables import Layout, make_tables
from tests.bench import following, library_runner, past_balance, past_pages
from tests.bench.ceiling import bare_reading, finished, loaded
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
RUNS: Final = 2

OpenFresh = Callable[[], Database]


def fill(ledger: Ledger, how_many: int) -> Counter[str]:
    """Tell the month until the log has so many events; how often each kind is among them."""
    told, seen = events(how_many), Counter[str]()
    while some := list(islice(told, APPEND)):
        ledger.recorder.insert_events(some)
        seen.update(event.topic for event in some)
    return seen


def fresh(database: Database, generation: int) -> list[Layout]:
    """Empty tables of every read model."""
    make_tables(database)
    layouts = [Layout.beside(projection, generation) for projection in PROJECTIONS.values()]
    for layout in layouts:
        database.write(layout.create)
    return layouts


def rebuilding(ledger: Ledger, open_fresh: OpenFresh, directory: Path, how_many: int) -> Iterator[Figure]:
    """Rebuilding everything against the ceiling and the library, with its memory."""
    database = open_fresh()
    builds, loads, most = [], [], 0.0
    reading = min(bare_reading(ledger) for _ in range(RUNS))
    for run in range(RUNS):
        layouts = fresh(database, 1 + 2 * run)
        with most_memory() as memory:
            began = time.perf_counter()
            build(ledger, database, layouts, ledger.head(), START)
            builds.append(time.perf_counter() - began)
        most = max(most, *memory)
        rows = finished(database, layouts, directory)
        loads.append(loaded(database, fresh(database, 2 + 2 * run), rows))
        for layout in layouts if run + 1 < RUNS else []:
            database.write(layout.drop)
    rates = (how_many / min(builds), how_many / (reading + min(loads)))
    yield Figure("rebuild of all, against loading the same rows", "events/s", *rates, 0.5)
    by_library = open_fresh()
    make_tables(by_library)
    library = library_runner.rate(ledger.url, by_library)
    yield Figure("rebuild of all, against the library's runner", "events/s", rates[0], library, 60)
    yield Figure("bare reading of the log", "events/s", how_many / reading)
    yield Figure("rows of all tables", "rows", sum(one.rows for one in rows.values()))
    yield Figure("most memory of a rebuild", "MiB", most, None, 1_024, at_most=True)
    serve(database, layouts)
    yield from _in_use(ledger, database, how_many)
    yield from past_pages.figures(ledger, database)


def _in_use(ledger: Ledger, database: Database, how_many: int) -> Iterator[Figure]:
    """Tables that serve are checked, and rebuilt as operators do it: compared and exchanged."""
    projections = list(PROJECTIONS.values())
    began = time.perf_counter()
    if check(ledger, database, projections, START):
        raise AssertionError("what was built does not fit the log")
    yield Figure("check of all", "events/s", how_many / (time.perf_counter() - began))
    began = time.perf_counter()
    if not all(one.swapped for one in rebuild_all(ledger, database, projections, START)):
        raise AssertionError("what was built twice is not the same")
    yield Figure("rebuild of all, compared and exchanged", "events/s", how_many / (time.perf_counter() - began))


def main(arguments: list[str]) -> int:
    """Measure; 0 when it could be measured, whatever bars are met."""
    how_many = int(arguments[0]) if arguments else EVENTS
    console = Console(width=120)
    with tempfile.TemporaryDirectory(prefix="socai-bench-") as name:
        directory = Path(name)
        mongo = ReplicaSet(directory / "mongodb")
        server = SqlServer(directory / "mysql", password=secrets.token_hex(16), pool_mb=POOL_MB)
        with mongo, server:
            ledger = open_ledger(mongo.url_of("bench"))
            for kind, count in fill(ledger, how_many).most_common():
                console.print(f"{count / how_many:7.2%}  {kind}", highlight=False)

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
