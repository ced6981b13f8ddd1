"""Followers that wait, on every store alike: woken by an append of any process, not before, and always let go."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from eventsourcing.persistence import InterfaceError

from ledger.event_log import EventLog, Provider, opened, provider
from tests.ledger.logged import event


@pytest.fixture
def made(event_log_url: str) -> Iterator[Provider]:
    made = provider(event_log_url)
    yield made
    made.close()


@pytest.fixture
def log(made: Provider) -> EventLog:
    return made.log()


@pytest.fixture
def elsewhere(event_log_url: str) -> Iterator[EventLog]:
    """The same log as another process would hold it."""
    with opened(event_log_url) as log:
        yield log


def test_waiting_on_a_log_that_does_not_grow_ends_in_time_with_no(log: EventLog) -> None:
    assert not log.wait(0, 0.3)
    log.append([event("po_1", 1)])
    assert not log.wait(1, 0.3)


def test_what_is_there_already_needs_no_waiting(log: EventLog) -> None:
    log.append([event("po_1", 1), event("po_1", 2)])
    assert log.wait(0, 10)
    assert log.wait(1, 10)


def test_an_append_of_our_own_wakes_every_follower(log: EventLog) -> None:
    with ThreadPoolExecutor(3) as threads:
        waits = [threads.submit(log.wait, 0, 20) for _ in range(3)]
        log.append([event("po_1", 1)])
        assert [wait.result(30) for wait in waits] == [True, True, True]


def test_an_append_elsewhere_wakes_every_follower(log: EventLog, elsewhere: EventLog) -> None:
    for version in range(1, 6):
        with ThreadPoolExecutor(3) as threads:
            waits = [threads.submit(log.wait, version - 1, 20) for _ in range(3)]
            elsewhere.append([event("po_1", version)])
            assert [wait.result(30) for wait in waits] == [True, True, True]
        assert [found.version for found in log.read(version - 1, 10)] == [version]


def test_a_listener_is_set_at_once_and_at_each_growth_until_it_leaves(log: EventLog, elsewhere: EventLog) -> None:
    listener, other = Event(), Event()
    log.listen(listener)
    log.listen(other)
    assert listener.is_set()
    listener.clear()
    elsewhere.append([event("po_1", 1)])
    assert listener.wait(20)
    log.unlisten(listener)
    listener.clear()
    other.clear()
    elsewhere.append([event("po_1", 2)])
    assert other.wait(20)
    assert not listener.is_set()


def test_closing_lets_those_who_wait_go(log: EventLog, made: Provider) -> None:
    with ThreadPoolExecutor(1) as threads:
        wait = threads.submit(log.wait, 0, 60)
        assert not log.wait(0, 0.1)
        made.close()
        with pytest.raises(InterfaceError):
            wait.result(20)
    with pytest.raises(InterfaceError):
        log.wait(0, 1)
    with pytest.raises(InterfaceError):
        log.listen(Event())


def test_a_log_that_nobody_holds_any_more_ends_its_threads(event_log_url: str) -> None:
    before = set(threading.enumerate())
    made = provider(event_log_url)
    log = made.log()
    assert not log.wait(0, 0.1)
    watching = [thread for thread in threading.enumerate() if thread.name == "watch-events" and thread not in before]
    assert len(watching) == 1
    del log, made
    gc.collect()
    watching[0].join(20)
    assert not watching[0].is_alive()
