"""Followers that wait: woken by a commit of any process, not before, and always let go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
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
