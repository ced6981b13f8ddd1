"""Each fault of the control port, seen from the customer's side of the wire."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from banks.simulator.faults import Mischief
from banks.simulator.refusals import Impossible
from tests.banks.simulator.customer import (
    NEVER_STORED,
    ControlPort,
    Customer,
    Mailbox,
    until,
)


def test_a_lost_answer_leaves_an_order_that_is_executed(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="lose_answer")
    with pytest.raises(httpx.RemoteProtocolError):
        customer.pay("T1")
    assert customer.ended("T1")["status"] == "TRAN"
    assert control.balance() == 99_800_000
    assert control.get("/orders/T1")["received"] == 1


def test_an_answer_can_be_held_beyond_the_customers_patience(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="lose_answer", seconds=3600)
    headers = customer.headers()
    customer.http.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        customer.pay("T1")
    customer.http.timeout = httpx.Timeout(10)
    assert headers
    assert customer.ended("T1")["status"] == "TRAN"


def test_a_lost_order_leaves_nothing(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="lose_order")
    with pytest.raises(httpx.RemoteProtocolError):
        customer.pay("T1")
    assert control.get("/orders/T1") == NEVER_STORED | {"trace": "T1"}
    assert customer.pay("T1").status_code == 200


def test_a_declined_order_is_refused_in_the_answer(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="decline", code="30010009", reason="Account is blocked")
    status = customer.pay("T1").json()["responseStatus"]
    assert status == {"responseCode": "30010009", "responseMessage": "Account is blocked"}
    assert control.get("/orders") == []


def test_a_declined_order_can_be_refused_later(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="decline", how="later", reason="Account is blocked")
    assert customer.pay("T1").status_code == 200
    line = customer.ended("T1")
    assert (line["status"], line["statusMessage"], line["transactionNumber"]) == ("INVA", "Account is blocked", None)
    assert control.balance() == 100_000_000


def test_a_slow_answer_comes_after_the_webhook_when_execution_is_quick(
    customer: Customer, control: ControlPort, mailbox: Mailbox
) -> None:
    control.post("/next-order", fault="slow", seconds=0.5, validate_s=0, transfer_s=0)
    assert customer.pay("T1").status_code == 200
    assert len(mailbox.taken) == 1


def test_an_order_can_be_not_found_for_a_while(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="not_found_for", seconds=120)
    customer.pay("T1")
    until(lambda: control.get("/orders/T1")["status"] == "executed")
    assert customer.status("T1").json()["responseStatus"]["responseCode"] == "30020402"
    control.post("/clock", advance_s=121)
    assert customer.line("T1")["status"] == "TRAN"


def test_an_unknown_status_is_shown_until_the_control_port_decides(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="unknown_status", status="PEND")
    customer.pay("T1")
    until(lambda: control.get("/orders/T1")["status"] == "executed")
    assert customer.line("T1")["status"] == "PEND"
    control.post("/orders/T1", status="executed")
    assert customer.line("T1")["status"] == "TRAN"


def test_a_stuck_order_stays_until_the_control_port_decides(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="stuck")
    customer.pay("T1")
    control.post("/clock", advance_s=86_400)
    assert control.get("/orders/T1")["status"] == "waiting"
    assert control.post("/orders/T1", status="refused", reason="Refused by hand")["reason"] == "Refused by hand"
    assert control.balance() == 100_000_000


@pytest.mark.parametrize("http", [429, 502, 503])
def test_an_http_error_stores_nothing(customer: Customer, control: ControlPort, http: int) -> None:
    control.post("/next-order", fault="http_error", http=http)
    assert customer.pay("T1").status_code == http
    assert control.get("/orders") == []


def test_a_500_can_come_after_execution(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", validate_s=1000, transfer_s=1000)
    control.post("/next-order", fault="http_500_after_execute")
    assert customer.pay("T1").status_code == 500
    assert customer.ended("T1")["status"] == "TRAN"


def test_a_malformed_answer_has_status_200(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="malformed", text="<html>")
    answer = customer.pay("T1")
    assert (answer.status_code, answer.text) == (200, "<html>")
    assert customer.ended("T1")["status"] == "TRAN"


def test_a_first_order_can_be_answered_as_a_duplicate(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="answer_duplicate")
    assert customer.pay("T1").json()["responseStatus"]["responseCode"] == "30010002"
    assert customer.ended("T1")["status"] == "TRAN"


def test_an_answer_can_name_another_order(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="other_order")
    assert customer.pay("T1").json()["responseData"]["transaction"]["transactionTraceNumber"] == "X1"


def test_a_certificate_can_be_called_mismatched(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="bad_signature")
    assert customer.pay("T1").status_code == 289
    assert control.get("/orders") == []


def test_faults_happen_in_turn_and_as_often_as_told(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="http_error", http=502, count=2)
    control.post("/next-order", fault="http_error", http=503)
    assert control.get("/state")["faults_waiting"] == 3
    assert [customer.pay(f"T{number}").status_code for number in range(4)] == [502, 502, 503, 200]


def test_a_refused_order_uses_up_no_fault(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="http_error", http=502)
    assert customer.pay("T1", 100_000_001).json()["responseStatus"]["responseCode"] == "30010001"
    assert customer.pay("T1").status_code == 502


def test_the_token_endpoint_can_be_down(customer: Customer, control: ControlPort) -> None:
    control.post("/next-answer", to="token", http=503, count=2)
    assert [customer.token().status_code for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize("to", ["balance", "history", "status"])
def test_each_enquiry_can_be_dropped_or_spoilt(customer: Customer, control: ControlPort, to: str) -> None:
    ask: Callable[[], httpx.Response] = {
        "balance": lambda: customer.balance(),
        "history": lambda: customer.history(),
        "status": lambda: customer.status("T1"),
    }[to]
    customer.pay("T1")
    control.post("/next-answer", to=to, drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        ask()
    control.post("/next-answer", to=to, http=200, text="not json")
    assert ask().text == "not json"
    assert ask().json()


@pytest.mark.parametrize(
    "body",
    [
        *({}, [], {"fault": "explode"}, {"fault": "slow", "seconds": -1}),
        *({"fault": "slow", "minutes": 1}, {"fault": "slow", "count": 0}, {"fault": "http_error", "http": 200}),
    ],
)
def test_a_fault_that_does_not_exist_is_refused(body: object) -> None:
    with pytest.raises(Impossible) as refusal:
        Mischief(frozenset({"status", "token"})).plan_order(body)
    assert refusal.value.http == 400


def test_a_spoilt_answer_needs_a_known_target() -> None:
    with pytest.raises(Impossible):
        Mischief(frozenset({"status", "token"})).plan_answer({"to": "order"})


def test_faults_wait_only_for_calls_the_bank_has(control: ControlPort) -> None:
    assert "token" in control.refused("/next-answer", to="lookup")[1]
