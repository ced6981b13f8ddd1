"""A writer process: appends to a log by a seeded plan and keeps a record of every attempt and its outcome.

    python -m tests.torture.writer URL RECORD --seed 1 --name w1 --threads 4 --appends 500

It ends when every thread has stored `--appends` appends (0: never), or when asked to (SIGTERM), after the appends under
way. It may be killed at any moment: what it had been told stands in the record.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Event

from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from ledger.commits import OutcomeUnknown
from ledger.event_log import EventLog, opened
from tests.torture.plan import Step, Style, events, stale_events, steps
from tests.torture.records import AttemptRecord, Outcome, claim_of

BREATH_S = 0.05
"""Pause after the store was found to be away."""


class Writer:
    """Appends for all threads of one process; they share what is known of the streams."""

    def __init__(self, log: EventLog, record: AttemptRecord, stop: Event) -> None:
        self._log = log
        self._record = record
        self._stop = stop
        self._known: dict[str, int] = {}

    def work(self, plan: Iterable[Step], appends: int) -> int:
        """Do the steps of a plan until `appends` of them are stored (0: until stopped); how many were."""
        stored = 0
        for step in plan:
            if self._stop.wait(step.pause_s):
                break
            stored += self._do(step)
            if stored == appends:
                break
        return stored

    def _do(self, step: Step) -> bool:
        """One step, begun again after a lost race or while the store is away; whether it was stored in the end."""
        for turn in count(1):
            try:
                outcome = self._try(step, f"{step.key}.{turn}", first=turn == 1)
            except OperationalError:  # the version could not be read
                outcome = Outcome.AWAY
            if outcome in (Outcome.STORED, Outcome.UNKNOWN):
                return outcome is Outcome.STORED
            if self._stop.wait(BREATH_S if outcome is Outcome.AWAY else 0):
                break
        return False

    def _try(self, step: Step, key: str, *, first: bool) -> Outcome:
        """Append behind the last version there is. An unknown outcome is left so, or the same is sent again."""
        last = self._last(step.stream)
        if first and step.stale is not None and last:
            self._attempt(f"{key}.stale", stale_events(step, f"{key}.stale", 1 + int(step.stale * last)))
        outcome = self._attempt(key, events(step, key, last + 1))
        if outcome is Outcome.UNKNOWN and step.again and not self._stop.is_set():
            outcome = self._attempt(key, events(step, key, last + 1))
        if outcome is Outcome.STORED:
            self._known[step.stream] = last + step.width
        else:
            self._known.pop(step.stream, None)
        return outcome

    def _last(self, stream: str) -> int:
        """The last version of a shared stream, as far as this process knows it; 0 before the first."""
        if stream not in self._known:
            last = self._log.stream(stream, desc=True, limit=1)
            return last[0].originator_version if last else 0
        return self._known[stream]

    def _attempt(self, key: str, batch: Sequence[StoredEvent]) -> Outcome:
        self._record.tries(key, [claim_of(event) for event in batch])
        outcome, positions = outcome_of(self._log, batch)
        self._record.ended(key, outcome, positions)
        return outcome


def outcome_of(log: EventLog, batch: Sequence[StoredEvent]) -> tuple[Outcome, Sequence[int]]:
    """Append, and tell what the log said; the positions when it is stored. Lets through what no log should raise."""
    try:
        return Outcome.STORED, log.append(batch)
    except IntegrityError:
        return Outcome.CONFLICT, ()
    except OutcomeUnknown:
        return Outcome.UNKNOWN, ()
    except OperationalError:
        return Outcome.AWAY, ()


def main(arguments: Sequence[str], first: Callable[[], None] | None = None) -> int:
    """Write as told by the command line; exit code 0. `first` is done before: it may plant a fault."""
    asked = _parser().parse_args(arguments)
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if first is not None:
        first()
    style = Style(asked.streams, asked.stale, asked.several, asked.pause_ms, asked.entries)
    with opened(asked.url, asked.committer) as log, ThreadPoolExecutor(asked.threads) as threads:
        writer = Writer(log, AttemptRecord(asked.record), stop)
        plans = [steps(asked.seed, f"{asked.name}.{thread}", style) for thread in range(asked.threads)]
        works = [threads.submit(writer.work, plan, asked.appends) for plan in plans]
        for work in works:
            work.result()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.writer", description=__doc__)
    usual = Style()
    parser.add_argument("url")
    parser.add_argument("record", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--appends", type=int, default=0)
    parser.add_argument("--streams", type=int, default=usual.streams)
    parser.add_argument("--stale", type=int, default=usual.stale_percent)
    parser.add_argument("--several", type=int, default=usual.several_percent)
    parser.add_argument("--pause-ms", type=int, default=usual.pause_ms)
    parser.add_argument("--entries", action="store_true")
    parser.add_argument("--committer", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
