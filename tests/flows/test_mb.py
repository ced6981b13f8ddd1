"""The MB adapter meets the simulated MB: two readings of one specification, written apart, over HTTP."""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from banks.bank import Bank, Beneficiary, FoundName, OrderNews, Rail, StatementRow, TransferOrder
from banks.bank_text import plain
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
from tests.banks.simulator.mb.customer import Customer
from tests.banks.simulator.mb.test_merchant import BODY
from tests.flows.test_acb import QUICK, Desk, eventually

OURS = "0009990001234"
LONG = "MBVCB.4125261053.047334.SOCAI7K3M9Q2X.CT tu 1012345678 NGUYEN VAN ANH"
SECRETS = ("client_secret", "private_key_pem", "push_password", "webhook_key", "mms_access_key")


class MbDesk(Desk):
    """MB, its control port, our adapter for it, and our line of the file of accounts."""

    def __init__(self, bank: Bank, simulator: Simulator, row: dict[str, Any]) -> None:
        super().__init__(bank, simulator)
        self.row, self.url = row, simulator.url

    def order(self, trace: str, amount: int = 200_000, rail: Rail = "napas") -> TransferOrder:
        bin_ = {"internal": "970422", "napas": "970416", "citad": "970415"}[rail]
        return TransferOrder(
            end_to_end_id=trace,
            rail=rail,
            beneficiary=Beneficiary(bin_, "12345678", "Trần Thị Bình"),
            amount=Money(amount),
            memo="Lương tháng 11 - đợt 2 cho nhân viên",
        )


def opened(directory: Path, way: str) -> Iterator[MbDesk]:
    """A bank with 10,000,000 VND of ours, quick, that announces nothing; transfers go `way`."""
    port = free_port()
    mine = Enrolment(base_url=f"http://127.0.0.1:{port}", accounts=(("ba_mb_main", OURS),), balance=10_000_000)
    enrol(directory, personality("mb"), mine)
    path = directory / "accounts.json"
    row = json.loads(path.read_text())["bank_accounts"][0] | {"transfers": way}
    path.write_text(json.dumps({"bank_accounts": [row]}))
    transport = Transport(time.monotonic, limits=Limits(read_s=2.0))
    (bank,) = open_banks(load_accounts(path), transport, lambda: datetime.now(UTC), lambda: str(uuid.uuid4())).values()
    with Simulator(directory, "mb", port=port) as simulator:
        desk = MbDesk(bank, simulator, row)
        desk.do("/settings", **QUICK)
        desk.do("/accounts", number="12345678", name="TRAN THI BINH", bin="970416")
        desk.do("/accounts", number="12345678", name="Trần Thị Bình")
        yield desk
        desk.control.close()
    transport.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[MbDesk]:
    yield from opened(tmp_path, "async")


@pytest.fixture
def sync_desk(tmp_path: Path) -> Iterator[MbDesk]:
    yield from opened(tmp_path, "sync")


def test_balance_is_what_the_books_say(desk: MbDesk) -> None:
    desk.do("/next-order", fault="stuck")
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAA1"))
    balance = desk.bank.balance()
    assert (balance.current, balance.available) == (Money(10_000_000), Money(9_800_000))


def test_names_are_found_inside_and_at_other_banks(desk: MbDesk) -> None:
    assert desk.bank.lookup_name("970422", "12345678") == FoundName("TRAN THI BINH", active=True)
    assert desk.bank.lookup_name("970416", "12345678") == FoundName("TRAN THI BINH", active=True)
    assert desk.bank.lookup_name("970416", "87654321") is None
    desk.do("/settings", offline_bins=["970416"])
    with pytest.raises(BankUnavailable):
        desk.bank.lookup_name("970416", "12345678")


@pytest.mark.parametrize("rail", ["napas", "internal", "citad"])
def test_an_order_is_accepted_then_executed_and_stands_on_the_statement(desk: MbDesk, rail: Rail) -> None:
    assert desk.bank.transfer(desk.order("SPAAAAAAAAAAAA2", rail=rail)) == Accepted(None)
    eventually(lambda: isinstance(desk.status("SPAAAAAAAAAAAA2"), Executed))
    (row,) = desk.statement()
    assert desk.status("SPAAAAAAAAAAAA2") == Executed(row.bank_reference)
    assert (row.direction, row.amount) == ("debit", Money(200_000))
    assert "SPAAAAAAAAAAAA2" in row.memo.replace(" ", "")
    assert desk.bank.balance().current == Money(9_800_000)


