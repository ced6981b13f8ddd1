"""Trial (a): 32 writers on 200 shared streams, every fifth append preceded by one whose version is taken.

No version may be used twice or left out, every loser gets the typed conflict, and positions are contiguous. Nothing
disturbs the store, so an outcome that is neither "stored" nor a conflict is a violation too.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from tests.torture.judge import Kind, Violation
from tests.torture.records import Outcome, attempts
from tests.torture.trial import Bench, Report, ended_well, followers, stop_all, writer
from tests.torture.verdict import verdict

NAME = "conflicts"


class Size(NamedTuple):
    """How large."""

    processes: int = 4
    threads: int = 8
    appends: int = 2_000
    """Appends that each thread stores; those that lose come on top."""
    streams: int = 200
    within_s: float = 900.0


SHORT = Size(appends=60, within_s=300.0)
FULL = Size()


def size_for(store: str, size: Size) -> Size:
    """The same number of writers in fewer processes on SQLite.

    Processes that meet at one file wait for its lock by sleeping, so more of them only sleep more; threads of one
    process share a commit.
    """
    return size._replace(processes=2, threads=size.processes * size.threads // 2) if store == "sqlite" else size


def run(bench: Bench, size: Size = FULL) -> Report:
    """Let all write, then judge. Raises Violated."""
    began = time.monotonic()
    size = size_for(bench.store, size)
    options = ("--threads", size.threads, "--appends", size.appends, "--streams", size.streams, "--stale", 20)
    writers = [writer(bench, f"writer{number}", *options) for number in range(size.processes)]
    following = followers(bench)
    try:
        for one in [*following, *writers]:
            one.start()
        found = ended_well(writers, within_s=size.within_s)
    finally:
        stop_all(writers)
    wanted = size.processes * size.threads * size.appends
    tried = [one for file in bench.directory.glob("*.attempts") for one in attempts(file)]
    stored = sum(one.outcome is Outcome.STORED for one in tried)
    if stored != wanted:
        found.append(Violation(Kind.STALLED, f"{stored} appends of {wanted} were stored"))
    forced = sum(one.key.endswith(".stale") for one in tried)
    counts = {"writers": size.processes * size.threads, "forced conflicts": forced}
    return verdict(bench, following, began=began, found=found, undisturbed=True, counts=counts)
