"""Histories: newest first, paged, limited as the bank limits them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from banks.simulator.simulator import Simulator
from tests.banks.simulator.customer import VIETNAM, ControlPort, Customer, Json, until


def pay(control: ControlPort, count: int) -> None:
    control.post("/webhooks", mode="drop")
    for amount in range(1, count + 1):
        control.post("/pay", account="12345678", amount=amount, memo="x")


def pagination(customer: Customer, **asked: str | int) -> Json:
    found: Json = customer.history(**asked).json()["responseData"]["pagination"]
    return found


def test_a_history_of_more_than_a_hundred_rows_is_read_page_by_page(customer: Customer, control: ControlPort) -> None:
    pay(control, 105)
    assert pagination(customer) == {"page": 1, "size": 100, "totalPage": 2, "totalRecord": 105}
    rows = customer.rows(page=1) + customer.rows(page=2)
    assert [row["transactionAmount"] for row in rows] == list(range(105, 0, -1))
    assert len({row["traceNumber"] for row in rows}) == 105
    assert customer.rows(page=3) == []


def test_a_new_row_shifts_the_pages(customer: Customer, control: ControlPort) -> None:
    pay(control, 4)
    first = customer.rows(page=1, size=2)
    control.post("/pay", account="12345678", amount=5, memo="x")
    second = customer.rows(page=2, size=2)
    assert [row["transactionAmount"] for row in first + second] == [4, 3, 3, 2]


def test_over_several_days_only_the_newest_hundred_rows_are_there(customer: Customer, control: ControlPort) -> None:
    pay(control, 103)
    yesterday = (datetime.now(VIETNAM) - timedelta(days=1)).date().isoformat()
    assert pagination(customer, fromDate=yesterday)["totalRecord"] == 100


def test_a_row_belongs_to_the_bank_day_it_was_booked_on(customer: Customer, control: ControlPort) -> None:
    pay(control, 1)
    control.post("/clock", advance_s=86_400)
    customer.bearer = ""
    control.post("/pay", account="12345678", amount=2)
    today = datetime.now(VIETNAM).date()
    tomorrow = (today + timedelta(days=1)).isoformat()
    assert [row["transactionAmount"] for row in customer.rows()] == [1]
    (row,) = customer.rows(fromDate=tomorrow, toDate=tomorrow)
    assert row["transactionAmount"] == 2
    assert row["traceNumber"] == "100001"


def test_a_row_carries_everything_of_the_specification(customer: Customer, control: ControlPort) -> None:
    control.post("/pay", account="12345678", amount=150_000, memo="SOCAI7K3M9Q2X")
    (row,) = customer.rows()
    assert row["transactionDate"].endswith("+07:00")
    assert date.fromisoformat(row["transactionDate"][:10]) == datetime.now(VIETNAM).date()
    assert row["transactionTraceNumber"] is None
    assert (row["remitterAccountNumber"], row["beneficiaryAccount"]) == ("1012345678", None)
    assert row["transactionStatus"] == "COMPLETED"


def test_dates_can_be_rendered_without_an_offset(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", history_dates="plain")
    pay(control, 1)
    (row,) = customer.rows()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row["transactionDate"])


def test_history_can_lag_behind_the_booking(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", history_s=30)
    pay(control, 1)
    assert customer.rows() == []
    control.post("/clock", advance_s=31)
    assert len(customer.rows()) == 1


def test_an_empty_history_is_one_empty_page(customer: Customer, bank: Simulator) -> None:
    assert pagination(customer) == {"page": 1, "size": 100, "totalPage": 1, "totalRecord": 0}


def test_balances_after_each_row_lead_to_the_balance(customer: Customer, control: ControlPort) -> None:
    pay(control, 3)
    customer.pay("T1", 2)
    until(lambda: customer.line("T1")["status"] == "TRAN")
    after = [row["balance_after"] for row in control.get("/movements?account=12345678")]
    assert after == [100_000_001, 100_000_003, 100_000_006, 100_000_004]