def test_a_synchronous_order_is_executed_inside_mb_and_only_accepted_elsewhere(sync_desk: MbDesk) -> None:
    assert isinstance(sync_desk.bank.transfer(sync_desk.order("SPAAAAAAAAAAAA2", rail="internal")), Executed)
    accepted = sync_desk.bank.transfer(sync_desk.order("SPAAAAAAAAAAAA3"))
    assert isinstance(accepted, Accepted)
    assert sync_desk.status("SPAAAAAAAAAAAA3") == Executed(accepted.bank_reference)
    sync_desk.do("/next-order", fault="decline", how="later")
    assert isinstance(sync_desk.bank.transfer(sync_desk.order("SPAAAAAAAAAAAA4")), Declined)
    sync_desk.do("/settings", sync_s=0)
    assert isinstance(sync_desk.bank.transfer(sync_desk.order("SPAAAAAAAAAAAA5")), Accepted)


def test_a_wrong_name_is_declined_late(desk: MbDesk) -> None:
    desk.do("/accounts", number="55555555", name="LE VAN CUONG")
    order = TransferOrder(
        end_to_end_id="SPAAAAAAAAAAAA3",
        rail="internal",
        beneficiary=Beneficiary("970422", "55555555", "NGUYEN VAN SAI"),
        amount=Money(200_000),
    )
    assert isinstance(desk.bank.transfer(order), Accepted)
    eventually(lambda: isinstance(desk.status("SPAAAAAAAAAAAA3"), Declined))


def test_too_much_is_declined(desk: MbDesk) -> None:
    outcome = desk.bank.transfer(desk.order("SPAAAAAAAAAAAA4", amount=10_000_001))
    assert isinstance(outcome, Declined)
    assert outcome.reason == "insufficient_funds"


def test_listed_codes_decide_and_no_others(desk: MbDesk) -> None:
    for code in ("100", "101", "200", "201", "202", "203", "205", "209", "211", "215", "400", "411", "412", "416"):
        desk.do("/next-order", fault="decline", code=code)
        assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA4")), Declined), code
    for code in ("001", "002", "212", "401", "404", "405", "406", "408", "500", "999", "GW1017"):
        desk.do("/next-order", fault="decline", code=code)
        assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA4")), Unknown), code
    assert desk.see("/orders") == []
    desk.do("/next-order", fault="decline", code="207")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA4")), Accepted)
    assert len(desk.see("/orders")) == 1


def test_a_lost_answer_is_unknown_and_the_enquiry_knows(desk: MbDesk) -> None:
    desk.do("/next-order", fault="lose_answer")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA5")), Unknown)
    assert isinstance(desk.status("SPAAAAAAAAAAAA5"), Accepted | Executed)


def test_a_lost_order_is_unknown_and_not_found(desk: MbDesk) -> None:
    desk.do("/next-order", fault="lose_order")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA6")), Unknown)
    assert desk.status("SPAAAAAAAAAAAA6") == NotFound()


def test_a_second_order_under_the_same_id_is_unknown_and_moves_nothing(desk: MbDesk) -> None:
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA7")), Accepted)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA7")), Unknown)
    eventually(lambda: len(desk.statement()) == 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "http_500_after_execute"},
        {"fault": "malformed"},
        {"fault": "half"},
        {"fault": "other_order"},
        {"fault": "answer_duplicate"},
        {"fault": "answer_duplicate", "code": "002"},
        {"fault": "slow", "seconds": 4},
    ],
    ids=str,
)
def test_whatever_is_not_in_explicit_words_is_unknown(desk: MbDesk, fault: dict[str, object]) -> None:
    desk.do("/next-order", **fault)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA8")), Unknown)
    eventually(lambda: isinstance(desk.status("SPAAAAAAAAAAAA8"), Executed))


