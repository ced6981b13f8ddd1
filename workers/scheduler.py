"""The timetable: what is looked at when, by one scheduler at a time.

An entry is a function that finds in the tables what is due now and gives the jobs to ring for it. Nothing is remembered
between rounds but which occasions of this process's timetable are over, so a scheduler that starts anew, or finds Redis
empty, rings everything that is due. A job rung twice is harmless, so the lock is an economy as well.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta
from threading import Event
from typing import Final

import redis
from msgspec import Struct
from redis.lock import Lock

from ledger.calendar import ICT
from ledger.errors import Problem, Unavailable
from workers.jobs import Bell, Ring
from workers.parts import Parts

LOCK: Final = "socai:scheduler"
LOCK_S: Final = 15.0
"""A scheduler that has died or hangs is replaced after this long."""
TICK_S: Final = 0.5
DAY: Final = timedelta(days=1)
EPOCH: Final = datetime(2020, 1, 1, tzinfo=ICT)

log = logging.getLogger(__name__)
Due = Callable[[Parts, datetime], Iterable[Ring]]


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the timetable: `due` is asked once an `interval`, counted from `offset` after midnight in Vietnam."""

    due: Due
    interval: timedelta
    offset: timedelta = timedelta(0)

    def occasion(self, now: datetime) -> int:
        """Which occasion `now` belongs to: it changes when the entry is due again."""
        return (now - EPOCH - self.offset) // self.interval


TIMETABLE: list[Entry] = []
"""Every entry found in this package, in order of the files."""


def every(*, seconds: int) -> Callable[[Due], Due]:
    """Puts a function on the timetable, every so many seconds."""

    def enter(due: Due) -> Due:
        TIMETABLE.append(Entry(due=due, interval=timedelta(seconds=seconds)))
        return due

    return enter


def daily(*times: time) -> Callable[[Due], Due]:
    """Puts a function on the timetable, every day at these times in Vietnam."""

    def enter(due: Due) -> Due:
        for at in times:
            offset = timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
            TIMETABLE.append(Entry(due=due, interval=DAY, offset=offset))
        return due

    return enter


class Scheduler:
    """Rings what the timetable finds due, while it holds the lock."""

    def __init__(self, parts: Parts, timetable: Iterable[Entry] | None = None) -> None:
        self._parts = parts
        self._bell = Bell(parts.redis)
        self._timetable = list(TIMETABLE if timetable is None else timetable)
        self._lock = Lock(parts.redis, LOCK, timeout=LOCK_S, blocking=False, thread_local=False)
        self._over: dict[int, int] = {}

    def tick(self) -> int:
        """One round: how many jobs were rung. Nothing without the lock."""
        rung = 0
        for number, entry in enumerate(self._timetable):
            now = self._parts.clock()
            occasion = entry.occasion(now)
            if self._over.get(number) == occasion:
                continue
            if not self.holds_lock():
                break
            try:
                rung += sum(map(self._bell.ring, entry.due(self._parts, now)))
            except Problem as problem:
                log.warning("%s was not finished: %s", entry.due.__name__, problem.slug)
                if isinstance(problem, Unavailable):
                    continue  # tried again at the next tick
            self._over[number] = occasion
        return rung

    def holds_lock(self) -> bool:
        """Whether this scheduler is the one that rings; takes or renews the lock. False while Redis is away."""
        try:
            if self._lock.owned():
                return self._lock.reacquire()
            return bool(self._lock.acquire())
        except redis.RedisError as error:
            log.warning("no lock: %s", type(error).__name__)
            return False

    def give_up_lock(self) -> None:
        """Let another scheduler begin at once."""
        try:
            if self._lock.owned():
                self._lock.release()
        except redis.RedisError as error:
            log.warning("the lock was left to expire: %s", type(error).__name__)

    def run(self, stop: Event) -> None:
        """Ticks until told to stop."""
        try:
            while not stop.wait(TICK_S):
                self.tick()
        finally:
            self.give_up_lock()
