"""Webhooks: sent after booking, sent again until acknowledged, held, dropped, doubled and spoilt on demand."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from banks.simulator.simulator import Simulator
from tests.banks.simulator.customer import (
    VIETNAM,
    ControlPort,
    Customer,
    Json,
    Mailbox,
    acknowledge,
    until,
)


def pay(control: ControlPort, amount: int = 150_000) -> Json:
    found: Json = control.post("/pay", account="12345678", amount=amount, memo="SOCAI7K3M9Q2X")
    return found


def deliveries_reach(control: ControlPort, count: int) -> bool:
    return len(control.get("/deliveries")) == count


def notice(control: ControlPort, number: int = 1) -> Json:
    found: Json = control.get("/notices")[number - 1]
    return found


def test_a_booking_is_announced_and_the_acknowledgement_kept(control: ControlPort, mailbox: Mailbox, row: Json) -> None:
    paid = pay(control)
    (pushed,) = mailbox.rows(1)
    headers, text = mailbox.taken[0]
    assert headers["x-api-key"] == row["webhook_key"]
    assert headers["content-type"] == "application/json"
    assert (pushed["accountNumber"], pushed["amount"], pushed["debitOrCredit"]) == ("12345678", 150_000, "credit")
    assert pushed["transactionEntityAttribute"]["traceNumber"] == paid["trace"]
    assert until(lambda: notice(control)["status"] == "acknowledged")
    (delivery,) = control.get("/deliveries")
    assert (delivery["http"], delivery["acknowledged"], delivery["request"]) == (200, True, text)
    assert json.loads(delivery["answer"])["responseStatus"]["responseCode"] == "00000000"


def test_a_payout_is_announced_as_a_debit(customer: Customer, mailbox: Mailbox) -> None:
    customer.pay("T1")
    (pushed,) = mailbox.rows(1)
    assert (pushed["debitOrCredit"], pushed["amount"]) == ("debit", 200_000)
    assert pushed["transactionEntityAttribute"]["beneficiaryName"] == "NGUYEN VAN A"


def test_a_webhook_goes_out_when_its_latency_is_over(control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/settings", webhook_s=600)
    pay(control)
    assert mailbox.taken == []
    control.post("/clock", advance_s=601)
    assert mailbox.rows(1)


def test_a_notice_is_sent_again_after_1_5_15_and_60_minutes_and_then_given_up(
    control: ControlPort, mailbox: Mailbox
) -> None:
    mailbox.answer = lambda body: (503, "")
    pay(control)
    for attempt, minutes in enumerate((1, 5, 15, 60), start=1):
        until(partial(deliveries_reach, control, attempt))
        control.post("/clock", advance_s=60 * minutes - 30)
        assert len(control.get("/deliveries")) == attempt
        control.post("/clock", advance_s=31)
    until(lambda: notice(control)["status"] == "given_up")
    assert [delivery["http"] for delivery in control.get("/deliveries")] == [503] * 5
    assert len({body["requestTrace"] for body in mailbox.bodies(5)}) == 1


def test_a_resend_that_is_acknowledged_ends_the_matter(control: ControlPort, mailbox: Mailbox) -> None:
    mailbox.answer = lambda body: (503, "")
    pay(control)
    until(lambda: control.get("/deliveries"))
    mailbox.answer = acknowledge
    control.post("/clock", advance_s=61)
    until(lambda: notice(control)["status"] == "acknowledged")
    assert [delivery["attempt"] for delivery in control.get("/deliveries")] == [1, 2]


def test_an_unreachable_address_is_kept_as_no_answer(control: ControlPort) -> None:
    control.post("/webhooks", url="http://127.0.0.1:1/nobody")
    pay(control)
    until(lambda: control.get("/deliveries"))
    delivery = control.get("/deliveries")[0]
    assert (delivery["http"], delivery["problem"]) == (None, "no answer: ConnectError")


def test_held_webhooks_are_let_go_in_either_order(control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/webhooks", mode="hold")
    for amount in (1, 2, 3):
        pay(control, amount)
    assert [one["status"] for one in control.get("/notices")] == ["held"] * 3
    control.post("/webhooks", mode="send", order="reverse")
    assert [row["amount"] for row in mailbox.rows(3)] == [3, 2, 1]


def test_a_dropped_webhook_never_comes_but_the_list_of_the_day_has_it(control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/webhooks", mode="drop")
    paid = pay(control)
    assert notice(control)["status"] == "dropped"
    control.post("/webhooks", mode="send")
    control.post("/clock", advance_s=86_400)
    control.post("/webhooks/yesterday")
    (pushed,) = mailbox.rows(1)
    assert pushed["transactionEntityAttribute"]["referenceNumber"] == paid["reference"]
    meta = mailbox.bodies(1)[0]["requestParameters"]["request"]["requestMeta"]
    assert meta == {"requestType": "NOTIFICATION", "requestCode": "TRANSACTION_HISTORY"}


def test_the_list_of_a_day_comes_in_pages(control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/webhooks", mode="drop")
    for amount in range(1, 6):
        pay(control, amount)
    today = datetime.now(VIETNAM).date().isoformat()
    control.post("/webhooks/yesterday", date=today, page_size=2)
    pages = [body["requestParameters"]["request"]["requestParams"] for body in mailbox.bodies(3)]
    assert sorted(page["pagination"]["page"] for page in pages) == [1, 2, 3]
    assert {page["pagination"]["totalPage"] for page in pages} == {3}
    assert sorted(row["amount"] for page in pages for row in page["transactions"]) == [1, 2, 3, 4, 5]
    before = (datetime.now(VIETNAM) - timedelta(days=9)).date().isoformat()
    assert control.post("/webhooks/yesterday", date=before) == []


def test_a_doubled_webhook_is_the_same_message_twice(control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/webhooks", mode="duplicate", times=3)
    pay(control)
    first, second, third = mailbox.bodies(3)
    assert first["requestTrace"] == second["requestTrace"] == third["requestTrace"]


@pytest.mark.parametrize("key", ["wrong", "missing"])
def test_a_webhook_can_come_with_a_wrong_key_or_none(
    control: ControlPort, mailbox: Mailbox, row: Json, key: str
) -> None:
    paid = pay(control)
    mailbox.rows(1)
    control.post(f"/movements/{paid['reference']}/notify", key=key)
    mailbox.bodies(2)
    sent = mailbox.taken[1][0].get("x-api-key")
    assert sent != row["webhook_key"]
    assert (sent is None) == (key == "missing")


def test_a_movement_is_announced_again_as_often_as_told(control: ControlPort, mailbox: Mailbox) -> None:
    paid = pay(control)
    control.post(f"/movements/{paid['reference']}/notify", times=3)
    assert {row["amount"] for row in mailbox.rows(4)} == {150_000}
    assert control.refused("/movements/NONE/notify")[0] == 404
    assert control.refused(f"/movements/{paid['reference']}/notify", mode="hold")[0] == 400


@pytest.mark.parametrize("spoilt", ["truncated", "html"])
def test_a_webhook_can_be_spoilt(control: ControlPort, mailbox: Mailbox, spoilt: str) -> None:
    control.post("/webhooks", body=spoilt)
    pay(control)
    until(lambda: mailbox.taken)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(mailbox.taken[0][1])


def test_the_key_can_come_as_authorization_and_the_body_in_the_older_shape(
    control: ControlPort, mailbox: Mailbox, row: Json
) -> None:
    control.post("/settings", webhook_header="authorization", webhook_shape="older")
    mailbox.answer = lambda body: acknowledge({"requestTrace": body["clientRequestId"]})
    pay(control)
    (body,) = mailbox.bodies(1)
    assert mailbox.taken[0][0]["authorization"] == row["webhook_key"]
    assert [one["amount"] for one in body["requests"]] == [150_000]
    assert until(lambda: notice(control)["status"] == "acknowledged")


def test_accounts_of_other_customers_are_not_announced(control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/accounts", number="87654321", name="TRAN THI BINH")
    control.post("/pay", account="87654321", amount=1)
    assert control.get("/notices") == []


def test_a_bank_without_an_address_announces_nothing(keys: Path) -> None:
    with Simulator(keys) as bank:
        control = ControlPort(bank.control_url)
        paid = pay(control)
        assert control.get("/notices") == []
        assert control.refused(f"/movements/{paid['reference']}/notify")[0] == 409
        assert control.refused("/webhooks/yesterday")[0] == 409
        control.http.close()


@pytest.mark.parametrize("body", [{"mode": "burn"}, {"times": 0}, {"key": 1}, {"speed": 2}])
def test_an_arrangement_that_does_not_exist_is_refused(control: ControlPort, body: Json) -> None:
    assert control.refused("/webhooks", **body)[0] == 400
