"""What MBDN has of its own: a checker decides about every order, and what is wrong in a file is told at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from banks.bank import FoundName
from banks.outcomes import Accepted, Declined, Unknown
from ledger.money import Money
from tests.flows.conftest import Open
from tests.flows.desk import ELSEWHERE, OPENING, PAYEE, Desk


@pytest.fixture
def desk(opened: Open) -> Iterator[Desk]:
    with opened("mbdn") as desk:
        yield desk


def test_an_order_waits_for_a_checker(desk: Desk) -> None:
    assert desk.send("SPAAAAAAAAAAAA2") == Accepted(None)
    assert desk.status("SPAAAAAAAAAAAA2") == Accepted(None)
    assert desk.bank.balance().available == Money(OPENING - 200_000)
    assert desk.booked() == []


@pytest.mark.parametrize("decision", ["reject", "expire"])
def test_an_order_nobody_approves_is_declined(desk: Desk, decision: str) -> None:
    desk.send("SPAAAAAAAAAAAA3")
    desk.do(f"/bulks/{desk.see('/orders/SPAAAAAAAAAAAA3')['bulk']}", decision=decision)
    assert isinstance(desk.status("SPAAAAAAAAAAAA3"), Declined)
    assert desk.bank.balance().available == Money(OPENING)


def test_a_name_is_found(desk: Desk) -> None:
    assert desk.bank.lookup_name(ELSEWHERE, PAYEE) == FoundName("TRAN THI BINH", active=True)


def test_what_is_wrong_in_the_file_is_declined_before_it_is_an_order(desk: Desk) -> None:
    desk.do("/accounts", number="55555555", name="LE VAN CUONG")
    order = desk.order("SPAAAAAAAAAAAA5", rail="internal", payee="55555555")
    assert isinstance(desk.bank.transfer(order), Declined)
    assert desk.see("/orders") == []


def test_money_that_comes_back_leaves_the_order_to_people_and_is_a_credit(desk: Desk) -> None:
    desk.send("SPAAAAAAAAAAAA9")
    desk.do("/orders/SPAAAAAAAAAAAA9", status="executed")
    desk.do("/orders/SPAAAAAAAAAAAA9/return")
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Unknown)
    assert sorted(row.direction for row in desk.statement()) == ["credit", "debit"]
