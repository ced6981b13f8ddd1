"""What VietinBank has of its own: addresses that are listed, two pages a day, and notices that only hint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from banks.bank import FoundName
from banks.outcomes import Unknown
from ledger.errors import BankUnavailable
from tests.flows.conftest import Open
from tests.flows.desk import ELSEWHERE, PAYEE, PAYEE_NAME, Desk, Gateway, eventually


@pytest.fixture
def desk(opened: Open) -> Iterator[Desk]:
    with opened("vietinbank") as desk:
        yield desk


def test_a_name_is_found(desk: Desk) -> None:
    assert desk.bank.lookup_name(ELSEWHERE, PAYEE) == FoundName(PAYEE_NAME, active=True)
    with pytest.raises(BankUnavailable):
        desk.bank.lookup_name(ELSEWHERE, "9999999999")


def test_an_address_that_is_not_listed_leaves_an_order_unknown_and_reads_unanswered(desk: Desk) -> None:
    desk.do("/settings", listed=False)
    assert isinstance(desk.send("SPAAAAAAAAAAAA9"), Unknown)
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Unknown)
    with pytest.raises(BankUnavailable):
        desk.statement()


def test_credits_of_a_day_come_before_its_debits(desk: Desk) -> None:
    desk.send("SPAAAAAAAAAAAAA")
    desk.ended("SPAAAAAAAAAAAAA")
    for amount in (150_000, 160_000):
        desk.credited(amount)
    rows = desk.statement()
    assert [row.direction for row in rows] == ["credit", "credit", "debit"]
    assert rows[-1].balance_after == desk.bank.balance().current - rows[0].amount - rows[1].amount


def test_a_notice_is_acknowledged_to_the_bank_s_liking_and_the_statement_shows_the_movement(
    desk: Desk, gateway: Gateway
) -> None:
    reference = desk.credited()
    eventually(lambda: desk.acknowledged(1))
    assert (gateway.statuses, gateway.rows) == ([200], [])
    (row,) = desk.statement()
    assert (row.bank_reference, row.direction, row.amount.units) == (reference, "credit", 150_000)


def test_a_notice_that_was_turned_on_the_way_moves_nothing(desk: Desk, gateway: Gateway) -> None:
    reference = desk.credited()
    eventually(lambda: len(gateway.statuses) == 1)
    for changes in ({"body": "tampered"}, {"key": "wrong"}):
        desk.do(f"/movements/{reference}/notify", times=1, **changes)
    eventually(lambda: len(gateway.statuses) == 3)
    assert gateway.rows == []
    assert [row.direction for row in desk.statement()] == ["credit"]
