"""Every adapter meets its simulated bank: two readings of one specification, written apart, over HTTP.

What must hold at every bank is told here once; what one bank has of its own stands in the file of its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from banks.bank import Capability, Rail
from banks.outcomes import Accepted, Declined, Executed, NotFound, Reason, Unknown
from banks.registry import bank_classes
from banks.simulator.personality import personalities
from ledger.errors import BankUnavailable
from ledger.money import Money
from tests.flows.conftest import Open
from tests.flows.desk import OPENING, Desk, Gateway, eventually, known

BANKS = [code for code in personalities() if code in bank_classes()]
"""The banks that are simulated and that we can speak to."""

CAN = {code: bank_classes()[code].capabilities for code in BANKS}
ORDERS = [(code, rail) for code in BANKS for rail in get_args(Rail) if f"transfer_{rail}" in CAN[code]]
LISTING = [code for code in BANKS if Capability.HISTORY in CAN[code]]
TELLING = ["acb", "mb", "mbdn"]
"""Banks whose notices are believed: VietinBank's only hint at a movement, Techcombank's tell of orders alone."""

GIVING_TOKENS = ["acb", "mb", "mbdn"]

NAMING_MOVEMENTS = ["mb", "mbdn", "techcombank"]
"""Banks whose enquiry names the movement; the others name the order, by a number of its own."""

KEYED = {"acb": "trace"}
"""By what a bank's statement names a movement where it is not its reference."""

READING = {"techcombank": "account"}
"""What a bank calls the question for a balance where it does not call it so."""


@pytest.fixture(params=BANKS)
def desk(request: pytest.FixtureRequest, opened: Open) -> Iterator[Desk]:
    with opened(request.param) as desk:
        yield desk


def test_the_balance_is_what_the_books_say_and_what_orders_have_left(desk: Desk) -> None:
    desk.do("/next-order", fault="stuck")
    desk.send("SPAAAAAAAAAAAA2")
    balance = desk.bank.balance()
    left = 0 if desk.bank.code == "vietinbank" else 200_000  # which tells what is booked and nothing else
    assert (balance.current, balance.available) == (Money(OPENING), Money(OPENING - left))


@pytest.mark.parametrize(("desk", "rail"), ORDERS, indirect=["desk"])
def test_an_order_is_accepted_then_executed_and_stands_on_the_statement(desk: Desk, rail: Rail) -> None:
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA2", rail=rail)), Accepted)
    outcome = desk.ended("SPAAAAAAAAAAAA2")
    (debit,) = desk.booked()
    assert isinstance(outcome, Executed)
    assert outcome.bank_reference == debit["reference"] or desk.bank.code not in NAMING_MOVEMENTS
    assert (debit["direction"], debit["amount"]) == ("debit", 200_000)
    assert "SPAAAAAAAAAAAA2" in debit["memo"].replace(" ", "")
    assert desk.bank.balance().current == Money(OPENING - 200_000)
    if Capability.HISTORY in desk.bank.capabilities:
        (row,) = desk.statement()
        named = debit[KEYED.get(desk.bank.code, "reference")]
        assert (row.bank_reference, row.direction, row.amount) == (named, "debit", Money(200_000))
        assert "SPAAAAAAAAAAAA2" in row.memo.replace(" ", "")


def test_too_much_is_declined(desk: Desk) -> None:
    outcome = desk.bank.transfer(desk.order("SPAAAAAAAAAAAA4", amount=OPENING + 1))
    assert isinstance(outcome, Declined)
    assert outcome.reason == Reason.INSUFFICIENT_FUNDS
    assert desk.received() == []


def test_a_wrong_name_is_declined_now_or_later(desk: Desk) -> None:
    desk.do("/accounts", number="55555555", name="LE VAN CUONG")
    outcome = desk.bank.transfer(desk.order("SPAAAAAAAAAAAA3", rail="internal", payee="55555555"))
    assert isinstance(outcome, Declined) or isinstance(desk.ended("SPAAAAAAAAAAAA3"), Declined)
    assert desk.bank.balance().current == Money(OPENING)


def test_a_lost_order_is_unknown_and_not_found(desk: Desk) -> None:
    desk.do("/next-order", fault="lose_order")
    assert isinstance(desk.send("SPAAAAAAAAAAAA6"), Unknown)
    assert desk.status("SPAAAAAAAAAAAA6") == NotFound()


def test_a_second_order_under_the_same_id_is_unknown_and_moves_nothing(desk: Desk) -> None:
    assert isinstance(desk.send("SPAAAAAAAAAAAA7"), Accepted)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA7", amount=300_000)), Unknown)
    assert isinstance(desk.ended("SPAAAAAAAAAAAA7"), Executed)
    assert [row["amount"] for row in desk.booked()] == [200_000]


