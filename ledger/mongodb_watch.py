"""Waking followers when the log in MongoDB grows: one change stream per process, with a slow poll behind it.

The thread begins with the first follower that waits. While nobody waits it leaves what is new to the server: a follower
that is busy finds it by reading on, and a question for each commit would cost it an eighth of a core at 500 a second.

A change stream shows only what a majority has, so whoever is woken reads nothing that can be taken back. If the stream
breaks, it is opened again and the head is read; a follower that waits meanwhile just waits out its time.
"""

from __future__ import annotations

from threading import Condition, Event, RLock, Thread
from typing import Any, Final

from eventsourcing.persistence import InterfaceError
from pymongo.change_stream import ChangeStream
from pymongo.errors import PyMongoError

from ledger.errors import LogDamaged
from ledger.mongodb_read import Commits, LogReader, end_of

AWAIT_MS: Final = 250
"""How long the server holds a question without news; also how long closing may take."""

QUIET_ROUNDS: Final = 20
"""Rounds without news after which the head is read all the same: the slow poll, about every five seconds."""

LEFT_S: Final = 0.1
"""Longest time for which news are left with the server: whoever waits next has to look through them."""

RETRY_S: Final = 0.5
"""Pause before a broken stream is opened again."""

_INSERTS: Final[list[dict[str, Any]]] = [
    {"$match": {"operationType": "insert"}},
    {"$project": {"fullDocument._id": True, "fullDocument.n": True}},
]


class Watcher:
    """Knows how far one log has grown, and tells those who wait."""

    def __init__(self, commits: Commits, reader: LogReader) -> None:
        self._commits = commits
        self._reader = reader
        lock = RLock()
        self._grown = Condition(lock)
        self._wanted = Condition(lock)
        self._waiting = 0
        self._head = 0
        self._listeners: set[Event] = set()
        self._closing = Event()
        self._thread: Thread | None = None

    def wait(self, after: int, timeout_s: float) -> bool:
        """Block until there is an event behind position `after`, or `timeout_s` seconds; says whether there is.

        Raises InterfaceError when the log is closed, also while waiting.
        """
        self._start()
        with self._grown:
            self._waiting += 1
            self._wanted.notify_all()
            try:
                self._grown.wait_for(lambda: self._head > after or self._closing.is_set(), timeout_s)
            finally:
                self._waiting -= 1
            if self._closing.is_set():
                raise InterfaceError("The event log was closed.")
            return self._head > after

    def listen(self, listener: Event) -> None:
        """Set `listener` now and at each growth of the log."""
        self._start()
        with self._grown:
            self._listeners.add(listener)
            self._wanted.notify_all()
        listener.set()

    def unlisten(self, listener: Event) -> None:
        """Leave `listener` alone from now on."""
        with self._grown:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End the thread and every wait."""
        self._closing.set()
        with self._grown:
            self._grown.notify_all()
            self._wanted.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        with self._grown:
            if self._closing.is_set():
                raise InterfaceError("The event log is closed.")
            if self._thread is None:
                self._thread = Thread(target=self._follow, name=f"watch-{self._commits.name}", daemon=True)
                self._thread.start()

    def _follow(self) -> None:
        while not self._closing.is_set():
            try:
                with self._commits.watch(_INSERTS, max_await_time_ms=AWAIT_MS) as changes:
                    self._reached(self._reader.head())
                    self._follow_changes(changes)
            except (PyMongoError, LogDamaged):  # damage is the reader's to tell; those who wait must still be woken
                self._closing.wait(RETRY_S)

    def _follow_changes(self, changes: ChangeStream[Any]) -> None:
        quiet, seen, there = 0, 0, 0
        while changes.alive and not self._closing.is_set():
            if seen >= there and not self._is_wanted():
                there = self._reader.head()
            change = changes.try_next()
            if change is not None:
                seen = end_of(change["fullDocument"])
                self._reached(seen)
                quiet = 0
            else:
                quiet += 1
                if quiet % QUIET_ROUNDS == 0:
                    self._reached(self._reader.head())

    def _is_wanted(self) -> bool:
        """Block until somebody waits or listens, or LEFT_S; whether somebody does."""
        with self._wanted:
            self._wanted.wait_for(lambda: self._waiting or self._listeners or self._closing.is_set(), LEFT_S)
            return bool(self._waiting or self._listeners)

    def _reached(self, position: int) -> None:
        with self._grown:
            if position > self._head:
                self._head = position
                self._grown.notify_all()
                for listener in self._listeners:
                    listener.set()
