"""Waking followers when the log in MySQL, MariaDB or SQLite grows.

These databases have no push worth having, so one thread looks at the head every `pause_s` seconds, over a connection of
its own, and only while somebody waits or listens. Appends of this process wake at once. When the connection breaks it
is opened again; a follower that waits meanwhile just waits out its time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Condition, Event, Thread
from typing import Final

from eventsourcing.persistence import InterfaceError
from sqlalchemy.exc import SQLAlchemyError

RETRY_S: Final = 0.5
"""Pause before a connection that broke at once again is opened a third time."""

Peek = Callable[[], AbstractContextManager[Callable[[], int]]]


class Watcher:
    """Knows how far one log has grown, and tells those who wait.

    `peek` opens a connection that tells the head; `broken` are the errors it raises when the database is away. News of
    another process reach a follower within `pause_s` seconds and the time of one look.
    """

    def __init__(self, name: str, peek: Peek, pause_s: float, broken: tuple[type[Exception], ...]) -> None:
        self._name = name
        self._peek = peek
        self._pause_s = pause_s
        self._broken: tuple[type[Exception], ...] = (*broken, SQLAlchemyError)
        self._changed = Condition()
        self._head = 0
        self._waiting = 0
        self._listeners: set[Event] = set()
        self._closing = Event()
        self._thread: Thread | None = None

    def wait(self, after: int, timeout_s: float) -> bool:
        """Block until there is an event behind position `after`, or `timeout_s` seconds; says whether there is.

        Raises InterfaceError when the log is closed, also while waiting.
        """
        with self._changed:
            self._must_be_open()
            if self._head <= after:
                self._waiting += 1
                self._start()
                try:
                    self._changed.wait_for(lambda: self._head > after or self._closing.is_set(), timeout_s)
                finally:
                    self._waiting -= 1
                self._must_be_open()
            return self._head > after

    def listen(self, listener: Event) -> None:
        """Set `listener` now and at each growth of the log."""
        with self._changed:
            self._must_be_open()
            self._listeners.add(listener)
            self._start()
        listener.set()

    def unlisten(self, listener: Event) -> None:
        """Leave `listener` alone from now on."""
        with self._changed:
            self._listeners.discard(listener)

    def reached(self, position: int) -> None:
        """The log has grown to `position`: tell everybody whom that concerns."""
        with self._changed:
            if position > self._head:
                self._head = position
                self._changed.notify_all()
                for listener in self._listeners:
                    listener.set()

    def close(self) -> None:
        """End the thread and every wait."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _must_be_open(self) -> None:
        if self._closing.is_set():
            raise InterfaceError("The event log was closed.")

    def _start(self) -> None:
        """See that the thread looks; the condition is held."""
        if self._thread is None:
            self._thread = Thread(target=self._follow, name=f"watch-{self._name}", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _follow(self) -> None:
        in_order = True
        while not self._closing.is_set():
            self._sleep_until_wanted()
            try:
                with self._peek() as head:
                    self.reached(head())
                    in_order = True
                    self._look_again_and_again(head)
            except self._broken:
                if not in_order:
                    self._closing.wait(RETRY_S)
                in_order = False

    def _look_again_and_again(self, head: Callable[[], int]) -> None:
        while not self._closing.is_set():
            self.reached(head())
            self._closing.wait(self._pause_s)
            self._sleep_until_wanted()

    def _sleep_until_wanted(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._listeners or self._closing.is_set())
