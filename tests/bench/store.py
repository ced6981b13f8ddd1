"""How fast the event log takes and gives events, beside a bare `insert_one` and the library's own recorders.

`python -m tests.bench.store [ROUNDS]`: every load on the same mongod (one-node replica set, w=majority, j=true), rounds
of all loads in turn, medians. The reference of an append is a bare `insert_one` of one event of the same size, with the
same unique index, by as many threads of as many processes.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment
from pymongo import MongoClient
from rich.console import Console

from ledger.event_log import opened
from local.mongodb import ReplicaSet
from local.mysql import SqlServer
from tests.bench import appending, reading
from tests.bench.appending import DURABLE, PAYLOAD, Measured, drive, events_of, named
from tests.bench.committing import committer
from tests.bench.measure import ROOT, Figure, median, report
from tests.bench.postgres import Postgres, binaries

ROUNDS = 5
LOG_EVENTS = 1_000_000
SPARSE_EVENTS = 120_000
"""In the log of a single caller, which takes its time to write."""
READINGS = 5
WAKES = 300
LIBRARY_APPENDS = 1_000
CEILING_BATCHES, CEILING_BATCH = 40, 1_000


class Load(NamedTuple):
    """So many processes, each with so many threads; appends by raw inserts and to the log, of so many events."""

    processes: int
    threads: int
    raw: int
    log: int
    events: int
    committer: bool = False

    @property
    def name(self) -> str:
        """How its figures are called."""
        where = f"{self.processes} x {self.threads}" if self.processes > 1 else f"{self.threads} threads"
        return f"{where}, commits of {self.events}{', committer' if self.committer else ''}"


LOADS = (
    Load(1, 1, 500, 500, 1),
    Load(1, 16, 5_000, 10_000, 3),
    Load(1, 16, 0, 10_000, 1),
    Load(1, 64, 5_000, 20_000, 1),
    Load(1, 64, 0, 12_000, 3),
    Load(4, 4, 4_000, 8_000, 3, committer=True),
    Load(16, 1, 3_200, 8_000, 3, committer=True),
)
"""`raw` 0: the reference is that of the load before with the same processes and threads."""


class Stand:
    """The servers of one run."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.mongo = stack.enter_context(ReplicaSet(directory / "mongodb"))
        self.sql = stack.enter_context(SqlServer(directory / "mysql", password=secrets.token_hex(8)))
        self._stack = stack

    @contextmanager
    def database(self) -> Iterator[str]:
        """The name of a fresh MongoDB database."""
        name = f"bench_{secrets.token_hex(4)}"
        yield name
        with MongoClient[dict[str, Any]](self.mongo.url) as client:
            client.drop_database(name)

    def shipped_recorders(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """The library's own recorders that can be had here: name, and environment of a factory."""
        yield (
            "library SQLite",
            {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(self.directory / "library.db")},
        )
        found = binaries()
        if found is not None:
            for functions in (False, True):
                # A folder of its own: as root we run PostgreSQL under another account, which cannot enter ours.
                place = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="socai-bench-"))
                server = self._stack.enter_context(Postgres(found, Path(place)))
                name = f"library PostgreSQL{', insert function' if functions else ''}"
                yield name, server.environment(functions=functions)


def raw_load(stand: Stand, load: Load) -> Measured:
    """The reference of a load."""
    with stand.database() as database:
        appending.prepare_raw(stand.mongo.url, database)
        if load.processes > 1:
            return _in_processes(stand, load, "raw", database, load.raw, "-")
        with ExitStack() as stack:
            return drive(appending.raw(stack, stand.mongo.url, database, "p"), load.raw, load.threads)


def log_load(stand: Stand, load: Load) -> Measured:
    """The load on a log."""
    with stand.database() as database, ExitStack() as stack:
        socket = None
        if load.committer:
            url = named(stand.mongo.url, database)
            socket = stack.enter_context(committer(url, stand.directory / f"{database}.sock"))
        if load.processes > 1:
            return _in_processes(stand, load, "log", database, load.log, str(socket or "-"))
        work = appending.log(stack, stand.mongo.url, database, "p", load.events, socket)
        return drive(work, load.log, load.threads)


