"""Appending to MongoDB: many writers, conflicts, and every way an answer can get lost."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest
from eventsourcing.persistence import DataError, IntegrityError, OperationalError, StoredEvent
from pymongo import MongoClient

from ledger.commits import OutcomeUnknown
from ledger.mongodb_log import CommitLog, Connection
from ledger.mongodb_write import APPEND_BYTES_MAX
from tests.ledger.logged import versions, whole
from tests.ledger.relay import Relay, mongodb, wait_for

HERE = Path(__file__).parents[2]


def event(stream: str, version: int, state: bytes = b'{"amount":150000}') -> StoredEvent:
    return StoredEvent(stream, version, "payout.requested", state)


@contextmanager
def opened(url: str, *options: str) -> Iterator[CommitLog]:
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, *options) if part)
    connection = Connection(parts._replace(query=query).geturl())
    yield CommitLog(connection)
    connection.close()


@pytest.fixture
def log(event_store_url: str) -> Iterator[CommitLog]:
    with opened(event_store_url) as log:
        yield log


def test_an_append_beyond_the_size_of_a_document_is_refused(log: CommitLog) -> None:
    with pytest.raises(DataError, match="too many"):
        log.append([event("po_1", version, b"x" * (APPEND_BYTES_MAX // 3)) for version in (1, 2, 3)])
    third = b"x" * (APPEND_BYTES_MAX // 3 - 200)
    assert log.append([event("po_1", version, third) for version in (1, 2, 3)]) == [1, 2, 3]


# Faults that the server plays on request.


@pytest.fixture
def admin(mongo_url: str) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongo_url) as client:
        yield client


@contextmanager
def fault(admin: MongoClient[dict[str, Any]], mode: object, **data: object) -> Iterator[None]:
    """A fault for the commands of our client only, told by its application name."""
    admin.admin.command("configureFailPoint", "failCommand", mode=mode, data={"appName": "socai", **data})
    try:
        yield
    finally:
        admin.admin.command("configureFailPoint", "failCommand", mode="off")


def test_a_conflict_fails_alone_among_the_appends_written_together(
    log: CommitLog, admin: MongoClient[dict[str, Any]]
) -> None:
    log.append([event("po_taken", 1)])
    delay = {"failCommands": ["insert"], "blockConnection": True, "blockTimeMS": 500}
    names = ["po_1", "po_2", "po_taken", "po_3", "po_taken", "po_4", "po_4", "po_5"]
    with fault(admin, {"times": 1}, **delay), ThreadPoolExecutor(len(names)) as threads:
        futures = [
            threads.submit(log.append, [event(name, 1), event(f"je_{name}_{i}", 1)]) for i, name in enumerate(names)
        ]
        errors = [future.exception(20) for future in futures]
    conflicts = [name for name, error in zip(names, errors, strict=True) if isinstance(error, IntegrityError)]
    assert sorted(conflicts) == ["po_4", "po_taken", "po_taken"]
    assert sum(error is None for error in errors) == 5
    assert set(versions(log)) >= {"po_1", "po_2", "po_3", "po_4", "po_5"}
    assert log.head() == 11


FAULTS: list[dict[str, object]] = [
    {"closeConnection": True},
    {"errorCode": 91},
    {"errorCode": 189},
    {"errorCode": 10107},
    {"errorCode": 11602},
    {"errorCode": 50},
    {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
    {"writeConcernError": {"code": 91, "errmsg": "shutting down"}},
]


@pytest.mark.parametrize("retry", ["retryWrites=true", "retryWrites=false"])
@pytest.mark.parametrize("kind", FAULTS, ids=str)
def test_a_passing_fault_leaves_the_append_stored_once(
    event_store_url: str, admin: MongoClient[dict[str, Any]], kind: dict[str, object], retry: str
) -> None:
    # The server does not announce a fault that it only plays: the driver sees with its next heartbeat that all is well.
    with opened(event_store_url, retry, "heartbeatFrequencyMS=500") as log:
        log.append([event("po_1", 1)])
        with fault(admin, {"times": 2}, failCommands=["insert"], **kind):
            assert log.append([event("po_1", 2), event("je_1", 1)]) == [2, 3]
        assert log.append([event("po_1", 3)]) == [4]
        assert versions(log) == {"po_1": [1, 2, 3], "je_1": [1]}


@pytest.mark.parametrize("kind", FAULTS, ids=str)
def test_a_passing_fault_while_others_write_leaves_the_append_stored_once(
    event_store_url: str, admin: MongoClient[dict[str, Any]], kind: dict[str, object]
) -> None:
    with opened(event_store_url, "heartbeatFrequencyMS=500") as log, opened(event_store_url) as rival:
        assert log.append([event("po_1", 1)]) == [1]
        assert rival.append([event("po_2", 1)]) == [2]
        with fault(admin, {"times": 1}, failCommands=["aggregate"], **kind):
            assert log.append([event("po_1", 2), event("je_1", 1)]) == [3, 4]
        assert versions(log) == {"po_1": [1, 2], "po_2": [1], "je_1": [1]}


def test_a_lasting_fault_is_never_reported_as_stored_or_as_a_conflict(
    event_store_url: str, admin: MongoClient[dict[str, Any]]
) -> None:
    with opened(event_store_url, "timeoutMS=500") as log:
        log.append([event("po_1", 1)])
        with (
            fault(admin, "alwaysOn", failCommands=["insert", "find", "aggregate"], closeConnection=True),
            pytest.raises(OutcomeUnknown),
        ):
            log.append([event("po_1", 2)])
        assert versions(log) == {"po_1": [1]}
        assert log.append([event("po_1", 2)]) == [2]


def test_an_unwritten_append_is_reported_as_such_when_the_server_is_away() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with opened(f"mongodb://127.0.0.1:{port}/socai?replicaSet=rs0&timeoutMS=200") as log:
            with pytest.raises(OperationalError) as refusal:
                log.append([event("po_1", 1)])
            assert not isinstance(refusal.value, OutcomeUnknown)


# Faults on the way: a relay that stands between the client and the server.


@pytest.fixture
def relay(mongo_url: str) -> Iterator[Relay]:
    parts = urlsplit(mongo_url)
    relay = Relay((parts.hostname or "", parts.port or 27017), mongodb)
    yield relay
    relay.close()


@contextmanager
def through(relay: Relay, event_store_url: str) -> Iterator[CommitLog]:
    """A log behind the relay, without the driver's own repetition: every lost answer is ours to deal with."""
    path = urlsplit(event_store_url).path
    with opened(f"mongodb://{relay.address}{path}?directConnection=true&retryWrites=false&retryReads=false") as log:
        yield log


