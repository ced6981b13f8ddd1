"""Who takes an event: by its name, by the share of its stream, and everyone where the name cannot be trusted."""

from __future__ import annotations

from collections import Counter

from ledger.event_log import Recorded
from ledger.payments import PaymentIntent
from projections.projection import PROJECTIONS
from projections.units import SHARES, Takers, Unit

CREATED = PaymentIntent.Created.stored_name


def _event(stream: str, name: str = CREATED, state: bytes = b"{}") -> Recorded:
    return Recorded(position=1, stream=stream, version=1, name=name, state=state)


def _takers(*processes: list[Unit]) -> Takers:
    return Takers(processes, PROJECTIONS)


def test_an_event_goes_to_every_process_it_concerns_with_the_units_that_take_it() -> None:
    takers = _takers([Unit("payouts", ""), Unit("payments", "")], [Unit("statement_lines", ""), Unit("webhooks", "")])
    assert list(takers.of(_event("pi_1"))) == [(0, 0b10), (1, 0b11)]
    assert list(takers.of(_event("po_1", "payout.approved"))) == [(0, 0b01), (1, 0b10)]
    assert list(takers.of(_event("x_1", "nobody.follows"))) == []


def test_every_stream_belongs_to_one_share_and_always_to_the_same() -> None:
    third = SHARES // 3
    takers = _takers([Unit("payments", "", 0, third)], [Unit("payments", "", third), Unit("webhooks", "")])
    found = Counter[bool]()
    for number in range(2_000):
        taking = list(takers.of(_event(f"pi_{number}")))
        assert taking in ([(0, 0b1), (1, 0b10)], [(1, 0b11)])
        assert list(takers.of(_event(f"pi_{number}", "payment_intent.paid"))) == taking
        found[len(taking) == 2] += 1
    assert 0.2 < found[True] / found.total() < 0.45


def test_an_event_that_was_altered_is_everyones() -> None:
    takers = _takers([Unit("payments", ""), Unit("alarms", "", 0, 0)], [Unit("payouts", "")])
    assert list(takers.of(_event("pi_1", "nobody.follows", b""))) == [(0, 0b1), (1, 0b1)]
