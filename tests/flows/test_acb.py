"""The ACB adapter meets the simulated ACB: two readings of one specification, written apart, over HTTP."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from banks.bank import Bank, Beneficiary, OrderNews, Rail, StatementRow, TransferOrder
from banks.outcomes import Accepted, Declined, Executed, NotFound, Unknown
from banks.registry import load_accounts, open_banks
from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from banks.transport import Limits, Transport
from ledger.calendar import bank_day
from ledger.errors import BankUnavailable, Problem
from ledger.money import Money
from local.processes import free_port

QUICK = {"answer_s": 0, "validate_s": 0.05, "transfer_s": 0.05, "webhook_s": 0.01}
WITHIN_S = 10.0


class Desk:
    """A bank, its control port, and our adapter for it."""

    def __init__(self, bank: Bank, simulator: Simulator) -> None:
        self.bank = bank
        self.control = httpx.Client(base_url=simulator.control_url, trust_env=False)

    def do(self, path: str, **body: object) -> Any:
        answer = self.control.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def see(self, path: str) -> Any:
        return self.control.get(path).raise_for_status().json()

    def order(self, trace: str, amount: int = 200_000, rail: Rail = "napas") -> TransferOrder:
        bin_ = "970416" if rail == "internal" else "970422"
        return TransferOrder(
            end_to_end_id=trace,
            rail=rail,
            beneficiary=Beneficiary(bin_, "0001234567890", "Trần Thị Bình"),
            amount=Money(amount),
            memo="Lương tháng 11",
        )

    def status(self, trace: str) -> object:
        return self.bank.transfer_status(trace, bank_day(datetime.now(UTC)))

    def statement(self) -> list[StatementRow]:
        today, cursor = bank_day(datetime.now(UTC)), None
        rows: list[StatementRow] = []
        while True:
            page = self.bank.history(today, today, cursor)
            assert page.doubtful == ()
            rows += page.lines
            cursor = page.next_cursor
            if cursor is None:
                return rows


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline
        pause.wait(0.02)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A bank with 10,000,000 VND of ours, quick, that announces nothing."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    mine = Enrolment(base_url=base, accounts=(("ba_acb_main", "12345678"),), balance=10_000_000)
    enrol(tmp_path, personality("acb"), mine)
    accounts = load_accounts(tmp_path / "accounts.json")
    transport = Transport(time.monotonic, limits=Limits(read_s=2.0))
    bank = open_banks(accounts, transport, lambda: datetime.now(UTC), lambda: str(uuid.uuid4()))["ba_acb_main"]
    with Simulator(tmp_path, port=port) as simulator:
        desk = Desk(bank, simulator)
        desk.do("/settings", **QUICK)
        desk.do("/accounts", number="0001234567890", name="TRAN THI BINH", bin="970422")
        yield desk
        desk.control.close()
    transport.close()


def test_balance_is_what_the_books_say(desk: Desk) -> None:
    balance = desk.bank.balance()
    assert (balance.current, balance.available) == (Money(10_000_000), Money(10_000_000))


@pytest.mark.parametrize("rail", ["napas", "internal"])
def test_an_order_is_accepted_then_executed_and_stands_on_the_statement(desk: Desk, rail: Rail) -> None:
    if rail == "internal":
        desk.do("/accounts", number="0001234567890", name="TRAN THI BINH")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA2", rail=rail)), Accepted)
    eventually(lambda: isinstance(desk.status("SPAAAAAAAAAAAA2"), Executed))
    (row,) = desk.statement()
    assert (row.direction, row.amount) == ("debit", Money(200_000))
    assert "SPAAAAAAAAAAAA2" in row.memo
    assert desk.bank.balance().current == Money(9_800_000)


def test_a_wrong_name_is_declined_late(desk: Desk) -> None:
    desk.do("/accounts", number="55555555", name="LE VAN CUONG")
    order = TransferOrder(
        end_to_end_id="SPAAAAAAAAAAAA3",
        rail="internal",
        beneficiary=Beneficiary("970416", "55555555", "NGUYEN VAN SAI"),
        amount=Money(200_000),
    )
    assert isinstance(desk.bank.transfer(order), Accepted)
    eventually(lambda: isinstance(desk.status("SPAAAAAAAAAAAA3"), Declined))


def test_too_much_is_declined(desk: Desk) -> None:
    outcome = desk.bank.transfer(desk.order("SPAAAAAAAAAAAA4", amount=10_000_001))
    assert isinstance(outcome, Declined)
    assert outcome.reason == "insufficient_funds"


def test_a_lost_answer_is_unknown_and_the_enquiry_knows(desk: Desk) -> None:
    desk.do("/next-order", fault="lose_answer")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA5")), Unknown)
    assert isinstance(desk.status("SPAAAAAAAAAAAA5"), Accepted | Executed)


def test_a_lost_order_is_unknown_and_not_found(desk: Desk) -> None:
    desk.do("/next-order", fault="lose_order")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA6")), Unknown)
    assert desk.status("SPAAAAAAAAAAAA6") == NotFound()


def test_a_second_order_under_the_same_id_is_unknown_and_moves_nothing(desk: Desk) -> None:
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
        {"fault": "slow", "seconds": 4},
    ],
)
def test_whatever_is_not_in_explicit_words_is_unknown(desk: Desk, fault: dict[str, object]) -> None:
    desk.do("/next-order", **fault)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA8")), Unknown)


def test_an_expired_token_is_fetched_anew_in_mid_run(desk: Desk) -> None:
    desk.bank.balance()
    desk.do("/tokens/expire")
    assert desk.bank.balance().current == Money(10_000_000)
    desk.do("/tokens/expire")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA9")), Accepted)
    assert desk.see("/orders/SPAAAAAAAAAAAA9")["received"] == 1


def test_a_statement_of_101_rows_comes_whole_over_pages(desk: Desk) -> None:
    for number in range(101):
        desk.do("/pay", account="12345678", amount=1_000 + number, memo=f"SO {number}")
    rows = desk.statement()
    assert sorted(row.amount.units for row in rows) == [1_000 + number for number in range(101)]
    assert len({row.key for row in rows}) == 101


def test_a_bank_that_is_away_is_unavailable_for_reading(desk: Desk) -> None:
    desk.do("/next-answer", to="balance", http=503, count=3)
    with pytest.raises(BankUnavailable):
        desk.bank.balance()


class Gateway:
    """What the web does with a notice, as short as it can be: verify, parse, acknowledge."""

    def __init__(self, bank: Bank) -> None:
        self.rows: list[StatementRow] = []
        self.orders: list[OrderNews] = []
        self.statuses: list[int] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                at = datetime.now(UTC)
                try:
                    notice = bank.read_webhook(dict(self.headers.items()), raw)
                    gateway.rows += notice.lines
                    gateway.orders += notice.orders
                    said = bank.acknowledge(notice, None, at, "sl_1")
                except Problem as problem:
                    said = bank.acknowledge(None, problem, at)
                gateway.statuses.append(said.status)
                self.send_response(said.status)
                self.send_header("Content-Type", said.content_type)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)

            def log_request(self, code: object = "-", size: object = "-") -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture
def gateway(desk: Desk) -> Iterator[Gateway]:
    gateway = Gateway(desk.bank)
    desk.do("/webhooks", url=gateway.url, mode="send")
    yield gateway
    desk.do("/webhooks", mode="drop")
    gateway.server.shutdown()
    gateway.server.server_close()


def test_one_credit_has_one_key_by_push_and_by_history_and_the_bank_takes_our_answer(
    desk: Desk, gateway: Gateway
) -> None:
    desk.do("/pay", account="12345678", amount=150_000, memo="SOCAI7K3M9Q2X")
    eventually(lambda: len(gateway.rows) == 1)
    (row,) = desk.statement()
    assert row.movement_key == gateway.rows[0].movement_key
    eventually(lambda: all(notice["status"] == "acknowledged" for notice in desk.see("/notices")))
    assert gateway.statuses == [200]


def test_a_reversal_is_marked_and_tells_its_own_direction(desk: Desk, gateway: Gateway) -> None:
    credit = desk.do("/pay", account="12345678", amount=150_000, memo="SOCAI7K3M9Q2X")
    eventually(lambda: len(gateway.rows) == 1)
    desk.do(f"/movements/{credit['reference']}/reverse")
    eventually(lambda: len(gateway.rows) == 2)
    pushed = gateway.rows[1]
    listed = next(row for row in desk.statement() if row.reversal)
    assert pushed.reversal
    assert (pushed.direction, pushed.movement_key) == (listed.direction, listed.movement_key)
    assert "SOCAI7K3M9Q2X" in pushed.memo


def test_a_notice_with_the_wrong_key_is_refused(desk: Desk, gateway: Gateway) -> None:
    credit = desk.do("/pay", account="12345678", amount=150_000, memo="x")
    eventually(lambda: len(gateway.rows) == 1)
    desk.do(f"/movements/{credit['reference']}/notify", times=1, key="wrong")
    eventually(lambda: len(gateway.statuses) == 2)
    assert gateway.statuses[1] == 401
    assert len(gateway.rows) == 1
