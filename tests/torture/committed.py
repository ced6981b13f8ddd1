"""Trial (d) for the committer of a host: it is killed, frozen and left away while writers hand their appends to it.

Nothing rests on it: whatever becomes of it, the writers go on by themselves, and what a frozen one still held when it
wakes is in the log already or never enters it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from ledger.committer import ANSWER_S
from local.processes import Process, accepts
from tests.bench.committing import committer_process
from tests.torture.disturbed import Faults, Size
from tests.torture.disturbed import run as run_disturbed
from tests.torture.trial import Bench, Report

NAME = "committer"

SHORT = Size(faults=6, calm_s=(0.3, 1.0), hold_s=(0.1, 0.8))
FULL = Size(faults=60, calm_s=(0.2, 1.0), hold_s=(0.1, 1.5))


class Hurt:
    """The faults; each returns when the committer runs again."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def kill(self, hold_s: float) -> None:
        """It ends at once, and another comes in its place after a while."""
        self._process.kill()
        Event().wait(hold_s)
        self._process.start()

    def freeze(self, hold_s: float) -> None:
        """It freezes for longer than anybody waits for its answer, and wakes with all it still held."""
        self._process.pause()
        Event().wait(hold_s + ANSWER_S)
        self._process.resume()

    def replace(self, hold_s: float) -> None:
        """It is asked to end, as at every new release."""
        self._process.stop()
        Event().wait(hold_s)
        self._process.start()


def faults_of(process: Process) -> Faults:
    """Everything that can be done to it."""
    hurt = Hurt(process)
    return {"kill": hurt.kill, "freeze": hurt.freeze, "replace": hurt.replace}


@contextmanager
def committing(bench: Bench) -> Iterator[tuple[Process, str]]:
    """The committer of the trial's log, and the path of its socket."""
    path = bench.directory / "c.sock"
    with committer_process(bench.url, path) as process:
        process.wait_until(lambda: accepts(path))
        yield process, str(path)


def run(bench: Bench, size: Size = FULL) -> Report:
    """Write through a committer that is hurt by the schedule, then judge. Raises Violated."""
    with committing(bench) as (process, path):
        return run_disturbed(bench, faults_of(process), size, more=("--committer", path))
