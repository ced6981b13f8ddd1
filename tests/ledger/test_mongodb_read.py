"""Reading from MongoDB: bytes as they were, streams by version, the log in order and never past a hole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bson import Int64
from eventsourcing.persistence import StoredEvent
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from ledger.errors import LogDamaged
from ledger.mongodb import MongoApplicationRecorder
from ledger.mongodb_log import CommitLog, Connection
from ledger.mongodb_read import cure


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
    with pytest.raises(LogDamaged, match=r"is not as it was written.*restore"):
        filled.read(0, 100)
    with pytest.raises(LogDamaged, match=r"is not as it was written.*restore"):
        filled.read_back(10, 10)
    if alteration != ALTERATIONS[1]:
        with pytest.raises(LogDamaged):
            filled.stream("po_1")


def test_a_removed_event_leaves_a_hole_however_it_is_covered_up(
    filled: CommitLog, collection: Collection[dict[str, Any]]
) -> None:
    collection.update_one({"_id": 2}, {"$pop": {"e": 1}, "$inc": {"n": -1}})
    with pytest.raises(LogDamaged, match="position 4"):
        filled.read(0, 100)


@pytest.mark.parametrize(
    "alteration",
    [{"$unset": {"n": 1}}, {"$set": {"n": "3"}}, {"$unset": {"e": 1}}, {"$set": {"e": 7}}, {"$set": {"e.1": 7}}],
    ids=str,
)
def test_a_commit_that_is_none_any_more_is_damage_and_not_a_crash(
    filled: CommitLog, collection: Collection[dict[str, Any]], alteration: dict[str, Any]
) -> None:
    collection.update_one({"_id": 2}, alteration)
    with pytest.raises(LogDamaged):
        filled.read(0, 100)
    collection.update_one({"_id": 7}, {"$unset": {"n": 1}})
    with pytest.raises(LogDamaged):
        filled.head()


def test_a_full_disk_is_told_with_the_cure() -> None:
    assert "free some space" in cure(OperationFailure("No space left on device", 14031))
    assert cure(OperationFailure("not primary", 10107)) == ""
