"""Loads that write: so many threads, each with one append after the other, in this process or in one of several.

    python -m tests.bench.appending KIND URL DATABASE THREADS APPENDS EVENTS NAME SOCKET

is one process of several: it says "ready", begins at a line on standard input, and prints what it measured. KIND is
"raw" (a bare `insert_one` each) or "log"; SOCKET is the committer's, or "-".
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from eventsourcing.persistence import StoredEvent
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from ledger.mongodb_log import CommitLog, Connection
from tests.bench.measure import percentile

PAYLOAD = (
    b'{"actor":"operator:linh","at":"2026-11-23T02:00:00.125000Z","causation":"po_7Q2M9XK4B1@3","command":"cmd_4H8",'
    b'"correlation":"cor_8ZK","data":{"amount":{"currency":"VND","units":1500000},"bank_reference":"FT26327884120913",'
    b'"reason":"the bank took the order"},"effective":"2026-11-23","schema":1}'
)
"""What an event of ours looks like: some 290 bytes."""

DURABLE = WriteConcern(w="majority", j=True)


class Measured(NamedTuple):
    """Appends a second, and how long the half and 99 of 100 of them took at most, in milliseconds."""

    per_s: float
    p50_ms: float
    p99_ms: float


def drive(work: Callable[[int], object], appends: int, threads: int) -> Measured:
    """So many appends shared by so many threads. An error of one ends the run."""
    numbers, took, failures = count(), list[float](), list[BaseException]()

    def loop() -> None:
        mine = []
        try:
            while not failures and (number := next(numbers)) < appends:
                began = time.perf_counter()
                work(number)
                mine.append(time.perf_counter() - began)
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)
        took.extend(mine)

    workers = [threading.Thread(target=loop) for _ in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed = time.perf_counter() - began
    if failures:
        raise failures[0]
    return Measured(appends / elapsed, percentile(took, 0.5) * 1_000, percentile(took, 0.99) * 1_000)


def events_of(name: str, number: int, how_many: int) -> list[StoredEvent]:
    """The events of one append: one of each of so many streams, as a command of ours keeps them."""
    return [
        StoredEvent(f"{noun}_{name}_{number}", 1, "payout.requested", PAYLOAD)
        for noun in ("po", "je", "acc", "sl", "pi")[:how_many]
    ]


def prepare_raw(url: str, database: str) -> None:
    """A collection for bare inserts, with the unique index that a log cannot do without."""
    with MongoClient[dict[str, Any]](url) as client:
        client[database]["raw"].create_index([("s", 1), ("v", -1)], unique=True)


def raw(stack: ExitStack, url: str, database: str, name: str) -> Callable[[int], object]:
    """A bare, durable `insert_one` of one event."""
    client = stack.enter_context(MongoClient[dict[str, Any]](url))
    collection = client[database].get_collection("raw", write_concern=DURABLE)
    collection.find_one()
    text = PAYLOAD.decode()

    def work(number: int) -> object:
        fields = {"s": f"po_{name}_{number}", "v": 1, "t": "payout.requested", "d": text}
        return collection.insert_one({"_id": f"{name}_{number}", **fields})

    return work


def log(
    stack: ExitStack, url: str, database: str, name: str, events: int, committer: Path | None = None
) -> Callable[[int], object]:
    """An append of so many events to a log."""
    connection = Connection(named(url, database))
    stack.callback(connection.close)
    kept = CommitLog(connection, committer=committer)
    kept.append([StoredEvent(f"warm_{name}", 1, "payout.requested", PAYLOAD)])
    return lambda number: kept.append(events_of(name, number, events))


def named(url: str, database: str) -> str:
    """The URL of a replica set with a database in it."""
    server, _, query = url.partition("/?")
    return f"{server}/{database}?{query}"


def main(arguments: list[str]) -> None:
    """One process of several."""
    kind, url, database, threads, appends, events, name, socket = arguments
    with ExitStack() as stack:
        if kind == "raw":
            work = raw(stack, url, database, name)
        else:
            work = log(stack, url, database, name, int(events), None if socket == "-" else Path(socket))
        print("ready", flush=True)
        sys.stdin.readline()
        print(*drive(work, int(appends), int(threads)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
