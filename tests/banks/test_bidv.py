"""BIDV, as the example has it: what its words mean, beside the contract that `test_bank.py` runs for every bank."""

from __future__ import annotations

import json

import pytest

from banks.accounts import Entry
from banks.bidv import BidvCredentials, outcome_of, outcome_of_enquiry, read_rows
from banks.outcomes import Accepted, Declined, Executed, NotFound, Outcome, Reason, Unknown
from banks.transport import Answer
from tests.banks.bidv.rig import ACCOUNT_NUMBER, recorded

OURS = "SOCAI000000001"
NOTHING = Answer(200, {}, b'{"code":"14"}')


def answer(http: int = 200, code: object = "00", **data: object) -> Answer:
    return Answer(http, {}, json.dumps({"code": code, "data": {"id": OURS, **data}}).encode())


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (answer(state="PENDING"), Accepted(None)),
        (answer(state="DONE", reference="EX1"), Executed("EX1")),
        (answer(code="51"), Declined(Reason.INSUFFICIENT_FUNDS, "51")),
        (answer(422, code="61"), Declined(Reason.LIMIT, "61")),
        (NOTHING, NotFound()),
    ],
)
def test_only_listed_words_decide(said: Answer, meant: Outcome) -> None:
    assert outcome_of_enquiry(said, OURS) == meant


@pytest.mark.parametrize(
    "said",
    [
        answer(state="done"),
        answer(state=None),
        answer(state="DONE", id="ANOTHER"),
        answer(500, state="DONE"),
        answer(500, code="51"),
        answer(401, code="51"),
        answer(code="51", state="DONE"),
        answer(code=51),
        answer(code="99"),
        answer(code="14"),
        Answer(404, {}, NOTHING.body),
    ],
)
def test_whatever_else_is_said_is_unknown(said: Answer) -> None:
    assert isinstance(outcome_of_enquiry(said, OURS), Unknown)
    assert isinstance(outcome_of(said, OURS), Unknown)


def test_an_order_is_never_answered_with_not_found() -> None:
    assert isinstance(outcome_of(NOTHING, OURS), Unknown)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "1.5"},
        {"direction": "X"},
        {"reference": ""},
        {"time": "today"},
        {"account": "1"},
        {"currency": "USD"},
    ],
)
def test_a_row_that_is_not_understood_is_doubtful(change: dict[str, object]) -> None:
    row = json.loads(recorded("history.json"))["data"]["rows"][0]
    lines, doubtful = read_rows([row, {**row, **change}, {**row, "memo": "another"}], ACCOUNT_NUMBER)
    assert (len(lines), [one.position for one in doubtful]) == (1, [2, 3])


def test_what_is_missing_in_the_accounts_file_is_named() -> None:
    faults: list[str] = []
    BidvCredentials.read(Entry({"client_id": "client"}, "here", faults))
    told = " ".join(faults)
    assert all(name in told for name in ("token_url", "client_secret", "webhook_key"))
