"""Money: whole units only, named rounding, and what banks write for an amount."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import CurrencyMismatch, InvalidAmount, UnknownCurrency
from ledger.money import EXPONENTS, UNITS_MAX, Money, from_bank, positive

units = st.integers(-(10**12), 10**12)


@given(units, units)
def test_money_adds_subtracts_and_compares_like_its_units(a: int, b: int) -> None:
    assert Money(a) + Money(b) == Money(a + b)
    assert Money(a) - Money(b) == Money(a - b) == Money(a) + -Money(b)
    assert (Money(a) < Money(b), Money(a) <= Money(b), Money(a) > Money(b), Money(a) >= Money(b)) == (
        a < b,
        a <= b,
        a > b,
        a >= b,
    )
    assert bool(Money(a)) is (a != 0)


@pytest.mark.parametrize("wrong", [1.0, "1", True, None, 0.5])
def test_only_an_int_is_a_number_of_units(wrong: Any) -> None:
    with pytest.raises(InvalidAmount) as refusal:
        Money(wrong)
    assert refusal.value.field == "amount"


@pytest.mark.parametrize("units", [UNITS_MAX + 1, -UNITS_MAX - 1])
def test_an_absurd_amount_is_refused(units: int) -> None:
    assert Money(UNITS_MAX).units == -Money(-UNITS_MAX).units
    with pytest.raises(InvalidAmount):
        Money(units)


@pytest.mark.parametrize("currency", ["USD", "vnd", "", "VNĐ"])
def test_a_currency_that_is_not_handled_is_refused_with_those_that_are(currency: str) -> None:
    with pytest.raises(UnknownCurrency) as refusal:
        Money(1, currency)
    assert all(known in refusal.value.detail for known in EXPONENTS)


def test_two_currencies_do_not_mix() -> None:
    dollars = Money(1)
    msgspec.structs.force_setattr(dollars, "currency", "USD")
    for mixed in (lambda: Money(1) + dollars, lambda: Money(1) - dollars, lambda: Money(1) < dollars):
        with pytest.raises(CurrencyMismatch):
            mixed()


def test_money_cannot_be_changed_or_multiplied() -> None:
    amount: Any = Money(5)
    with pytest.raises(AttributeError):
        amount.units = 6
    with pytest.raises(TypeError):
        amount * 1.5


def test_money_prints_with_thousands() -> None:
    assert str(Money(-1_500_000)) == "-1,500,000 VND"


@given(units, st.integers(0, 10_000))
def test_a_share_is_rounded_half_up_and_never_off_by_more_than_half_a_unit(amount: int, bps: int) -> None:
    share = Money(amount).share(bps).units
    assert 2 * abs(share * 10_000 - amount * bps) <= 10_000
    assert Money(-amount).share(bps).units == -share
    assert abs(share) <= abs(amount)


@pytest.mark.parametrize(("amount", "bps", "share"), [(50, 100, 1), (49, 100, 0), (150, 100, 2), (-50, 100, -1)])
def test_exactly_half_is_rounded_away_from_zero(amount: int, bps: int, share: int) -> None:
    assert Money(amount).share(bps) == Money(share)


@given(units, st.lists(st.integers(0, 10_000), min_size=1, max_size=20).filter(any))
def test_the_parts_of_a_split_sum_to_the_whole_and_keep_proportion(amount: int, weights: list[int]) -> None:
    parts = Money(amount).split(weights)
    assert sum(part.units for part in parts) == amount
    total = sum(weights)
    assert all(abs(part.units * total - amount * w) < total for part, w in zip(parts, weights, strict=True))


def test_the_largest_remainder_then_the_earlier_part_gets_the_odd_unit() -> None:
    assert [part.units for part in Money(10).split([1, 1, 1])] == [4, 3, 3]
    assert [part.units for part in Money(10).split([1, 2, 1])] == [3, 5, 2]
    assert [part.units for part in Money(-10).split([1, 1, 1])] == [-4, -3, -3]


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [-1, 2]])
def test_weights_that_share_out_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(InvalidAmount):
        Money(10).split(weights)


@pytest.mark.parametrize("units", [0, -1])
def test_an_amount_that_must_be_positive_names_its_field(units: int) -> None:
    assert positive(Money(1)) == Money(1)
    with pytest.raises(InvalidAmount) as refusal:
        positive(Money(units), field="payout_fee")
    assert refusal.value.field == "payout_fee"


@pytest.mark.parametrize(
    ("text", "units"),
    [
        (1_500_000, 1_500_000),
        ("1500000", 1_500_000),
        ("1,500,000", 1_500_000),
        ("1500000.00", 1_500_000),
        ("50000.", 50_000),
        ("1 500 000", 1_500_000),
        ("1_500", 1_500),
        ("0", 0),
        (-7, -7),
    ],
)
def test_what_banks_write_for_an_amount_is_read(text: str | int, units: int) -> None:
    assert from_bank(text) == Money(units)


@pytest.mark.parametrize(
    "wrong",
    ["", "-5", "+5", "1.5", "1500.01", "1.500.000", "1e6", "abc", ".0", "0x10", "١٢٣", "５", "1\n", 1.0, True, None],
)
def test_anything_else_is_refused_rather_than_rounded(wrong: Any) -> None:
    with pytest.raises(InvalidAmount):
        from_bank(wrong)