def test_an_enquiry_says_no_more_than_the_bank_does(desk: MbDesk) -> None:
    desk.do("/next-order", fault="not_found_for", seconds=120)
    desk.do("/next-order", fault="unknown_status", status="UNDEFINED")
    for trace in ("SPAAAAAAAAAAAA8", "SPAAAAAAAAAAAA9"):
        desk.bank.transfer(desk.order(trace))
    assert desk.status("SPAAAAAAAAAAAA8") == NotFound()
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Unknown)
    desk.do("/next-answer", to="status", http=200, text="<html>")
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Unknown)
    desk.do("/orders/SPAAAAAAAAAAAA9", status="executed")
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Executed)


def test_what_is_asked_once_more_is_another_call_to_the_bank(desk: MbDesk) -> None:
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAA9"))
    desk.do("/next-answer", to="status", shape="half")
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Accepted | Executed)
    desk.do("/next-answer", to="balance", shape="half")
    assert desk.bank.balance().current <= Money(10_000_000)


def test_an_expired_token_is_fetched_anew_in_mid_run(desk: MbDesk) -> None:
    desk.bank.balance()
    desk.do("/tokens/expire")
    assert desk.bank.balance().current == Money(10_000_000)
    desk.do("/tokens/expire")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA9")), Accepted)
    assert desk.see("/orders/SPAAAAAAAAAAAA9")["received"] == 1


def test_a_statement_of_101_rows_comes_whole_though_one_more_arrives_while_paging(desk: MbDesk) -> None:
    for number in range(101):
        desk.do("/pay", account=OURS, amount=1_000 + number, memo=f"SO {number}")
    today = bank_day(datetime.now(UTC))
    first = desk.bank.history(today, today)
    desk.do("/pay", account=OURS, amount=5_000, memo="SO 101")
    second = desk.bank.history(today, today, first.next_cursor)
    rows = {row.key: row for row in (*first.lines, *second.lines)}
    assert sorted(row.amount.units for row in rows.values()) == [1_000 + number for number in range(101)]
    assert {row.key for row in desk.statement()} > set(rows)


def test_a_bank_that_is_away_is_unavailable_for_reading(desk: MbDesk) -> None:
    desk.do("/next-answer", to="balance", http=503, count=3)
    with pytest.raises(BankUnavailable):
        desk.bank.balance()
    desk.do("/settings", maintenance=True)
    with pytest.raises(BankUnavailable):
        desk.statement()


class Door:
    """What the web does with MB's calls, as short as it can be: tokens; then verify, parse, acknowledge."""

    def __init__(self, bank: Bank) -> None:
        self.rows: list[StatementRow] = []
        self.news: list[OrderNews] = []
        self.statuses: list[int] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw, headers = self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers.items())
                at = datetime.now(UTC)
                try:
                    if self.path.endswith("/token"):
                        said = bank.grant_token(headers)
                        assert said is not None
                    else:
                        notice = bank.read_webhook(headers, raw)
                        door.rows += notice.lines
                        door.news += notice.orders
                        said = bank.acknowledge(notice, None, at, "sl_1")
                except Problem as problem:
                    said = bank.acknowledge(None, problem, at)
                if not self.path.endswith("/token"):
                    door.statuses.append(said.status)
                self.send_response(said.status)
                self.send_header("Content-Type", said.content_type)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)

            def log_request(self, code: object = "-", size: object = "-") -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/bank-webhooks/ba_mb_main"


@pytest.fixture
def door(desk: MbDesk) -> Iterator[Door]:
    one = Door(desk.bank)
    desk.do("/webhooks", url=one.url, mode="send")
    yield one
    desk.do("/webhooks", mode="drop")
    one.server.shutdown()
    one.server.server_close()


def acknowledged(desk: MbDesk, how_many: int) -> bool:
    return [notice["status"] for notice in desk.see("/notices")] == ["acknowledged"] * how_many


def test_one_credit_has_one_key_by_push_and_by_history_though_the_memos_differ(desk: MbDesk, door: Door) -> None:
    desk.do("/settings", reference_tail="\\BNK")
    desk.do("/pay", account=OURS, amount=150_000, memo=LONG)
    eventually(lambda: acknowledged(desk, 1))
    (row,), (pushed,) = desk.statement(), door.rows
    assert (row.movement_key, row.direction) == (pushed.movement_key, "credit")
    assert row.memo != pushed.memo
    for one in (row, pushed):
        assert "SOCAI7K3M9Q2X" in plain(one.memo).replace(" ", "")
    assert door.statuses == [200]


