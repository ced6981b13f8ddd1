"""What one event is in a row, and what the tables cannot hold."""

from __future__ import annotations

from uuid import UUID

import pytest
from eventsourcing.persistence import DataError, StoredEvent

from ledger.event_log import EVENT_BYTES_MAX, NAME_MAX, checksum, opened
from ledger.sql_tables import EventRow, row_of, state_of, stored_event

NUMBER = UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize("stream", ["po_1", NUMBER], ids=["text", "uuid"])
@pytest.mark.parametrize("state", [b"", b"{}", b"\xff", "Tiền".encode()])
def test_an_event_comes_back_from_its_row(stream: str | UUID, state: bytes) -> None:
    event = StoredEvent(stream, 7, "payout.requested", state)
    row = row_of(event)
    assert row["crc"] == checksum(stream, 7, "payout.requested", state)
    assert stored_event(EventRow(position=1, **row)) == event


@pytest.mark.parametrize(
    "event",
    [
        StoredEvent("p" * (NAME_MAX + 1), 1, "payout.requested", b""),
        StoredEvent("po_1", 1, "n" * (NAME_MAX + 1), b""),
        StoredEvent("po_\ud800", 1, "payout.requested", b""),
        StoredEvent("po_1", 2**63, "payout.requested", b""),
        StoredEvent("po_1", -(2**63), "payout.requested", b""),
        StoredEvent("po_1", 1, "payout.requested", b"x" * (EVENT_BYTES_MAX + 1)),
    ],
    ids=["long stream", "long name", "no text", "large version", "small version", "large state"],
)
def test_what_the_tables_cannot_hold_is_refused_and_not_cut(event: StoredEvent) -> None:
    with pytest.raises(DataError) as refusal:
        row_of(event)
    assert "pppp" not in str(refusal.value)


def test_the_longest_names_are_held(sql_events_url: str) -> None:
    event = StoredEvent("ề" * NAME_MAX, 2**63 - 1, "ề" * NAME_MAX, b"{}")
    with opened(sql_events_url) as log:
        log.append([event])
        assert log.stream("ề" * NAME_MAX) == [event]


def test_state_bytes_are_bytes_whatever_the_driver_gives() -> None:
    crc = checksum("po_1", 1, "n", b"\xff")
    state = state_of(EventRow(1, "po_1", False, 1, "n", None, bytearray(b"\xff"), crc))
    assert type(state) is bytes