def _in_processes(stand: Stand, load: Load, kind: str, database: str, appends: int, socket: str) -> Measured:
    command = [sys.executable, "-m", "tests.bench.appending", kind, stand.mongo.url, database]
    command += [str(load.threads), str(appends // load.processes), str(load.events)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen([*command, f"w{n}", socket], cwd=ROOT, **pipes) for n in range(load.processes)]
    said = [worker.stdout.readline() for worker in workers if worker.stdout]
    if said != ["ready\n"] * load.processes:
        raise RuntimeError("A process of the load did not become ready.")
    for worker in workers:
        if worker.stdin:
            worker.stdin.write("\n")
            worker.stdin.flush()
    done = [Measured(*map(float, worker.communicate()[0].split())) for worker in workers]
    # All began together: together they took as long as the slowest.
    per_s = min(one.per_s for one in done) * load.processes
    return Measured(per_s, median([one.p50_ms for one in done]), max(one.p99_ms for one in done))


def library_load(environment: Mapping[str, str], round_: int) -> float:
    """Appends a second through a recorder of the library, 16 threads, 3 events each."""
    factory: InfrastructureFactory[Any] = InfrastructureFactory.construct(Environment("Bench", environment))
    recorder = factory.application_recorder()
    try:
        done = drive(lambda number: recorder.insert_events(events_of(f"r{round_}", number, 3)), LIBRARY_APPENDS, 16)
    finally:
        factory.close()
    return done.per_s


def ceiling(stand: Stand) -> float:
    """Events a second by `insert_many` of a thousand at a time: what the server takes at the very most."""
    with stand.database() as database, MongoClient[dict[str, Any]](stand.mongo.url) as client:
        appending.prepare_raw(stand.mongo.url, database)
        collection = client[database].get_collection("raw", write_concern=DURABLE)
        text = PAYLOAD.decode()

        def work(batch: int) -> object:
            numbers = range(batch * CEILING_BATCH, (batch + 1) * CEILING_BATCH)
            return collection.insert_many([{"_id": n, "s": f"po_{n}", "v": 1, "t": "x.y", "d": text} for n in numbers])

        return drive(work, CEILING_BATCHES, 1).per_s * CEILING_BATCH


BARS = {
    "16 threads, commits of 3": 2.3,
    "64 threads, commits of 1": 4.0,
    "4 x 4, commits of 3, committer": 2.0,
    "16 x 1, commits of 3, committer": 2.0,
}
EVENTS_BAR, P99_MS, SINGLE_BAR, READ_BAR, MEMORY_MIB, WAKE_MS = 6.5, 25.0, 1.25, 0.5, 150.0, 50.0
FLAT = 1.15
"""Memory at its most beside that after a tenth of the log: what counts as flat."""


def append_figures(stand: Stand, rounds: int, told: Callable[[str], None]) -> list[Figure]:
    """Every load, in rounds; medians."""
    raw: dict[tuple[int, int], list[Measured]] = defaultdict(list)
    log: dict[Load, list[Measured]] = defaultdict(list)
    for number in range(rounds):
        for load in LOADS:
            told(f"appends, round {number + 1} of {rounds}: {load.name}")
            if load.raw:
                raw[load.processes, load.threads].append(raw_load(stand, load))
            log[load].append(log_load(stand, load))
    figures = []
    for load in LOADS:
        reference, measured = _medians(raw[load.processes, load.threads]), _medians(log[load])
        bar = BARS.get(load.name)
        if load.threads == load.processes == 1:
            figures.append(Figure("one caller, p50", "ms", measured.p50_ms, reference.p50_ms, SINGLE_BAR, at_most=True))
            continue
        figures.append(Figure(f"{load.name}", "commits/s", measured.per_s, reference.per_s, bar))
        if load == LOADS[1]:
            per_s = measured.per_s * load.events
            figures.append(Figure(f"{load.name}, events", "events/s", per_s, reference.per_s, EVENTS_BAR))
            figures.append(Figure(f"{load.name}, p99", "ms", measured.p99_ms, None, P99_MS, at_most=True))
    return figures


def _medians(rounds: list[Measured]) -> Measured:
    return Measured(*(median([one[n] for one in rounds]) for n in range(3)))


def library_figures(stand: Stand, ours: float, rounds: int, told: Callable[[str], None]) -> list[Figure]:
    """The library's recorders as reference rows, and whether we are ahead of each."""
    figures, best = [], 0.0
    for name, environment in stand.shipped_recorders():
        told(f"appends: {name}")
        per_s = median([library_load(environment, number) for number in range(rounds)])
        figures.append(Figure(f"{name}, 16 threads, commits of 3", "commits/s", per_s))
        best = max(best, per_s)
    ahead = Figure("16 threads, commits of 3, beside the best of the library's", "commits/s", ours, best, 1.0)
    return [*figures, ahead]


def reading_figures(stand: Stand, told: Callable[[str], None]) -> list[Figure]:
    """A log of a million events: as a busy system writes it, and with one append in each document."""
    figures = []
    for kind, how_many, threads in (
        ("written by 64 threads", LOG_EVENTS, 64),
        ("one append a document", SPARSE_EVENTS, 1),
    ):
        with stand.database() as database:
            url = named(stand.mongo.url, database)
            told(f"a log of {how_many} events, {kind}")
            with opened(url) as log:
                reading.fill(log, how_many, 3, threads)
            told(f"reading it, {kind}")
            with reading.ledger_at(url) as ledger:
                pairs = [(reading.bare(stand.mongo.url, database), reading.typed(ledger)) for _ in range(READINGS)]
            references, rates = zip(*pairs, strict=True)
            figures.append(
                Figure(f"reading {how_many}, typed, {kind}", "events/s", median(rates), median(references), READ_BAR)
            )
            if threads > 1:
                early, most = reading.memory(url)
                name = "memory of a follower, most"
                figures.append(Figure(name, "MiB", most, None, MEMORY_MIB, at_most=True))
                figures.append(Figure(f"{name}, beside that after a tenth", "MiB", most, early, FLAT, at_most=True))
    return figures


def waking_figures(stand: Stand, told: Callable[[str], None]) -> list[Figure]:
    """From the beginning of an append in another process to the event in a waiting follower's hands."""
    figures = []
    sql = stand.sql.create_schema("wake").partition("?")[0].replace("mysql+mysqlconnector:", "mysql:")
    with stand.database() as database:
        urls = {
            "mongodb": named(stand.mongo.url, database),
            "mysql": sql,
            "sqlite": f"sqlite:///{stand.directory}/w.db",
        }
        for name, url in urls.items():
            told(f"waking followers: {name}")
            half, most = reading.half_and_most(reading.wake(url, WAKES))
            what = f"a waiting follower has the event, {name}"
            figures.append(Figure(f"{what}, p50", "ms", half))
            figures.append(Figure(f"{what}, p99", "ms", most, None, WAKE_MS, at_most=True))
    return figures


def main(arguments: list[str]) -> int:
    """Measure everything; 0 when it could be measured, whatever bars are met."""
    rounds = int(arguments[0]) if arguments else ROUNDS
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="socai-bench-") as directory, ExitStack() as stack:
        stand = Stand(Path(directory), stack)
        figures = append_figures(stand, rounds, console.print)
        ours = next(figure.value for figure in figures if figure.id == "16 threads, commits of 3")
        figures += library_figures(stand, ours, rounds, console.print)
        most = median([ceiling(stand) for _ in range(rounds)])
        figures.append(Figure("ceiling: insert_many of 1000", "events/s", most))
        figures += waking_figures(stand, console.print)
        figures += reading_figures(stand, console.print)
    report("store", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
