"""What every trial has in common: where it runs, the processes it starts, its report, and its violation with the cure.

A trial is a function of a `Bench` and a size; it gives a `Report` or raises `Violated`, whose message ends with the
command that repeats it.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from threading import Event
from typing import NamedTuple

from ledger.event_log import EventLog
from local.processes import Process, tail
from tests.torture.judge import Kind, Violation
from tests.torture.records import Stood, last_position, stood

ROOT = Path(__file__).parents[2]
SHOWN_MAX = 20
"""Violations that a message quotes; it counts all of them."""

PATIENCE_S = 90.0
"""How long followers and writers may take to go on after everything was put right, on a busy machine."""


class Bench(NamedTuple):
    """Where one trial runs."""

    trial: str
    store: str
    """mongodb, mysql or sqlite."""
    url: str
    directory: Path
    """For records; kept when the trial fails."""
    seed: int

    def dice(self, what: str) -> Random:
        """The random numbers for one purpose. All follow from the seed, none from the order of asking."""
        return Random(f"{self.seed}/{self.trial}/{what}")

    @property
    def again(self) -> str:
        """The command that runs this trial again."""
        return f"make torture SEED={self.seed} NAME={self.trial} STORE={self.store}"


MakeBench = Callable[[str], Bench]
"""Makes the bench of the trial of a name."""


class Report(NamedTuple):
    """What a trial did and saw."""

    trial: str
    store: str
    seed: int
    counts: dict[str, int]
    seconds: float


class Violated(AssertionError):
    """The log broke its word; the message says how, how often, and how to run the trial again."""

    def __init__(self, bench: Bench, violations: Sequence[Violation]) -> None:
        self.violations = list(violations)
        self.kinds = Counter(one.kind for one in violations)
        lines = [f"{bench.trial} on {bench.store}: {len(violations)} violations"]
        lines += [f"  {count} × {kind}" for kind, count in self.kinds.most_common()]
        lines += [f"  - {one}" for one in violations[:SHOWN_MAX]]
        lines += [f"Records: {bench.directory}", f"Run again: {bench.again}"]
        super().__init__("\n".join(lines))


def program(bench: Bench, module: str, name: str, arguments: Sequence[object]) -> Process:
    """One of our processes, not started yet; its output goes to a log in the trial's folder."""
    words = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return Process(name, words, bench.directory / f"{name}.log", environment=environment, firm_after_s=30.0)


def writer(bench: Bench, name: str, *options: object, module: str = "tests.torture.writer") -> Process:
    """A writer process; its record is `NAME.attempts`."""
    record = bench.directory / f"{name}.attempts"
    return program(bench, module, name, [bench.url, record, "--seed", bench.seed, "--name", name, *options])


def follower(bench: Bench, name: str, *options: object) -> Process:
    """A follower process; its record is `NAME.seen`."""
    return program(bench, "tests.torture.follower", name, [bench.url, bench.directory / f"{name}.seen", *options])


def followers(bench: Bench) -> list[Process]:
    """A quick one, one that takes few at a time, and one that often rests."""
    kinds = [("--limit", 500), ("--limit", 7), ("--limit", 2_000, "--pause-ms", 200)]
    return [follower(bench, f"follower{number}", *options) for number, options in enumerate(kinds)]


def whole(log: EventLog) -> list[Stood]:
    """The whole log as it stands now. Raises LogDamaged at a hole."""
    found: list[Stood] = []
    while more := log.read(found[-1].position if found else 0, 5_000):
        found += map(stood, more)
    return found


def until(ready: Callable[[], bool], *, within_s: float = PATIENCE_S, step_s: float = 0.05) -> bool:
    """Look again and again until `ready`, at most `within_s` seconds; whether it came about."""
    deadline = time.monotonic() + within_s
    while not ready():
        if time.monotonic() > deadline:
            return False
        Event().wait(step_s)
    return True


def ended_well(processes: Sequence[Process], *, within_s: float) -> list[Violation]:
    """Wait until processes that end by themselves have ended; those that have not are stalled."""
    until(lambda: not any(one.running for one in processes), within_s=within_s)
    late = [one for one in processes if one.running]
    return [Violation(Kind.STALLED, f"{one.name} did not end") for one in late] + broken(processes)


def broken(processes: Sequence[Process]) -> list[Violation]:
    """Processes that ended with an error of their own: told as they tell it."""
    bad = [one for one in processes if not one.running and one.exit_code]
    return [Violation(Kind.STALLED, f"{one.name} ended with {one.exit_code}: {tail(one.log, 3)}") for one in bad]


def caught_up(bench: Bench, head: int, following: Sequence[Process]) -> list[Violation]:
    """Wait until these followers have seen position `head`; those that have not, or have ended, are stalled."""
    at = {one.name: bench.directory / f"{one.name}.seen" for one in following}
    until(lambda: all(last_position(at[one.name]) >= head or not one.running for one in following))
    places = {name: last_position(record) for name, record in at.items()}
    late = [f"{name} stands at {place} of {head}" for name, place in places.items() if place < head]
    return [Violation(Kind.STALLED, where) for where in late] + broken(following)


def stop_all(processes: Sequence[Process]) -> None:
    """Ask all to end, then wait for each."""
    for one in processes:
        one.ask_to_stop()
    for one in processes:
        one.stop()
