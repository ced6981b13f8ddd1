"""Small facts about a bank that all our processes must see alike, kept in Redis: whose turn it is, whether it is down.

Redis may be emptied at any time, and may be away. A process then goes on by itself from what it saw last and looks for
Redis again after LOOK_AGAIN: no call to a bank waits for Redis, and none depends on it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final, TypeVar

import msgspec
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError, WatchError

LOOK_AGAIN: Final = timedelta(seconds=5)
KEPT: Final = timedelta(days=1)
"""Longer than any wait and any pause that is kept."""
TRIES_MAX: Final = 100
"""How often a change begins anew because another process was quicker; far more often than there are processes."""

T = TypeVar("T")
R = TypeVar("R")
log = logging.getLogger(__name__)


class SharedState:
    """Values by key. `connection` None: this process alone, as in a command line. `clock` gives aware instants."""

    def __init__(self, connection: Redis | None, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._clock = clock
        self._away_until: datetime | None = None
        self._seen: dict[str, object] = {}
        self._lock = Lock()

    def value(self, key: str, kind: type[T]) -> T | None:
        """What stands under `key`, None if nothing that is of this kind."""
        return self.values([key], kind)[0]

    def values(self, keys: Sequence[str], kind: type[T]) -> list[T | None]:
        """The same of several keys, in one reading."""
        return self._there_or_here(
            lambda redis: self._values_there(redis, keys, kind), lambda: [self._value_here(key) for key in keys]
        )

    def change(self, key: str, kind: type[T], step: Callable[[T | None], tuple[T | None, R]]) -> R:
        """One indivisible step from what stands under `key` to what is to stand there (None: nothing), and what comes
        of it. `step` may be run several times.
        """
        return self._there_or_here(
            lambda redis: self._change_there(redis, key, kind, step), lambda: self._change_here(key, step)
        )

    def _there_or_here(self, there: Callable[[Redis], R], here: Callable[[], R]) -> R:
        now = self._clock()
        if self._connection is None or (self._away_until is not None and now < self._away_until):
            return here()
        try:
            found = there(self._connection)
        except RedisError as error:
            log.warning("a bank's turns and circuits are kept by this process alone: %s", type(error).__name__)
            self._away_until = now + LOOK_AGAIN
            return here()
        self._away_until = None
        return found

    def _values_there(self, redis: Redis, keys: Sequence[str], kind: type[T]) -> list[T | None]:
        found = [_read(stored, kind) for stored in (redis.mget(keys) if keys else ())]
        with self._lock:
            self._seen.update(zip(keys, found, strict=True))
        return found

    def _value_here(self, key: str) -> Any:
        with self._lock:
            return self._seen.get(key)

    def _change_there(self, redis: Redis, key: str, kind: type[T], step: Callable[[T | None], tuple[T | None, R]]) -> R:
        with redis.pipeline() as pipe:
            for _ in range(TRIES_MAX):
                try:
                    pipe.watch(key)  # type: ignore[no-untyped-call]
                    held = _read(pipe.get(key), kind)
                    new, found = step(held)
                    if new != held:
                        _write(pipe, key, new)
                except WatchError:
                    continue
                with self._lock:
                    self._seen[key] = new
                return found
        raise WatchError("others were always quicker")

    def _change_here(self, key: str, step: Callable[[T | None], tuple[T | None, R]]) -> R:
        with self._lock:
            self._seen[key], found = step(self._seen.get(key))  # type: ignore[arg-type]  # one kind for a key
            return found


def _read(stored: object, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(stored, type=kind) if isinstance(stored, bytes) else None
    except msgspec.MsgspecError:
        return None  # of another release


def _write(pipe: Pipeline, key: str, value: object) -> None:
    pipe.multi()
    if value is None:
        pipe.delete(key)
    else:
        pipe.set(key, msgspec.json.encode(value), ex=KEPT)
    pipe.execute()
