"""Nothing moves except by a balanced entry."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from banks.simulator.books import Books, Unbalanced
from banks.simulator.records import Account, Entry, Movement
from tests.banks.simulator.test_records import MOVEMENT

AT = datetime(2025, 1, 15, 3, 30, tzinfo=UTC)


def books() -> Books:
    found = Books()
    for number in ("12345678", "87654321"):
        found.open(Account(number=number, name="A"))
    return found


def entry(legs: dict[str, int], *movements: Movement, number: int = 1) -> Entry:
    return Entry(number=number, at=AT, cause="test", legs=legs, movements=movements)


def test_an_entry_that_does_not_sum_to_zero_is_refused() -> None:
    with pytest.raises(Unbalanced, match="sums to 1"):
        books().book(entry({"12345678": 150_001, "napas": -150_000}, MOVEMENT))


def test_an_entry_without_legs_is_refused() -> None:
    with pytest.raises(Unbalanced):
        books().book(entry({}))


def test_a_customers_leg_without_its_movement_is_refused() -> None:
    with pytest.raises(Unbalanced, match="against legs"):
        books().book(entry({"12345678": 150_000, "napas": -150_000}))


def test_a_movement_that_differs_from_its_leg_is_refused() -> None:
    with pytest.raises(Unbalanced):
        books().book(entry({"12345678": 150_000, "napas": -150_000}, replace(MOVEMENT, amount=1)))
    with pytest.raises(Unbalanced):
        books().book(entry({"12345678": 150_000, "napas": -150_000}, replace(MOVEMENT, direction="debit")))


def test_a_booked_entry_shows_in_balance_and_history() -> None:
    found = books()
    found.book(entry({"12345678": 150_000, "napas": -150_000}, MOVEMENT))
    assert found.balance("12345678") == 150_000
    assert found.trial_balance == {"12345678": 150_000, "napas": -150_000}
    assert found.movements("12345678", date(2025, 1, 15), date(2025, 1, 15)) == [MOVEMENT]
    assert found.movements("12345678", date(2025, 1, 16)) == []
    assert found.movements("87654321") == []
    assert found.entry_of(MOVEMENT.reference).number == 1
    assert found.reversal_of(MOVEMENT.reference) is None


def test_asking_for_a_balance_leaves_no_trace_in_the_books() -> None:
    found = books()
    assert found.balance("12345678") == 0
    assert found.trial_balance == {}


def test_accounts_at_other_banks_are_kept_apart() -> None:
    found = books()
    found.open(Account(number="12345678", name="B", bin="970422"))
    here, there = found.account("12345678"), found.account("12345678", "970422")
    assert here is not None
    assert there is not None
    assert (here.name, there.name) == ("A", "B")
    assert found.account("12345678", "970436") is None


@given(st.lists(st.tuples(st.sampled_from(["12345678", "87654321"]), st.integers(1, 10**12), st.booleans())))
def test_whatever_is_booked_the_books_sum_to_zero(moves: list[tuple[str, int, bool]]) -> None:
    found = books()
    for number, (account, amount, credit) in enumerate(moves, start=1):
        units = amount if credit else -amount
        direction = "credit" if credit else "debit"
        row = replace(MOVEMENT, account=account, amount=amount, direction=direction, reference=str(number))
        found.book(entry({account: units, "napas": -units}, row, number=number))
    assert sum(found.trial_balance.values()) == 0
    for account in ("12345678", "87654321"):
        rows = found.movements(account)
        signed = sum(row.amount if row.direction == "credit" else -row.amount for row in rows)
        assert signed == found.balance(account)
