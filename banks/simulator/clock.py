"""The bank's time: real time plus an offset that the control port can move forward, and an agenda that lives by it."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

VIETNAM: Final = timezone(timedelta(hours=7))
"""Bank time is fixed +07:00, without daylight saving (1.2 of the bank wire specification)."""


def bank_day(at: datetime) -> date:
    """The calendar day in Vietnam of the aware instant `at`."""
    return at.astimezone(VIETNAM).date()


def day_end(at: datetime) -> datetime:
    """The instant at which the bank day of the aware instant `at` is over."""
    return datetime.combine(bank_day(at) + timedelta(days=1), time(), VIETNAM)


class VirtualClock:
    """Real time plus `offset_s` seconds. `changed` is notified whenever the time jumps or the clock is closed."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.offset_s = 0.0
        self.closed = False

    def now(self) -> datetime:
        """The bank's present instant, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_s)

    def later(self, seconds: float) -> datetime:
        """The instant `seconds` from now."""
        return self.now() + timedelta(seconds=seconds)

    def set_offset(self, offset_s: float) -> None:
        """Move the clock to `offset_s` seconds from real time; whoever waits looks again."""
        with self.changed:
            self.offset_s = offset_s
            self.changed.notify_all()

    def sleep(self, seconds: float) -> None:
        """Return after `seconds` of the bank's time: at once when the clock jumps over them or is closed."""
        until = self.later(seconds)
        with self.changed:
            while not self.closed and (left := (until - self.now()).total_seconds()) > 0:
                self.changed.wait(left)

    def close(self) -> None:
        """Release everybody who waits; the bank is closing."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()


class Agenda:
    """Work to be done at instants of the bank's clock, by one thread, in order of time.

    An item is a function and a key; the function looks up what the key now needs, so an item too many does no harm.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._items: list[tuple[datetime, int, Callable[[str], None], str]] = []
        self._order = itertools.count()
        self._thread = threading.Thread(target=self._run, name="bank-agenda", daemon=True)

    def put(self, due: datetime, work: Callable[[str], None], key: str) -> None:
        """Have `work(key)` called once the clock has reached `due`."""
        with self._clock.changed:
            heapq.heappush(self._items, (due, next(self._order), work, key))
            self._clock.changed.notify_all()

    def start(self) -> None:
        """Begin working."""
        self._thread.start()

    def join(self) -> None:
        """Wait until the thread has ended; the clock must have been closed."""
        self._thread.join()

    @property
    def working(self) -> bool:
        """Whether the thread is alive: false means a bug stopped it, and the log says which."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._next()) is not None:
            work, key = item
            work(key)

    def _next(self) -> tuple[Callable[[str], None], str] | None:
        with self._clock.changed:
            while not self._clock.closed:
                left = (self._items[0][0] - self._clock.now()).total_seconds() if self._items else None
                if left is not None and left <= 0:
                    _, _, work, key = heapq.heappop(self._items)
                    return work, key
                self._clock.changed.wait(left)
        return None
