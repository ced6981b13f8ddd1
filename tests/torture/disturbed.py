"""Writers and followers at servers that are disturbed by a schedule, and then judged: what trials of faults share.

A trial brings its faults: functions that hurt the servers for some seconds and put everything right again. After each,
every writer must store again before the next one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from threading import Event
from typing import NamedTuple

from tests.torture.judge import Kind, Violation
from tests.torture.records import Tail
from tests.torture.trial import Bench, Report, broken, followers, stop_all, until, writer
from tests.torture.verdict import verdict

Faults = Mapping[str, Callable[[float], None]]
"""What can be done to the servers, by name; each takes for how many seconds."""


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
    hold_s: tuple[float, float] = (0.3, 2.0)


def schedule(dice: Random, kinds: Sequence[str], size: Size) -> list[Fault]:
    """What happens when: every kind of fault about equally often, in an order of chance."""
    order: list[str] = []
    while len(order) < size.faults:
        order += dice.sample(kinds, len(kinds))
    return [Fault(kind, dice.uniform(*size.calm_s), dice.uniform(*size.hold_s)) for kind in order[: size.faults]]


def run(
    bench: Bench,
    faults: Faults,
    size: Size,
    *,
    writers_from: str = "tests.torture.writer",
    more: Sequence[object] = (),
) -> Report:
    """Write and follow through all faults, then judge. Raises Violated.

    `writers_from` replaces the writer program, `more` are further options for it.
    """
    began = time.monotonic()
    options = ("--threads", size.threads, "--streams", 50, "--stale", 5, "--pause-ms", 20, *more)
    writers = [writer(bench, f"writer{n}", *options, module=writers_from) for n in range(size.writers)]
    tails = [Tail(bench.directory / f"{one.name}.attempts", "stored") for one in writers]
    following = followers(bench)
    plan = schedule(bench.dice("schedule"), list(faults), size)
    found: list[Violation] = []
    try:
        for one in [*following, *writers]:
            one.start()
        if not all_store_more(tails):
            found.append(Violation(Kind.STALLED, "not every writer began to write"))
        for number, fault in enumerate(plan, 1):
            if found:
                break
            Event().wait(fault.calm_s)
            faults[fault.kind](fault.hold_s)
            if not all_store_more(tails):
                found.append(Violation(Kind.STALLED, f"writers, after {fault.kind} as fault number {number}"))
        found += broken([*writers, *following])
    finally:
        stop_all(writers)
        if found:
            stop_all(following)
    counts = {"faults": len(plan), **Counter(fault.kind for fault in plan)}
    return verdict(bench, following, began=began, found=found, counts=counts)


def all_store_more(tails: Sequence[Tail]) -> bool:
    """Wait until every writer has stored something from now on; whether that came about."""
    before = [tail.grown() for tail in tails]
    return until(lambda: all(tail.grown() > count for tail, count in zip(tails, before, strict=True)))
