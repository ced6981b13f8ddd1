"""What an enquiry says of an order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from msgspec.structs import replace

from banks.simulator.records import EndCause, Order, Party
from banks.simulator.vietinbank.codes import RECORD_FAILED, record_status

ORDER = Order(
    trace="T1",
    source="110000000001",
    rail="napas",
    amount=1,
    charge=0,
    beneficiary=Party("A", "1", "970422"),
    remarks="x",
    document={},
    created_at=datetime(2025, 1, 15, tzinfo=UTC),
)


def test_every_end_has_a_status_of_its_own_kind() -> None:
    assert record_status(ORDER) == record_status(replace(ORDER, status="checked")) == "01"
    assert record_status(replace(ORDER, status="executed")) == "00"
    assert record_status(replace(ORDER, status="executed", shown_status="PEND")) == "PEND"
    for cause in get_args(EndCause):
        assert record_status(replace(ORDER, status="refused", cause=cause)) not in ("00", "01")
    assert set(RECORD_FAILED) == set(get_args(EndCause))
