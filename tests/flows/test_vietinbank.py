"""The VietinBank adapter meets the simulated bank: two readings of one specification, written apart, over HTTP."""

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
from ledger.errors import BankUnavailable
from ledger.money import Money
from local.processes import free_port
from tests.flows.test_acb import QUICK, Desk, Gateway, eventually

OURS = "110000000001"


class VietinDesk(Desk):
    """VietinBank, its control port, and our adapter for it."""

    def order(self, trace: str, amount: int = 200_000, rail: Rail = "napas") -> TransferOrder:
        bin_ = "970415" if rail == "internal" else "970422"
        return TransferOrder(
            end_to_end_id=trace,
            rail=rail,
            beneficiary=Beneficiary(bin_, "0001234567890", "Trần Thị Bình"),
            amount=Money(amount),
            memo="Lương tháng 11",
        )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[VietinDesk]:
    """A bank with 10,000,000 VND of ours, quick, that announces nothing."""
    port = free_port()
    mine = Enrolment(base_url=f"http://127.0.0.1:{port}", accounts=(("ba_vietinbank_main", OURS),), balance=10_000_000)
    enrol(tmp_path, personality("vietinbank"), mine)
    accounts = load_accounts(tmp_path / "accounts.json")
    transport = Transport(time.monotonic, limits=Limits(read_s=2.0))
    (bank,) = open_banks(accounts, transport, lambda: datetime.now(UTC), lambda: str(uuid.uuid4())).values()
    with Simulator(tmp_path, "vietinbank", port=port) as simulator:
        desk = VietinDesk(bank, simulator)
        desk.do("/settings", **QUICK)
        desk.do("/accounts", number="0001234567890", name="TRAN THI BINH", bin="970422")
        yield desk
        desk.control.close()
    transport.close()


def test_balance_is_what_the_books_say(desk: VietinDesk) -> None:
    assert desk.bank.balance().current == Money(10_000_000)


def test_a_name_is_found(desk: VietinDesk) -> None:
    assert desk.bank.lookup_name("970422", "0001234567890") == FoundName("TRAN THI BINH", active=True)
    with pytest.raises(BankUnavailable):
        desk.bank.lookup_name("970422", "9999999999")


@pytest.mark.parametrize("rail", ["napas", "internal"])
def test_an_order_is_accepted_then_executed_and_stands_on_the_statement(desk: VietinDesk, rail: Rail) -> None:
    if rail == "internal":
        desk.do("/accounts", number="0001234567890", name="TRAN THI BINH")
    assert desk.bank.transfer(desk.order("SPAAAAAAAAAAAA2", rail=rail)) == Accepted(None)
    eventually(lambda: isinstance(desk.status("SPAAAAAAAAAAAA2"), Executed))
    (row,) = desk.statement()
    assert (row.direction, row.amount, row.balance_after) == ("debit", Money(200_000), Money(9_800_000))
    assert "SPAAAAAAAAAAAA2" in row.memo
    assert desk.bank.balance().current == Money(9_800_000)


def test_too_much_is_declined(desk: VietinDesk) -> None:
    outcome = desk.bank.transfer(desk.order("SPAAAAAAAAAAAA4", amount=10_000_001))
    assert isinstance(outcome, Declined)
    assert outcome.reason == "insufficient_funds"


def test_a_lost_answer_is_unknown_and_the_enquiry_knows(desk: VietinDesk) -> None:
    desk.do("/next-order", fault="lose_answer")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA5")), Unknown)
    assert isinstance(desk.status("SPAAAAAAAAAAAA5"), Accepted | Executed)


def test_a_lost_order_is_unknown_and_not_found(desk: VietinDesk) -> None:
    desk.do("/next-order", fault="lose_order")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA6")), Unknown)
    assert desk.status("SPAAAAAAAAAAAA6") == NotFound()


def test_a_second_order_under_the_same_id_is_unknown_and_moves_nothing(desk: VietinDesk) -> None:
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA7")), Accepted)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA7")), Unknown)
    eventually(lambda: len(desk.statement()) == 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "http_500_after_execute"},
        {"fault": "malformed"},
        {"fault": "other_order"},
        {"fault": "answer_duplicate"},
    ],
    ids=str,
)
def test_whatever_is_not_in_explicit_words_is_unknown(desk: VietinDesk, fault: dict[str, object]) -> None:
    desk.do("/next-order", **fault)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA8")), Unknown)


def test_an_address_that_is_not_listed_leaves_an_order_unknown_and_reads_unanswered(desk: VietinDesk) -> None:
    desk.do("/settings", listed=False)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA9")), Unknown)
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Unknown)
    with pytest.raises(BankUnavailable):
        desk.statement()


def test_credits_and_debits_of_a_day_come_in_two_pages(desk: VietinDesk) -> None:
    for amount in (150_000, 160_000):
        desk.do("/pay", account=OURS, amount=amount, memo="SOCAI7K3M9Q2X")
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAAA"))
    eventually(lambda: len(desk.statement()) == 3)
    assert [row.direction for row in desk.statement()] == ["credit", "credit", "debit"]


@pytest.fixture
def gateway(desk: VietinDesk) -> Iterator[Gateway]:
    gateway = Gateway(desk.bank)
    desk.do("/webhooks", url=gateway.url, mode="send")
    yield gateway
    desk.do("/webhooks", mode="drop")
    gateway.server.shutdown()
    gateway.server.server_close()


def test_a_notice_is_acknowledged_to_the_bank_s_liking_and_the_statement_shows_the_movement(
    desk: VietinDesk, gateway: Gateway
) -> None:
    credit = desk.do("/pay", account=OURS, amount=150_000, memo="SOCAI7K3M9Q2X")
    eventually(lambda: [notice["status"] for notice in desk.see("/notices")] == ["acknowledged"])
    assert (gateway.statuses, gateway.rows) == ([200], [])
    (row,) = desk.statement()
    assert (row.bank_reference, row.direction, row.amount) == (credit["reference"], "credit", Money(150_000))


def test_a_notice_that_was_turned_on_the_way_moves_nothing(desk: VietinDesk, gateway: Gateway) -> None:
    credit = desk.do("/pay", account=OURS, amount=150_000, memo="x")
    eventually(lambda: len(gateway.statuses) == 1)
    for changes in ({"body": "tampered"}, {"key": "wrong"}):
        desk.do(f"/movements/{credit['reference']}/notify", times=1, **changes)
    eventually(lambda: len(gateway.statuses) == 3)
    assert gateway.rows == []
    assert [row.direction for row in desk.statement()] == ["credit"]
