"""Reading, on every store alike: bytes as they were, streams by version, the log in order and never past a hole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from ledger.errors import LogDamaged
from ledger.event_log import EventLog, opened
from tests.ledger.logged import event, remove_row

WINDOW = 5_000
"""Positions that the stores read in one query."""

STATES = [
    b"",
    b"{}",
    '{"memo":"Tiền hàng 😀"}'.encode(),
    b"\x00\x01",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    bytes(range(256)),
    b"$a.b",
    b"""100 % "quoted" 'and' \\escaped\\ %(x)s :x ? \r\n\x1a""",
]


@pytest.fixture
def log(event_log_url: str) -> Iterator[EventLog]:
    with opened(event_log_url) as log:
        yield log


def test_bytes_come_back_as_they_went_in(log: EventLog) -> None:
    log.append([event("po_1", version, state=state) for version, state in enumerate(STATES)])
    assert [found.state for found in log.stream("po_1")] == STATES
    assert [found.state for found in log.read(0, 100)] == STATES


def test_stream_ids_keep_their_type(log: EventLog) -> None:
    number = UUID("12345678-1234-5678-1234-567812345678")
    log.append([StoredEvent(number, 1, "t", b"uuid"), StoredEvent(str(number), 1, "t", b"text")])
    assert log.stream(number) == [StoredEvent(number, 1, "t", b"uuid")]
    assert log.stream(str(number)) == [StoredEvent(str(number), 1, "t", b"text")]
    assert [found.stream for found in log.read(0, 10)] == [str(number)] * 2


def test_every_letter_and_blank_of_a_stream_and_a_name_counts(log: EventLog) -> None:
    alike = "po_1|PO_1|po_1 | po_1|po_1\x00|p\xf3_1|po\u0301_1|po_\uff11|| |Ti\u1ec1n|Tie\u0302\u0300n|$po.2|\xdf|ss"
    streams = alike.split("|")
    log.append([event(stream, 1) for stream in streams])
    assert [[found.originator_id for found in log.stream(stream)] for stream in streams] == [[one] for one in streams]
    log.append([event("names", number, name) for number, name in enumerate(["a", "A", "a ", "á"])])
    assert [found.name for found in log.read(0, 100, ["a"])] == ["a"]


def test_a_stream_is_given_by_version_however_it_was_written(log: EventLog) -> None:
    for numbers in ([10, 2], [1, 30], [3], [20]):
        log.append([event("po_1", version) for version in numbers] + [event("po_2", numbers[0] + 100)])

    def versions_of(**limits: Any) -> list[int]:
        return [found.originator_version for found in log.stream("po_1", **limits)]

    assert versions_of() == [1, 2, 3, 10, 20, 30]
    assert versions_of(limit=2) == [1, 2]
    assert versions_of(desc=True, limit=2) == [30, 20]
    assert versions_of(desc=True, limit=1, lte=19) == [10]
    assert versions_of(desc=True, limit=3, lte=10) == [10, 3, 2]
    assert versions_of(gt=2, lte=20) == [3, 10, 20]
    assert log.stream("po_3") == []


def test_the_histories_of_several_streams_come_in_order_of_position(log: EventLog) -> None:
    number = UUID("12345678-1234-5678-1234-567812345678")
    log.append([event("po_1", 1), event("po_2", 1), event("je_1", 1)])
    log.append([event("po_2", 2)])
    log.append([event("je_2", 1), event("po_1", 2), event("po_3", 1), event("po_1", 3)])
    log.append([StoredEvent(number, 1, "t", b"uuid"), event("PO_1", 1)])

    def found(upto: int, *streams: str) -> list[tuple[int, str, int]]:
        return [(one.position, one.stream, one.version) for one in log.histories(streams, upto)]

    mine = [(1, "po_1", 1), (2, "po_2", 1), (4, "po_2", 2), (6, "po_1", 2), (8, "po_1", 3)]
    assert found(100, "po_2", "po_1") == mine
    for upto in range(9):
        assert found(upto, "po_1", "po_2") == [one for one in mine if one[0] <= upto]
    assert found(100, "po_1", str(number), "po_4") == [one for one in mine if one[1] == "po_1"]
    assert found(100) == []
    assert log.histories(["po_3"], 100)[0].state == event("po_3", 1).state


@pytest.fixture
def filled(log: EventLog) -> EventLog:
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


def positions(log: EventLog, after: int, limit: int, *names: str) -> list[int]:
    return [found.position for found in log.read(after, limit, names)]


def test_reading_may_begin_and_end_anywhere(filled: EventLog) -> None:
    for after in range(12):
        for limit in range(12):
            assert positions(filled, after, limit) == list(range(after + 1, min(after + limit, 9) + 1))
    assert [found.version for found in filled.read(2, 3)] == [3, 4, 5]


def test_reading_by_name_keeps_the_positions(filled: EventLog) -> None:
    assert positions(filled, 0, 10, "payout.paid") == [3, 6, 9]
    assert positions(filled, 3, 1, "payout.paid") == [6]
    assert positions(filled, 0, 10, "payout.paid", "payout.requested") == list(range(1, 10))
    assert positions(filled, 0, 10, "payout.returned") == []


def test_reading_by_name_goes_on_through_long_stretches_of_others(log: EventLog) -> None:
    for block in range(3):
        log.append([event(f"je_{block}", i, "journal.posted", b"{}") for i in range(1, WINDOW)])
    log.append([event("po_1", 1)])
    last = 3 * (WINDOW - 1) + 1
    assert positions(log, 0, 5, "payout.requested") == [last]
    assert positions(log, 0, 2 * WINDOW) == list(range(1, 2 * WINDOW + 1))
    assert log.head() == last


def test_the_log_is_read_backwards_as_forwards(log: EventLog) -> None:
    for start in range(0, 40, 4):
        log.append([event(f"po_{n}", 1, name="a" if n % 3 else "b") for n in range(start, start + 4)])
    forwards = log.read(0, 100)
    assert log.read_back(log.head() + 1, 100) == forwards[::-1]
    assert log.read_back(7, 3) == forwards[3:6][::-1]
    assert log.read_back(100, 2, ["b"]) == [one for one in forwards[::-1] if one.name == "b"][:2]
    assert log.read_back(1, 10) == []
    assert log.read_back(5, 0) == []


@pytest.mark.parametrize("gone", [1, 5, 8])
def test_nothing_is_read_past_a_hole(log: EventLog, event_log_url: str, gone: int) -> None:
    for version in range(1, 10):
        log.append([event("po_1", version)])
    remove_row(event_log_url, gone)
    for limit in (1, 2, 3, 100):
        seen: list[int] = []
        with pytest.raises(LogDamaged) as damage:
            follow(log, limit, seen)
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) < gone
        assert damage.value.facts == {"position": gone}
    with pytest.raises(LogDamaged):
        log.read(0, 100, ["payout.returned"])
    with pytest.raises(LogDamaged):
        log.read_back(10, 100)
    assert [found.position for found in log.read(gone, 100)] == list(range(gone + 1, 10))


def follow(log: EventLog, limit: int, seen: list[int]) -> None:
    """Read on until nothing comes; `seen` gets the positions."""
    while found := positions(log, len(seen), limit):
        seen += found
