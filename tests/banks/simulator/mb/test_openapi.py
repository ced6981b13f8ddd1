"""MB's interface as a customer meets it: every header, field and signature is looked at."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from banks.simulator import keys
from tests.banks.simulator.customer import NEVER_STORED, VIETNAM, ControlPort, until
from tests.banks.simulator.mb.conftest import ACCOUNT
from tests.banks.simulator.mb.customer import (
    ASYNC,
    NEWER,
    OLDER,
    SYNC,
    Customer,
    Door,
    Json,
    inside,
    kept,
    order,
    signature,
)


def code(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["errorCode"]
    return found


def test_a_token_is_given_for_right_credentials_and_lives_for_seconds(customer: Customer) -> None:
    answer = customer.token().json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "issued_at", "scope"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)


def test_a_token_is_refused_in_its_own_shape(customer: Customer) -> None:
    cases: list[tuple[Json, int]] = [
        ({"secret": "wrong"}, 401),
        ({"user": "wrong"}, 401),
        ({"form": {"grant_type": "password"}}, 400),
        ({"form": {"grant_type": "client_credentials", "scope": "all"}}, 400),
    ]
    for asked, http in cases:
        answer = customer.token(**asked)
        assert answer.status_code == http
        assert set(answer.json()) == {"errorCode", "errorDesc"}


def test_credentials_belong_into_http_basic(customer: Customer) -> None:
    form = {"grant_type": "client_credentials"}
    for value in ("", "Basic !", "Basic YWJj", "Bearer x"):
        path = "/private/oauth2/v1/token"
        assert customer.http.post(path, data=form, headers={"Authorization": value}).status_code == 401
    assert customer.http.post(path, json=form, auth=("a", "b")).status_code == 400


def test_an_expired_token_meets_the_gateways_shape_and_a_new_one_works(
    customer: Customer, control: ControlPort
) -> None:
    assert customer.balance().status_code == 200
    control.post("/clock", advance_s=3601)
    answer = customer.balance()
    assert answer.status_code == 401
    assert set(answer.json()) == {"error", "soaErrorCode", "soaErrorDesc", "clientMessageId", "path"}
    customer.bearer = ""
    assert customer.balance().status_code == 200
    control.post("/tokens/expire")
    assert customer.pay("A1").status_code == 401
    assert control.get("/orders") == []


def test_the_id_of_a_call_is_echoed_and_may_not_come_again(customer: Customer) -> None:
    mine = uuid.uuid4().hex
    assert customer.balance(clientMessageId=mine).json()["clientMessageId"] == mine
    assert code(customer.balance(clientMessageId=mine)) == "205"
    assert code(customer.balance(clientMessageId="7")) == "205"


def test_the_balance_sets_accepted_orders_aside(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="stuck")
    customer.pay("A1", 1_000_000)
    assert customer.balance().json()["data"] == {
        "currentBalance": "100000000",
        "availableBalance": "99000000",
        "blockedAmount": "1000000",
        "currency": "VND",
    }


def test_a_foreign_account_is_refused(customer: Customer) -> None:
    assert code(customer.balance("99999999")) == "101"
    assert code(customer.history(accountNumber="99999999")) == "101"
    assert code(customer.send("A1", order(debitResourceNumber="99999999"))) == "101"
    assert code(customer.send("A1", order(debitName="ONG KHAC"))) == "101"


def test_a_history_enquiry_with_a_wrong_parameter_is_refused(customer: Customer) -> None:
    wrong: list[dict[str, str | int]] = [
        {"page": 0},
        {"size": 101},
        {"order": "asc"},
        {"fromDate": "2025-01-01"},
        {"fromDate": "30/02/2026"},
        {"toDate": "01/01/2020"},
        {"fromDate": "01/01/2020"},
    ]
    assert [code(customer.history(**change)) for change in wrong] == ["205"] * 7


def test_the_history_reaches_back_180_days_and_over_90(customer: Customer) -> None:
    today = datetime.now(UTC).astimezone(VIETNAM).date()
    for first, last, refused in ((179, 90, False), (181, 92, True), (90, 0, True), (89, 0, False)):
        begin, end = (f"{today - timedelta(days=back):%d/%m/%Y}" for back in (first, last))
        assert (code(customer.history(fromDate=begin, toDate=end)) == "205") is refused


def test_names_are_told_inside_mb_and_at_other_banks(customer: Customer, control: ControlPort) -> None:
    control.post("/accounts", number="12345678", name="Trần Thị Bình")
    control.post("/accounts", number="12345678", name="LE VAN C", bin="970416")
    assert customer.lookup().json()["data"] == {
        "accountName": "TRAN THI BINH",
        "customerName": "TRAN THI BINH",
        "customerShortName": "TRAN THI BINH",
    }
    answer = customer.lookup(transferType="NAPAS", bankCode="970416").json()
    assert (answer["errorCode"], answer["data"]["accountName"]) == ("000", "LE VAN C")
    assert code(customer.lookup(accountNumber="87654321")) == "201"


def test_a_wrong_name_enquiry_is_refused(customer: Customer) -> None:
    cases: list[tuple[dict[str, str], str]] = [
        ({"transferType": "NAPAS"}, "205"),
        ({"transferType": "NAPAS", "bankCode": "970422"}, "412"),
        ({"transferType": "NAPAS", "bankCode": "999999"}, "412"),
        ({"accountType": "WALLETID"}, "205"),
        ({"bankCode": "970416"}, "205"),
        ({"transferType": "FAST"}, "205"),
    ]
    assert [code(customer.lookup(**asked)) for asked, _ in cases] == [refused for _, refused in cases]


def test_a_transfer_is_processed_then_executed_and_leaves_the_account(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", validate_s=1)
    answer = customer.pay("A1").json()
    assert (answer["errorCode"], answer["errorDesc"]) == ("000", [])
    assert answer["data"] == {"status": "PROCESSING", "ftNumber": "", "rrn": "", "traceNumber": ""}
    assert customer.line("A1")["transStatus"] == "PROCESSING"
    control.post("/clock", advance_s=2)
    line = customer.ended("A1")
    assert line["transStatus"] == "SUCCESS"
    (row,) = customer.rows()
    assert (row["refNo"], row["debitAmount"], row["creditAmount"]) == (line["ft"], "200000", "0")
    assert line["ft"].startswith("FT")
    assert len(line["ft"]) == 16
    assert len(line["retRefNumber"]) == 12
    assert control.balance(ACCOUNT) == 99_800_000
    assert customer.status("A1", OLDER).json()["data"] == line


def test_a_synchronous_transfer_is_answered_when_it_has_ended(customer: Customer, control: ControlPort) -> None:
    control.post("/accounts", number="12345678", name="NGUYEN VAN A")
    made = customer.send("A1", inside(), SYNC).json()["data"]
    assert (made["status"], made["rrn"]) == ("SUCCESS", "")
    assert made["ftNumber"].startswith("FT")
    assert customer.send("A2", inside(creditName="NGUYEN VAN B"), SYNC).json()["data"]["status"] == "FAILED"
    control.post("/settings", sync_s=0, validate_s=3600)
    assert customer.pay("A3", path=SYNC).json()["data"]["status"] == "PROCESSING"
    assert control.balance(ACCOUNT) == 99_800_000
    assert control.balance("12345678") == 200_000


def test_a_transfer_by_citad_or_to_a_card_is_executed(customer: Customer) -> None:
    customer.send("C1", order(transferType="IBPS", bankCode="01201001"))
    customer.send("C2", order(creditType="CARD", creditResourceNumber="9704123456789012"))
    assert customer.ended("C1")["transStatus"] == "SUCCESS"
    assert customer.ended("C2")["transStatus"] == "SUCCESS"


def test_a_code_of_success_may_have_two_digits(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", success="00")
    assert code(customer.pay("A1")) == "00"


def test_a_second_transfer_with_the_same_id_is_refused(customer: Customer, control: ControlPort) -> None:
    customer.pay("A1")
    assert code(customer.pay("A1", 300_000)) == "212"
    customer.ended("A1")
    stored = control.get(f"/orders/{kept('A1')}")
    assert (stored["received"], stored["amount"]) == (2, 200_000)
    assert control.balance(ACCOUNT) == 99_800_000


def test_amounts_have_limits(customer: Customer, control: ControlPort) -> None:
    control.post("/pay", account=ACCOUNT, amount=2_000_000_000)
    assert code(customer.pay("A1", 1_999)) == "209"
    assert code(customer.pay("A2", 2_000)) == "000"
    assert code(customer.pay("A3", 500_000_000)) == "411"
    assert code(customer.pay("A4", 499_999_999)) == "000"
    assert code(customer.send("A5", order(500_000_000, transferType="IBPS", bankCode="01201001"))) == "000"
    assert code(customer.send("A6", order(9_000_000_000, transferType="IBPS", bankCode="01201001"))) == "400"


def test_maintenance_has_its_code(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", maintenance=True)
    assert code(customer.pay("A1")) == "001"
    assert code(customer.balance()) == "001"


WRONG: list[tuple[str, Json, str]] = [
    ("amount as a number", {"transferAmount": 200_000}, "209"),
    ("fraction of a dong", {"transferAmount": "2000.5"}, "209"),
    ("decimal zeros", {"transferAmount": "2000.00"}, "209"),
    ("thousands separator", {"transferAmount": "200,000"}, "209"),
    ("negative amount", {"transferAmount": "-200000"}, "209"),
    ("leading zero", {"transferAmount": "0200000"}, "209"),
    ("line end in the amount", {"transferAmount": "200000\n"}, "209"),
    ("account with a space", {"creditResourceNumber": "12 34"}, "201"),
    ("account null", {"creditResourceNumber": None}, "201"),
    ("account too long", {"creditResourceNumber": "1" * 20}, "201"),
    ("own account as a number", {"debitResourceNumber": 9990001234}, "201"),
    ("unknown bank", {"bankCode": "999999"}, "412"),
    ("MB itself by NAPAS", {"bankCode": "970422"}, "412"),
    ("MB itself by CITAD", {"transferType": "IBPS", "bankCode": "01311003"}, "412"),
    ("bank as a number", {"bankCode": 970416}, "205"),
    ("a BIN for CITAD", {"transferType": "IBPS"}, "205"),
    ("a bank inside MB", {"transferType": "INHOUSE"}, "205"),
    ("unknown rail", {"transferType": "NAPAS"}, "205"),
    ("a card by CITAD", {"transferType": "IBPS", "bankCode": "01201001", "creditType": "CARD"}, "205"),
    ("a wallet", {"creditType": "WALLETID"}, "205"),
    ("paid from a card", {"debitType": "CARD"}, "205"),
    ("level as a number", {"customerLevel": 1}, "205"),
    ("another service", {"serviceType": "THU_HO"}, "205"),
    ("fee as a number", {"transferFee": 0}, "205"),
    ("lower-case name", {"creditName": "Nguyen Van A"}, "205"),
    ("accented name", {"creditName": "NGUYỄN VĂN A"}, "205"),
    ("comma in a name", {"creditName": "A, B"}, "205"),
    ("two spaces in a name", {"creditName": "NGUYEN  VAN A"}, "205"),
    ("empty name", {"creditName": ""}, "205"),
    ("long name", {"creditName": "A" * 71}, "205"),
    ("empty remark", {"remark": ""}, "205"),
    ("long remark", {"remark": "A" * 141}, "205"),
    ("accented remark", {"remark": "Chi trả"}, "205"),
    ("colon to another bank", {"remark": "A: B"}, "205"),
    ("line end in the remark", {"remark": "A\n"}, "205"),
    ("unknown field", {"note": "x"}, "205"),
    ("items as an object", {"addInfoList": {}}, "205"),
    ("half an item", {"addInfoList": [{"name": "a", "type": "b"}]}, "205"),
]


def test_a_wrong_field_is_refused_and_nothing_is_stored(customer: Customer, control: ControlPort) -> None:
    answers = [(name, code(customer.send("A1", order(**change)))) for name, change, _ in WRONG]
    assert answers == [(name, refused) for name, _, refused in WRONG]
    assert control.get("/orders") == []


def test_every_field_is_needed_and_the_limits_are_meant(customer: Customer, control: ControlPort) -> None:
    for name in order():
        assert code(customer.send("A1", {key: value for key, value in order().items() if key != name})) in (
            "201",
            "205",
            "209",
        )
    item = {"name": "a", "type": "b", "value": "c"}
    longest: Json = {"remark": "A" * 140, "creditName": "A" * 70, "addInfoList": [item]}
    assert code(customer.send("A1", order(**longest))) == "000"
    assert code(customer.send("A2", inside(remark="A: B?^'", creditName="A" * 173))) == "000"
    assert len(control.get("/orders")) == 2


RAW = [b"", b"[]", b"{}", b'{"remark":"a","remark":"b"}', b"\xff", b"{" * 5000]


def test_a_body_that_is_not_one_object_is_refused(customer: Customer) -> None:
    for body in RAW:
        headers = customer.headers(transactionId=customer.id("A1"), signature="AAAA")
        headers["Content-Type"] = "application/json"
        assert code(customer.http.post(ASYNC, content=body, headers=headers)) == "205"


def test_a_body_must_be_called_json(customer: Customer) -> None:
    headers = customer.headers(transactionId=customer.id("A1"), signature="AAAA")
    assert customer.http.post(ASYNC, content=b"{}", headers=headers).status_code == 400


def test_what_the_signature_covers_cannot_be_changed(customer: Customer, control: ControlPort) -> None:
    for name in ("debitName", "creditResourceNumber", "creditName", "transferAmount"):
        changed = order() | {name: {"creditResourceNumber": "87654321", "transferAmount": "200001"}.get(name, "ONG B")}
        assert code(customer.send("A1", changed, signature=customer.sign(order()))) == "100"
    assert control.get(f"/orders/{kept('A1')}") == NEVER_STORED | {"trace": kept("A1"), "received": 4}


def test_the_printed_text_is_what_is_signed(customer: Customer) -> None:
    text = "0009990001234CTY TNHH SOCAI12345678NGUYEN VAN A200000"
    assert code(customer.send("A1", order(), signature=signature(text, customer.row["private_key_pem"]))) == "000"


def test_a_signature_must_be_the_customers_own_in_one_form(customer: Customer) -> None:
    foreign = customer.row | {"private_key_pem": keys.private_pem(keys.new_key())}
    stranger = Customer(foreign, customer.url)
    right = customer.sign(order())
    assert code(customer.send("A1", order(), signature=stranger.sign(order()))) == "100"
    assert code(customer.send("A1", order(), signature="")) == "100"
    assert code(customer.send("A1", order(), signature="not Base64")) == "205"
    assert code(customer.send("A1", order(), signature=base64.b64decode(right).hex())) == "100"
    stranger.http.close()


def test_a_transaction_id_begins_with_both_codes(customer: Customer) -> None:
    for given in ("", "SOCAICHI1234567", "SOCAICHI" + "1" * 16, "OTHERCHI12345678", "SOCAICHI1234567-"):
        assert code(customer.send("A1", order(), transactionId=given)) == "205"


def test_how_long_a_transaction_id_may_be_is_agreed(customer: Customer, control: ControlPort) -> None:
    assert code(customer.pay("A" * 15)) == "000"
    control.post("/settings", id_tail_max=8)
    assert code(customer.pay("B" * 9)) == "205"
    assert code(customer.pay("B" * 8)) == "000"


def test_an_unknown_transaction_is_not_found(customer: Customer) -> None:
    assert [code(customer.status("A1", path)) for path in (NEWER, OLDER)] == ["51173", "51173"]
    customer.pay("A1")
    foreign = customer.http.get(NEWER, params={"transactionId": kept("A1")}, headers=customer.headers())
    assert code(foreign) == "51173"


def test_the_history_shows_pages_newest_first(customer: Customer, control: ControlPort) -> None:
    for number in range(3):
        control.post("/pay", account=ACCOUNT, amount=1_000 + number, memo="SO")
    data = customer.history(size=2).json()["data"]
    assert data["totalPage"] == 2
    assert [row["creditAmount"] for row in data["transactionHistoryList"]] == ["1002", "1001"]
    assert [row["creditAmount"] for row in customer.rows(size=2, page=2)] == ["1000"]
    control.post("/pay", account=ACCOUNT, amount=1_003, memo="SO")
    assert [row["creditAmount"] for row in customer.rows(size=2, page=2)] == ["1001", "1000"]
    (row, *_) = customer.rows()
    assert (row["accountNo"], row["availableBalance"], row["currency"]) == (ACCOUNT, "100004006", "VND")
    assert (row["benAccountNo"], row["benAccountName"], row["bankName"]) == (
        "1012345678",
        "NGUYEN VAN ANH",
        "Vietcombank",
    )


def test_the_history_joins_the_lines_of_a_memo_as_told(customer: Customer, control: ControlPort) -> None:
    memo = "MBVCB.4125261053.047334.SOCAI7K3M9Q2X.CT tu 1012345678"
    control.post("/pay", account=ACCOUNT, amount=5_000, memo=memo)
    for lines, code_seen in (("wrapped", "SOCAI7K3M9Q 2X"), ("glued", "SOCAI7K3M9Q2X"), ("clean", "SOCAI7K3M9Q2X")):
        control.post("/settings", history_memos=lines)
        shown = f"CUSTOMER MBVCB.4125261053.047334.{code_seen}.CT tu 1012345678 Trace 100001"
        assert customer.rows()[0]["description"] == shown


def test_a_reference_may_carry_a_tail(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", reference_tail="\\BNK")
    paid = control.post("/pay", account=ACCOUNT, amount=5_000)
    assert customer.rows()[0]["refNo"] == paid["reference"] + "\\BNK"


SEEN: list[tuple[Json, str]] = [
    ({"fault": "decline", "code": "211", "reason": "locked"}, "211"),
    ({"fault": "decline"}, "400"),
    ({"fault": "answer_duplicate"}, "212"),
    ({"fault": "answer_duplicate", "code": "002"}, "002"),
    ({"fault": "bad_signature"}, "100"),
    ({"fault": "slow", "seconds": 0.1}, "000"),
    ({"fault": "stuck"}, "000"),
    ({"fault": "drip"}, "000"),
    ({"fault": "wrong_type"}, "000"),
    ({"fault": "unknown_status"}, "000"),
    ({"fault": "not_found_for", "seconds": 60}, "000"),
]


def test_a_fault_is_seen_in_the_answer(customer: Customer, control: ControlPort) -> None:
    stored = 0
    for number, (fault, seen) in enumerate(SEEN):
        control.post("/next-order", **fault)
        assert code(customer.pay(f"A{number}")) == seen
        stored += fault["fault"] not in ("decline", "bad_signature")
        assert len(control.get("/orders")) == stored


@pytest.mark.parametrize("fault", ["lose_answer", "lose_order", "half"])
def test_an_answer_may_not_come_whole(customer: Customer, control: ControlPort, fault: str) -> None:
    control.post("/next-order", fault=fault)
    with pytest.raises(httpx.RemoteProtocolError):
        customer.pay("A1")
    assert len(control.get("/orders")) == (fault != "lose_order")


@pytest.mark.parametrize(("fault", "stored"), [("http_error", 0), ("http_500_after_execute", 1)])
def test_a_gateway_fault_has_the_gateways_shape(
    customer: Customer, control: ControlPort, fault: str, stored: int
) -> None:
    control.post("/next-order", fault=fault)
    answer = customer.pay("A1")
    assert answer.status_code == 500
    assert answer.json()["soaErrorCode"] == "500"
    assert len(control.get("/orders")) == stored
    if stored:
        assert customer.ended("A1")["transStatus"] == "SUCCESS"


def test_an_answer_may_be_malformed_or_belong_to_another_call(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="malformed", text="<html>")
    assert customer.pay("A1").text == "<html>"
    control.post("/next-order", fault="other_order")
    answer = customer.pay("A2")
    assert answer.json()["clientMessageId"] != answer.request.headers["clientMessageId"]


def test_an_order_can_be_refused_later(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="decline", how="later")
    assert code(customer.pay("A1")) == "000"
    line = customer.ended("A1")
    assert (line["transStatus"], line["ft"]) == ("FAILED", "")
    assert control.balance(ACCOUNT) == 100_000_000


def test_an_order_can_be_not_found_for_a_while_or_show_another_status(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="not_found_for", seconds=120)
    control.post("/next-order", fault="unknown_status", status="UNDEFINED")
    customer.pay("A1")
    customer.pay("A2")
    assert code(customer.status("A1")) == "51173"
    assert customer.line("A2")["transStatus"] == "UNDEFINED"
    control.post("/clock", advance_s=121)
    assert customer.ended("A1")["transStatus"] == "SUCCESS"


def test_a_transfer_may_be_deducted_and_failed_and_come_back_as_a_credit(
    customer: Customer, control: ControlPort, door: Door
) -> None:
    control.post("/next-order", fault="unknown_status", status="FAILED")
    customer.pay("A1")
    until(lambda: control.get(f"/orders/{kept('A1')}")["status"] == "executed")
    assert customer.line("A1")["transStatus"] == "FAILED"
    assert control.balance(ACCOUNT) == 99_800_000
    control.post(f"/orders/{kept('A1')}/return")
    back, out = customer.rows()
    assert (back["creditAmount"], out["debitAmount"]) == ("200000", "200000")
    assert back["refNo"] != out["refNo"]


@pytest.mark.parametrize("to", ["token", "balance", "history", "status", "lookup"])
def test_each_enquiry_can_be_dropped_or_spoilt(customer: Customer, control: ControlPort, to: str) -> None:
    calls: dict[str, Callable[[], httpx.Response]] = {
        "token": customer.token,
        "balance": customer.balance,
        "history": customer.history,
        "status": lambda: customer.status("A1"),
        "lookup": customer.lookup,
    }
    ask = calls[to]
    customer.headers()
    control.post("/next-answer", to=to, drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        ask()
    control.post("/next-answer", to=to, http=200, text="not json")
    assert ask().text == "not json"
    assert ask().json()
