"""Trial (b): one writer held between taking its position and committing while hundreds of others commit, many rounds.

The classic fault of a log in a database: positions are given before the commit, a slow writer commits late, and
followers have stepped over its place by then. Every follower must see all events once and in order. On MongoDB the
others overtake the held writer, which must find another place; on MySQL and SQLite they wait for it by design, and a
hold that is longer than their patience must end in a typed refusal, not in a lie.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from random import Random
from threading import Event
from typing import NamedTuple

from eventsourcing.persistence import StoredEvent

from ledger.event_log import EventLog, opened
from tests.torture.gates import Gate, gate
from tests.torture.judge import Kind, Violation
from tests.torture.records import Attempt, Outcome, claim_of
from tests.torture.trial import Bench, Report, followers, until
from tests.torture.verdict import verdict
from tests.torture.writer import outcome_of

NAME = "held"
NAME_OF_EVENTS = "tally.counted"
WAITING_OTHERS = 20
"""Others in a round where they cannot pass the held writer: enough for a few batches behind it."""


OpenLog = Callable[[str], AbstractContextManager[EventLog]]


class Round(NamedTuple):
    """One hold: let go once `passed` of the `others` have committed, and `delay_s` seconds after that."""

    others: int
    passed: int
    delay_s: float
    width: int
    """Events of the held append."""
    rival: bool
    """Whether one of the others claims the same version of the same stream."""
    afresh: bool
    """Whether the held writer knows nothing of the log yet and reads its head first."""


class Size(NamedTuple):
    """How large. `long_holds`: rounds whose hold outlasts everybody's patience."""

    rounds: int = 1_000
    others: int = 500
    long_holds: int = 5
    threads: int = 16


SHORT = Size(rounds=25, others=100, long_holds=0)
FULL = Size()

LONG_S = {"mongodb": 6.0, "mysql": 11.0, "sqlite": 9.5}
"""Longer than the driver's patience with one call, or the others' patience with a lock."""


def schedule(dice: Random, store: str, size: Size) -> list[Round]:
    """Every round in advance."""
    long = set(dice.sample(range(size.rounds), size.long_holds))
    overtake = store == "mongodb"
    rounds = []
    for number in range(size.rounds):
        others = size.others if overtake else min(size.others, WAITING_OTHERS)
        every = dice.random() < 0.5
        rounds.append(
            Round(
                others=others,
                passed=(others if every else dice.randint(0, others)) if overtake else 0,
                delay_s=LONG_S[store] if number in long else dice.uniform(0, 0.05),
                width=dice.choice((1, 1, 2, 5)),
                rival=dice.random() < 0.3,
                afresh=dice.random() < 0.5,
            )
        )
    return rounds


def run(bench: Bench, size: Size = FULL) -> Report:
    """Hold by the schedule, then judge. Raises Violated."""
    began = time.monotonic()
    plan = schedule(bench.dice("schedule"), bench.store, size)
    following = followers(bench)
    sent: list[Attempt] = []
    found: list[Violation] = []
    with ExitStack() as stack:
        for one in following:
            stack.callback(one.kill)
        door = stack.enter_context(gate(bench.store, bench.url))
        crowd = Crowd(stack.enter_context(opened(bench.url)), stack.enter_context(ThreadPoolExecutor(size.threads)))
        held = HeldWriter(door, stack)
        sent.append(crowd.first())
        for one in following:
            one.start()
        for number, this in enumerate(plan):
            attempts = one_round(number, this, door, held, crowd)
            if not attempts:
                found.append(Violation(Kind.STALLED, f"the writer of round {number} never came to its commit"))
                break
            sent += attempts
        counts = {"rounds": len(plan), "held stored": sum(a.outcome is Outcome.STORED for a in sent if "held" in a.key)}
        return verdict(bench, following, began=began, found=found, sent=sent, counts=counts)


class Crowd:
    """The others: threads that share one log and its group commit."""

    def __init__(self, log: EventLog, threads: ThreadPoolExecutor) -> None:
        self._log = log
        self._threads = threads

    def first(self) -> Attempt:
        """An append before all, so that the log is made."""
        return append(self._log, "first", [_event("first", 1, "first")])

    def write(self, number: int, this: Round) -> list[Future[Attempt]]:
        """Everybody's append of one round, each a stream of its own, but for a rival."""
        keys = [f"other.{number}.{place}" for place in range(this.others)]
        batches = [[_event(key, 1, key)] for key in keys]
        if this.rival and batches:
            batches[len(batches) // 2] = [_event(f"held.{number}", 1, "rival")]
        pairs = zip(keys, batches, strict=True)
        return [self._threads.submit(append, self._log, key, batch) for key, batch in pairs]


class HeldWriter:
    """The writer behind the gate, with a thread of its own."""

    def __init__(self, door: Gate, stack: ExitStack, open_log: OpenLog = opened) -> None:
        self._door = door
        self._open = open_log
        self._logs = stack.enter_context(ExitStack())
        self._thread = stack.enter_context(ThreadPoolExecutor(1, initializer=door.writes_here))
        self._log = self._logs.enter_context(open_log(door.url))

    def write(self, number: int, this: Round) -> Future[Attempt]:
        """Its append of one round."""
        if this.afresh:
            self._logs.close()
            self._log = self._logs.enter_context(self._open(self._door.url))
            self._log.stream("first")  # so that only the append itself comes through the gate
        events = [_event(f"held.{number}", 1 + i, f"held.{number}.{i}") for i in range(this.width)]
        return self._thread.submit(append, self._log, f"held.{number}", events)


def one_round(number: int, this: Round, door: Gate, held: HeldWriter, crowd: Crowd) -> list[Attempt]:
    """One hold; everybody's attempts, or none when the writer never came to the gate."""
    hold = door.arm()
    mine = held.write(number, this)
    try:
        if not hold.held.wait(30):
            return []
        others = crowd.write(number, this)
        until(lambda: sum(other.done() for other in others) >= this.passed, within_s=60, step_s=0.002)
        Event().wait(this.delay_s)
    finally:
        hold.go.set()
    return [mine.result(), *(other.result() for other in others)]


def append(log: EventLog, key: str, events: Sequence[StoredEvent]) -> Attempt:
    """Append and keep what became of it in memory: nobody is killed in this trial."""
    outcome, positions = outcome_of(log, events)
    return Attempt(key, tuple(map(claim_of, events)), outcome, tuple(positions))


def _event(stream: str, version: int, key: str) -> StoredEvent:
    return StoredEvent(stream, version, NAME_OF_EVENTS, f'{{"key":"{key}"}}'.encode())
