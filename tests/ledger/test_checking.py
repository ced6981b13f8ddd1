"""Is the log whole? A whole one is said to be, and every planted fault is found at its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st
from pymongo import MongoClient

from ledger.checking import Checked, Versions, check
from ledger.event_log import EventLog, opened
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from tests.ledger.logged import by_hand, remove_row
from tests.ledger.stored import movements
from tests.story import MASTER_KEY, Story, counted_bytes

ACCOUNT = "merchant:mer_1:available"


def unheard(doing: str, reached: int, aim: int) -> None:
    """Progress that nobody looks at."""


def checked(log: EventLog, **more: int) -> Checked:
    return check(log, unheard, **more)


def kinds(found: Checked) -> list[tuple[int, str]]:
    """Position and kind of each fault."""
    return [(fault.position, fault.kind) for fault in found.faults]


@pytest.fixture
def log(event_log_url: str) -> Iterator[EventLog]:
    """A log with the story of a payout in it."""
    with Ledger.at(event_log_url, MASTER_KEY, counted_bytes(), KeysInMemory()) as ledger:
        story = Story(ledger)
        story.submitted(story.funded(2_000_000), 1_000_000)
    with opened(event_log_url) as found:
        yield found


def written_otherwise(log: EventLog, **fields: Any) -> StoredEvent:
    """A next event of the last stream that says something else in some fields of its envelope or payload."""
    row = log.read_back(log.head() + 1, 1)[0]
    state = json.loads(row.state)
    state["data"] |= fields.pop("data", {})
    text = json.dumps(state | fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return StoredEvent(row.stream, row.version + 1, row.name, text.encode())


def test_a_whole_log_is_said_to_be_whole(log: EventLog) -> None:
    found = checked(log)
    rows = log.read(0, 1_000)
    assert found.faults == ()
    assert (found.events, found.reached, found.head) == (len(rows), len(rows), log.head())
    assert (found.streams, found.size) == (len({row.stream for row in rows}), sum(len(row.state) for row in rows))


def test_an_empty_log_is_whole(event_log_url: str) -> None:
    with opened(event_log_url) as log:
        assert checked(log) == Checked(events=0, streams=0, size=0, reached=0, head=0, faults=())


def test_a_long_log_is_checked_in_sections(event_log_url: str) -> None:
    events = list(movements(ACCOUNT, 4_500))
    reached: list[int] = []
    with opened(event_log_url) as log:
        for first in range(0, 4_500, 500):
            log.append(events[first : first + 500])
        found = check(log, lambda doing, position, head: reached.append(position))
    assert (found.faults, found.events, found.streams) == ((), 4_500, 1)
    assert reached == [2_000, 4_000, 4_500]


def test_a_stored_name_that_nobody_knows_is_found(log: EventLog) -> None:
    event = written_otherwise(log)
    log.append([StoredEvent(event.originator_id, event.originator_version, "payout.teleported", event.state)])
    assert kinds(checked(log)) == [(log.head(), "unknown_name")]


def test_a_schema_from_a_newer_release_is_found_and_the_cure_is_a_newer_release(log: EventLog) -> None:
    log.append([written_otherwise(log, schema=99)])
    found = checked(log)
    assert kinds(found) == [(log.head(), "newer_schema")]
    assert "newest release" in found.faults[0].cure


@pytest.mark.parametrize("state", [b"", b"\xff", b"[]", b'{"actor":5,', b"{}", b'{"data":{},"schema":1}'])
def test_a_payload_that_cannot_be_decoded_is_found(log: EventLog, state: bytes) -> None:
    event = written_otherwise(log)
    log.append([StoredEvent(event.originator_id, event.originator_version, event.topic, state)])
    assert kinds(checked(log)) == [(log.head(), "undecodable")]


def test_bytes_that_are_not_canonical_are_found(log: EventLog) -> None:
    event = written_otherwise(log)
    spaced = json.dumps(json.loads(event.state)).encode()
    log.append([StoredEvent(event.originator_id, event.originator_version, event.topic, spaced)])
    assert kinds(checked(log)) == [(log.head(), "not_canonical")]


@pytest.mark.parametrize("more", [{"extra": 1}, {"data": {"extra": 1}}])
def test_a_field_that_this_release_does_not_know_is_found(log: EventLog, more: dict[str, Any]) -> None:
    log.append([written_otherwise(log, **more)])
    assert kinds(checked(log)) == [(log.head(), "not_canonical")]


@pytest.mark.parametrize("cause", ["po_NOBODY@1", "po_NOBODY", "", "@", "po_1@x"])
def test_a_cause_that_does_not_stand_before_is_found(log: EventLog, cause: str) -> None:
    log.append([written_otherwise(log, causation=cause)])
    assert kinds(checked(log)) == [(log.head(), "cause_missing")]


def test_an_event_cannot_be_its_own_cause_nor_that_of_an_earlier_one(log: EventLog) -> None:
    event = written_otherwise(log)
    stream, version = event.originator_id, event.originator_version
    for cause in (version - 1, version + 1, version + 2):
        log.append([written_otherwise(log, causation=f"{stream}@{cause}")])
    assert kinds(checked(log)) == [(log.head() - 1, "cause_missing"), (log.head(), "cause_missing")]


def test_a_swapped_pair_is_found(event_log_url: str) -> None:
    events = list(movements(ACCOUNT, 5))
    with opened(event_log_url) as log:
        log.append([events[0], events[2], events[1], *events[3:]])
        assert kinds(checked(log)) == [(2, "version_out_of_order"), (3, "version_out_of_order")]


def test_a_missing_version_is_found(event_log_url: str) -> None:
    events = list(movements(ACCOUNT, 6))
    with opened(event_log_url) as log:
        log.append([*events[:2], *events[3:]])
        found = checked(log)
        assert kinds(found) == [(3, "version_out_of_order")]
        assert found.faults[0].detail == f"{ACCOUNT}@4 follows version 2 of its stream."


def test_the_list_of_faults_ends_and_says_where(log: EventLog) -> None:
    head = log.head()
    for _ in range(5):
        log.append([written_otherwise(log, schema=99)])
    found = checked(log, faults_max=3)
    assert kinds(found) == [(head + number, "newer_schema") for number in (1, 2, 3)]


@pytest.fixture
def account_url(event_log_url: str) -> str:
    """A log of thirty movements of an account, each appended alone."""
    with opened(event_log_url) as log:
        for event in movements(ACCOUNT, 30):
            log.append([event])
    return event_log_url


def found_in(url: str) -> list[tuple[int, str]]:
    with opened(url) as log:
        return kinds(checked(log))


def changed_by_hand(url: str, position: int, field: str, old: str, new: str) -> None:
    """Replace text in what stands at a position: `field` is name or state."""
    if url.startswith("mongodb"):
        with MongoClient[dict[str, Any]](url) as client:
            events = client.get_default_database()["events"]
            commit = events.find_one({"_id": position})
            assert commit is not None
            key = {"name": "t", "state": "d"}[field]
            assert old in commit["e"][0][key]
            events.update_one({"_id": position}, {"$set": {f"e.0.{key}": commit["e"][0][key].replace(old, new)}})
        return
    with by_hand(url) as connection:
        query = f"UPDATE events SET {field} = REPLACE({field}, :old, :new) WHERE position = :position"  # noqa: S608
        words = {"old": old, "new": new, "position": position}
        assert connection.execute(sqlalchemy.text(query), words).rowcount == 1


def test_a_removed_event_is_found(account_url: str) -> None:
    remove_row(account_url, 17)
    assert found_in(account_url) == [(17, "unreadable"), (18, "version_out_of_order")]


def test_a_removed_stretch_is_found_position_by_position(account_url: str) -> None:
    for position in (12, 13, 14):
        remove_row(account_url, position)
    expected = [(12, "unreadable"), (13, "unreadable"), (14, "unreadable"), (15, "version_out_of_order")]
    assert found_in(account_url) == expected


def test_an_altered_amount_is_found(account_url: str) -> None:
    changed_by_hand(account_url, 18, "state", '"units":3', '"units":4')
    assert found_in(account_url) == [(18, "unreadable"), (19, "version_out_of_order")]


def test_a_stored_name_changed_by_hand_is_found(account_url: str) -> None:
    changed_by_hand(account_url, 18, "name", "account.credited", "account.debited")
    assert found_in(account_url)[0] == (18, "unreadable")


@pytest.mark.parametrize("kind", ["mysql_events_url", "sqlite_events_url"])
def test_a_removed_end_is_found_where_the_store_counts(kind: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(kind)
    with opened(url) as log:
        log.append(list(movements(ACCOUNT, 30)))
    remove_row(url, 30)
    assert found_in(url) == [(30, "unreadable")]


def test_an_event_removed_from_its_commit_is_found(event_store_url: str) -> None:
    with opened(event_store_url) as log, MongoClient[dict[str, Any]](event_store_url) as client:
        events = list(movements(ACCOUNT, 9))
        for first in (0, 3, 6):
            log.append(events[first : first + 3])
        client.get_default_database()["events"].update_one({"_id": 4}, {"$pop": {"e": 1}})
        assert kinds(checked(log))[:3] == [(4, "unreadable"), (5, "unreadable"), (6, "unreadable")]


def test_a_doubled_version_is_found(event_store_url: str) -> None:
    with opened(event_store_url) as log, MongoClient[dict[str, Any]](event_store_url) as client:
        log.append(list(movements(ACCOUNT, 3)))
        commits = client.get_default_database()["events"]
        commits.drop_indexes()
        first = commits.find_one({"_id": 1})
        assert first is not None
        commits.insert_one({**first, "_id": 4})
        assert kinds(checked(log)) == [(position, "version_out_of_order") for position in (4, 5, 6)]


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 2**32 - 1)), max_size=6_000))
def test_the_table_of_versions_is_a_dict_in_little_memory(notes: list[tuple[int, int]]) -> None:
    versions, expected = Versions(slots=2), dict[str, int]()
    for number, version in notes:
        versions.note(f"s_{number}", version)
        expected[f"s_{number}"] = version
    assert {stream: versions.last(stream) for stream in expected} == expected
    assert versions.streams == len(expected)
    assert versions.last("nobody") == 0


def test_a_version_beyond_what_a_slot_holds_is_still_a_fault(event_log_url: str) -> None:
    row = next(movements(ACCOUNT, 1))
    with opened(event_log_url) as log:
        log.append([StoredEvent(ACCOUNT, 2**40, row.topic, row.state)])
        assert kinds(checked(log)) == [(1, "version_out_of_order")]


def test_a_fault_names_no_value(log: EventLog) -> None:
    log.append([written_otherwise(log, data={"reason": "s3cret"}, schema=99)])
    log.append([StoredEvent("x", 1, "account.opened", b'{"actor":"s3cret"}')])
    assert "s3cret" not in repr(checked(log).faults)
