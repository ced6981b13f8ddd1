"""Techcombank as one of the simulated banks: each fault seen from the wire, and mutual TLS."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import pytest

from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from banks.simulator.techcombank.personality import PROFILE, reference
from tests.banks.simulator.customer import NEVER_STORED, ControlPort, Json, Mailbox, until
from tests.banks.simulator.techcombank.conftest import OPENING, OWN
from tests.banks.simulator.techcombank.customer import Customer, code_of


def test_references_are_ft_and_fourteen_digits_and_never_come_again() -> None:
    days = (date(2025, 1, 15), date(2025, 1, 16), date(2026, 1, 15))
    assert len({reference(day, number) for day in days for number in (1, 2)}) == 6
    assert PROFILE.reference(days[0], 123456789) == "FT25015123456789"


def test_a_lost_answer_leaves_an_order_that_is_executed(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="lose_answer")
    with pytest.raises(httpx.RemoteProtocolError):
        customer.pay("T1")
    assert customer.ended("T1")["TxnSts"] == "COMPLETED"
    assert control.balance(OWN) == OPENING - 200_000


def test_a_lost_order_leaves_nothing(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="lose_order")
    with pytest.raises(httpx.RemoteProtocolError):
        customer.pay("T1")
    assert control.get("/orders/T1") == NEVER_STORED | {"trace": "T1"}
    assert customer.code("T1") == "000"


def test_a_declined_order_is_refused_at_once_or_later(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="decline")
    control.post("/next-order", fault="decline", code="SOA-004", reason="Cannot connect")
    control.post("/next-order", fault="decline", how="later", reason="Account is blocked")
    assert [customer.code(trace) for trace in ("T1", "T2", "T3")] == ["PA-020", "SOA-004", "000"]
    record = customer.ended("T3")
    assert (record["TxnSts"], record["TxnStsRemark"], record["TxnDes"]) == ("FAILED", "001", "Account is blocked")
    assert [order["trace"] for order in control.get("/orders")] == ["T3"]


def test_a_backend_timeout_can_hide_a_transfer_that_was_done(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="answer_duplicate", code="SOA-003")
    assert customer.code("T1") == "SOA-003"
    assert customer.ended("T1")["TxnSts"] == "COMPLETED"


def test_a_malformed_answer_has_status_200(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="malformed", text="<html>")
    answer = customer.send(customer.order("T1"))
    assert (answer.status_code, answer.text) == (200, "<html>")
    assert customer.ended("T1")["TxnSts"] == "COMPLETED"


def test_a_slow_answer_comes_after_the_callback(customer: Customer, control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/next-order", fault="slow", seconds=0.3)
    assert customer.code("T1") == "000"
    assert len(mailbox.taken) == 1


def test_a_stuck_order_stays_until_the_control_port_decides(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="stuck")
    customer.pay("T1")
    assert (customer.status("T1")["TxnSts"], customer.status("T1")["TxnStsRemark"]) == ("PENDING", "")
    control.post("/orders/T1", status="refused", reason="Refused by hand")
    assert customer.status("T1")["TxnSts"] == "FAILED"


def test_an_order_can_be_not_found_for_a_while(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="not_found_for", seconds=120)
    customer.pay("T1")
    until(lambda: control.get("/orders/T1")["status"] == "executed")
    assert "TxRcrd" not in customer.ask("T1").text
    control.post("/clock", advance_s=121)
    assert customer.status("T1")["TxnSts"] == "COMPLETED"


def test_an_odd_status_can_be_shown(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="unknown_status", status="REVIEWING")
    customer.pay("T1")
    until(lambda: control.get("/orders/T1")["status"] == "executed")
    record = customer.status("T1")
    assert (record["TxnSts"], record["TxnStsRemark"], record["TxnBnkID"]) == ("REVIEWING", "", "")


@pytest.mark.parametrize(
    ("fault", "stored"), [({"fault": "http_error", "http": 503}, False), ({"fault": "http_500_after_execute"}, True)]
)
def test_an_answer_can_be_an_http_error(customer: Customer, control: ControlPort, fault: Json, stored: bool) -> None:
    control.post("/next-order", **fault)
    answer = customer.send(customer.order("T1"))
    assert answer.status_code == fault.get("http", 500)
    assert ("Fault" in answer.text) is stored
    assert bool(control.get("/orders")) is stored


def test_a_first_order_can_be_answered_as_a_duplicate_and_as_badly_signed(
    customer: Customer, control: ControlPort
) -> None:
    control.post("/next-order", fault="answer_duplicate")
    control.post("/next-order", fault="bad_signature")
    assert [customer.code("T1"), customer.code("T2")] == ["PA-017", "SOA-008"]
    assert [order["trace"] for order in control.get("/orders")] == ["T1"]


def test_an_answer_can_name_another_order(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="other_order")
    said = customer.pay("T1")
    assert (code_of(said), said["RspnInf"]["Id"]) == ("000", "X1")


def test_an_answer_can_drip_come_by_half_or_as_another_type(customer: Customer, control: ControlPort) -> None:
    for fault in ("drip", "wrong_type", "half"):
        control.post("/next-order", fault=fault)
    assert customer.code("T1") == "000"
    assert customer.send(customer.order("T2")).headers["Content-Type"].startswith("text/html")
    with pytest.raises(httpx.RemoteProtocolError):
        customer.pay("T3")


@pytest.mark.parametrize("to", ["transfer", "status", "banks", "account", "history"])
def test_each_call_can_be_spoilt_by_name(customer: Customer, control: ControlPort, to: str) -> None:
    ask: dict[str, Callable[[], object]] = {
        "transfer": lambda: customer.send(customer.order("T1")).raise_for_status(),
        "status": lambda: customer.ask("T1").raise_for_status(),
        "banks": customer.banks,
        "account": lambda: customer.account(OWN),
        "history": lambda: customer.history().raise_for_status(),
    }
    control.post("/next-answer", to=to, drop=True)
    for other in sorted(set(ask) - {to}):
        ask[other]()
    with pytest.raises(httpx.RemoteProtocolError):
        ask[to]()
    ask[to]()


def test_over_https_a_certificate_is_wanted_and_the_handshake_can_fail(tmp_path: Path) -> None:
    mine = Enrolment(base_url="https://127.0.0.1:1", accounts=(("ba_tcb", OWN),), balance=OPENING)
    enrol(tmp_path, personality("techcombank"), mine)
    row: Json = json.loads((tmp_path / "accounts.json").read_text())["bank_accounts"][0]
    (tmp_path / "client.pem").write_text(row["client_key_pem"] + row["client_certificate_pem"])
    known = ssl.create_default_context(cadata=row["ca_pem"])
    known.load_cert_chain(tmp_path / "client.pem")
    with Simulator(tmp_path, "techcombank") as bank:
        assert bank.url.startswith("https:")
        control = ControlPort(bank.control_url)
        nobody = Customer(row, bank.url, ssl.create_default_context(cadata=row["ca_pem"]))
        customer = Customer(row, bank.url, known)
        with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
            nobody.pay("T1")
        control.post("/settings", tls="refuse")
        with pytest.raises(httpx.ConnectError):
            customer.pay("T1")
        control.post("/settings", tls="good")
        assert customer.code("T1") == "000"
        for trace, fault in (("T2", "lose_answer"), ("T3", "half")):
            control.post("/next-order", fault=fault)
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                customer.pay(trace)
        assert sorted(order["trace"] for order in control.get("/orders")) == ["T1", "T2", "T3"]
        for client in (nobody.http, customer.http, control.http):
            client.close()
