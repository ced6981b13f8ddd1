"""How a trial ends: followers come to the end of the log, everybody stops, and the judge is asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence

from ledger.errors import LogDamaged
from ledger.event_log import opened
from local.processes import Process
from tests.torture.judge import Kind, Violation, judged
from tests.torture.records import Attempt, attempts, seen
from tests.torture.trial import Bench, Report, Violated, caught_up, stop_all, whole


def verdict(
    bench: Bench,
    following: Sequence[Process],
    *,
    began: float,
    found: Iterable[Violation] = (),
    sent: Iterable[Attempt] = (),
    undisturbed: bool = False,
    counts: dict[str, int] | None = None,
) -> Report:
    """The report of a trial whose writers have ended.

    `following`: its followers, still running; they are stopped here. `began`: `time.monotonic()` at its beginning.
    `found`: what is known to be wrong already. `sent`: attempts that are on no record. `counts`: what the trial did.
    Raises Violated for any violation.
    """
    violations = list(found)
    try:
        with opened(bench.url) as log:
            violations += caught_up(bench, log.head(), following)
            stop_all(following)
            stands = whole(log)
    except LogDamaged as damage:
        raise Violated(bench, [*violations, Violation(Kind.GAP, damage.detail)]) from damage
    finally:
        stop_all(following)
    tried = [*sent, *(one for file in sorted(bench.directory.glob("*.attempts")) for one in attempts(file))]
    views = {file.stem: seen(file) for file in sorted(bench.directory.glob("*.seen"))}
    violations += judged(stands, tried, views, undisturbed=undisturbed)
    if violations:
        raise Violated(bench, violations)
    outcomes = Counter(one.outcome.value for one in tried)
    told = {"events": len(stands), **dict(sorted(outcomes.items())), "followers": len(views)}
    return Report(bench.trial, bench.store, bench.seed, {**(counts or {}), **told}, time.monotonic() - began)