INSERT, MERGE = b"\x02insert\x00", rb"\$merge\x00"


@pytest.mark.parametrize("marker", [INSERT, MERGE])
def test_an_append_whose_answer_was_lost_is_found_and_not_written_again(
    log: CommitLog, relay: Relay, event_store_url: str, marker: bytes
) -> None:
    with through(relay, event_store_url) as ours:
        ours.append([event("po_1", 1)])
        if marker == MERGE:
            log.append([event("po_rival", 1)])
        done = Event()

        def lose_answer(server: socket.socket, request: bytes) -> None:
            server.sendall(request)
            wait_for(lambda: bool(log.stream("je_1")))
            done.set()

        relay.arm(marker, lose_answer)
        positions = ours.append([event("po_1", 2), event("je_1", 1)])
        assert done.is_set()
    assert [one.position for one in whole(log) if one.stream in ("po_1", "je_1")][1:] == positions
    assert versions(log)["po_1"] == [1, 2]


def test_another_ones_append_is_not_taken_for_ours_after_a_lost_request(
    log: CommitLog, relay: Relay, event_store_url: str
) -> None:
    with through(relay, event_store_url) as ours:
        ours.append([event("po_1", 1)])

        def lose_request(server: socket.socket, request: bytes) -> None:
            log.append([event("po_1", 2, b'{"amount":1}')])

        relay.arm(INSERT, lose_request)
        with pytest.raises(IntegrityError):
            ours.append([event("po_1", 2, b'{"amount":2}')])
    assert [one.state for one in whole(log)][1:] == [b'{"amount":1}']


