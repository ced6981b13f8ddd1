"""VietinBank's interface, seen from a customer who signs by the specification."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA1

from banks.simulator.keys import new_key, private_pem
from tests.banks.simulator.customer import ControlPort, until
from tests.banks.simulator.vietinbank.customer import Customer, Json, check, record, signed


def code(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    found: str = answer.json()["status"]["code"]
    return found


def ended(customer: Customer, trans_id: str) -> Json:
    return until(lambda: line if (line := customer.line(trans_id))["status"] != "01" else None) or {}


# lookup


def test_a_name_is_found_here_and_at_other_banks(customer: Customer, control: ControlPort) -> None:
    control.post("/accounts", number="12345678", name="NGUYEN VAN A", bin="970416")
    assert customer.lookup("110000000001").json()["accountName"] == "CONG TY SOCAI"
    answer = customer.lookup("12345678", "970416").json()
    assert (answer["status"]["code"], answer["accountName"], answer["active"]) == ("1", "NGUYEN VAN A", "true")
    assert code(customer.lookup("999")) == "0"


def test_the_time_of_a_lookup_is_not_signed_and_the_rest_is(customer: Customer) -> None:
    assert code(customer.lookup("110000000001", transTime="20250115100000")) == "1"
    assert code(customer.lookup("110000000001", language="en")) == "0"
    assert code(customer.lookup("110000000001", clientIP="10.0.0.1")) == "0"


# transfer


def test_an_order_is_filed_and_then_executed(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", validate_s=100)
    assert customer.pay("T1").json() == {"requestId": "T1", "status": {"code": "1", "message": "Success"}}
    assert (customer.line("T1")["status"], control.balance("110000000001")) == ("01", 100_000_000)
    control.post("/clock", advance_s=101)
    line = ended(customer, "T1")
    assert (line["status"], control.balance("110000000001")) == ("00", 99_800_000)
    assert line["bankTransactionId"].startswith("VTB")


@pytest.mark.parametrize(
    ("changes", "beneficiary"),
    [
        ({"transType": "in", "recvBankId": "01201001", "recvAcctId": "87654321"}, "970415"),
        ({"transType": "ci", "recvBankId": "01203001"}, "01203001"),
        ({}, "970422"),
    ],
)
def test_every_rail_has_its_bank(
    customer: Customer, control: ControlPort, changes: dict[str, str], beneficiary: str
) -> None:
    control.post("/accounts", number="87654321", name="NGUYEN VAN A")
    assert code(customer.pay("T1", 200_000, **changes)) == "1"
    assert ended(customer, "T1")["status"] == "00"
    assert control.get("/orders/T1")["beneficiary"]["bin"] == beneficiary


def test_an_order_may_wait_for_a_person_and_expires_with_the_day(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", approval="by_hand")
    for name in ("T1", "T2", "T3"):
        customer.pay(name)
    assert {customer.line(name)["status"] for name in ("T1", "T2", "T3")} == {"01"}
    control.post("/orders/T1", status="executed")
    control.post("/orders/T2", status="refused", reason="Rejected by checker1")
    control.post("/clock", advance_s=86_400)
    assert ended(customer, "T3")["description"] == "Not approved by the end of the day"
    assert [customer.line(name)["status"] for name in ("T1", "T2", "T3")] == ["00", "04", "04"]
    assert control.balance("110000000001") == 99_800_000


def test_the_same_request_or_record_twice_is_a_duplicate(customer: Customer, control: ControlPort) -> None:
    customer.pay("T1")
    assert code(customer.pay("T1")) == "07"
    other = customer.transfer_body([record("T1")], requestId="R9")
    assert code(customer.post("erp/v1/payment/transfer", other)) == "07"
    until(lambda: control.balance("110000000001") == 99_800_000)


def test_more_than_there_is_is_refused(customer: Customer) -> None:
    assert code(customer.pay("T1", 100_000_001)) == "27"


WRONG: list[Json] = [
    {"transType": "xx"},
    {"amount": "0"},
    {"amount": "1.5"},
    {"amount": "200,000"},
    {"recvAcctName": "Nguyễn Văn A"},
    {"remark": "chi (tra)"},
    {"recvBankId": "970415"},
    {"recvBankId": "999999"},
    {"transType": "in"},
    {"transType": "ci"},
    {"senderAcctId": "5"},
    {"currencyCode": "USD"},
    {"approver": "somebody"},
    {"transId": "T" * 31},
    {"extra": "1"},
]


@pytest.mark.parametrize("changes", WRONG, ids=str)
def test_a_record_that_is_not_as_agreed_is_refused(customer: Customer, control: ControlPort, changes: Json) -> None:
    body = customer.transfer_body([record("T1", **changes)])
    assert code(customer.post("erp/v1/payment/transfer", body)) == "0"
    assert control.get("/orders") == []


@pytest.mark.parametrize("name", ["requestId", "feeAccount", "transTime", "records"])
def test_what_is_signed_cannot_be_changed_on_the_way(customer: Customer, control: ControlPort, name: str) -> None:
    body = customer.transfer_body([record("T1")])
    changed = {"requestId": "RX", "feeAccount": "5", "transTime": "20250115100001", "records": [record("T1", 9)]}
    assert code(customer.post("erp/v1/payment/transfer", body | {name: changed[name]})) == "0"
    assert control.get("/orders") == []


def test_the_printed_plain_text_is_what_is_signed(customer: Customer) -> None:
    one = record("SOCAI000000001", recvAcctId="12345678", recvBankId="970416")
    body = customer.transfer_body([one], requestId="SOCAIR20250115100001001", transTime="20250115100001")
    body["clientIP"] = "203.0.113.7"
    printed = (
        "SOCAIR20250115100001001SOCAI23ERP-SOCAImaker1110000000001OURchecker1SOCAI000000001110000000001"
        "1234567820000020250115100001WEB1.0203.0.113.7vi"
    )
    assert customer.transfer_plain(body) == printed


# enquiry


def test_an_enquiry_names_request_and_record(customer: Customer) -> None:
    customer.pay("T1")
    assert customer.enquire("T1", "T2").json()["records"] == []
    assert customer.enquire("T2", "T1").json()["records"] == []
    assert customer.line("T1")["transId"] == "T1"


# statement and balance


def test_a_statement_is_of_one_day_and_one_direction(customer: Customer, control: ControlPort) -> None:
    control.post("/pay", account="110000000001", amount=150_000, memo="SOCAI7K3M9Q2X")
    customer.pay("T1")
    ended(customer, "T1")
    (credit,), (debit,) = customer.rows("c"), customer.rows("d")
    assert (credit["transType"], credit["amount"], credit["balance"]) == ("C", "150000", "100150000")
    assert (credit["sendAcctName"], credit["recvAcctId"]) == ("NGUYEN VAN ANH", "110000000001")
    assert "SOCAI7K3M9Q2X" in credit["remark"]
    assert credit["remark"].startswith("CT DEN:")
    assert (debit["transType"], debit["transId"], debit["sendAcctId"]) == ("D", "T1", "110000000001")
    assert customer.statement("c", "01/01/2020").json()["records"] == []
    assert code(customer.statement("c", "2020-01-01")) == "0"
    assert code(customer.statement("c", "31/02/2020")) == "0"
    assert code(customer.statement("x")) == "0"


def test_the_balance_is_signed_by_the_bank(customer: Customer, row: Json) -> None:
    answer = customer.balance().json()
    assert answer["balances"] == {"accId": "110000000001", "amount": "100000000", "currencyCode": "VND"}
    text = answer["requestId"] + answer["providerId"] + answer["merchantId"] + answer["status"]["code"]
    check(answer["signature"], text, row["bank_public_key_pem"], SHA1())  # noqa: S303 - the bank's choice
    assert code(customer.balance("999")) == "0"


# who asks


@pytest.mark.parametrize(
    ("headers", "http"),
    [
        ({"x_ibm_client_secret": "wrong"}, 401),
        ({"x_ibm_client_id": "wrong"}, 401),
        ({"Content_Type": "text/plain"}, 415),
        ({"Accept": "*/*"}, 406),
    ],
)
def test_a_stranger_is_turned_away(customer: Customer, headers: dict[str, str], http: int) -> None:
    body = customer.transfer_body([record("T1")])
    assert customer.post("erp/v1/payment/transfer", body, **headers).status_code == http


def test_an_address_that_is_not_listed_gets_no_answer(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", listed=False)
    with pytest.raises(httpx.RemoteProtocolError):
        customer.balance()


def test_a_body_of_anything_else_is_refused(customer: Customer) -> None:
    for text in ("", "[]", "{", '{"requestId":"R","requestId":"R"}'):
        answer = customer.http.post(customer.api + "erp/v1/payment/transfer", content=text, headers=customer.headers())
        assert code(answer) == "0"


def test_a_signature_of_another_key_is_refused(customer: Customer, row: Json) -> None:
    body = customer.transfer_body([record("T1")])
    body["signature"] = signed(customer.transfer_plain(body), private_pem(new_key()))
    assert row["private_key_pem"] not in body["signature"]
    assert code(customer.post("erp/v1/payment/transfer", body)) == "0"


# faults


def test_faults_of_orders(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="decline")
    control.post("/next-order", fault="answer_duplicate")
    control.post("/next-order", fault="bad_signature")
    control.post("/next-order", fault="other_order")
    control.post("/next-order", fault="http_500_after_execute")
    assert [code(customer.pay(f"T{number}")) for number in range(1, 4)] == ["27", "07", "0"]
    assert customer.pay("T4").json()["requestId"] == "X4"
    assert customer.pay("T5").status_code == 500
    assert ended(customer, "T5")["status"] == "00"
    assert [order["trace"] for order in control.get("/orders")] == ["T2", "T4", "T5"]


def test_faults_of_what_became_of_orders(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="unknown_status", status="PEND")
    control.post("/next-order", fault="decline", how="later", reason="Account is blocked")
    control.post("/next-order", fault="not_found_for", seconds=120)
    for name in ("T1", "T2", "T3"):
        customer.pay(name)
    assert customer.line("T1")["status"] == "PEND"
    assert (ended(customer, "T2")["status"], ended(customer, "T2")["description"]) == ("04", "Account is blocked")
    assert customer.enquire("T3").json()["records"] == []
    control.post("/clock", advance_s=121)
    assert ended(customer, "T3")["status"] == "00"


@pytest.mark.parametrize("to", ["lookup", "status", "history", "balance"])
def test_faults_of_answers(customer: Customer, control: ControlPort, to: str) -> None:
    calls: dict[str, Callable[[], httpx.Response]] = {
        "lookup": lambda: customer.lookup("110000000001"),
        "status": lambda: customer.enquire("T1"),
        "history": lambda: customer.statement("c"),
        "balance": customer.balance,
    }
    control.post("/next-answer", to=to, http=503, text="busy")
    answer = calls[to]()
    assert (answer.status_code, answer.text) == (503, "busy")
    assert json.loads(calls[to]().text)["status"]["code"] in ("1", "00")
