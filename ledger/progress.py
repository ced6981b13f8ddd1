"""How far a long piece of work has come: a bar on a terminal, a plain line now and then where lines are kept.

Both are told (what is done, position reached, position aimed at) and show the rate and the time left. The clock comes
from the door, in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

EVERY_NS: Final = 5_000_000_000
"""Time between two plain lines about one piece of work."""

SECOND_NS: Final = 1_000_000_000

Told = Callable[[str, int, int], None]
Clock = Callable[[], int]


def per_second(done: int, elapsed_ns: int) -> int:
    """How many a second, rounded down; a moment too short to measure counts as a nanosecond."""
    return done * SECOND_NS // max(elapsed_ns, 1)


class Lines:
    """Plain lines: `write` takes one without its end, `clock` gives nanoseconds."""

    def __init__(self, write: Callable[[str], None], clock: Clock) -> None:
        self._write = write
        self._clock = clock
        self._doing = ""
        self._began = (0, 0)
        self._said = 0

    def __call__(self, doing: str, reached: int, aim: int) -> None:
        """See Told."""
        now = self._clock()
        if doing != self._doing:
            self._doing, self._began, self._said = doing, (now, reached), now
        elif now - self._said >= EVERY_NS:
            self._said = now
            rate = per_second(reached - self._began[1], now - self._began[0])
            left = f", {(aim - reached) // rate} s left" if rate else ""
            self._write(f"{doing}: {reached} of {aim}, {rate} a second{left}")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{int(speed):,}/s")


class Bars:
    """One bar for each piece of work, on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, doing: str, reached: int, aim: int) -> None:
        """See Told."""
        if doing not in self._tasks:
            self._tasks[doing] = self._progress.add_task(doing)
        self._progress.update(self._tasks[doing], completed=reached, total=aim)


@contextmanager
def progress_on(stream: TextIO, clock: Clock) -> Iterator[Told]:
    """What is to be told: bars when `stream` is a terminal, else lines every few seconds."""
    if not stream.isatty():
        yield Lines(lambda line: print(line, file=stream, flush=True), clock)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream)) as progress:
        yield Bars(progress)