@pytest.mark.parametrize(
    "fault", ["lose_answer", "http_500_after_execute", "malformed", "half", "other_order", "answer_duplicate"]
)
def test_whatever_is_not_in_explicit_words_is_unknown_and_the_enquiry_knows(desk: Desk, fault: str) -> None:
    desk.do("/next-order", fault=fault)
    assert isinstance(desk.send("SPAAAAAAAAAAAA8"), Unknown)
    assert desk.received() == ["SPAAAAAAAAAAAA8"]
    assert known(desk.status("SPAAAAAAAAAAAA8"))


@pytest.mark.parametrize("code", BANKS)
def test_an_answer_that_comes_too_late_leaves_the_order_unknown_and_the_enquiry_knows(opened: Open, code: str) -> None:
    with opened(code, read_s=0.4) as desk:
        desk.do("/next-order", fault="slow", seconds=0.8)
        assert isinstance(desk.send("SPAAAAAAAAAAAA8"), Unknown)
        eventually(lambda: known(desk.status("SPAAAAAAAAAAAA8")))
        assert desk.received() == ["SPAAAAAAAAAAAA8"]


@pytest.mark.parametrize("desk", GIVING_TOKENS, indirect=True)
def test_an_expired_token_is_fetched_anew_in_mid_run(desk: Desk) -> None:
    desk.bank.balance()
    desk.do("/tokens/expire")
    assert desk.bank.balance().current == Money(OPENING)
    desk.do("/tokens/expire")
    assert isinstance(desk.send("SPAAAAAAAAAAAA9"), Accepted)
    assert desk.see("/orders/SPAAAAAAAAAAAA9")["received"] == 1


@pytest.mark.parametrize("desk", LISTING, indirect=True)
def test_a_statement_of_101_rows_comes_whole_over_pages(desk: Desk) -> None:
    for number in range(101):
        desk.credited(1_000 + number, f"SO {number}")
    desk.send("SPAAAAAAAAAAAAA")
    desk.ended("SPAAAAAAAAAAAAA")
    rows = desk.statement()
    assert sorted(row.amount.units for row in rows) == [*(1_000 + number for number in range(101)), 200_000]
    assert {row.direction for row in rows if row.amount.units == 200_000} == {"debit"}
    assert len({row.key for row in rows}) == 102


@pytest.mark.parametrize("desk", LISTING, indirect=True)
def test_twins_are_two_movements(desk: Desk) -> None:
    references = {desk.credited() for _ in range(2)}
    first, second = desk.statement()
    assert len(references) == 2
    assert (first.direction, first.amount) == (second.direction, second.amount)
    assert first.key != second.key


@pytest.mark.parametrize("desk", LISTING, indirect=True)
def test_movements_that_share_a_reference_are_as_many_as_in_the_books(desk: Desk) -> None:
    shared = desk.credited()
    desk.do("/pay", account=desk.ours, amount=90_000, memo="SOCAI7K3M9Q2X", shares=shared)
    desk.do("/charge", account=desk.ours, amount=5_500, shares=shared)
    rows = desk.statement()
    assert len({row.bank_reference for row in rows}) == 1
    booked = [(row["direction"], row["amount"]) for row in desk.booked()]
    assert sorted((row.direction, row.amount.units) for row in rows) == sorted(booked)
    assert len({row.key for row in rows}) == len(booked) == 3


@pytest.mark.parametrize("desk", TELLING, indirect=True)
def test_notices_that_share_a_reference_tell_what_the_statement_shows(desk: Desk, gateway: Gateway) -> None:
    desk.do("/pay", account=desk.ours, amount=90_000, memo="x", shares=desk.credited())
    eventually(lambda: desk.acknowledged(2))
    assert {row.key for row in gateway.rows} == {row.key for row in desk.statement()}
    assert len({row.bank_reference for row in gateway.rows}) == 1
    assert len({row.key for row in gateway.rows}) == 2


def test_a_bank_that_is_away_is_unavailable_for_reading(desk: Desk) -> None:
    desk.do("/next-answer", to=READING.get(desk.bank.code, "balance"), http=503, count=3)
    with pytest.raises(BankUnavailable):
        desk.bank.balance()


@pytest.mark.parametrize("desk", TELLING, indirect=True)
def test_one_credit_has_one_key_by_push_and_by_history_and_the_bank_takes_our_answer(
    desk: Desk, gateway: Gateway
) -> None:
    desk.credited()
    eventually(lambda: desk.acknowledged(1))
    (listed,), (pushed,) = desk.statement(), gateway.rows
    assert (listed.direction, listed.amount) == ("credit", Money(150_000))
    assert pushed.movement_key == listed.movement_key
    assert gateway.statuses == [200]


@pytest.mark.parametrize("desk", TELLING, indirect=True)
@pytest.mark.parametrize("key", ["wrong", "missing"])
def test_a_notice_that_does_not_prove_itself_is_refused(desk: Desk, gateway: Gateway, key: str) -> None:
    reference = desk.credited()
    eventually(lambda: len(gateway.rows) == 1)
    desk.do(f"/movements/{reference}/notify", times=1, key=key)
    eventually(lambda: gateway.statuses == [200, 401])
    assert len(gateway.rows) == 1
