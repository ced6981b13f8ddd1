"""Fills a log with the events of a trial: at once before it begins, and behind its back while projectors work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from random import Random
from threading import Event
from types import TracebackType
from typing import Self

from eventsourcing.persistence import StoredEvent

from ledger.event_log import opened

AT_ONCE = 500
"""Events in one append while nobody waits."""

TOGETHER = 8
"""Events in one append at most while others work: about what a command stores."""


BREATH_S = 0.002
"""Between two of these: others shall work meanwhile."""


class Feeder:
    """Appends `events` to the empty log at `url`, so that the n-th stands at position n."""

    def __init__(self, url: str, events: Iterator[StoredEvent], dice: Random) -> None:
        self._stack = ExitStack()
        self._log = self._stack.enter_context(opened(url))
        self._thread = self._stack.enter_context(ThreadPoolExecutor(1, "feeder"))
        self._events = events
        self._dice = dice
        self._under_way: list[Future[None]] = []
        self._enough = Event()
        self.position = 0
        """Of the last event that was acknowledged."""
        self.appended = 0
        """Appends that were acknowledged."""

    def feed(self, upto: int) -> None:
        """Append up to this position in large pieces, and come back when they stand."""
        self.wait()
        while self.position < upto:
            self._append(min(AT_ONCE, upto - self.position))

    def go_on(self, upto: int, every_s: float | None = None) -> None:
        """Append up to this position in pieces like those of commands, in a thread; comes back at once.

        An append begins `every_s` seconds, or as soon as that may be after others had a turn.
        """
        self._enough.clear()
        self._under_way.append(self._thread.submit(self._trickle, upto, every_s))

    def enough(self) -> None:
        """Append no more of what was asked for."""
        self._enough.set()
        self.wait()

    @property
    def appends(self) -> bool:
        """Whether it is appending just now."""
        return any(not one.done() for one in self._under_way)

    def wait(self) -> None:
        """Until all that was asked for stands. Raises what an append raised."""
        for one in self._under_way:
            one.result()
        self._under_way.clear()

    def _trickle(self, upto: int, every_s: float | None) -> None:
        due = time.monotonic()
        while self.position < upto and not self._enough.is_set():
            self._append(min(self._dice.randint(1, TOGETHER), upto - self.position))
            due += every_s or 0
            self._enough.wait(max(due - time.monotonic(), 0) if every_s else BREATH_S)

    def _append(self, count: int) -> None:
        self.position = self._log.append(list(islice(self._events, count)))[-1]
        self.appended += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()
