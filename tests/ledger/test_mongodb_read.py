"""Reading from MongoDB: bytes as they were, streams by version, the log in order and never past a hole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from bson import Int64
from eventsourcing.persistence import StoredEvent
from pymongo.collection import Collection

from ledger.errors import LogDamaged
from ledger.mongodb import MongoApplicationRecorder
from ledger.mongodb_log import CommitLog, Connection
from ledger.mongodb_read import WINDOW


def event(stream: str, version: int, name: str = "payout.requested", state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(stream, version, name, state)


@pytest.fixture
def log(event_store_url: str) -> Iterator[CommitLog]:
    connection = Connection(event_store_url)
    yield CommitLog(connection)
    connection.close()


@pytest.fixture
def collection(log: CommitLog) -> Collection[dict[str, Any]]:
    """The bare collection, for what only a saboteur or a careless operator would do."""
    return log.connection.collection("events")


STATES = [
    b"",
    b"{}",
    '{"memo":"Tiền hàng"}'.encode(),
    b"\x00\x01",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    bytes(range(256)),
    b"$a.b",
]


@pytest.mark.parametrize("state", STATES, ids=repr)
def test_bytes_come_back_as_they_went_in(log: CommitLog, state: bytes) -> None:
    log.append([event("po_1", 1, state=state)])
    assert [found.state for found in log.stream("po_1")] == [state]
    assert [found.state for found in log.read(0, 10)] == [state]


def test_a_person_can_read_text_in_the_database(log: CommitLog, collection: Collection[dict[str, Any]]) -> None:
    log.append([event("po_1", 1, state='{"memo":"Tiền hàng"}'.encode()), event("$po.2", 7)])
    assert collection.find_one() == {
        "_id": 1,
        "n": 2,
        "e": [
            {"s": "po_1", "v": 1, "t": "payout.requested", "d": '{"memo":"Tiền hàng"}', "c": 0x47F12E5B},
            {"s": "$po.2", "v": 7, "t": "payout.requested", "d": "{}", "c": 0xDD1912A7},
        ],
    }
    assert log.stream("$po.2") == [event("$po.2", 7)]


def test_stream_ids_keep_their_type(log: CommitLog) -> None:
    number = UUID("12345678-1234-5678-1234-567812345678")
    log.append([StoredEvent(number, 1, "t", b"uuid"), StoredEvent(str(number), 1, "t", b"text")])
    assert [found.state for found in log.stream(number)] == [b"uuid"]
    assert [found.state for found in log.stream(str(number))] == [b"text"]
    assert [found.stream for found in log.read(0, 10)] == [str(number)] * 2


def test_a_stream_is_given_by_version_however_it_was_written(log: CommitLog) -> None:
    for versions in ([10, 2], [1, 30], [3], [20]):
        log.append([event("po_1", version) for version in versions] + [event("po_2", versions[0] + 100)])

    def versions_of(**limits: Any) -> list[int]:
        return [found.originator_version for found in log.stream("po_1", **limits)]

    assert versions_of() == [1, 2, 3, 10, 20, 30]
    assert versions_of(limit=2) == [1, 2]
    assert versions_of(desc=True, limit=2) == [30, 20]
    assert versions_of(desc=True, limit=1, lte=19) == [10]
    assert versions_of(desc=True, limit=3, lte=10) == [10, 3, 2]
    assert versions_of(gt=2, lte=20) == [3, 10, 20]


def test_the_newest_event_of_a_long_stream_is_found_without_reading_the_others(
    log: CommitLog, collection: Collection[dict[str, Any]]
) -> None:
    for first in range(1, 400, 4):
        log.append([event("acc_1", first + i) for i in range(4)])
    plan = (
        collection.find({"e": {"$elemMatch": {"s": "acc_1", "v": {"$lte": 300}}}})
        .hint("stream_version")
        .limit(1)
        .explain()
    )
    assert plan["executionStats"]["totalDocsExamined"] == 1
    assert [found.originator_version for found in log.stream("acc_1", lte=300, desc=True, limit=1)] == [300]


@pytest.fixture
def filled(log: CommitLog) -> CommitLog:
    """Positions 1 to 9 in commits of 1, 3, 2 and 3 events; `payout.paid` at 3, 6 and 9."""
    position = 0
    for count in (1, 3, 2, 3):
        log.append(
            [
                event("po_1", position + i, "payout.requested" if (position + i) % 3 else "payout.paid")
                for i in range(1, count + 1)
            ]
        )
        position += count
    return log


def positions(log: CommitLog, after: int, limit: int, *names: str) -> list[int]:
    return [found.position for found in log.read(after, limit, names)]


def test_reading_may_begin_and_end_inside_a_commit(filled: CommitLog) -> None:
    for after in range(12):
        for limit in range(12):
            assert positions(filled, after, limit) == list(range(after + 1, min(after + limit, 9) + 1))
    assert [found.version for found in filled.read(2, 3)] == [3, 4, 5]


def test_reading_by_name_keeps_the_positions(filled: CommitLog) -> None:
    assert positions(filled, 0, 10, "payout.paid") == [3, 6, 9]
    assert positions(filled, 3, 1, "payout.paid") == [6]
    assert positions(filled, 0, 10, "payout.paid", "payout.requested") == list(range(1, 10))
    assert positions(filled, 0, 10, "payout.returned") == []


def test_reading_by_name_goes_on_through_long_stretches_of_others(log: CommitLog) -> None:
    for block in range(3):
        log.append([event(f"je_{block}", i, "journal.posted") for i in range(1, WINDOW)])
    log.append([event("po_1", 1)])
    last = 3 * (WINDOW - 1) + 1
    assert positions(log, 0, 5, "payout.requested") == [last]
    assert positions(log, 0, 2 * WINDOW) == list(range(1, 2 * WINDOW + 1))
    assert log.head() == last


def follow(log: CommitLog, limit: int, seen: list[int]) -> None:
    """Read on until nothing comes; `seen` gets the positions."""
    while found := positions(log, len(seen), limit):
        seen += found


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 100])
def test_nothing_is_read_past_a_hole(filled: CommitLog, collection: Collection[dict[str, Any]], limit: int) -> None:
    collection.insert_one({"_id": Int64(12), "n": 1, "e": [{"s": "po_9", "v": 1, "t": "x", "d": ""}]})
    seen: list[int] = []
    with pytest.raises(LogDamaged) as damage:
        follow(filled, limit, seen)
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) <= 9
    assert damage.value.facts == {"position": 10}
    with pytest.raises(LogDamaged):
        MongoApplicationRecorder(filled).select_notifications(8, 10)
    with pytest.raises(LogDamaged):
        filled.read(0, 100, ["payout.returned"])


@pytest.mark.parametrize(
    "planted",
    [
        {"_id": Int64(10), "n": 2, "e": [{"s": "po_9", "v": 1, "t": "x", "d": ""}]},
        {"_id": Int64(10), "n": 0, "e": []},
        {"_id": Int64(8), "n": 1, "e": [{"s": "po_9", "v": 1, "t": "x", "d": ""}]},
    ],
    ids=["too few events", "no event", "a position twice"],
)
def test_a_commit_that_does_not_fit_is_not_read(
    filled: CommitLog, collection: Collection[dict[str, Any]], planted: dict[str, Any]
) -> None:
    collection.insert_one(planted)
    with pytest.raises(LogDamaged):
        filled.read(0, 100)


def test_a_log_whose_beginning_is_gone_is_not_read(filled: CommitLog, collection: Collection[dict[str, Any]]) -> None:
    collection.delete_one({"_id": 1})
    with pytest.raises(LogDamaged) as damage:
        filled.read(0, 100)
    assert damage.value.facts == {"position": 1}


def test_notifications_honour_start_stop_limit_and_topics(filled: CommitLog) -> None:
    recorder = MongoApplicationRecorder(filled)

    def ids(*args: Any, **more: Any) -> list[int]:
        return [found.id for found in recorder.select_notifications(*args, **more)]

    assert ids(None, 3) == [1, 2, 3]
    assert ids(3, 3) == [3, 4, 5]
    assert ids(3, 3, inclusive_of_start=False) == [4, 5, 6]
    assert ids(3, 10, stop=4) == [3, 4]
    assert ids(5, 10, stop=4) == []
    assert ids(-3, 2) == [1, 2]
    assert ids(2, 10, stop=8, topics=["payout.paid"]) == [3, 6]
    assert recorder.max_notification_id() == 9


def test_the_log_is_read_backwards_as_forwards(log: CommitLog) -> None:
    for start in range(0, 40, 4):
        log.append([event(f"po_{n}", 1, name="a" if n % 3 else "b") for n in range(start, start + 4)])
    forwards = log.read(0, 100)
    assert log.read_back(log.head() + 1, 100) == forwards[::-1]
    assert log.read_back(7, 3) == forwards[3:6][::-1]
    assert log.read_back(100, 2, ["b"]) == [one for one in forwards[::-1] if one.name == "b"][:2]
    assert log.read_back(1, 10) == []
    assert log.read_back(5, 0) == []


ALTERATIONS: list[dict[str, Any]] = [
    {"$set": {"e.1.d": '{"amount":999}'}},
    {"$set": {"e.1.s": "po_2"}},
    {"$set": {"e.1.v": 17}},
    {"$set": {"e.1.t": "payout.approved"}},
    {"$unset": {"e.1.c": 1}},
    {"$unset": {"e.1.d": 1}},
    {"$set": {"e.1.c": 0}},
    {"$set": {"e.1.d": 12}},
]


@pytest.mark.parametrize("alteration", ALTERATIONS, ids=str)
def test_an_altered_event_is_read_by_nobody(
    filled: CommitLog, collection: Collection[dict[str, Any]], alteration: dict[str, Any]
) -> None:
    assert len(filled.read(0, 100)) == 9
    collection.update_one({"_id": 2}, alteration)
    assert [one.position for one in filled.read(0, 2)] == [1, 2]
    for read in (lambda: filled.read(0, 100), lambda: filled.read_back(10, 10)):
        with pytest.raises(LogDamaged, match=r"is not as it was written.*restore"):
            read()
    if alteration != ALTERATIONS[1]:
        with pytest.raises(LogDamaged):
            filled.stream("po_1")


def test_a_removed_event_leaves_a_hole_however_it_is_covered_up(
    filled: CommitLog, collection: Collection[dict[str, Any]]
) -> None:
    collection.update_one({"_id": 2}, {"$pop": {"e": 1}, "$inc": {"n": -1}})
    with pytest.raises(LogDamaged, match="position 4"):
        filled.read(0, 100)
