"""Trial (c): writers and followers at a replica set of three nodes whose primary is killed, paused, deposed, cut off.

Nothing that was acknowledged may be missing, nothing may be doubled, no position left out; what a follower saw is never
taken back. "Cut off" is the fault that a write concern weaker than a majority does not survive: both secondaries die,
the primary alone goes on for a while, then dies too, and the others come back without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from threading import Event
from typing import NamedTuple

from local.mongodb import ReplicaSet
from tests.torture.judge import Kind, Violation
from tests.torture.records import Tail
from tests.torture.trial import Bench, Report, broken, followers, stop_all, stored_more, until, writer
from tests.torture.verdict import verdict

NAME = "failover"
ELECTION_MS = 1_500


class Fault(NamedTuple):
    """One disturbance: after `calm_s` seconds of writing, `kind` for `hold_s` seconds."""

    kind: str
    calm_s: float
    hold_s: float


class Size(NamedTuple):
    """How large."""

    faults: int = 16
    writers: int = 3
    threads: int = 4
    calm_s: tuple[float, float] = (0.5, 4.0)
    kinds: tuple[str, ...] = ("kill", "pause", "depose", "cut off", "isolate")


SHORT = Size(faults=4, calm_s=(0.5, 1.5))
FULL = Size()


def kill(mongo: ReplicaSet, hold_s: float) -> None:
    """The primary ends at once; it comes back on its data."""
    node = mongo.primary()
    node.kill()
    Event().wait(hold_s)
    node.start()


def pause(mongo: ReplicaSet, hold_s: float) -> None:
    """The primary freezes for longer than an election takes, and wakes believing that it still is one."""
    node = mongo.primary()
    node.pause()
    Event().wait(hold_s + 2 * ELECTION_MS / 1_000)
    node.resume()


def depose(mongo: ReplicaSet, hold_s: float) -> None:
    """The primary steps down."""
    mongo.primary().step_down(2 + int(hold_s))


def cut_off(mongo: ReplicaSet, hold_s: float) -> None:
    """Both secondaries die, then the primary; the secondaries come back first and elect one of themselves.

    They die rather than freeze: what the primary had sent them would wait in their sockets and still be applied.
    """
    node, others = mongo.primary(), mongo.secondaries()
    for other in others:
        other.kill()
    Event().wait(hold_s)
    node.kill()
    for other in others:
        other.launch()
    mongo.wait_for_primary(within_s=60.0)
    node.start()


def isolate(mongo: ReplicaSet, hold_s: float) -> None:
    """Both secondaries freeze for so long that the primary gives up; then they come back."""
    others = mongo.secondaries()
    for other in others:
        other.pause()
    Event().wait(hold_s + 2 * ELECTION_MS / 1_000)
    for other in others:
        other.resume()


FAULTS: Mapping[str, Callable[[ReplicaSet, float], None]] = {
    "kill": kill,
    "pause": pause,
    "depose": depose,
    "cut off": cut_off,
    "isolate": isolate,
}


def schedule(dice: Random, size: Size) -> list[Fault]:
    """What happens when: every kind of fault about equally often, in an order of chance."""
    kinds: list[str] = []
    while len(kinds) < size.faults:
        kinds += dice.sample(size.kinds, len(size.kinds))
    return [Fault(kind, dice.uniform(*size.calm_s), dice.uniform(0.3, 2.0)) for kind in kinds[: size.faults]]


def run(bench: Bench, mongo: ReplicaSet, size: Size = FULL, *, writers_from: str = "tests.torture.writer") -> Report:
    """Write and follow through all faults, then judge. `writers_from` replaces the writer program. Raises Violated."""
    began = time.monotonic()
    options = ("--threads", size.threads, "--streams", 50, "--stale", 5, "--pause-ms", 20)
    writers = [writer(bench, f"writer{n}", *options, module=writers_from) for n in range(size.writers)]
    tails = [Tail(bench.directory / f"{one.name}.attempts", "stored") for one in writers]
    following = followers(bench)
    plan = schedule(bench.dice("schedule"), size)
    found: list[Violation] = []
    try:
        for one in [*following, *writers]:
            one.start()
        if not until(lambda: stored_more(tails, dict.fromkeys(range(len(tails)), 0))):
            found.append(Violation(Kind.STALLED, "not every writer began to write"))
        for number, fault in enumerate(plan, 1):
            found += _disturb(mongo, fault, number, tails)
            if found:
                break
        found += broken([*writers, *following])
    finally:
        stop_all(writers)
    counts = {"faults": len(plan), **{kind: sum(one.kind == kind for one in plan) for kind in FAULTS}}
    return verdict(bench, following, began=began, found=found, counts={k: n for k, n in counts.items() if n})


def _disturb(mongo: ReplicaSet, fault: Fault, number: int, tails: Sequence[Tail]) -> list[Violation]:
    """One fault, and the wait until every writer stores again."""
    Event().wait(fault.calm_s)
    FAULTS[fault.kind](mongo, fault.hold_s)
    mongo.wait_for_primary(within_s=60.0)
    before = {place: tail.grown() for place, tail in enumerate(tails)}
    if until(lambda: stored_more(tails, before)):
        return []
    return [Violation(Kind.STALLED, f"writers, {fault.kind} as fault number {number}")]
