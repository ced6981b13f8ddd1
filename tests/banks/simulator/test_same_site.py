"""Whom the control port answers: programs, and its own page in a browser; nobody else's page."""

from __future__ import annotations

import httpx
import pytest

from tests.banks.simulator.customer import ControlPort, Customer

CHARGE = {"account": "12345678", "amount": 1}
TEXT = b'{"account": "12345678", "amount": 1}'


def sent(control: ControlPort, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return control.http.post("/charge", content=TEXT, headers={"Content-Type": "text/plain"} | named)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://shop.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Host": "evil.example:9417"},
        {"Host": "evil.example:9417", "Origin": "http://evil.example:9417"},
        {"Host": ""},
        {"Host": "[::1"},
    ],
)
def test_another_sites_page_is_refused_and_nothing_is_booked(control: ControlPort, headers: dict[str, str]) -> None:
    answer = sent(control, **headers)
    assert answer.status_code in (400, 403)
    assert control.balance() == 100_000_000


def test_a_page_whose_name_was_let_point_here_reads_nothing(control: ControlPort) -> None:
    assert control.http.get("/state", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:9417", "127.0.0.1:9417", "[::1]:9417", "simulator:9101"])
def test_its_own_page_and_programs_are_answered(control: ControlPort, host: str) -> None:
    assert sent(control, Host=host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin").status_code == 200
    assert sent(control, Host=host).status_code == 200


def test_no_answer_may_be_framed_or_guessed_at(control: ControlPort) -> None:
    answer = control.http.get("/state")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_banks_own_interface_knows_no_such_rule(control: ControlPort, customer: Customer) -> None:
    assert customer.http.post(customer.api, headers={"Host": "api.acb.example"}).status_code != 403
