"""Reading from SQL stores: rows that were altered, removed, added or moved by hand are found, never passed on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eventsourcing.persistence import InternalError
from sqlalchemy import text

from ledger.errors import LogDamaged
from ledger.event_log import EventLog, opened
from ledger.sql_log import SqlLog
from tests.ledger.logged import by_hand, event, remove_row


@pytest.fixture
def log(sql_events_url: str) -> Iterator[EventLog]:
    """Nine events; each odd one is of another stream."""
    with opened(sql_events_url) as log:
        for position in range(1, 10):
            log.append([event(f"po_{position % 2}", position, state=b'{"amount":150000}')])
        yield log


def damaged_at(log: EventLog, after: int = 0, limit: int = 100) -> object:
    with pytest.raises(LogDamaged) as damage:
        log.read(after, limit)
    assert "150001" not in str(damage.value)
    assert "restore" in str(damage.value)
    return damage.value.facts["position"]


ALTERED = [
    "state = '{\"amount\":150001}'",
    "state = NULL, raw = '{\"amount\":150001}'",
    "raw = 'x'",
    "state = NULL",
    "version = 50",
    "stream = 'po_7'",
    "name = 'payout.approved'",
    "crc = crc + 1",
]


@pytest.mark.parametrize("change", ALTERED)
def test_an_altered_event_is_not_read_by_anybody(log: EventLog, sql_events_url: str, change: str) -> None:
    with by_hand(sql_events_url) as connection:
        connection.exec_driver_sql(f"UPDATE events SET {change} WHERE position = 5")  # noqa: S608  one of ALTERED
    assert damaged_at(log) == 5
    assert [found.position for found in log.read(0, 4)] == [1, 2, 3, 4]
    assert [found.position for found in log.read(5, 100)] == [6, 7, 8, 9]
    with pytest.raises(LogDamaged):
        log.read_back(10, 100)
    with pytest.raises(LogDamaged):
        log.stream("po_7" if "po_7" in change else "po_1")


def test_a_stream_that_is_no_uuid_any_more_is_damaged(log: EventLog, sql_events_url: str) -> None:
    with by_hand(sql_events_url) as connection:
        connection.exec_driver_sql("UPDATE events SET is_uuid = 1 WHERE position = 5")
    assert isinstance(log, SqlLog)
    with pytest.raises(LogDamaged):
        log.notifications(0, 10)


def test_a_text_that_is_no_text_any_more_stops_the_reader(sqlite_events_url: str) -> None:
    with opened(sqlite_events_url) as log:
        log.append([event("po_1", 1)])
        with by_hand(sqlite_events_url) as connection:
            connection.exec_driver_sql("UPDATE events SET state = CAST(x'FF' AS TEXT)")
        with pytest.raises(InternalError, match="Restore it from a backup"):
            log.read(0, 10)


def test_the_last_event_cannot_be_removed_unseen(log: EventLog, sql_events_url: str) -> None:
    remove_row(sql_events_url, 9)
    assert damaged_at(log) == 9
    with pytest.raises(LogDamaged):
        log.head()


@pytest.mark.parametrize("position", [0, 10, 12])
def test_an_event_that_is_added_by_hand_is_found(log: EventLog, sql_events_url: str, position: int) -> None:
    with by_hand(sql_events_url) as connection:
        added = text(
            "INSERT INTO events (position, stream, is_uuid, version, name, state, crc)"
            " VALUES (:position, 'po_9', 0, 1, 'payout.requested', '', 1)"
        )
        connection.execute(added, {"position": position})
    if position:
        assert damaged_at(log) == 10
    else:
        assert [found.position for found in log.read(-5, 3)] == [1, 2, 3]


@pytest.mark.parametrize(
    "statement", ["DELETE FROM heads", "UPDATE heads SET position = 3", "UPDATE heads SET position = 12"]
)
def test_a_head_that_was_changed_by_hand_is_found(log: EventLog, sql_events_url: str, statement: str) -> None:
    with by_hand(sql_events_url) as connection:
        connection.exec_driver_sql(statement)
    assert isinstance(damaged_at(log), int)
    with opened(sql_events_url) as again, pytest.raises(LogDamaged):
        again.head()
