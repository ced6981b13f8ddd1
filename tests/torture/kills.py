"""Trial (d): writers, followers and a projector, each killed at random moments while it works, and started again.

Nothing acknowledged to a killed writer may be missing, nothing may stand in the log in halves; followers go on from
their durable positions and see every event once; the projector's rows equal a fold of the whole log from scratch, and
the sum of all money in the log, counted without any of our machinery.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from threading import Event
from typing import NamedTuple

from ledger.event_log import opened
from local.processes import Process
from projections.balances import balances
from projections.database import open_database
from projections.follower import run_round
from projections.projection import PROJECTIONS
from tests.projections.dumped import rows_of
from tests.story import START
from tests.torture.judge import Kind, Violation
from tests.torture.projector import open_ledger
from tests.torture.records import last_position
from tests.torture.trial import Bench, Report, broken, followers, program, stop_all, until, writer
from tests.torture.verdict import verdict

NAME = "kills"


class Kill(NamedTuple):
    """Who is killed, how long after it has begun to work and the kill before, in seconds."""

    victim: str
    after_s: float


class Size(NamedTuple):
    """How large."""

    kills: int = 200
    writers: int = 3
    threads: int = 3


SHORT = Size(kills=16)
FULL = Size()


class Victim:
    """One process that is killed and started again, and the record by which it shows that it works.

    A writer begins a record, and a plan, of its own with every start; the others go on with theirs.
    """

    def __init__(self, bench: Bench, name: str, size: Size) -> None:
        self._bench = bench
        self._size = size
        self._starts = 0
        self._recorded = 0
        self.name = name
        self.process = self._made()

    @property
    def record(self) -> Path:
        """What it writes while it works."""
        kind = self.name.rstrip("0123456789")
        suffix = {"writer": "attempts", "follower": "seen", "projector": "positions"}[kind]
        return self._bench.directory / f"{self.process.name}.{suffix}"

    def start(self) -> None:
        """Start it, again or for the first time."""
        self._starts += 1
        self.process = self._made()
        self._recorded = self._size_of_record()
        self.process.start()

    def works(self) -> bool:
        """Whether it has put something on record since it was started."""
        return self._size_of_record() > self._recorded

    def _size_of_record(self) -> int:
        return self.record.stat().st_size if self.record.exists() else 0

    def _made(self) -> Process:
        if self.name.startswith("writer"):
            options = ("--threads", self._size.threads, "--streams", 60, "--stale", 10, "--pause-ms", 40, "--entries")
            return writer(self._bench, f"{self.name}.{self._starts}", *options)
        if self.name == "projector":
            words = [self._bench.url, tables_url(self._bench), self._bench.directory / "projector.positions"]
            return program(self._bench, "tests.torture.projector", self.name, words)
        return next(one for one in followers(self._bench) if one.name == self.name)


def victims(bench: Bench, size: Size) -> list[Victim]:
    """Everybody who may be killed."""
    names = [*(f"writer{n}" for n in range(size.writers)), *(one.name for one in followers(bench)), "projector"]
    return [Victim(bench, name, size) for name in names]


def schedule(dice: Random, names: Sequence[str], size: Size) -> list[Kill]:
    """Who is killed when."""
    return [Kill(dice.choice(names), dice.expovariate(10)) for _ in range(size.kills)]


def run(bench: Bench, size: Size = FULL) -> Report:
    """Kill by the schedule, then judge. Raises Violated."""
    began = time.monotonic()
    everybody = {one.name: one for one in victims(bench, size)}
    plan = schedule(bench.dice("schedule"), list(everybody), size)
    found: list[Violation] = []
    try:
        for one in everybody.values():
            one.start()
        for kill in plan:
            found += _kill(everybody[kill.victim], kill.after_s)
            if found:
                break
        found += broken([one.process for one in everybody.values()])
    finally:
        stop_all([one.process for one in everybody.values() if one.name.startswith("writer")])
    projector = everybody["projector"].process
    try:
        found += _books(bench, projector)
    finally:
        projector.stop()
    killed = Counter(kill.victim.rstrip("0123456789") for kill in plan)
    counts = {"kills": len(plan), **{f"of {kind}s": count for kind, count in sorted(killed.items())}}
    following = [one.process for one in everybody.values() if one.name.startswith("follower")]
    return verdict(bench, following, began=began, found=found, counts=counts)


def _kill(victim: Victim, after_s: float) -> list[Violation]:
    if not until(victim.works, step_s=0.01):
        return [Violation(Kind.STALLED, f"{victim.name} did nothing after its start"), *broken([victim.process])]
    Event().wait(after_s)
    victim.process.kill()
    victim.start()
    return []


def _books(bench: Bench, projector: Process) -> list[Violation]:
    """Compare the rows of the projector with a fold from scratch, and the money with a sum over the log's own bytes."""
    with opened(bench.url) as log:
        head = log.head()
    if not until(lambda: last_position(bench.directory / "projector.positions") >= head):
        return [Violation(Kind.STALLED, f"the projector did not come to position {head}"), *broken([projector])]
    projector.stop()
    return list(differences(bench))


def differences(bench: Bench) -> Iterator[Violation]:
    """Where the rows of the projector differ from a fold from scratch, or from the money in the log."""
    ledger = open_ledger(bench.url)
    lived, fresh = open_database(tables_url(bench)), open_database(f"sqlite:///{bench.directory / 'scratch.db'}")
    try:
        while run_round(ledger, fresh, START, limit=2_000).applied:
            pass
        rows, expected = (
            {name: rows_of(tables, projection) for name, projection in PROJECTIONS.items()} for tables in (lived, fresh)
        )
        for name in expected:
            if rows[name] != expected[name]:
                yield Violation(Kind.FOLD, f"{name} as projected through the kills")
        sums = {row.account: row.posted for row in balances(lived, limit=100)}
        if sums != _money(bench):
            yield Violation(Kind.FOLD, "balances are not the sums of the postings in the log")
    finally:
        lived.close()
        fresh.close()
        ledger.close()


def _money(bench: Bench) -> dict[str, int]:
    """What stands on each account, by the bytes of the log alone; positive on the side on which the account grows."""
    sums: Counter[str] = Counter()
    after = 0
    with opened(bench.url) as log:
        while found := log.read(after, 5_000, ("journal_entry.posted",)):
            after = found[-1].position
            for event in found:
                for posting in json.loads(event.state)["data"]["postings"]:
                    sign = 1 if posting["account"].startswith("bank:") else -1
                    sums[posting["account"]] += sign * posting["amount"]["units"]
    return dict(sums)


def tables_url(bench: Bench) -> str:
    """Where the projector of a trial keeps its rows."""
    return f"sqlite:///{bench.directory / 'read.db'}"
