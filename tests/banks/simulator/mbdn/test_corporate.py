"""MBDN's interface as a maker meets it, and what a checker does."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from tests.banks.simulator.customer import NEVER_STORED, ControlPort, until
from tests.banks.simulator.mb.customer import Json
from tests.banks.simulator.mbdn.customer import ACCOUNT, BULK, LINE, Customer, line, table, workbook


def code(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["result"]["responseCode"]
    return found


def test_a_file_waits_for_a_checker_and_is_executed_when_approved(customer: Customer, control: ControlPort) -> None:
    saved = customer.order_file("T1")
    assert (code(saved), saved.json()["totalAmount"]) == ("00", "200,000")
    found = customer.file("T1")
    assert (found["status"], found["fileName"]) == ("pendingapproval", "T1.xlsx")
    assert (found["transactions"][0]["status"], found["transactions"][0]["ft"]) == ("NOT_FINISHED", "")
    assert control.balance(ACCOUNT) == 100_000_000
    control.post(f"/bulks/{saved.json()['bulkId']}", decision="approve")
    done = customer.approved("T1")
    (entry,) = done["transactions"]
    assert (done["status"], entry["status"], entry["bookingStatus"]) == ("executedsuccesfully", "SUCCESS", "DEDUCTED")
    (row,) = customer.rows(accountNumber=ACCOUNT)
    assert (row["refNo"], row["debitAmount"]) == (entry["ft"], "200000")
    assert control.balance(ACCOUNT) == 99_800_000


@pytest.mark.parametrize(("decision", "state"), [("reject", "rejected"), ("expire", "expired")])
def test_a_file_that_is_not_approved_moves_no_money(
    customer: Customer, control: ControlPort, decision: str, state: str
) -> None:
    bulk = customer.order_file("T1").json()["bulkId"]
    control.post(f"/bulks/{bulk}", decision=decision)
    found = customer.file("T1")
    assert (found["status"], found["transactions"][0]["bookingStatus"]) == (state, "NOT_DEDUCTED")
    assert control.refused(f"/bulks/{bulk}", decision="approve")[0] == 409
    assert control.refused("/bulks/B1", decision="approve")[0] == 404
    assert control.refused(f"/bulks/{bulk}", decision="forget")[0] == 400
    assert control.balance(ACCOUNT) == 100_000_000


def test_approval_expires_with_the_day(customer: Customer, control: ControlPort) -> None:
    customer.order_file("T1")
    control.post("/clock", advance_s=86_400)
    customer.bearer = ""
    assert customer.approved("T1")["status"] == "expired"


def test_lines_of_a_file_may_end_differently(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", offline_bins=["970415"])
    lines = (LINE, line(no=2, account="55555555", bank="970415"))
    bulk = customer.order_file("T1", *lines).json()["bulkId"]
    control.post(f"/bulks/{bulk}", decision="approve")
    done = customer.approved("T1")
    assert done["status"] == "executedwithpartialsuccess"
    assert [one["status"] for one in done["transactions"]] == ["SUCCESS", "FAILED"]


def test_money_that_comes_back_is_a_credit_that_the_failed_line_names(customer: Customer, control: ControlPort) -> None:
    customer.order_file("T1")
    control.post("/orders/T1", status="executed")
    back = control.post("/orders/T1/return")
    (entry,) = customer.file("T1")["transactions"]
    assert (entry["status"], entry["bookingStatus"]) == ("FAILED", "DEDUCTED")
    assert entry["refundTransactionFt"] == back["reference"]


def test_nothing_is_an_order_before_it_is_saved(customer: Customer, control: ControlPort) -> None:
    bulk = customer.read_in("T1")
    assert customer.looked_at(bulk)["status"] == "draft"
    assert customer.file("T1")["transactions"] == []
    assert control.get("/orders") == []


def test_a_file_is_read_in_for_a_while(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", reading=2)
    bulk = customer.upload("T1", workbook(table([LINE]))).json()["bulkId"]
    assert code(customer.corporate("getBulkTransaction", bulkId=bulk)) == "205"
    said = [customer.corporate("checkBulkProcess", bulkId=bulk).json()["status"] for _ in range(3)]
    assert said == ["CHECKING", "CHECKING", "FINISHED"]


def test_a_file_or_name_is_saved_once(customer: Customer, control: ControlPort) -> None:
    bulk = customer.order_file("T1").json()["bulkId"]
    assert code(customer.corporate("saveBulk", bulkId=bulk)) == "GW1017"
    assert code(customer.order_file("T1", line(amount=5))) == "GW1017"
    assert control.get("/orders/T1")["received"] == 3


def test_more_than_there_is_is_refused(customer: Customer) -> None:
    assert code(customer.order_file("T1", line(amount=100_000_001))) == "GW641"


def test_rows_with_errors_are_not_saved(customer: Customer, control: ControlPort) -> None:
    bulk = customer.read_in("T1", line(bank="999999"))
    assert customer.looked_at(bulk)["transactions"][0]["errorCodes"] == "bank:INNO_ERR_03;"
    assert code(customer.corporate("saveBulk", bulkId=bulk)) == "205"
    assert control.get("/orders") == []


WRONG_UPLOADS: list[Json] = [
    {"serviceCode": "OTHER"},
    {"refNo": "x"},
    {"more": 1},
    {"sessionId": "somebody else's"},
]


@pytest.mark.parametrize("changes", WRONG_UPLOADS, ids=str)
def test_an_upload_is_read_strictly(customer: Customer, changes: Json) -> None:
    assert code(customer.upload("T1", workbook(table([LINE])), **changes)) in ("205", "100")


def test_a_session_may_be_named_in_an_upload(customer: Customer) -> None:
    session = customer.headers()["Authorization"].removeprefix("Bearer ")
    assert code(customer.upload("T1", workbook(table([LINE])), sessionId=session)) == "00"


def test_what_is_no_file_or_has_no_good_name_is_refused(customer: Customer) -> None:
    assert code(customer.upload("T1", b"PK")) == "205"
    assert code(customer.upload("../T1", workbook(table([LINE])))) == "205"
    headers = customer.headers(**{"biz-platform": "biz-1.0"})
    assert customer.http.post(f"{BULK}/uploadFile", json={}, headers=headers).status_code == 400
    said = {"request": json.dumps({"refNo": str(uuid.uuid4()), "serviceCode": "GCM_MFT_PROLL"})}
    files = [("file", ("T1.xlsx", b"")), ("file", ("T2.xlsx", b""))]
    assert code(customer.http.post(f"{BULK}/uploadFile", data=said, files=files, headers=headers)) == "205"


def test_calls_are_read_strictly_and_need_a_session(customer: Customer, control: ControlPort) -> None:
    bulk, ref_no = customer.read_in("T1"), str(uuid.uuid4())
    assert code(customer.corporate("saveBulk", bulkId=bulk, more=1)) == "205"
    assert code(customer.corporate("saveBulk", bulkId="B1")) == "205"
    assert code(customer.corporate("saveBulk", bulkId="B0123456789ABCDEF")) == "205"
    assert code(customer.corporate("checkBulkProcess", bulkId=bulk, refNo=ref_no)) == "00"
    assert code(customer.corporate("checkBulkProcess", bulkId=bulk, refNo=ref_no)) == "205"
    headers = customer.headers()
    body = {"refNo": str(uuid.uuid4()), "bulkId": bulk}
    assert code(customer.http.post(f"{BULK}/saveBulk", json=body, headers=headers)) == "205"
    assert customer.http.post(f"{BULK}/saveBulk", json=body).status_code == 401
    control.post("/tokens/expire")
    assert customer.corporate("saveBulk", bulkId=bulk).status_code == 401
    assert control.get("/orders") == []


def test_transfers_of_the_open_api_are_not_there(customer: Customer) -> None:
    assert customer.pay("T1").status_code == 404


def test_maintenance_is_the_end_of_day(customer: Customer, control: ControlPort) -> None:
    bulk = customer.read_in("T1")
    control.post("/settings", maintenance=True)
    assert code(customer.corporate("saveBulk", bulkId=bulk)) == "GW0201"


NOT_STORED: list[tuple[Json, str | int]] = [
    ({"fault": "decline"}, "GW641"),
    ({"fault": "decline", "code": "GW38"}, "GW38"),
    ({"fault": "bad_signature"}, "100"),
    ({"fault": "http_error", "http": 503}, 503),
]


@pytest.mark.parametrize(("fault", "said"), NOT_STORED, ids=str)
def test_refusals_store_nothing(customer: Customer, control: ControlPort, fault: Json, said: str | int) -> None:
    control.post("/next-order", **fault)
    answer = customer.order_file("T1")
    assert (answer.status_code if isinstance(said, int) else code(answer)) == said
    assert control.get("/orders/T1") == NEVER_STORED | {"trace": "T1"}


def test_an_order_may_be_lost(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="lose_order")
    with pytest.raises(httpx.TransportError):
        customer.order_file("T1")
    assert customer.file("T1")["transactions"] == []


@pytest.mark.parametrize("fault", ["lose_answer", "half"])
def test_an_answer_may_be_lost(customer: Customer, control: ControlPort, fault: str) -> None:
    control.post("/next-order", fault=fault)
    with pytest.raises(httpx.TransportError):
        customer.order_file("T1")
    assert customer.file("T1")["status"] == "pendingapproval"


def test_answers_may_be_spoilt_after_the_order_is_stored(customer: Customer, control: ControlPort) -> None:
    faults: list[Json] = [
        {"fault": "http_500_after_execute"},
        {"fault": "malformed"},
        {"fault": "answer_duplicate"},
        {"fault": "other_order"},
        {"fault": "drip"},
        {"fault": "wrong_type"},
        {"fault": "slow"},
    ]
    for number, fault in enumerate(faults):
        control.post("/next-order", **fault)
        answer = customer.order_file(f"T{number}")
        assert customer.file(f"T{number}")["status"] == "pendingapproval"
        assert (answer.status_code == 500) == (fault["fault"] == "http_500_after_execute")


def test_enquiries_may_find_nothing_or_an_odd_word_for_a_while(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="not_found_for", seconds=60)
    control.post("/next-order", fault="unknown_status", status="PEND")
    control.post("/next-order", fault="stuck")
    for name in ("T1", "T2", "T3"):
        customer.order_file(name)
    assert customer.file("T1")["transactions"] == []
    assert (customer.file("T2")["status"], customer.file("T3")["status"]) == ("PEND", "pendingapproval")
    control.post("/clock", advance_s=61)
    assert customer.file("T1")["status"] == "pendingapproval"
    control.post("/orders/T2", status="refused")
    assert customer.file("T2")["status"] == "rejected"


def test_a_late_decline_fails_after_approval(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="decline", how="later")
    bulk = customer.order_file("T1").json()["bulkId"]
    control.post(f"/bulks/{bulk}", decision="approve")
    assert customer.approved("T1")["status"] == "executionfail"


def test_orders_may_go_without_a_checker(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", approval="auto")
    customer.order_file("T1")
    assert customer.approved("T1")["status"] == "executedsuccesfully"


@pytest.mark.parametrize("to", ["status", "rows", "process", "upload"])
def test_other_answers_may_be_spoilt(customer: Customer, control: ControlPort, to: str) -> None:
    bulk = customer.read_in("T1")
    control.post("/next-answer", to=to, http=502)
    calls = {
        "status": lambda: customer.corporate("getBulkTransaction", fileName="T1.xlsx"),
        "rows": lambda: customer.corporate("getBulkTransaction", bulkId=bulk),
        "process": lambda: customer.corporate("checkBulkProcess", bulkId=bulk),
        "upload": lambda: customer.upload("T2", workbook(table([LINE]))),
    }
    assert [calls[to]().status_code for _ in range(2)] == [502, 200]


def test_balance_shows_what_is_set_aside(customer: Customer, control: ControlPort) -> None:
    customer.order_file("T1")
    data = customer.balance(ACCOUNT).json()["data"]
    assert (data["currentBalance"], data["availableBalance"]) == ("100000000", "99800000")
    control.post("/accounts", number="12345678", name="NGUYEN VAN A")
    assert customer.lookup().json()["data"]["accountName"] == "NGUYEN VAN A"
    until(lambda: control.get("/orders/T1")["stored"])
