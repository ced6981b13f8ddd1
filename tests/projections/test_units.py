"""Who takes an event: by its name, by the share of its stream, and everyone where the name cannot be trusted."""

from __future__ import annotations

from collections import Counter

from ledger.event_log import Recorded
from ledger.payments import PaymentIntent
from projections.projection import PROJECTIONS
from projections.units import SHARES, Takers, Taking, Unit

CREATED = PaymentIntent.Created.stored_name


def _event(stream: str, name: str = CREATED, state: bytes = b"{}") -> Recorded:
    return Recorded(position=1, stream=stream, version=1, name=name, state=state)


def _taking(projection: str, taker: str, first: int = 0, behind: int = SHARES) -> Taking[str]:
    return Taking(Unit(projection, "", first, behind), PROJECTIONS[projection], taker)


def test_an_event_goes_to_whom_it_concerns_once_and_in_the_order_given() -> None:
    takers = Takers([_taking("statement_lines", "b"), _taking("payments", "a"), _taking("webhooks", "b")])
    assert list(takers.of(_event("pi_1"))) == ["b", "a"]
    assert list(takers.of(_event("po_1", "payout.approved"))) == ["b"]
    assert list(takers.of(_event("x_1", "nobody.follows"))) == []


def test_every_stream_belongs_to_one_share_and_always_to_the_same() -> None:
    third = SHARES // 3
    takers = Takers(
        [_taking("payments", "a", 0, third), _taking("payments", "b", third, SHARES), _taking("webhooks", "c")]
    )
    found = Counter[str]()
    for number in range(2_000):
        first, *others = takers.of(_event(f"pi_{number}"))
        assert others == ["c"]
        assert takers.of(_event(f"pi_{number}", "payment_intent.paid"))[0] == first
        found[first] += 1
    assert 0.2 < found["a"] / found.total() < 0.45


def test_an_event_that_was_altered_is_everyones() -> None:
    takers = Takers([_taking("payments", "a"), _taking("payouts", "b"), _taking("alarms", "c", 0, 0)])
    assert list(takers.of(_event("pi_1", "nobody.follows", b""))) == ["a", "b"]
