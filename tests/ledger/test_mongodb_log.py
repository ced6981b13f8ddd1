"""The log as a whole: what it demands of the server, how it reports trouble, and that nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from eventsourcing.persistence import (
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)
from pymongo import MongoClient

from ledger.mongodb_log import CommitLog, Connection
from local.found import mongod
from local.processes import Process, free_port, listens

EVENT = StoredEvent("po_1", 1, "payout.requested", b"{}")


@pytest.fixture
def connection(event_store_url: str) -> Iterator[Connection]:
    connection = Connection(event_store_url)
    yield connection
    connection.close()


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[str]:
    """URL of a mongod that answers and belongs to no replica set."""
    port = free_port()
    command = [str(mongod()), "--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(tmp_path)]
    command += ["--nounixsocket", "--quiet", "--wiredTigerCacheSizeGB", "0.25"]
    with Process("mongod", command, tmp_path / "mongod.log") as server:
        server.wait_until(lambda: listens(port))
        yield f"mongodb://127.0.0.1:{port}/socai"


def test_a_server_without_replica_set_is_refused_with_the_cure(standalone: str) -> None:
    connection = Connection(standalone)
    with pytest.raises(NotSupportedError, match="--replSet rs0"):
        CommitLog(connection).append([EVENT])
    connection.close()


def test_a_server_without_replica_set_under_the_url_of_one_is_told_with_the_cure(standalone: str) -> None:
    connection = Connection(f"{standalone}?replicaSet=rs0&timeoutMS=500")
    log = CommitLog(connection)
    for call in (lambda: log.append([EVENT]), log.head):
        with pytest.raises(OperationalError, match=r"--replSet rs0, then rs\.initiate\(\) once"):
            call()
    connection.close()


def test_a_missing_index_is_refused_where_none_may_be_made(connection: Connection) -> None:
    with pytest.raises(ProgrammingError, match="stream_version"):
        CommitLog(connection, may_create=False).append([EVENT])
    assert CommitLog(connection).append([EVENT]) == [1]
    assert [found.state for found in CommitLog(connection, may_create=False).stream("po_1")] == [b"{}"]


def test_wrong_credentials_are_told_without_the_password(event_store_url: str) -> None:
    parts = urlsplit(event_store_url)
    connection = Connection(parts._replace(netloc=f"nobody:s3cret@{parts.netloc}").geturl())
    with pytest.raises(OperationalError, match="EVENT_STORE_URL") as refusal:
        CommitLog(connection).append([EVENT])
    assert "s3cret" not in repr(refusal.value)
    connection.close()


def test_writes_are_durable_and_reads_majority_whatever_the_url_says(event_store_url: str, mongo_url: str) -> None:
    database = urlsplit(event_store_url).path[1:]
    with MongoClient[dict[str, Any]](mongo_url) as admin:
        admin[database].command("profile", 2)
        connection = Connection(f"{event_store_url}&w=1&journal=false&readConcernLevel=local&readPreference=secondary")
        log = CommitLog(connection)
        log.append([EVENT])
        assert log.stream("po_1") == [EVENT]
        assert log.read(0, 1)[0].name == "payout.requested"
        connection.close()
        admin[database].command("profile", 0)
        seen = list(admin[database]["system.profile"].find({"ns": f"{database}.events"}))
    concerns = [one["command"].get("writeConcern") for one in seen if one["op"] == "insert"]
    levels = {one["command"]["readConcern"]["level"] for one in seen if one["op"] == "query"}
    assert [(concern["w"], concern["j"]) for concern in concerns] == [("majority", True)]
    assert levels == {"majority"}
