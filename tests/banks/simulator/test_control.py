"""The control port itself: what it shows and what it refuses."""

from __future__ import annotations

import httpx
import pytest

from tests.banks.simulator.customer import ControlPort, Customer


def test_the_state_shows_accounts_books_and_clock(control: ControlPort) -> None:
    state = control.get("/state")
    assert state["accounts"] == [
        {
            "number": "12345678",
            "name": "CONG TY SOCAI",
            "client": True,
            "balance": 100_000_000,
            "available": 100_000_000,
        }
    ]
    assert state["trial_balance"] == {"12345678": 100_000_000, "capital": -100_000_000}
    assert (state["trial_balance_sum"], state["clock_offset_s"], state["webhook_mode"]) == (0, 0, "send")


def test_the_clock_moves_forward_and_back_by_an_hour_at_most(control: ControlPort) -> None:
    control.post("/clock", advance_s=60)
    assert control.post("/clock", advance_s=30)["offset_s"] == 90
    assert control.post("/clock", advance_s=-600)["offset_s"] == -510
    assert control.refused("/clock", advance_s=-3601)[0] == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/orders/T1", {}),
        ("/orders/T1", {"status": "DONE"}),
        ("/clock", {}),
        ("/settings", {"speed": 1}),
        ("/next-order", {"fault": "explode"}),
        ("/next-answer", {"to": "moon"}),
        ("/webhooks/yesterday", {"page_size": 0}),
        ("/webhooks/yesterday", {"date": "yesterday"}),
    ],
)
def test_what_cannot_be_read_is_400_with_a_reason(control: ControlPort, path: str, body: dict[str, object]) -> None:
    status, error = control.refused(path, **body)
    assert status == 400
    assert error


@pytest.mark.parametrize("text", ["{", "[]", "1"])
def test_a_body_that_is_no_object_is_400(control: ControlPort, text: str) -> None:
    assert httpx.post(f"{control.url}/settings", content=text, trust_env=False).status_code == 400


def test_an_order_never_heard_of_is_404(control: ControlPort) -> None:
    assert control.http.get("/orders/NOBODY").status_code == 404


def test_refusals_say_more_than_the_wire_does(control: ControlPort, customer: Customer) -> None:
    answer = customer.balance(**{"X-Service": "x"})
    assert "X-Service" not in answer.text
    assert "X-Service" in control.last_refusal()


def test_orders_and_movements_are_listed(control: ControlPort, customer: Customer) -> None:
    customer.pay("T1")
    customer.ended("T1")
    (order,) = control.get("/orders")
    assert (order["trace"], order["status"], order["received"], order["stored"]) == ("T1", "executed", 1, True)
    (movement,) = control.get("/movements?account=12345678")
    assert movement["order"] == "T1"
    assert control.get("/movements?account=87654321") == []


def test_a_list_shows_its_latest_rows_when_asked(control: ControlPort) -> None:
    for amount in (1, 2, 3):
        control.post("/charge", account="12345678", amount=amount)
    assert [row["amount"] for row in control.get("/movements?last=2")] == [2, 3]
    assert len(control.get("/movements?last=9")) == 3
    for wrong in ("0", "-1", "x", "٣", "", "9999999"):
        assert control.http.get("/movements", params={"last": wrong}).status_code == 400


def test_the_state_shows_how_webhooks_are_sent_and_where_to(control: ControlPort) -> None:
    control.post("/webhooks", mode="hold", url="http://127.0.0.1:9/")
    state = control.get("/state")
    assert (state["webhooks"]["mode"], state["webhooks"]["key"]) == ("hold", "right")
    assert state["webhook_url"] == "http://127.0.0.1:9/"
