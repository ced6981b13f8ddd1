"""Answers spoilt on their way out, whatever they say."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.banks.simulator.customer import ControlPort, Customer, compact, transaction


def test_an_answer_can_drip(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="drip")
    customer.headers()
    pieces: list[bytes] = []
    body = customer.body(customer.data(transaction("T1")))
    with customer.http.stream(
        "POST",
        f"{customer.api}/payments/payment-order/v2/transaction",
        content=compact(body).encode(),
        headers=customer.headers(X_Channel="SOBA", Content_Type="application/json"),
    ) as answer:
        pieces.extend(answer.iter_raw())
    assert len(pieces) > 5
    assert json.loads(b"".join(pieces))["responseData"]["transaction"]["status"] == "ORIG"


def test_an_answer_can_be_cut_in_half(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="half")
    with pytest.raises(httpx.RemoteProtocolError):
        customer.pay("T1")
    assert customer.ended("T1")["status"] == "TRAN"


@pytest.mark.parametrize("to", ["order", "balance"])
def test_an_answer_can_be_of_another_type(customer: Customer, control: ControlPort, to: str) -> None:
    if to == "order":
        control.post("/next-order", fault="wrong_type")
        answer = customer.pay("T1")
    else:
        control.post("/next-answer", to="balance", shape="wrong_type")
        answer = customer.balance()
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.json()
