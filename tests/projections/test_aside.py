"""What is poison and what is not, what is said of it, and how much of it there may be."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace as changed
from sqlalchemy import Connection, event

from ledger.errors import (
    EventStoreUnavailable,
    EventUnknown,
    EventUnreadable,
    FoldImpossible,
    LostRace,
    ReadTablesUnavailable,
    RebuildOvertaken,
    TooManySetAside,
)
from ledger.event_log import Recorded
from projections import aside
from projections.aside import EVENTS_MAX, STREAMS_MAX, UNTRIED, Aside, SetAside, is_poison, told
from projections.database import Database
from projections.tables import ASIDE, make_tables
from tests.story import START


def entry(position: int, stream: str, cause: str | None = None) -> Aside:
    return Aside.of("somebody", Recorded(position, stream, position, "tally.happened", b""), START, cause)


@pytest.fixture
def set_aside(database: Database) -> SetAside:
    """Of a follower that is no projection."""
    make_tables(database, ())
    return SetAside(ASIDE, "somebody")


@pytest.mark.parametrize("kind", [EventUnknown, EventUnreadable, FoldImpossible, LostRace, KeyError])
def test_a_fault_of_one_event_is_poison(kind: type[Exception]) -> None:
    assert is_poison(kind("x"))


@pytest.mark.parametrize(
    "kind", [EventStoreUnavailable, ReadTablesUnavailable, RebuildOvertaken, TooManySetAside, MemoryError]
)
def test_a_part_that_is_away_is_not(kind: type[Exception]) -> None:
    assert not is_poison(kind("x"))


def test_of_what_others_say_only_the_kind_and_the_place_are_told() -> None:
    assert told(ValueError("a secret value")) == "ValueError"
    assert told(FoldImpossible("There is no row.")) == "FoldImpossible: There is no row."


def test_entries_of_a_stream_come_back_in_order_and_the_first_has_the_cause(
    database: Database, set_aside: SetAside
) -> None:
    entries = [entry(3, "po_a", "broken"), entry(4, "po_b", "broken"), entry(7, "po_a"), entry(9, "po_a")]

    def work(connection: Connection) -> None:
        set_aside.add(connection, entries)
        assert list(set_aside.heads(connection)) == ["po_a", "po_b"]
        assert set_aside.of_stream(connection, "po_a", 2) == [entries[0], entries[2]]
        assert set_aside.count(connection) == 4

    database.write(work)


def test_who_stands_behind_what_was_taken_in_stands_first(database: Database, set_aside: SetAside) -> None:
    entries = [entry(3, "po_a", "broken"), entry(7, "po_a"), entry(9, "po_a")]

    def work(connection: Connection) -> None:
        set_aside.add(connection, entries)
        set_aside.take(connection, entries[:2])
        assert set_aside.heads(connection) == {"po_a": changed(entries[2], cause=UNTRIED)}
        assert set_aside.failed_again(connection, entries[2], "still broken")
        assert not set_aside.failed_again(connection, entries[0], "still broken")
        assert set_aside.heads(connection) == {"po_a": changed(entries[2], cause="still broken", attempts=1)}

    database.write(work)


def test_streams_that_differ_in_case_or_in_a_blank_are_different_streams(
    database: Database, set_aside: SetAside
) -> None:
    streams = ["po_a", "PO_A", "po_a ", "pò_a"]

    def work(connection: Connection) -> None:
        set_aside.add(connection, [entry(number, stream, "broken") for number, stream in enumerate(streams, 1)])
        assert list(set_aside.heads(connection)) == streams
        for number, stream in enumerate(streams, 1):
            for limit in (1, 9):
                assert [found.position for found in set_aside.of_stream(connection, stream, limit)] == [number]

    database.write(work)


def test_no_more_rows_are_read_than_are_asked_for(database: Database, set_aside: SetAside) -> None:
    asked: list[tuple[str, Any]] = []

    def ask(connection: Connection, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    def work(connection: Connection) -> None:
        set_aside.add(connection, [entry(1, "po_a", "broken"), *(entry(number, "po_a") for number in range(2, 50))])
        event.listen(database.engine, "before_cursor_execute", ask)
        try:
            set_aside.of_stream(connection, "po_a", 3)
        finally:
            event.remove(database.engine, "before_cursor_execute", ask)
        assert [len(connection.exec_driver_sql(*question).all()) for question in asked] == [3]

    database.write(work)


def test_what_one_follower_has_set_aside_is_not_anothers(database: Database, set_aside: SetAside) -> None:
    other = SetAside(ASIDE, "somebody_else")

    def work(connection: Connection) -> None:
        set_aside.add(connection, [entry(1, "po_a", "broken")])
        other.add(connection, [changed(entry(1, "po_a", "broken"), follower="somebody_else")])
        other.take(connection, [entry(1, "po_a")])
        assert (set_aside.count(connection), other.count(connection)) == (1, 0)

    database.write(work)


def test_there_is_a_limit_to_streams_and_to_events(
    database: Database, set_aside: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "EVENTS_MAX", STREAMS_MAX + 5)
    full = [entry(number, f"po_{number}", "broken") for number in range(STREAMS_MAX)]

    def work(connection: Connection) -> None:
        set_aside.add(connection, full)
        with pytest.raises(TooManySetAside) as refused:
            set_aside.add(connection, [entry(500, "po_x", "broken")])
        assert refused.value.facts["position"] == 500
        set_aside.add(connection, [entry(600 + number, "po_1") for number in range(5)])
        with pytest.raises(TooManySetAside):
            set_aside.add(connection, [entry(700, "po_1")])
        assert set_aside.count(connection) == STREAMS_MAX + 5

    database.write(work)
    assert EVENTS_MAX > STREAMS_MAX
