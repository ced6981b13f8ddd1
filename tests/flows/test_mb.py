"""What MB has of its own: transfers that are answered at once, memos that differ, merchants' codes, and its calls."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from banks.bank import FoundName
from banks.bank_text import plain
from banks.outcomes import Accepted, Declined, Executed, NotFound, Unknown
from ledger.calendar import bank_day
from ledger.errors import BankUnavailable
from ledger.money import Money
from tests.banks.simulator.mb.customer import Customer
from tests.banks.simulator.mb.test_merchant import BODY
from tests.flows.conftest import Open
from tests.flows.desk import ELSEWHERE, PAYEE, Desk, Gateway, eventually

LONG = "MBVCB.4125261053.047334.SOCAI7K3M9Q2X.CT tu 1012345678 NGUYEN VAN ANH"
SECRETS = ("client_secret", "private_key_pem", "push_password", "webhook_key", "mms_access_key")


@pytest.fixture
def desk(opened: Open) -> Iterator[Desk]:
    with opened("mb") as desk:
        yield desk


@pytest.fixture
def sync_desk(opened: Open) -> Iterator[Desk]:
    with opened("mb", transfers="sync") as desk:
        yield desk


def test_names_are_found_inside_and_at_other_banks(desk: Desk) -> None:
    assert desk.bank.lookup_name("970422", PAYEE) == FoundName("TRAN THI BINH", active=True)
    assert desk.bank.lookup_name(ELSEWHERE, PAYEE) == FoundName("TRAN THI BINH", active=True)
    assert desk.bank.lookup_name(ELSEWHERE, "87654321") is None
    desk.do("/settings", offline_bins=[ELSEWHERE])
    with pytest.raises(BankUnavailable):
        desk.bank.lookup_name(ELSEWHERE, PAYEE)


def test_a_synchronous_order_is_executed_inside_mb_and_only_accepted_elsewhere(sync_desk: Desk) -> None:
    assert isinstance(sync_desk.bank.transfer(sync_desk.order("SPAAAAAAAAAAAA2", rail="internal")), Executed)
    accepted = sync_desk.send("SPAAAAAAAAAAAA3")
    assert isinstance(accepted, Accepted)
    assert sync_desk.status("SPAAAAAAAAAAAA3") == Executed(accepted.bank_reference)
    sync_desk.do("/next-order", fault="decline", how="later")
    assert isinstance(sync_desk.send("SPAAAAAAAAAAAA4"), Declined)
    sync_desk.do("/settings", sync_s=0)
    assert isinstance(sync_desk.send("SPAAAAAAAAAAAA5"), Accepted)


def test_listed_codes_decide_and_no_others(desk: Desk) -> None:
    for code in ("100", "101", "200", "201", "202", "203", "205", "209", "211", "215", "400", "411", "412", "416"):
        desk.do("/next-order", fault="decline", code=code)
        assert isinstance(desk.send("SPAAAAAAAAAAAA4"), Declined), code
    for code in ("001", "002", "212", "401", "404", "405", "406", "408", "500", "999", "GW1017"):
        desk.do("/next-order", fault="decline", code=code)
        assert isinstance(desk.send("SPAAAAAAAAAAAA4"), Unknown), code
    assert desk.see("/orders") == []
    desk.do("/next-order", fault="decline", code="207")
    assert isinstance(desk.send("SPAAAAAAAAAAAA4"), Accepted)
    assert len(desk.see("/orders")) == 1


def test_a_code_that_says_duplicate_in_other_words_is_unknown_as_well(desk: Desk) -> None:
    desk.do("/next-order", fault="answer_duplicate", code="002")
    assert isinstance(desk.send("SPAAAAAAAAAAAA8"), Unknown)
    assert isinstance(desk.ended("SPAAAAAAAAAAAA8"), Executed)


def test_an_enquiry_says_no_more_than_the_bank_does(desk: Desk) -> None:
    desk.do("/next-order", fault="not_found_for", seconds=120)
    desk.do("/next-order", fault="unknown_status", status="UNDEFINED")
    for trace in ("SPAAAAAAAAAAAA8", "SPAAAAAAAAAAAA9"):
        desk.send(trace)
    assert desk.status("SPAAAAAAAAAAAA8") == NotFound()
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Unknown)
    desk.do("/next-answer", to="status", http=200, text="<html>")
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Unknown)
    desk.do("/orders/SPAAAAAAAAAAAA9", status="executed")
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Executed)


def test_what_is_asked_once_more_is_another_call_to_the_bank(desk: Desk) -> None:
    desk.send("SPAAAAAAAAAAAA9")
    desk.do("/next-answer", to="status", shape="half")
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Accepted | Executed)
    desk.do("/next-answer", to="balance", shape="half")
    assert desk.bank.balance().current <= Money(10_000_000)


def test_a_statement_of_101_rows_comes_whole_though_one_more_arrives_while_paging(desk: Desk) -> None:
    for number in range(101):
        desk.credited(1_000 + number, f"SO {number}")
    today = bank_day(datetime.now(UTC))
    first = desk.bank.history(today, today)
    desk.credited(5_000, "SO 101")
    second = desk.bank.history(today, today, first.next_cursor)
    rows = {row.key: row for row in (*first.lines, *second.lines)}
    assert sorted(row.amount.units for row in rows.values()) == [1_000 + number for number in range(101)]
    assert {row.key for row in desk.statement()} > set(rows)


def test_nothing_is_read_while_the_bank_says_it_is_closed(desk: Desk) -> None:
    desk.do("/settings", maintenance=True)
    with pytest.raises(BankUnavailable):
        desk.statement()


def test_one_credit_has_one_key_by_push_and_by_history_though_the_memos_differ(desk: Desk, gateway: Gateway) -> None:
    desk.do("/settings", reference_tail="\\BNK")
    desk.credited(memo=LONG)
    eventually(lambda: desk.acknowledged(1))
    (row,), (pushed,) = desk.statement(), gateway.rows
    assert (row.movement_key, row.direction) == (pushed.movement_key, "credit")
    assert row.memo != pushed.memo
    for one in (row, pushed):
        assert "SOCAI7K3M9Q2X" in plain(one.memo).replace(" ", "")
    assert gateway.statuses == [200]


def test_interest_has_one_key_in_both_feeds_though_it_is_no_ft_number(desk: Desk, gateway: Gateway) -> None:
    desk.do("/interest", account=desk.ours, amount=7)
    eventually(lambda: desk.acknowledged(1))
    (row,), (pushed,) = desk.statement(), gateway.rows
    assert (row.movement_key, row.direction) == (pushed.movement_key, "credit")
    assert (row.memo, row.counterparty_name) == ("NODATA", None)


def test_a_sale_by_a_merchants_code_is_one_movement_in_three_feeds(desk: Desk, gateway: Gateway) -> None:
    customer = Customer(desk.row, desk.url)
    code = customer.merchant("createqr", BODY).json()["data"]["qrcode"]
    customer.http.close()
    desk.do("/pay", vietqr=code)
    eventually(lambda: desk.acknowledged(2))
    (listed,) = desk.statement()
    assert {row.movement_key for row in gateway.rows} == {listed.movement_key}
    assert len(gateway.rows) == 2
    assert sorted(row.virtual_account or "" for row in gateway.rows) == ["", "VQRSOCAI000001"]


def test_a_result_is_word_of_the_order_and_the_enquiry_decides(desk: Desk, gateway: Gateway) -> None:
    desk.do("/settings", pushes="C")
    desk.send("SPAAAAAAAAAAAA2")
    eventually(lambda: desk.acknowledged(1))
    (news,), status = gateway.orders, desk.status("SPAAAAAAAAAAAA2")
    assert isinstance(status, Executed)
    assert (news.end_to_end_id, news.outcome) == ("SPAAAAAAAAAAAA2", Accepted(status.bank_reference))
    assert gateway.rows == []


def test_money_that_comes_back_is_a_credit_of_its_own(desk: Desk) -> None:
    desk.send("SPAAAAAAAAAAAA2")
    eventually(lambda: isinstance(desk.status("SPAAAAAAAAAAAA2"), Executed))
    desk.do("/orders/SPAAAAAAAAAAAA2/return")
    back, out = desk.statement()
    assert (back.direction, out.direction, back.amount) == ("credit", "debit", out.amount)
    assert back.movement_key != out.movement_key
    assert "SPAAAAAAAAAAAA2" in back.memo.replace(" ", "")


def test_a_forged_call_is_refused_whatever_it_tells(desk: Desk, gateway: Gateway) -> None:
    customer = Customer(desk.row, desk.url)
    desk.do("/webhooks", mode="drop")
    code = customer.merchant("createqr", BODY).json()["data"]["qrcode"]
    customer.http.close()
    plainly = desk.credited()
    sale = desk.do("/pay", vietqr=code)["reference"]
    desk.send("SPAAAAAAAAAAAA2")
    for key in ("wrong", "missing"):
        desk.do(f"/movements/{plainly}/notify", key=key)
        desk.do("/orders/SPAAAAAAAAAAAA2/notify", key=key)
    eventually(lambda: gateway.statuses == [401] * 4)
    desk.do("/settings", pushes="D")
    for spoilt in ({"key": "wrong"}, {"key": "missing"}, {"body": "tampered"}):
        desk.do(f"/movements/{sale}/notify", **spoilt)
    eventually(lambda: gateway.statuses == [401] * 7)
    assert (gateway.rows, gateway.orders) == ([], [])


def test_a_torn_call_moves_nothing_and_comes_again(desk: Desk, gateway: Gateway) -> None:
    desk.do("/webhooks", mode="send", body="truncated")
    desk.credited()
    eventually(lambda: gateway.statuses == [400])
    assert gateway.rows == []
    assert desk.see("/notices")[0]["status"] == "waiting"


def test_no_secret_of_ours_is_logged_or_stands_on_the_control_port(
    desk: Desk, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        desk.send("SPAAAAAAAAAAAA2")
        desk.credited()
        eventually(lambda: len(gateway.statuses) == 3)
        desk.do("/next-answer", to="balance", http=503, count=3)
        with pytest.raises(BankUnavailable) as refusal:
            desk.bank.balance()
    said = caplog.text + repr(refusal.value) + json.dumps([desk.see("/deliveries"), desk.see("/refusals")])
    assert [name for name in SECRETS if str(desk.row[name]) in said] == []
