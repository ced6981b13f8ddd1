"""The MBDN adapter meets the simulated MBDN: two readings of one specification, written apart, over HTTP."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from banks.bank import Beneficiary, FoundName, Rail, TransferOrder
from banks.outcomes import Accepted, Declined, Executed, NotFound, Unknown
from banks.registry import load_accounts, open_banks
from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from banks.transport import Limits, Transport
from ledger.money import Money
from local.processes import free_port
from tests.flows.test_acb import QUICK, Desk, eventually

OURS = "0009990005678"


class MbdnDesk(Desk):
    """MBDN, its control port, and our adapter for it."""

    def order(self, trace: str, amount: int = 200_000, rail: Rail = "napas") -> TransferOrder:
        bin_ = "970422" if rail == "internal" else "970416"
        payee = Beneficiary(bin_, "12345678", "Trần Thị Bình")
        return TransferOrder(
            end_to_end_id=trace, rail=rail, beneficiary=payee, amount=Money(amount), memo="Lương tháng 11"
        )

    def decided(self, trace: str, decision: str) -> None:
        """A checker decides about the file of an order."""
        self.do(f"/bulks/{self.see(f'/orders/{trace}')['bulk']}", decision=decision)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[MbdnDesk]:
    """A bank with 10,000,000 VND of ours, quick, that announces nothing."""
    port = free_port()
    mine = Enrolment(base_url=f"http://127.0.0.1:{port}", accounts=(("ba_mbdn_main", OURS),), balance=10_000_000)
    enrol(tmp_path, personality("mbdn"), mine)
    transport = Transport(time.monotonic, limits=Limits(read_s=2.0, pause_s=0.01))
    accounts = load_accounts(tmp_path / "accounts.json")
    (bank,) = open_banks(accounts, transport, lambda: datetime.now(UTC), lambda: str(uuid.uuid4())).values()
    with Simulator(tmp_path, "mbdn", port=port) as simulator:
        desk = MbdnDesk(bank, simulator)
        desk.do("/settings", **QUICK)
        desk.do("/accounts", number="12345678", name="TRAN THI BINH", bin="970416")
        desk.do("/accounts", number="12345678", name="Trần Thị Bình")
        yield desk
        desk.control.close()
    transport.close()


@pytest.mark.parametrize("rail", ["napas", "internal"])
def test_an_order_waits_for_a_checker_and_is_executed_when_approved(desk: MbdnDesk, rail: Rail) -> None:
    assert desk.bank.transfer(desk.order("SPAAAAAAAAAAAA2", rail=rail)) == Accepted(None)
    assert desk.status("SPAAAAAAAAAAAA2") == Accepted(None)
    assert desk.bank.balance().available == Money(9_800_000)
    desk.decided("SPAAAAAAAAAAAA2", "approve")
    eventually(lambda: isinstance(desk.status("SPAAAAAAAAAAAA2"), Executed))
    (row,) = desk.statement()
    assert desk.status("SPAAAAAAAAAAAA2") == Executed(row.bank_reference)
    assert (row.direction, row.amount) == ("debit", Money(200_000))
    assert "SPAAAAAAAAAAAA2" in row.memo.replace(" ", "")


@pytest.mark.parametrize("decision", ["reject", "expire"])
def test_an_order_nobody_approves_is_declined(desk: MbdnDesk, decision: str) -> None:
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAA3"))
    desk.decided("SPAAAAAAAAAAAA3", decision)
    assert isinstance(desk.status("SPAAAAAAAAAAAA3"), Declined)
    assert desk.bank.balance().available == Money(10_000_000)


def test_names_are_found(desk: MbdnDesk) -> None:
    assert desk.bank.lookup_name("970416", "12345678") == FoundName("TRAN THI BINH", active=True)


def test_too_much_and_what_is_wrong_in_the_file_are_declined(desk: MbdnDesk) -> None:
    outcome = desk.bank.transfer(desk.order("SPAAAAAAAAAAAA4", amount=10_000_001))
    assert isinstance(outcome, Declined)
    assert outcome.reason == "insufficient_funds"
    desk.do("/accounts", number="55555555", name="LE VAN CUONG")
    payee = Beneficiary("970422", "55555555", "TRAN THI SAI")
    order = TransferOrder(
        end_to_end_id="SPAAAAAAAAAAAA5", rail="internal", beneficiary=payee, amount=Money(5_000), memo="x"
    )
    assert isinstance(desk.bank.transfer(order), Declined)
    assert desk.see("/orders") == []


def test_a_lost_order_is_unknown_and_not_found(desk: MbdnDesk) -> None:
    desk.do("/next-order", fault="lose_order")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA6")), Unknown)
    assert desk.status("SPAAAAAAAAAAAA6") == NotFound()


@pytest.mark.parametrize(
    "fault", ["lose_answer", "http_500_after_execute", "malformed", "half", "answer_duplicate"], ids=str
)
def test_whatever_is_not_in_explicit_words_is_unknown_and_the_enquiry_knows(desk: MbdnDesk, fault: str) -> None:
    desk.do("/next-order", fault=fault)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA7")), Unknown)
    assert desk.status("SPAAAAAAAAAAAA7") == Accepted(None)


def test_a_second_order_under_the_same_id_is_unknown_and_moves_nothing(desk: MbdnDesk) -> None:
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA8")), Accepted)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA8")), Unknown)
    assert len(desk.see("/orders")) == 1


def test_money_that_comes_back_leaves_the_order_to_people_and_is_a_credit(desk: MbdnDesk) -> None:
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAA9"))
    desk.do("/orders/SPAAAAAAAAAAAA9", status="executed")
    desk.do("/orders/SPAAAAAAAAAAAA9/return")
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Unknown)
    assert sorted(row.direction for row in desk.statement()) == ["credit", "debit"]
