"""MB's calls to us: a token first, then the notice; what acknowledges it, and what does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from functools import partial

import pytest

from banks.simulator.mb.notices import acknowledgement_fault, token
from banks.simulator.records import NoticeKind
from tests.banks.simulator.customer import VIETNAM, ControlPort, until
from tests.banks.simulator.mb.conftest import ACCOUNT
from tests.banks.simulator.mb.customer import JWT, SYNC, Customer, Door, Json, acknowledge, inside, kept

PUSH: Json = {"transType": "C"}
RESULT: Json = {"transactionId": "A1"}
SALE: Json = {"checkSum": "1"}
GIVEN: Json = {"access_token": JWT, "token_type": "bearer", "expires_in": 300}


def states(control: ControlPort) -> list[str]:
    return [notice["status"] for notice in control.get("/notices")]


def deliveries_reach(control: ControlPort, count: int) -> bool:
    return len(control.get("/deliveries")) == count


def test_a_credit_is_pushed_with_our_token_in_the_printed_fields(control: ControlPort, door: Door) -> None:
    paid = control.post("/pay", account=ACCOUNT, amount=150_000, memo="SOCAI7K3M9Q2X")
    (pushed,) = door.bodies(1)
    assert door.tokens == [door.basic]
    assert door.taken[0][0]["authorization"] == f"Bearer {JWT}"
    assert list(pushed) == [
        *("transactionid", "transactiontime", "referencenumber", "amount", "content", "bankaccount", "transType"),
        *("reciprocalAccount", "reciprocalBankCode", "va", "valueDate"),
    ]
    at = datetime.fromisoformat(paid["at"])
    day = datetime.combine(at.astimezone(VIETNAM).date(), time(), VIETNAM)
    assert (pushed["transactiontime"], pushed["valueDate"]) == (
        int(at.timestamp() * 1000),
        int(day.timestamp() * 1000),
    )
    assert (pushed["referencenumber"], pushed["amount"], pushed["transType"]) == (paid["reference"], 150_000, "C")
    assert pushed["content"] == f"CUSTOMER SOCAI7K3M9Q2X Trace {paid['trace']}"
    assert (pushed["reciprocalAccount"], pushed["reciprocalBankCode"]) == ("1012345678", "970436")
    assert datetime.fromtimestamp(pushed["transactiontime"] / 1000, UTC) <= datetime.now(UTC)
    until(lambda: states(control) == ["acknowledged"])


def test_an_asynchronous_transfer_is_told_of_as_a_debit_and_as_a_result(
    customer: Customer, control: ControlPort, door: Door
) -> None:
    customer.pay("A1")
    line = customer.ended("A1")
    until(lambda: len(door.taken) == 2)
    (result,) = door.results()
    assert result == {
        "transactionId": customer.id("A1"),
        "transactionStatus": "SUCCESS",
        "transactionTime": line["actionTime"],
        "ft": line["ft"],
    }
    until(lambda: states(control) == ["acknowledged"] * 2)
    control.post(f"/orders/{kept('A1')}/notify", times=2)
    until(lambda: len(door.results()) == 3)


def test_a_failed_transfer_is_told_of_and_a_synchronous_one_is_not(
    customer: Customer, control: ControlPort, door: Door
) -> None:
    customer.send("A1", inside(), SYNC)
    assert control.get("/notices") == []
    control.post("/next-order", fault="decline", how="later")
    customer.pay("A2")
    (result,) = door.bodies(1)
    assert (result["transactionStatus"], result["ft"]) == ("FAILED", "")


def test_only_what_is_subscribed_to_is_pushed(control: ControlPort, door: Door) -> None:
    control.post("/settings", pushes="D")
    control.post("/pay", account=ACCOUNT, amount=1)
    control.post("/charge", account=ACCOUNT, amount=2)
    assert [body["amount"] for body in door.bodies(1)] == [2]
    assert len(control.get("/notices")) == 1


@pytest.mark.parametrize(
    ("key", "authorization"), [("wrong", "Bearer eyJhbGciOiJub25lIn0.e30.c29tZWJvZHk"), ("missing", None)]
)
def test_a_push_can_come_with_another_token_or_none(
    control: ControlPort, door: Door, key: str, authorization: str | None
) -> None:
    control.post("/webhooks", key=key)
    control.post("/pay", account=ACCOUNT, amount=1)
    door.bodies(1)
    assert door.taken[0][0].get("authorization") == authorization
    assert door.tokens == []


def test_results_may_come_without_a_token(customer: Customer, control: ControlPort, door: Door) -> None:
    control.post("/settings", bearer="push", pushes="C")
    customer.pay("A1")
    door.bodies(1)
    assert "authorization" not in door.taken[0][0]
    assert door.tokens == []


def test_without_a_token_nothing_is_pushed_until_there_is_one(control: ControlPort, door: Door) -> None:
    door.token = {"access_token": JWT, "token_type": "mac", "expires_in": 300}
    control.post("/pay", account=ACCOUNT, amount=1)
    until(lambda: control.get("/deliveries"))
    assert door.taken == []
    door.token = GIVEN
    control.post("/clock", advance_s=61)
    assert len(door.bodies(1)) == 1


def test_a_push_is_sent_again_after_1_5_and_30_minutes_and_then_given_up(control: ControlPort, door: Door) -> None:
    door.answer = lambda body: (400, {"error": True, "errorReason": "005", "toastMessage": "", "object": None})
    control.post("/pay", account=ACCOUNT, amount=1)
    for attempt, minutes in enumerate((1, 5, 30), start=1):
        until(partial(deliveries_reach, control, attempt))
        control.post("/clock", advance_s=60 * minutes + 1)
    until(lambda: states(control) == ["given_up"])
    assert len({body["transactionid"] for body in door.bodies(4)}) == 1


def test_mb_sends_no_lists(control: ControlPort) -> None:
    assert control.refused("/webhooks/yesterday")[0] == 409


def test_a_payers_token_answer_must_be_the_printed_one() -> None:
    assert token(200, json.dumps(GIVEN)) == JWT
    wrong: list[Json] = [
        {"access_token": "opaque"},
        {"token_type": "mac"},
        {"expires_in": "300"},
        {"expires_in": 0},
        {"scope": "x"},
    ]
    assert [token(200, json.dumps(GIVEN | change)) for change in wrong] == [None] * 5
    assert token(401, json.dumps(GIVEN)) is None
    assert token(200, "<html>") is None


def test_the_printed_answers_acknowledge() -> None:
    cases: list[tuple[NoticeKind, Json]] = [("movement", PUSH), ("order", RESULT), ("merchant", SALE)]
    for kind, body in cases:
        http, answer = acknowledge(body)
        assert acknowledgement_fault(kind, http, json.dumps(answer)) is None
        assert acknowledgement_fault(kind, 400, json.dumps(answer)) == "HTTP 400"


WRONG: list[Json] = [
    {"error": True},
    {"error": 0},
    {"errorReason": "006"},
    {"errorReason": 0},
    {"toastMessage": None},
    {"object": None},
    {"object": {"refTransactionid": "wh_1"}},
    {"object": {"reftransactionid": ""}},
    {"more": 1},
]


@pytest.mark.parametrize("change", WRONG)
def test_an_answer_that_differs_does_not_acknowledge_a_push(change: Json) -> None:
    assert acknowledgement_fault("movement", 200, json.dumps(acknowledge(PUSH)[1] | change))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"resCode":"20","resDesc":"Duplicated"}', '{"resCode":"00"}'])
def test_an_answer_that_differs_does_not_acknowledge_a_sale(text: str) -> None:
    assert acknowledgement_fault("merchant", 200, text)
