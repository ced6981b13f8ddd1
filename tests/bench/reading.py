"""Loads that read: a log of a million events followed with typed decoding, beside the bare cursor; memory; waking.

python -m tests.bench.reading memory URL           follow the whole log; prints MiB after a tenth and at the end
python -m tests.bench.reading wake URL APPENDS     append now and then, each event with the instant it began at
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from eventsourcing.persistence import StoredEvent
from pymongo import MongoClient

from ledger.event_log import EventLog, opened
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from tests.bench.measure import ROOT, percentile
from tests.history.make import FOLDER
from tests.story import MASTER_KEY, counted_bytes

KINDS = (
    "statement_line.recorded",
    "payment_intent.created",
    "payment_intent.paid",
    "journal_entry.posted",
    "statement_line.matched",
    "payout.requested",
    "account.hold_placed",
    "payout.approved",
    "payout.submitted",
    "payout.confirmed",
    "account.hold_captured",
    "webhook_delivery.delivered",
)
"""What a log mostly holds: the events of payments and payouts, as the specimens have them."""

PAUSE_S = 0.02
"""Between two appends that a follower waits for."""


def lifelike(how_many: int) -> Iterator[StoredEvent]:
    """So many events of all these kinds in turn, each the first of a stream of its own."""
    specimens = [(kind, (FOLDER / f"{kind}.v1.json").read_bytes()) for kind in KINDS]
    for number in range(how_many):
        kind, state = specimens[number % len(specimens)]
        yield StoredEvent(f"{kind.partition('.')[0]}_{number:012}", 1, kind, state)


def fill(log: EventLog, how_many: int, together: int, threads: int) -> None:
    """Append so many events, `together` at a time, by so many threads."""
    events = lifelike(how_many)
    appends = iter(lambda: list(islice(events, together)), [])
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(appends, 2_000)):
            list(pool.map(log.append, some))


def bare(url: str, database: str) -> float:
    """Events a second as pymongo yields the documents of the log, nothing done with them."""
    with MongoClient[dict[str, Any]](url) as client:
        began, events = time.perf_counter(), 0
        for document in client[database]["events"].find().sort("_id"):
            events += len(document["e"])
        return events / (time.perf_counter() - began)


def typed(ledger: Ledger) -> float:
    """Events a second as a follower gets them: in order, gaps and checksums looked at, every payload typed."""
    began = time.perf_counter()
    events = 0
    for _ in ledger.follow():
        events += 1
    return events / (time.perf_counter() - began)


def ledger_at(url: str) -> Ledger:
    """A ledger that needs no keys."""
    return Ledger.at(url, MASTER_KEY, counted_bytes(), KeysInMemory())


def memory(url: str) -> tuple[float, float]:
    """MiB a process of its own holds after a tenth of the log and the most it ever held."""
    command = [sys.executable, "-m", "tests.bench.reading", "memory", url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    early, most = map(float, done.stdout.split())
    return early, most


def wake(url: str, appends: int) -> list[float]:
    """Milliseconds from the beginning of an append in another process until a waiting follower has the event."""
    took: list[float] = []
    command = [sys.executable, "-m", "tests.bench.reading", "wake", url, str(appends)]
    with opened(url) as log, subprocess.Popen(command, cwd=ROOT) as writer:
        after = log.head()
        while len(took) < appends:
            if not log.wait(after, 10) and writer.poll() is not None:
                raise RuntimeError("The writer ended early.")
            for one in log.read(after, 100):
                took.append((time.monotonic() - float(one.state)) * 1_000)
                after = one.position
    return took


def half_and_most(took: list[float]) -> tuple[float, float]:
    """p50 and p99."""
    return percentile(took, 0.5), percentile(took, 0.99)


def _memory(url: str) -> None:
    with ledger_at(url) as ledger:
        tenth, early = ledger.head() // 10, 0.0
        for envelope in ledger.follow():
            if envelope.position == tenth:
                early = _resident()
        print(early, _most_ever())


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def _most_ever() -> float:
    """MiB at the most. (What getrusage tells begins with the size of the process that started us.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _append_now_and_then(url: str, appends: int) -> None:
    name = os.getpid()
    with opened(url) as log:
        log.head()
        for number in range(appends):
            time.sleep(PAUSE_S)
            log.append([StoredEvent(f"po_{name}_{number}", 1, "payout.requested", repr(time.monotonic()).encode())])


if __name__ == "__main__":
    if sys.argv[1] == "memory":
        _memory(sys.argv[2])
    else:
        _append_now_and_then(sys.argv[2], int(sys.argv[3]))
