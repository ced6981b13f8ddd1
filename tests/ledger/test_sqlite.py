"""What the event store demands of a SQLite file, and how it says no."""

from __future__ import annotations

from pathlib import Path

import pytest
from eventsourcing.persistence import NotSupportedError, OperationalError, ProgrammingError

from ledger.event_log import opened
from ledger.sqlite import Sqlite, store_at
from tests.ledger.logged import by_hand, event


def test_commits_are_on_the_disk_when_they_are_acknowledged(sqlite_events_url: str) -> None:
    store = store_at(sqlite_events_url)
    with store.writing() as connection:
        asked = ("journal_mode", "synchronous", "secure_delete")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert found == ["wal", 2, 1]
    store.close()


def test_a_file_without_a_write_ahead_log_is_refused_with_the_cure(sqlite_events_url: str) -> None:
    with by_hand(sqlite_events_url) as connection, pytest.raises(NotSupportedError, match="local disk"):
        Sqlite().check(connection)


def test_a_folder_that_is_missing_is_told_with_the_cure(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s3cret/events.db"
    with opened(url) as log, pytest.raises(OperationalError, match="folder exists") as refusal:
        log.append([event("po_1", 1)])
    assert "s3cret" not in str(refusal.value)


def test_a_file_of_another_kind_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("This is no database, and it is long enough to be looked at as one." * 20)
    with opened(f"sqlite:///{tmp_path}/events.db") as log, pytest.raises(OperationalError, match="no SQLite database"):
        log.append([event("po_1", 1)])


def test_a_table_that_is_gone_is_told_with_the_cure(sqlite_events_url: str) -> None:
    with opened(sqlite_events_url) as log:
        log.append([event("po_1", 1)])
        with by_hand(sqlite_events_url) as connection:
            connection.exec_driver_sql("DROP TABLE events")
        with pytest.raises(ProgrammingError, match="table is missing"):
            log.append([event("po_1", 2)])


def test_text_can_be_read_by_a_person_in_the_file(sqlite_events_url: str) -> None:
    with opened(sqlite_events_url) as log:
        log.append([event("po_1", 1, state='{"memo":"Tiền hàng"}'.encode()), event("po_1", 2, state=b"\xff")])
    with by_hand(sqlite_events_url) as connection:
        rows = connection.exec_driver_sql("SELECT position, stream, name, state, raw FROM events").all()
    assert rows == [
        (1, "po_1", "payout.requested", '{"memo":"Tiền hàng"}', None),
        (2, "po_1", "payout.requested", None, b"\xff"),
    ]


def test_a_look_at_the_head_sees_what_other_connections_commit(sqlite_events_url: str) -> None:
    with opened(sqlite_events_url) as log:
        log.append([event("po_1", 1)])
        store = store_at(sqlite_events_url)
        with store.make.peek(store.engine, "events") as head:
            assert [head(), head()] == [1, 1]
            log.append([event("po_1", 2), event("po_1", 3)])
            assert [head(), head()] == [3, 3]
        store.close()
