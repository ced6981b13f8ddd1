"""Looking at the head while somebody waits: by one thread, only then, and again after the connection broke."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

import pytest
from sqlalchemy import text

from ledger.event_log import opened
from ledger.sql_watch import Watcher
from tests.ledger.logged import by_hand, event


class Counted:
    """A head that counts how often it is looked at; each look may fail."""

    def __init__(self) -> None:
        self.head = 0
        self.looks = 0
        self.opened = 0
        self.failing = 0
        self.looked = Event()

    @contextmanager
    def peek(self) -> Iterator[Callable[[], int]]:
        self.opened += 1

        def look() -> int:
            self.looks += 1
            self.looked.set()
            if self.failing:
                self.failing -= 1
                raise ConnectionError
            return self.head

        yield look


@pytest.fixture
def source() -> Counted:
    return Counted()


@pytest.fixture
def watcher(source: Counted) -> Iterator[Watcher]:
    watcher = Watcher("events", source.peek, 0.01, (ConnectionError,))
    yield watcher
    watcher.close()
    watcher.close()


def test_nobody_looks_while_nobody_waits(source: Counted, watcher: Watcher) -> None:
    watcher.reached(3)
    assert watcher.wait(2, 10)
    assert (source.opened, source.looks) == (0, 0)
    assert not watcher.wait(3, 0.1)
    assert source.opened == 1
    looked = source.looks
    assert looked > 1
    # One look may be under way when the last one leaves.
    source.looked.clear()
    source.looked.wait(0.1)
    assert source.looks <= looked + 2


def test_a_connection_that_broke_is_opened_again_for_those_who_wait(source: Counted, watcher: Watcher) -> None:
    source.failing = 2
    source.head = 1
    assert watcher.wait(0, 20)
    assert source.opened == 3


def test_a_head_that_seems_to_shrink_wakes_nobody(source: Counted, watcher: Watcher) -> None:
    watcher.reached(5)
    listener = Event()
    watcher.listen(listener)
    listener.clear()
    watcher.reached(4)
    assert not listener.is_set()
    assert not watcher.wait(5, 0.05)


def test_a_follower_is_still_woken_after_its_connections_were_killed(mysql_events_url: str) -> None:
    others = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    with opened(mysql_events_url) as log, opened(mysql_events_url) as elsewhere:
        assert not log.wait(0, 0.1)
        with by_hand(mysql_events_url) as connection:
            for number in connection.execute(text(others)).scalars().all():
                connection.execute(text(f"KILL {number}"))
        elsewhere.append([event("po_1", 1)])
        assert log.wait(0, 20)
        elsewhere.append([event("po_1", 2)])
        assert log.wait(1, 20)


def test_all_who_wait_share_one_thread(sql_events_url: str) -> None:
    def watching() -> int:
        return sum(thread.name == "watch-events" for thread in threading.enumerate())

    before = watching()
    with opened(sql_events_url) as log:
        listeners = [Event() for _ in range(5)]
        for listener in listeners:
            log.listen(listener)
        assert not log.wait(0, 0.05)
        assert watching() == before + 1
    assert watching() == before