def test_interest_has_one_key_in_both_feeds_though_it_is_no_ft_number(desk: MbDesk, door: Door) -> None:
    desk.do("/interest", account=OURS, amount=7)
    eventually(lambda: acknowledged(desk, 1))
    (row,), (pushed,) = desk.statement(), door.rows
    assert (row.movement_key, row.direction) == (pushed.movement_key, "credit")
    assert (row.memo, row.counterparty_name) == ("NODATA", None)


def test_a_sale_by_a_merchants_code_is_one_movement_in_three_feeds(desk: MbDesk, door: Door) -> None:
    customer = Customer(desk.row, desk.url)
    code = customer.merchant("createqr", BODY).json()["data"]["qrcode"]
    customer.http.close()
    desk.do("/pay", vietqr=code)
    eventually(lambda: acknowledged(desk, 2))
    (listed,) = desk.statement()
    assert {row.movement_key for row in door.rows} == {listed.movement_key}
    assert len(door.rows) == 2
    assert sorted(row.virtual_account or "" for row in door.rows) == ["", "VQRSOCAI000001"]


def test_a_result_is_word_of_the_order_and_the_enquiry_decides(desk: MbDesk, door: Door) -> None:
    desk.do("/settings", pushes="C")
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAA2"))
    eventually(lambda: acknowledged(desk, 1))
    (news,), status = door.news, desk.status("SPAAAAAAAAAAAA2")
    assert isinstance(status, Executed)
    assert (news.end_to_end_id, news.outcome) == ("SPAAAAAAAAAAAA2", Accepted(status.bank_reference))
    assert door.rows == []


def test_money_that_comes_back_is_a_credit_of_its_own(desk: MbDesk) -> None:
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAA2"))
    eventually(lambda: isinstance(desk.status("SPAAAAAAAAAAAA2"), Executed))
    desk.do("/orders/SPAAAAAAAAAAAA2/return")
    back, out = desk.statement()
    assert (back.direction, out.direction, back.amount) == ("credit", "debit", out.amount)
    assert back.movement_key != out.movement_key
    assert "SPAAAAAAAAAAAA2" in back.memo.replace(" ", "")


def test_a_forged_call_is_refused_whatever_it_tells(desk: MbDesk, door: Door) -> None:
    customer = Customer(desk.row, desk.url)
    desk.do("/webhooks", mode="drop")
    code = customer.merchant("createqr", BODY).json()["data"]["qrcode"]
    customer.http.close()
    plainly = desk.do("/pay", account=OURS, amount=150_000, memo="x")["reference"]
    sale = desk.do("/pay", vietqr=code)["reference"]
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAA2"))
    for key in ("wrong", "missing"):
        desk.do(f"/movements/{plainly}/notify", key=key)
        desk.do("/orders/SPAAAAAAAAAAAA2/notify", key=key)
    eventually(lambda: door.statuses == [401] * 4)
    desk.do("/settings", pushes="D")
    for spoilt in ({"key": "wrong"}, {"key": "missing"}, {"body": "tampered"}):
        desk.do(f"/movements/{sale}/notify", **spoilt)
    eventually(lambda: door.statuses == [401] * 7)
    assert (door.rows, door.news) == ([], [])


def test_a_torn_call_moves_nothing_and_comes_again(desk: MbDesk, door: Door) -> None:
    desk.do("/webhooks", mode="send", body="truncated")
    desk.do("/pay", account=OURS, amount=150_000, memo="x")
    eventually(lambda: door.statuses == [400])
    assert door.rows == []
    assert desk.see("/notices")[0]["status"] == "waiting"


def test_no_secret_of_ours_is_logged_or_stands_on_the_control_port(
    desk: MbDesk, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        desk.bank.transfer(desk.order("SPAAAAAAAAAAAA2"))
        desk.do("/pay", account=OURS, amount=150_000, memo="x")
        eventually(lambda: len(door.statuses) == 3)
        desk.do("/next-answer", to="balance", http=503, count=3)
        with pytest.raises(BankUnavailable) as refusal:
            desk.bank.balance()
    said = caplog.text + repr(refusal.value) + json.dumps([desk.see("/deliveries"), desk.see("/refusals")])
    assert [name for name in SECRETS if str(desk.row[name]) in said] == []
