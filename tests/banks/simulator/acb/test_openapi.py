"""The bank's interface as a customer meets it: every header, field and signature is looked at."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from banks.simulator.simulator import Simulator
from tests.banks.simulator.customer import (
    NEVER_STORED,
    ORDERS,
    VIETNAM,
    ControlPort,
    Customer,
    Json,
    authorization,
    citad,
    compact,
    inside,
    interbank,
    signed,
    text_to_sign,
    transaction,
    until,
)


def code(answer: httpx.Response) -> str:
    found: str = answer.json()["responseStatus"]["responseCode"]
    return found


def test_a_token_is_given_for_right_credentials_and_lives_for_seconds(customer: Customer) -> None:
    answer = customer.token().json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3600
    assert answer["scope"] == "soba-api"


@pytest.mark.parametrize(
    ("field", "value", "http"),
    [
        ("client_secret", "wrong", 401),
        ("client_id", "wrong", 401),
        ("grant_type", "password", 400),
        ("scope", "all", 400),
    ],
)
def test_a_token_is_refused_for_a_wrong_field(customer: Customer, field: str, value: str, http: int) -> None:
    assert customer.token(**{field: value}).status_code == http


def test_an_expired_token_is_401_and_a_new_one_works(customer: Customer, control: ControlPort) -> None:
    assert customer.balance().status_code == 200
    control.post("/clock", advance_s=3601)
    assert customer.balance().status_code == 401
    customer.bearer = ""
    assert customer.balance().status_code == 200
    control.post("/tokens/expire")
    assert customer.pay("T1").status_code == 401
    assert control.get("/orders") == []


def test_the_balance_sets_accepted_orders_aside(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="stuck")
    customer.pay("T1", 1_000_000)
    answer = customer.balance().json()
    assert answer["data"] == {"current_balance": 100_000_000, "available_balance": 99_000_000, "currency": "VND"}
    assert answer["status"] == {"code": "00000000", "error": None, "message": "success"}


@pytest.mark.parametrize("name", ["X-Client-ID", "X-Provider-ID"])
def test_a_foreign_client_or_provider_is_forbidden(customer: Customer, name: str) -> None:
    assert customer.balance(**{name: "somebody"}).status_code == 403


def test_a_foreign_account_is_forbidden(customer: Customer) -> None:
    assert customer.balance("99999999").status_code == 403


@pytest.mark.parametrize(("name", "value"), [("X-Request-ID", "7"), ("X-Service", "statement")])
def test_a_balance_enquiry_with_a_wrong_header_is_a_bad_request(customer: Customer, name: str, value: str) -> None:
    answer = customer.balance(**{name: value})
    assert (answer.status_code, code(answer)) == (400, "01030001")


@pytest.mark.parametrize(
    "name",
    [
        *("X-Client-ID", "X-Provider-ID", "X-Request-ID", "X-Service"),
        *("Request-ID", "Provider-ID", "TPP-ID", "Request-DateTime"),
    ],
)
def test_a_history_enquiry_needs_each_of_its_headers(customer: Customer, name: str) -> None:
    assert customer.history((name,)).status_code == 400


def test_a_history_enquiry_without_a_token_is_unauthorized(customer: Customer) -> None:
    assert customer.history(("Authorization",)).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        *({"page": 0}, {"size": 101}, {"order": "asc"}),
        *({"fromDate": "2025-1-1"}, {"toDate": "2020-01-01"}, {"fromDate": "2025-02-30"}),
    ],
)
def test_a_history_enquiry_with_a_wrong_parameter_is_a_bad_request(
    customer: Customer, change: dict[str, str | int]
) -> None:
    assert customer.history(**change).status_code == 400


def test_gateway_headers_are_on_every_answer(customer: Customer) -> None:
    answer = customer.balance(**{"X-Request-ID": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"})
    assert answer.headers["X-Request-Id"] == "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    assert answer.headers["X-RateLimit-Limit"] == "name=Default rate-limit,200;"
    assert answer.headers["X-Global-Transaction-ID"]


def test_too_many_requests_are_429_when_a_limit_is_set(customer: Customer, control: ControlPort) -> None:
    assert customer.balance().status_code == 200
    control.post("/settings", rate_max=3)
    assert [customer.balance().status_code for _ in range(2)] == [200, 429]
    control.post("/clock", advance_s=61)
    assert customer.balance().status_code == 200


def test_an_order_is_accepted_then_executed_and_leaves_the_account(customer: Customer, control: ControlPort) -> None:
    answer = customer.pay("SOCAI000000001")
    assert answer.status_code == 200
    assert code(answer) == "00000000"
    created = answer.json()["responseData"]["transaction"]
    assert (created["transactionTraceNumber"], created["status"]) == ("SOCAI000000001", "ORIG")
    assert created["createdDateTime"].endswith("Z")
    line = customer.ended("SOCAI000000001")
    assert line["status"] == "TRAN"
    assert isinstance(line["transactionNumber"], int)
    assert line["sourceAcocuntNumber"] == "12345678"
    assert line["beneficiary"]["interbank"]["bank"] == {"napasCode": "970422", "code": "MB"}
    assert control.balance() == 99_800_000
    (row,) = customer.rows()
    assert (row["debitOrCredit"], row["transactionAmount"]) == ("debit", 200_000)
    assert row["transactionDescription"].startswith("CHI TRA SOCAI000000001 GD ")


def test_a_citad_order_is_executed(customer: Customer) -> None:
    assert customer.pay("C1", kind="CITAD", to=citad()).status_code == 200
    assert customer.ended("C1")["status"] == "TRAN"


def test_an_order_passes_through_origin_and_validated(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", validate_s=100, transfer_s=100)
    customer.pay("T1")
    assert customer.line("T1")["status"] == "ORIG"
    control.post("/clock", advance_s=101)
    assert until(lambda: customer.line("T1")["status"] == "VALD")
    assert control.balance() == 100_000_000
    control.post("/clock", advance_s=101)
    assert until(lambda: customer.line("T1")["status"] == "TRAN")


def test_a_second_order_with_the_same_trace_number_is_refused(customer: Customer, control: ControlPort) -> None:
    customer.pay("T1")
    answer = customer.pay("T1", 300_000)
    assert (answer.status_code, code(answer)) == (200, "30010002")
    customer.ended("T1")
    order = control.get("/orders/T1")
    assert (order["received"], order["amount"]) == (2, 200_000)
    assert control.balance() == 99_800_000


def test_an_order_above_the_balance_is_refused(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="stuck")
    assert code(customer.pay("T1", 60_000_000)) == "00000000"
    assert code(customer.pay("T2", 40_000_001)) == "30010001"
    assert code(customer.pay("T3", 40_000_000)) == "00000000"


def test_a_napas_order_above_the_limit_is_refused_and_a_citad_order_is_not(
    customer: Customer, control: ControlPort
) -> None:
    control.post("/pay", account="12345678", amount=2_000_000_000)
    assert code(customer.pay("T1", 500_000_000)) == "30010003"
    assert code(customer.pay("T2", 499_999_999)) == "00000000"
    assert code(customer.pay("T3", 500_000_000, "CITAD", citad())) == "00000000"


def test_maintenance_is_503_with_its_code(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", maintenance=True)
    answer = customer.pay("T1")
    assert (answer.status_code, code(answer)) == (503, "99000001")


Change = Callable[[Json], object]


def _at(*path: str | int) -> Callable[[Json], Json]:
    def find(body: Json) -> Json:
        found: Any = body["requestParameters"]["data"]
        for step in path:
            found = found[step]
        document: Json = found
        return document

    return find


ONE = _at("transaction")
AMOUNT = _at("transaction", "amount")
INTERBANK = _at("transaction", "beneficiary", "interbank")

WRONG_FIELDS: list[tuple[str, Change]] = [
    ("amount as a number", lambda body: AMOUNT(body).update(amount=200000)),
    ("exchangeAmount as a number", lambda body: AMOUNT(body).update(exchangeAmount=200000)),
    ("exchangeAmount differs", lambda body: AMOUNT(body).update(exchangeAmount="200001")),
    ("exchangeRate 2", lambda body: AMOUNT(body).update(exchangeRate="2")),
    ("currency", lambda body: AMOUNT(body).update(sourceCurrency="USD")),
    ("target currency", lambda body: AMOUNT(body).update(targetCurrency="usd")),
    ("negative amount", lambda body: AMOUNT(body).update(amount="-1", exchangeAmount="-1")),
    ("zero amount", lambda body: AMOUNT(body).update(amount="0", exchangeAmount="0")),
    ("fraction of a dong", lambda body: AMOUNT(body).update(amount="1.5", exchangeAmount="1.5")),
    ("thousands separator", lambda body: AMOUNT(body).update(amount="1,000", exchangeAmount="1,000")),
    ("line end in the amount", lambda body: AMOUNT(body).update(amount="1\n", exchangeAmount="1\n")),
    ("missing exchangeRate", lambda body: AMOUNT(body).pop("exchangeRate")),
    ("unknown field", lambda body: ONE(body).update(note="x")),
    ("missing remarks", lambda body: ONE(body).pop("remarks")),
    ("accented remarks", lambda body: ONE(body).update(remarks="Chi trả")),
    ("long remarks", lambda body: ONE(body).update(remarks="A" * 101)),
    ("empty remarks", lambda body: ONE(body).update(remarks="")),
    ("trace with a hyphen", lambda body: ONE(body).update(transactionTraceNumber="A-1")),
    ("trace as a number", lambda body: ONE(body).update(transactionTraceNumber=1)),
    ("long trace", lambda body: ONE(body).update(transactionTraceNumber="A" * 31)),
    ("unknown type", lambda body: ONE(body).update(transactionType="SWIFT")),
    ("type and beneficiary differ", lambda body: ONE(body).update(transactionType="INSIDEBANK")),
    ("two beneficiaries", lambda body: ONE(body)["beneficiary"].update(inside("1", "A")["inside"])),
    ("unknown bank", lambda body: INTERBANK(body)["bank"].update(napasCode="999999")),
    ("ACB itself by NAPAS", lambda body: INTERBANK(body)["bank"].update(napasCode="970416")),
    ("bank as a number", lambda body: INTERBANK(body)["bank"].update(napasCode=970422)),
    ("missing name", lambda body: INTERBANK(body).pop("beneficiaryName")),
    ("empty name", lambda body: INTERBANK(body).update(beneficiaryName="")),
    ("name too long", lambda body: INTERBANK(body).update(beneficiaryName="A" * 71)),
    ("account with a space", lambda body: INTERBANK(body).update(accountNumber="12 34")),
    ("account null", lambda body: INTERBANK(body).update(accountNumber=None)),
    ("bank a list", lambda body: INTERBANK(body).update(bank=[])),
    ("citad code", lambda body: ONE(body).update(transactionType="CITAD", beneficiary=citad(code="1"))),
    ("source account", lambda body: _at()(body).update(sourceAccountNumber=12345678)),
    ("missing source account", lambda body: _at()(body).pop("sourceAccountNumber")),
    ("data a list", lambda body: body["requestParameters"].update(data=[])),
    ("requestTrace no UUID", lambda body: body.update(requestTrace="1")),
    ("requestDateTime without offset", lambda body: body.update(requestDateTime="2025-01-15T10:00:00.000")),
    ("requestDateTime no date", lambda body: body.update(requestDateTime="today")),
    ("unknown top field", lambda body: body.update(signature="x")),
    ("missing requestTrace", lambda body: body.pop("requestTrace")),
    ("one authorization", lambda body: body["requestParameters"]["authorizations"].pop()),
    ("three authorizations", lambda body: body["requestParameters"]["authorizations"].append({})),
    ("authorizations elsewhere", lambda body: body.update(authorizations=[])),
]


@pytest.mark.parametrize(("name", "change"), WRONG_FIELDS, ids=[name for name, _ in WRONG_FIELDS])
def test_a_wrong_field_is_a_bad_request_and_stores_nothing(
    customer: Customer, control: ControlPort, name: str, change: Change
) -> None:
    body = customer.body(customer.data(transaction("T1")))
    change(body)
    answer = customer.send(body)
    assert (answer.status_code, code(answer)) == (400, "01030001")
    assert answer.json()["responseStatus"]["responseMessage"] == "Bad request format"
    assert control.get("/orders") == []


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{", b"\xff{}", b'{"a":1,"a":2}', b'{"a":NaN}', b"[" * 100_000, b'{"a":' * 5_000],
    ids=["empty", "array", "cut off", "not UTF-8", "doubled key", "NaN", "deep array", "deep object"],
)
def test_a_body_that_is_no_json_object_is_a_bad_request(customer: Customer, raw: bytes) -> None:
    assert customer.send_raw(raw).status_code == 400


@pytest.mark.parametrize(
    ("name", "value"), [("X-Channel", "WEB"), ("Content-Type", "text/plain"), ("X-Request-ID", "")]
)
def test_an_order_with_a_wrong_header_is_a_bad_request(customer: Customer, name: str, value: str) -> None:
    body = customer.body(customer.data(transaction("T1")))
    assert customer.send(body, **{name: value}).status_code == 400


def test_an_order_from_a_foreign_account_is_forbidden(customer: Customer) -> None:
    data = customer.data(transaction("T1"))
    data["sourceAccountNumber"] = "87654321"
    assert customer.send(customer.body(data)).status_code == 403


def mismatched(answer: httpx.Response) -> bool:
    """HTTP 289 with its code, and a body without requestTrace."""
    return answer.status_code == 289 and code(answer) == "02010001" and "requestTrace" not in answer.json()


def test_swapped_signers_are_a_certificate_mismatch(customer: Customer, row: Json) -> None:
    body = customer.body(customer.data(transaction("T1")))
    first, second = body["requestParameters"]["authorizations"]
    first["authorizationId"], second["authorizationId"] = second["authorizationId"], first["authorizationId"]
    assert mismatched(customer.send(body))


def test_one_signer_twice_is_a_certificate_mismatch(customer: Customer, row: Json) -> None:
    maker = row["signers"][0]
    assert mismatched(customer.send(customer.body(customer.data(transaction("T1")), [maker, maker])))


def test_an_unknown_signer_is_a_certificate_mismatch(customer: Customer, row: Json) -> None:
    stranger = row["signers"][0] | {"authorization_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}
    assert mismatched(customer.send(customer.body(customer.data(transaction("T1")), [stranger, row["signers"][1]])))


def test_data_sent_in_another_key_order_than_signed_is_a_mismatch(customer: Customer, control: ControlPort) -> None:
    data = customer.data(transaction("T1"))
    body = customer.body(data)
    body["requestParameters"]["data"] = dict(reversed(data.items()))
    assert mismatched(customer.send(body))
    assert "signed over other data" in control.last_refusal()
    assert control.get("/orders/T1") == NEVER_STORED | {"trace": "T1"}


def test_data_changed_after_signing_is_a_mismatch(customer: Customer) -> None:
    body = customer.body(customer.data(transaction("T1")))
    ONE(body)["amount"] = {**ONE(body)["amount"], "amount": "200001", "exchangeAmount": "200001"}
    assert mismatched(customer.send(body))


def test_a_body_with_blanks_is_accepted_because_the_compact_form_is_what_is_signed(customer: Customer) -> None:
    body = customer.body(customer.data(transaction("T1")))
    assert customer.send_raw(json.dumps(body, indent=1).encode()).status_code == 200


def test_an_accented_name_is_signed_as_it_is_sent(customer: Customer) -> None:
    answer = customer.pay("T1", to=interbank(name="NGUYỄN VĂN ĐỨC"))
    assert answer.status_code == 200


@pytest.mark.parametrize("place", [0.3, 0.9, 0.999])
def test_a_changed_byte_of_the_signature_is_refused(customer: Customer, place: float) -> None:
    body = customer.body(customer.data(transaction("T1")))
    one = body["requestParameters"]["authorizations"][1]
    message = bytearray(base64.b64decode(one["authorizationString"]))
    message[int(len(message) * place)] ^= 1
    one["authorizationString"] = base64.b64encode(message).decode()
    assert customer.send(body).status_code in (289, 400)


def test_a_signature_that_is_no_cms_message_is_a_bad_request(customer: Customer) -> None:
    body = customer.body(customer.data(transaction("T1")))
    body["requestParameters"]["authorizations"][0]["authorizationString"] = base64.b64encode(b"signed").decode()
    assert customer.send(body).status_code == 400


def test_a_signature_over_utf8_instead_of_utf16_is_a_mismatch(customer: Customer, row: Json) -> None:
    data = customer.data(transaction("T1"))
    body = customer.body(data)
    message = signed(text_to_sign(compact(data)).encode("utf-8"), row["signers"][0])
    body["requestParameters"]["authorizations"][0]["authorizationString"] = base64.b64encode(message).decode()
    assert mismatched(customer.send(body))


def test_a_bulk_is_accepted_line_by_line_and_completes(customer: Customer, control: ControlPort) -> None:
    wrong = transaction("B3", 50_000, "INSIDEBANK", inside("55555555", "NOBODY"))
    answer = customer.pay_bulk("BULK1", [transaction("B1", 10_000), transaction("B2", 20_000), wrong]).json()
    data = answer["responseData"]
    assert (data["bulkTraceNumber"], data["bulkStatus"]) == ("BULK1", "ORIG")
    assert data["statistics"] == {"total_item": 3, "total_amount": 80_000}
    done = until(lambda: found if (found := _bulk(customer))["bulkStatus"] == "COMP" else None)
    assert done is not None
    assert [line["status"] for line in done["transactions"]] == ["TRAN", "TRAN", "INVA"]
    assert done["statistics"]["totalAmountTransfer"] == 30_000
    assert done["statistics"]["totalItem"] == 3
    assert control.balance() == 99_970_000
    assert customer.line("B2")["status"] == "TRAN"


def _bulk(customer: Customer) -> Json:
    found: Json = customer.bulk_status("BULK1").json()["responseData"]
    return found


def test_a_bulk_with_a_known_trace_number_or_a_doubled_line_stores_nothing(
    customer: Customer, control: ControlPort
) -> None:
    customer.pay("B1")
    assert code(customer.pay_bulk("BULK1", [transaction("B0"), transaction("B1")])) == "30010002"
    assert customer.pay_bulk("BULK1", [transaction("B2"), transaction("B2")]).status_code == 400
    assert code(customer.pay_bulk("BULK1", [transaction("B3")])) == "00000000"
    assert code(customer.pay_bulk("BULK1", [transaction("B4")])) == "30010002"
    assert {order["trace"] for order in control.get("/orders")} == {"B1", "B3"}


def test_a_bulk_above_the_balance_in_total_is_refused(customer: Customer) -> None:
    lines = [transaction("B1", 60_000_000), transaction("B2", 60_000_000)]
    assert code(customer.pay_bulk("BULK1", lines)) == "30010001"


@pytest.mark.parametrize(("shape", "http", "code_"), [("200", 200, "30020402"), ("404", 404, "30020402")])
def test_an_unknown_order_is_not_found_in_the_shape_that_is_set(
    customer: Customer, control: ControlPort, shape: str, http: int, code_: str
) -> None:
    control.post("/settings", not_found=shape)
    answer = customer.status("NOBODY")
    assert (answer.status_code, code(answer)) == (http, code_)
    assert customer.bulk_status("NOBODY").status_code == http


def test_an_unknown_order_can_also_be_an_empty_list(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", not_found="empty")
    answer = customer.status("NOBODY").json()
    assert answer["responseStatus"]["responseCode"] == "00000000"
    assert answer["responseData"]["transactions"] == []


def test_an_order_is_only_found_on_the_day_it_was_created(customer: Customer) -> None:
    customer.pay("T1")
    yesterday = (datetime.now(VIETNAM) - timedelta(days=1)).date().isoformat()
    assert code(customer.status("T1", yesterday, yesterday)) == "30020402"
    assert code(customer.status("T1", yesterday)) == "00000000"
    assert customer.status("T1", "2025-01-16", "2025-01-15").status_code == 400


def test_an_unknown_path_is_404(bank: Simulator) -> None:
    assert httpx.get(f"{bank.url}/acb/open/nothing", trust_env=False).status_code == 404


def test_no_secret_of_the_customer_is_kept_by_the_bank(keys: Path, row: Json) -> None:
    text = (keys / "simulator.json").read_text()
    assert row["client_secret"] not in text
    assert "PRIVATE KEY" not in text


def test_the_order_path_is_the_documented_one() -> None:
    assert ORDERS == "/payments/payment-order/v2"


def test_a_customer_signs_compact_json_in_the_order_of_the_keys(row: Json) -> None:
    one = authorization({"b": "1", "a": "2"}, row["signers"][0])
    message = base64.b64decode(one["authorizationString"])
    assert text_to_sign('{"b":"1","a":"2"}').encode("utf-16-le") in message
