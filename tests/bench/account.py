"""How long it takes to read the guarded account of a merchant with a million movements, on every kind of event store.

`python -m tests.bench.account [MOVEMENTS]`: the movements are appended in large batches, and the last few hundred one
by one, as they would have come, so that the events behind the newest snapshot lie in as many pieces as in real life.
The snapshots are the ledger's own. Also measured: the first reading of the same account without any snapshot.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from ledger.accounts import Account, available
from ledger.event_log import PROVIDERS, EventLog, opened
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from local.mongodb import ReplicaSet
from local.mysql import SqlServer
from tests.bench.measure import Figure, percentile, report
from tests.ledger.stored import movements
from tests.story import MASTER_KEY, Story, dong

MOVEMENTS = 1_000_000
APPEND = 1_000
SINGLY = 250
"""Movements at the end that are appended one by one: more than stand behind a snapshot."""
READINGS = 400
MOST_MS = 5.0
NAME = available("mer_bench")


def stores(directory: Path, stack: ExitStack) -> Iterator[tuple[str, str]]:
    """The kind and URL of an empty store of each kind there is."""
    modules = set(PROVIDERS.values())
    if "ledger.mongodb" in modules:
        mongo = stack.enter_context(ReplicaSet(directory / "mongodb"))
        yield "mongodb", f"{mongo.url.partition('/?')[0]}/socai_bench?{mongo.url.partition('?')[2]}"
    if "ledger.mysql" in modules:
        server = stack.enter_context(SqlServer(directory / "mysql", password=secrets.token_hex(8)))
        yield "mysql", server.create_schema("socai_bench").partition("?")[0].replace("mysql+mysqlconnector:", "mysql:")
    if "ledger.sqlite" in modules:
        yield "sqlite", f"sqlite:///{directory / 'events.db'}"


def build(log: EventLog, how_many: int) -> float:
    """The stream of a busy account; events appended a second."""
    began = time.perf_counter()
    rows = movements(NAME, how_many)
    bulk = islice(rows, how_many - SINGLY)
    while some := list(islice(bulk, APPEND)):
        log.append(some)
    rate = (how_many - SINGLY) / (time.perf_counter() - began)
    for row in rows:
        log.append([row])
    return rate


def readings(ledger: Ledger) -> list[float]:
    """Milliseconds of each reading; a movement comes behind each, so that every distance to a snapshot occurs."""
    story, found = Story(ledger), []
    for _ in range(READINGS):
        began = time.perf_counter()
        account = ledger.get(Account, NAME)
        found.append((time.perf_counter() - began) * 1_000)
        account.credit(story.context(), amount=dong(1), entry_id="je_bench")
        ledger.keep(account)
    return found


def measure(kind: str, url: str, how_many: int) -> list[Figure]:
    """The figures of one store."""
    with opened(url) as log:
        appended = build(log, how_many)
    with Ledger.at(url, MASTER_KEY, secrets.token_bytes, KeysInMemory()) as ledger:
        began = time.perf_counter()
        ledger.get(Account, NAME)
        first = time.perf_counter() - began
        taken = readings(ledger)
    return [
        Figure(
            f"{kind}: account of {how_many} movements, p50", "ms", percentile(taken, 0.5), None, MOST_MS, at_most=True
        ),
        Figure(
            f"{kind}: account of {how_many} movements, p99", "ms", percentile(taken, 0.99), None, MOST_MS, at_most=True
        ),
        Figure(f"{kind}: its first reading, without any snapshot", "s", first),
        Figure(f"{kind}: appended while building", "events/s", appended),
    ]


def main(arguments: list[str]) -> int:
    """Measure every kind; 0 when it could be measured, whatever bars are met."""
    how_many = int(arguments[0]) if arguments else MOVEMENTS
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="socai-bench-") as directory, ExitStack() as stack:
        for kind, url in stores(Path(directory), stack):
            figures += measure(kind, url, how_many)
    report("account", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
