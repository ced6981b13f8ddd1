"""Every kind of record survives the way to disk and back."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from banks.simulator.records import (
    Account,
    AccountOpened,
    BulkKept,
    ClockAdvanced,
    Delivery,
    DeliveryTried,
    Entry,
    EntryBooked,
    Movement,
    Notice,
    NoticeKept,
    Order,
    OrderKept,
    OrderReceived,
    Party,
    Record,
)

AT = datetime(2025, 1, 15, 3, 30, tzinfo=UTC)
PARTY = Party("NGUYEN VAN ANH", "1012345678", "970436")
MOVEMENT = Movement(
    reference="ACB2501500000001",
    account="12345678",
    trace="100001",
    at=AT,
    effective_on=date(2025, 1, 15),
    direction="credit",
    amount=150_000,
    balance_after=150_000,
    memo="SOCAI7K3M9Q2X GD 100001-011525 10:30:00",
    product="napas",
    party=PARTY,
)
LEGS = {"12345678": 150_000, "napas": -150_000}
ORDER = Order(
    trace="T1",
    source="12345678",
    rail="napas",
    amount=1,
    charge=0,
    beneficiary=PARTY,
    remarks="x",
    document={"amount": {"amount": "1"}},
    created_at=AT,
    next_at=AT,
)
NOTICE = Notice(number=1, request_trace="r", kind="movement", references=("a",), next_at=AT)
DELIVERY = Delivery(
    notice=1, attempt=1, at=AT, url="u", request="{}", http=None, answer="", acknowledged=False, problem="no answer"
)
SPECIMENS: list[Record] = [
    AccountOpened(Account(number="12345678", name="CONG TY SOCAI", client=True)),
    EntryBooked(Entry(number=1, at=AT, cause="payment in", legs=LEGS, movements=(MOVEMENT,))),
    OrderReceived("T1"),
    OrderKept(ORDER),
    BulkKept("B1", AT, ("T1",)),
    NoticeKept(NOTICE),
    DeliveryTried(DELIVERY),
    ClockAdvanced(86_400.0),
]


@pytest.mark.parametrize("record", SPECIMENS, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_as_it_was_written(record: Record) -> None:
    decoded: Record = msgspec.json.decode(msgspec.json.encode(record), type=Record)
    assert decoded == record


def test_a_movement_is_shown_under_its_own_reference_or_the_one_it_shares() -> None:
    assert MOVEMENT.shown == "ACB2501500000001"
    assert msgspec.structs.replace(MOVEMENT, shares="ACB2501500000000").shown == "ACB2501500000000"
