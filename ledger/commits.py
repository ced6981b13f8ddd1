"""Group commit: appends of many threads travel to the store together, and each still succeeds or fails alone.

A journalled write to a majority costs about the same for one append as for a hundred. The thread that finds nobody
writing leads: it takes what is waiting, writes it, tells everybody what became of theirs, and hands the lead to the
first of those who came meanwhile. Nothing here knows a database; a provider brings the function that writes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from threading import Lock
from typing import Final, Generic, TypeVar
from uuid import UUID

from eventsourcing.persistence import IntegrityError, OperationalError, PersistenceError, StoredEvent

APPENDS_MAX: Final = 256
"""Appends in one batch: beyond it the slowest of them waits longer than the batch saves."""

BATCH_BYTES_MAX: Final = 8 * 1024 * 1024
"""Bytes in one batch of several appends; a larger append travels alone."""

LINGER_S: Final = 0.0004
"""How long a batch waits for those who travelled in the one before: well below what a write takes."""

NOTICE_S: Final = 1.0
"""How long one who waits goes without looking whether he was forgotten."""

Body = TypeVar("Body")
Pair = tuple[UUID | str, int]
"""Stream and version: what an event may claim once."""


class OutcomeUnknown(OperationalError):
    """The append was sent and the store could not be asked in time: it may be stored or not.

    Ask again by reading the stream; writing the same versions again is safe, as a version is stored once at most.
    """


class Append(Generic[Body]):
    """The events of one caller, to be stored together or not at all, and what became of them.

    `body` is what the provider made of the events, `size` its bytes. `attempted` is set by the provider when a write of
    this append ended without a clear answer. Raises IntegrityError when a stream and version stands in it twice.
    """

    __slots__ = ("_error", "_first", "_turn", "attempted", "body", "events", "following", "left", "pairs", "size")

    def __init__(self, events: Sequence[StoredEvent], *, body: Body, size: int) -> None:
        self.events = events
        self.pairs: list[Pair] = [(event.originator_id, event.originator_version) for event in events]
        if len(set(self.pairs)) < len(self.pairs):
            raise IntegrityError("The same version of a stream stands twice in one append; nothing was stored.")
        self.body = body
        self.size = size
        self.attempted = False
        self._first: int | None = None
        self._error: PersistenceError | None = None
        self.following: Append[Body] | None = None
        self.left = False
        self._turn = Lock()
        self._turn.acquire()

    def __len__(self) -> int:
        return len(self.events)

    @property
    def settled(self) -> bool:
        """Whether it is known, or known to stay unknown, what became of it."""
        return self._first is not None or self._error is not None

    def stored(self, first: int) -> None:
        """The events stand in the log from position `first` on."""
        self._first = first

    def refused(self, error: PersistenceError) -> None:
        """The events were not stored, or it cannot be known; `error` says which."""
        self._error = error

    def result(self) -> range:
        """The positions of the events; raises what the append was refused with."""
        if self._error is not None:
            raise self._error
        if self._first is None:
            raise OutcomeUnknown("The append was left without an outcome.")
        return range(self._first, self._first + len(self.events))

    def wait(self) -> None:
        """Block until settled or chosen to lead. The leader before it is bounded in time, so this is too.

        Should whoever was to wake us have been interrupted in that very moment, we notice it by ourselves.
        """
        while not self._turn.acquire(timeout=NOTICE_S):
            if self.settled:
                return

    def wake(self) -> None:
        """End the wait."""
        self._turn.release()

    @property
    def woken(self) -> bool:
        """Whether the wait was ended and nobody has noticed yet."""
        return not self._turn.locked()


class GroupCommit(Generic[Body]):
    """The queue in front of one log in this process.

    `write` gets appends in the order they came, is never run by two threads at once, and settles each of them. What it
    leaves unsettled, because it was interrupted, is reported as OutcomeUnknown.
    """

    def __init__(self, write: Callable[[Sequence[Append[Body]]], None]) -> None:
        self._write = write
        self._lock = Lock()
        self._waiting: deque[Append[Body]] = deque()
        self._leader: Append[Body] | None = None
        self._expected = 1
        self._gathered: Lock | None = None

    def submit(self, append: Append[Body]) -> range:
        """Write `append` with whatever else is waiting; gives its positions or raises what it was refused with."""
        with self._lock:
            self._waiting.append(append)
            leads = self._leader is None
            if leads:
                self._leader = append
            elif self._gathered is not None and len(self._waiting) >= self._expected:
                self._gathered.release()
                self._gathered = None
        try:
            if not leads:
                append.wait()
        except BaseException:
            self._leave(append)
            raise
        if not append.settled:
            self._lead(append)
        self._pass_on(append)
        return append.result()

    def waiting(self) -> list[Append[Body]]:
        """Those that no batch has taken yet."""
        with self._lock:
            return list(self._waiting)

    def _lead(self, own: Append[Body]) -> None:
        batch: list[Append[Body]] = []
        try:
            self._linger()
            batch = self._take()
            self._write(batch)
        finally:
            if not batch:
                self._leave(own)
            else:
                self._hand_over()
            for append in batch:
                if not append.settled:
                    append.refused(OutcomeUnknown("The write was interrupted; the append may be stored or not."))
            for append, following in pairwise(batch):
                append.following = following
            self._pass_on(own)

    def _pass_on(self, append: Append[Body]) -> None:
        """Wake who comes behind in the batch: each wakes the next.

        Woken all at once they would only crowd before the interpreter's lock; measured, that costs a fifth.
        """
        following, append.following = append.following, None
        while following is not None:
            with self._lock:
                if not following.left:
                    following.wake()
                    return
            following = following.following

    def _linger(self) -> None:
        """Give those who got their answers just now a moment to come back with their next append.

        Without it the first one back would travel alone and all others a whole write later. Whoever is alone does not
        wait, as the batch before was of one as well.
        """
        gathered = Lock()
        with self._lock:
            if len(self._waiting) >= self._expected:
                return
            gathered.acquire()
            self._gathered = gathered
        gathered.acquire(timeout=LINGER_S)
        with self._lock:
            self._gathered = None

    def _take(self) -> list[Append[Body]]:
        batch: list[Append[Body]] = []
        size = 0
        with self._lock:
            while self._waiting and len(batch) < APPENDS_MAX:
                size += self._waiting[0].size
                if batch and size > BATCH_BYTES_MAX:
                    break
                batch.append(self._waiting.popleft())
            self._expected = len(batch)
        return batch

    def _hand_over(self) -> None:
        with self._lock:
            self._leader = self._waiting[0] if self._waiting else None
            if self._leader is not None:
                self._leader.wake()

    def _leave(self, append: Append[Body]) -> None:
        """A waiting thread was interrupted: nobody may wait for it to write, to lead, or to wake the next."""
        with self._lock:
            append.left = True
            woken = append.woken
            if append in self._waiting:
                self._waiting.remove(append)
            leads = self._leader is append
        if leads:
            self._hand_over()
        elif woken:
            self._pass_on(append)