def test_a_request_that_arrives_after_it_was_written_again_changes_nothing(
    log: CommitLog, relay: Relay, event_store_url: str
) -> None:
    late: list[tuple[socket.socket, bytes]] = []
    with through(relay, event_store_url) as ours:
        ours.append([event("po_1", 1)])
        relay.arm(INSERT, lambda server, request: late.append((server, request)))
        assert ours.append([event("po_1", 2)]) == [2]
        [(server, request)] = late
        server.sendall(request)
        assert ours.append([event("po_1", 3)]) == [3]
    wait_for(lambda: log.head() == 3)
    assert versions(log) == {"po_1": [1, 2, 3]}


def test_of_two_equal_appends_one_is_stored_even_after_a_lost_answer(
    log: CommitLog, relay: Relay, event_store_url: str
) -> None:
    with through(relay, event_store_url) as ours, ThreadPoolExecutor(2) as threads:
        ours.append([event("po_1", 1)])

        def lose_answer(server: socket.socket, request: bytes) -> None:
            server.sendall(request)
            wait_for(lambda: bool(log.stream("po_1", gt=1)))

        relay.arm(INSERT, lose_answer)
        futures = [threads.submit(ours.append, [event("po_1", 2)]) for _ in range(2)]
        errors = [future.exception(20) for future in futures]
    assert None in errors
    assert {type(error) for error in errors} <= {type(None), IntegrityError}
    assert versions(log) == {"po_1": [1, 2]}


def test_nothing_ever_changes_or_removes_an_event(event_store_url: str, admin: MongoClient[dict[str, Any]]) -> None:
    with opened(event_store_url) as log, opened(event_store_url) as rival:
        for version in range(1, 20):
            (log if version % 3 else rival).append([event("po_1", version)])
            with pytest.raises(IntegrityError):
                rival.append([event("po_1", version, b"other")])
    operations = admin.local["oplog.rs"].distinct("op", {"ns": f"{urlsplit(event_store_url).path[1:]}.events"})
    assert operations == ["i"]


def test_an_event_altered_by_hand_is_in_nobodys_way_but_those_who_read_it(
    log: CommitLog, admin: MongoClient[dict[str, Any]], event_store_url: str
) -> None:
    log.append([event("po_1", 1)])
    events = admin[urlsplit(event_store_url).path[1:]]["events"]
    events.update_one({"_id": 1}, {"$set": {"e.0.d": "{}"}})
    with pytest.raises(IntegrityError):
        log.append([event("po_1", 1)])
    delay = {"failCommands": ["insert"], "blockConnection": True, "blockTimeMS": 300}
    with fault(admin, {"times": 1}, **delay), ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(log.append, [event(name, 1)]) for name in ("po_2", "po_1", "po_3", "po_1")]
        errors = [future.exception(20) for future in futures]
    assert [type(error) for error in errors] == [type(None), IntegrityError, type(None), IntegrityError]


def test_a_log_whose_end_was_cut_up_takes_nothing_and_says_so(
    event_store_url: str, admin: MongoClient[dict[str, Any]]
) -> None:
    with opened(event_store_url) as log:
        log.append([event("po_1", 1)])
    admin[urlsplit(event_store_url).path[1:]]["events"].update_one({"_id": 1}, {"$unset": {"n": 1}})
    with (
        opened(event_store_url) as log,
        pytest.raises(OperationalError, match=r"Nothing of the append was stored.*whole"),
    ):
        log.append([event("po_2", 1)])
