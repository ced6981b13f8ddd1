"""Followers that wait: woken by a commit of any process, not before, and always let go."""

from __future__ import annotations

from collections.abc import Iterator
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


def test_what_came_while_nobody_waited_is_no_news_to_who_has_read_it(log: CommitLog, elsewhere: CommitLog) -> None:
    assert not log.wait(0, 0.1)
    for version in range(1, 61):
        elsewhere.append([event(version)])
    assert log.wait(59, 20)
    assert not log.wait(60, 0.5)
    elsewhere.append([event(61)])
    assert log.wait(60, 20)


def test_who_listens_is_told_though_nobody_waits(log: CommitLog, elsewhere: CommitLog) -> None:
    listener = Event()
    assert not log.wait(0, 0.1)
    log.listen(listener)
    listener.clear()
    # Longer than news are left with the server.
    assert not listener.wait(0.3)
    for version in (1, 2):
        elsewhere.append([event(version)])
        assert listener.wait(20)
        listener.clear()
    log.unlisten(listener)


def test_a_log_that_is_closed_while_nobody_waits_is_closed_at_once(event_store_url: str) -> None:
    connection = Connection(event_store_url)
    log = CommitLog(connection)
    assert not log.wait(0, 0.1)
    connection.close()
    with pytest.raises(InterfaceError):
        log.wait(0, 20)
