"""PaymentIntent: what comes decides its status, and what has ended stays ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import codes
from ledger.errors import InvalidAmount, InvalidField, PaymentIntentClosed
from ledger.payments import AMOUNT_MAX, DESCRIPTION_MAX, PaymentIntent, id_of_code
from tests.story import Story, dong

STORY = Story()
NOW = STORY.context()
ON = date(2026, 11, 23)
CODE = codes.make(codes.PAYMENT_PREFIX, codes.PAYMENT_LENGTH, "test")


def intent(units: int = 1_000, description: str = "Đơn hàng 17", expires_in: int | None = None) -> PaymentIntent:
    return PaymentIntent.create(
        NOW,
        merchant_id="mer_1",
        amount=dong(units),
        code=CODE,
        bank_account_id="ba_1",
        description=description,
        merchant_reference="17",
        expires_at=None if expires_in is None else NOW.at + timedelta(seconds=expires_in),
    )


def receives(one: PaymentIntent, units: int, line_id: str = "sl_1") -> PaymentIntent:
    one.receive(NOW, line_id=line_id, amount=dong(units), fee=dong(units // 100), on=ON)
    return one


def reverses(one: PaymentIntent, units: int, line_id: str = "sl_1") -> PaymentIntent:
    one.reverse(NOW, line_id=line_id, amount=dong(units), fee=one.lines[line_id], on=ON)
    return one


def cancels(one: PaymentIntent) -> PaymentIntent:
    one.cancel(NOW, reason="sold out")
    return one


STATES: dict[str, Callable[[], PaymentIntent]] = {
    "awaiting": lambda: intent(expires_in=1),
    "underpaid": lambda: receives(intent(expires_in=1), 400),
    "paid": lambda: receives(intent(expires_in=1), 1_000),
    "overpaid": lambda: receives(intent(expires_in=1), 1_001),
    "cancelled": lambda: cancels(intent(expires_in=1)),
}


def over(one: PaymentIntent) -> None:
    story = Story()
    story.passes(seconds=1)
    one.expire(story.context())


def expired() -> PaymentIntent:
    one = intent(expires_in=1)
    over(one)
    return one


STATES["expired"] = expired
ACTS: dict[str, Callable[[PaymentIntent], object]] = {"receive": lambda one: receives(one, 600, "sl_2")}
ACTS |= {"cancel": cancels, "expire": over}
NEXT = {
    ("awaiting", "receive"): "underpaid",
    ("awaiting", "cancel"): "cancelled",
    ("awaiting", "expire"): "expired",
    ("underpaid", "receive"): "paid",
    ("underpaid", "cancel"): "cancelled",
    ("underpaid", "expire"): "expired",
    ("paid", "receive"): "overpaid",
    ("overpaid", "receive"): "overpaid",
    ("cancelled", "receive"): "cancelled",
    ("expired", "receive"): "expired",
}
"""Every (status, act) that is declared, and where it leads; every other pair is refused and changes nothing."""


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("status", STATES)
def test_only_declared_transitions_happen(status: str, act: str) -> None:
    one = STATES[status]()
    assert one.status == status
    if (status, act) in NEXT:
        ACTS[act](one)
    else:
        with pytest.raises(PaymentIntentClosed):
            ACTS[act](one)
    assert one.status == NEXT.get((status, act), status)


def test_an_intent_is_not_over_before_its_time_nor_without_one() -> None:
    for one in (intent(expires_in=2), intent()):
        with pytest.raises(PaymentIntentClosed):
            over(one)


@pytest.mark.parametrize("status", ["cancelled", "expired"])
def test_late_money_is_named_and_counts_for_nothing(status: str) -> None:
    one = receives(STATES[status](), 1_000)
    assert one.collect_events()[-1].name == "payment_intent.received_late"
    assert (one.received, one.fees, one.unsettled_gross, one.lines) == (dong(0), dong(0), dong(0), {})
    assert not one.takes_money


@pytest.mark.parametrize("end", [cancels, over])
def test_a_reversal_does_not_wake_an_intent_that_has_ended(end: Callable[[PaymentIntent], object]) -> None:
    one = STATES["underpaid"]()
    end(one)
    status = one.status
    reverses(one, 400)
    assert (one.status, one.received, one.fees) == (status, dong(0), dong(0))


@given(st.lists(st.tuples(st.integers(1, 1_500), st.booleans()), max_size=8))
def test_whatever_comes_and_goes_the_status_says_what_is_here(moves: list[tuple[int, bool]]) -> None:
    one, here = intent(), 0
    for number, (units, taken_back) in enumerate(moves):
        receives(one, units, f"sl_{number}")
        if taken_back:
            reverses(one, units, f"sl_{number}")
        here += 0 if taken_back else units
        expected = "awaiting" if here == 0 else "underpaid" if here < 1_000 else "paid" if here == 1_000 else "overpaid"
        assert (one.received, one.status) == (dong(here), expected)
        assert one.fees.units == sum(fee.units for fee in one.lines.values())


def test_what_is_settled_is_settled_once_and_a_reversal_is_owed_to_the_next() -> None:
    one = receives(intent(), 1_000)
    one.settle(NOW, settlement_id="stl_1")
    assert (one.unsettled_gross, one.unsettled_fee) == (dong(0), dong(0))
    receives(one, 300, "sl_2")
    assert (one.unsettled_gross, one.unsettled_fee) == (dong(300), dong(3))
    one.settle(NOW, settlement_id="stl_2")
    reverses(one, 1_000, "sl_1")
    assert (one.unsettled_gross, one.unsettled_fee) == (dong(-1_000), dong(-10))


def test_the_value_date_of_a_payment_is_that_of_the_line() -> None:
    one = intent()
    one.receive(NOW, line_id="sl_1", amount=dong(1), fee=dong(0), on=date(2026, 11, 20))
    assert one.collect_events()[-1].effective_on == date(2026, 11, 20)


def test_the_stream_of_an_intent_is_its_code() -> None:
    assert intent().id == id_of_code(CODE) == f"pi_{CODE.removeprefix('SOCAI')}"


@pytest.mark.parametrize("units", [0, -1])
def test_an_intent_of_nothing_is_refused(units: int) -> None:
    with pytest.raises(InvalidAmount):
        intent(units)


def test_what_nobody_could_pay_or_read_is_refused_naming_the_field() -> None:
    assert intent(AMOUNT_MAX, "x" * DESCRIPTION_MAX, 1).status == "awaiting"
    refused: dict[str, Callable[[], PaymentIntent]] = {
        "amount": lambda: intent(AMOUNT_MAX + 1),
        "description": lambda: intent(description="x" * (DESCRIPTION_MAX + 1)),
        "expires_at": lambda: intent(expires_in=0),
    }
    for field, make in refused.items():
        with pytest.raises(InvalidField) as refusal:
            make()
        assert refusal.value.field == field
