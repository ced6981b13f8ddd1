"""Followers that wait: woken by a commit of any process, not before, and always let go."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from eventsourcing.persistence import InterfaceError, StoredEvent
from pymongo import MongoClient

from ledger.mongodb_log import CommitLog, Connection


def event(version: int) -> StoredEvent:
    return StoredEvent("po_1", version, "payout.requested", b"{}")


@pytest.fixture
def log(event_store_url: str) -> Iterator[CommitLog]:
    connection = Connection(event_store_url)
    yield CommitLog(connection)
    connection.close()


@pytest.fixture
def elsewhere(event_store_url: str) -> Iterator[CommitLog]:
    """The same log as another process would hold it."""
    connection = Connection(event_store_url)
    yield CommitLog(connection)
    connection.close()


def test_waiting_on_a_log_that_does_not_grow_ends_in_time_with_no(log: CommitLog) -> None:
    assert not log.wait(0, 0.3)
    log.append([event(1)])
    assert not log.wait(1, 0.3)


def test_what_is_there_already_needs_no_waiting(log: CommitLog) -> None:
    log.append([event(1), event(2)])
    assert log.wait(0, 10)
    assert log.wait(1, 10)


def test_a_commit_elsewhere_wakes_every_follower(log: CommitLog, elsewhere: CommitLog) -> None:
    for version in range(1, 6):
        with ThreadPoolExecutor(3) as threads:
            waits = [threads.submit(log.wait, version - 1, 20) for _ in range(3)]
            elsewhere.append([event(version)])
            assert [wait.result(30) for wait in waits] == [True, True, True]
        assert [found.version for found in log.read(version - 1, 10)] == [version]


def test_a_broken_change_stream_is_opened_again(log: CommitLog, elsewhere: CommitLog, mongo_url: str) -> None:
    assert not log.wait(0, 0.1)
    fault = {"failCommands": ["getMore", "aggregate"], "closeConnection": True, "appName": "socai"}
    with MongoClient[dict[str, Any]](mongo_url) as admin:
        admin.admin.command("configureFailPoint", "failCommand", mode={"times": 4}, data=fault)
        try:
            elsewhere.append([event(1)])
            assert log.wait(0, 20)
        finally:
            admin.admin.command("configureFailPoint", "failCommand", mode="off")
    elsewhere.append([event(2)])
    assert log.wait(1, 20)


def test_a_listener_is_set_at_once_and_at_each_growth_until_it_leaves(log: CommitLog, elsewhere: CommitLog) -> None:
    listener, other = Event(), Event()
    log.listen(listener)
    log.listen(other)
    assert listener.is_set()
    listener.clear()
    elsewhere.append([event(1)])
    assert listener.wait(20)
    log.unlisten(listener)
    listener.clear()
    other.clear()
    elsewhere.append([event(2)])
    assert other.wait(20)
    assert not listener.is_set()


def test_closing_lets_those_who_wait_go(log: CommitLog) -> None:
    with ThreadPoolExecutor(1) as threads:
        wait = threads.submit(log.wait, 0, 60)
        assert not log.wait(0, 0.1)
        log.connection.close()
        with pytest.raises(InterfaceError):
            wait.result(20)
    with pytest.raises(InterfaceError):
        log.wait(0, 1)
    with pytest.raises(InterfaceError):
        log.listen(Event())
