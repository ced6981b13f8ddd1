"""MBDN orders: the file, every state with every line result, and every answer that decides nothing."""

from __future__ import annotations

import itertools
import json
from email import message_from_bytes
from email.policy import HTTP

import msgspec
import pytest

from banks.bank import Beneficiary
from banks.mbdn_codes import MEANINGS, REASONS, TURNED_AWAY, Meaning
from banks.mbdn_orders import (
    BOOKINGS,
    DONE,
    NOT_DONE,
    PARTLY,
    RESULTS,
    WAITING,
    order_file,
    outcome_before_saving,
    outcome_of_enquiry,
    outcome_of_rows,
    outcome_of_saving,
    refuses_token,
    said,
    upload_form,
)
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown
from banks.strict_json import NotJson
from banks.transport import Answer
from ledger.money import Money
from tests.banks.mbdn.rig import ORDER, bulk, recorded, stated
from tests.banks.test_xlsx import cells

FT = "FT25015000000001"
OURS = "SOCAI000000001"


def answer(value: object, status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps(value).encode())


def coded(code: object, status: int = 200, **more: object) -> Answer:
    return answer({"result": {"responseCode": code}, **more}, status)


def enquired(body: object, status: int = 200) -> Outcome:
    return outcome_of_enquiry(answer(body, status), OURS)


# the file


def test_the_file_holds_one_row_under_the_bank_s_columns() -> None:
    head, row = cells(order_file(ORDER))
    assert [value for _, _, value in head] == ["no.", "account", "name", "bank", "amount", "description"]
    assert [(kind, value) for _, kind, value in row] == [
        ("n", "1"),
        ("inlineStr", "12345678"),
        ("inlineStr", "NGUYEN VAN A"),
        ("inlineStr", "970416"),
        ("n", "200000"),
        ("inlineStr", "SOCAI000000001 CHI TRA"),
    ]


def test_a_bank_with_two_numbers_is_named_by_the_one_in_traffic() -> None:
    order = msgspec.structs.replace(ORDER, beneficiary=Beneficiary("970459", "0012", "A"))
    assert [value for _, _, value in cells(order_file(order))[1]][1:4] == ["0012", "A", "422589"]


def test_the_form_carries_the_words_and_the_file() -> None:
    kind, body = upload_form(ORDER, "ref-1")
    form = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=HTTP)
    words, file = form.iter_parts()
    assert json.loads(words.get_content()) == {"refNo": "ref-1", "serviceCode": "GCM_MFT_PROLL"}
    assert file.get_filename() == "SOCAI000000001.xlsx"
    assert file.get_content() == order_file(ORDER)


# before the file is saved


def test_an_answer_about_another_file_decides_nothing() -> None:
    for other in ("B-2", "", None):
        answer = coded("00", totalAmount="200,000", bulkId=other)
        assert isinstance(outcome_of_saving(answer, "B-1", Money(200_000)), Unknown)
    assert outcome_of_saving(coded("00", totalAmount="200,000", bulkId="B-1"), "B-1", Money(200_000)) == Accepted(None)


@pytest.mark.parametrize("code", list(MEANINGS))
def test_before_saving_nothing_was_sent_unless_the_bank_refuses_or_has_it_already(code: str) -> None:
    outcome = outcome_before_saving(coded(code))
    meaning = MEANINGS[code]
    if meaning is Meaning.DUPLICATE:
        assert isinstance(outcome, Unknown)
    elif meaning in REASONS:
        assert outcome == Declined(REASONS[meaning], code)
    else:
        assert isinstance(outcome, NotSent)


@pytest.mark.parametrize("reply", [Answer(200, {}, b"<html>"), answer({}), coded("GW9999"), coded("GW641", 503)])
def test_a_file_the_bank_did_not_take_was_not_sent(reply: Answer) -> None:
    assert isinstance(outcome_before_saving(reply), NotSent)


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        ("", None),
        (None, None),
        ("beneficiaryName:INNO_ERR_114;", Declined(Reason.BENEFICIARY_NAME, "INNO_ERR_114")),
        ("account:INNO_ERR_116;amount:INNO_ERR_118;", Declined(Reason.BENEFICIARY_ACCOUNT, "INNO_ERR_116")),
        ("account:INNO_ERR_121;amount:INNO_ERR_118;", Declined(Reason.LIMIT, "INNO_ERR_118")),
        ("amount:INNO_ERR_120", Declined(Reason.LIMIT, "INNO_ERR_120")),
    ],
)
def test_what_the_bank_finds_in_the_file_is_told(codes: str | None, outcome: Outcome | None) -> None:
    assert outcome_of_rows(said(answer(bulk(errorCodes=codes))), OURS) == outcome


@pytest.mark.parametrize("codes", ["account:INNO_ERR_121;", "account:INNO_ERR_999;", "x"])
def test_a_fault_nobody_listed_leaves_the_file_unsaved(codes: str) -> None:
    assert isinstance(outcome_of_rows(said(answer(bulk(errorCodes=codes))), OURS), NotSent)


def test_a_warning_hinders_nobody() -> None:
    assert outcome_of_rows(said(answer(bulk(warningCodes="account:INNO_ERR_115;"))), OURS) is None


def test_another_file_than_was_sent_is_not_saved() -> None:
    two = bulk()
    two["transactions"] *= 2
    for body in (bulk(fileName="SOCAI000000002.xlsx"), bulk(description="SOCAI000000002"), two, bulk(transactions=[])):
        assert isinstance(outcome_of_rows(said(answer(body)), OURS), NotSent)


# saving


@pytest.mark.parametrize("total", ["200,000", "200000", 200_000, "200000.00"])
def test_a_saved_file_waits_for_approval(total: object) -> None:
    assert outcome_of_saving(coded("00", totalAmount=total), "B-1", Money(200_000)) == Accepted(None)


@pytest.mark.parametrize("total", ["200001", None, "", True, "x", -200_000, [200_000]])
def test_a_saved_file_of_another_amount_is_unknown(total: object) -> None:
    assert isinstance(outcome_of_saving(coded("00", totalAmount=total), "B-1", Money(200_000)), Unknown)


@pytest.mark.parametrize("code", list(MEANINGS))
@pytest.mark.parametrize("status", [200, 400, 422, 202, 404, 500, 503])
def test_every_code_of_the_table_answers_the_saving_call(code: str, status: int) -> None:
    outcome = outcome_of_saving(coded(code, status), "B-1", Money(200_000))
    meaning = MEANINGS[code]
    if status not in (200, 400, 422) or not (meaning in REASONS or meaning in TURNED_AWAY):
        assert isinstance(outcome, Unknown)
    elif meaning in TURNED_AWAY:
        assert isinstance(outcome, NotSent)
    else:
        assert outcome == Declined(REASONS[meaning], code)


@pytest.mark.parametrize("code", ["GW9999", "", "0", "000", "00 ", "x" * 80])
def test_a_code_nobody_listed_decides_nothing(code: str) -> None:
    assert isinstance(outcome_of_saving(coded(code, totalAmount="200000"), "B-1", Money(200_000)), Unknown)
    assert isinstance(outcome_of_enquiry(coded(code), OURS), Unknown)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"result":{}}', b'{"result":{"responseCode":0}}'])
def test_what_is_no_answer_of_the_bank_decides_nothing(body: bytes) -> None:
    assert isinstance(outcome_of_saving(Answer(200, {}, body), "B-1", Money(200_000)), Unknown)
    assert isinstance(outcome_of_enquiry(Answer(200, {}, body), OURS), Unknown)
    with pytest.raises(NotJson):
        said(Answer(200, {}, body))


def test_a_refused_token_is_seen_and_nothing_else_is_taken_for_one() -> None:
    for reply in (answer({}, 401), *(coded(code) for code in ("207", "GW200", "GW1214", "ERR_17_503"))):
        assert refuses_token(reply)
        assert isinstance(outcome_of_saving(reply, "B-1", Money(1)), NotSent)
    for reply in (coded("00"), coded("GW200", 500), Answer(200, {}, b"GW200"), coded("401")):
        assert not refuses_token(reply)


# enquiry


@pytest.mark.parametrize("state", sorted(WAITING))
def test_an_order_on_its_way_is_accepted(state: str) -> None:
    assert enquired(stated(state)) == Accepted(None)
    for result in ("SUCCESS", "FAILED"):
        assert isinstance(enquired(stated(state, result, "DEDUCTED")), Unknown), "a line is ahead of its order"


@pytest.mark.parametrize("state", sorted(DONE))
def test_an_order_that_is_done_is_executed_unless_its_line_says_otherwise(state: str) -> None:
    assert enquired(stated(state)) == Executed(FT)
    assert enquired(stated(state, "SUCCESS", "DEDUCTED")) == Executed(FT)
    assert enquired(stated(state, "SUCCESS", "UNDEFINED")) == Accepted(FT)
    assert isinstance(enquired(stated(state, "FAILED", "NOT_DEDUCTED")), Unknown)
    assert isinstance(enquired(stated(state, "FAILED", "DEDUCTED")), Unknown)


@pytest.mark.parametrize("state", sorted(NOT_DONE))
def test_an_order_that_ended_is_declined_unless_our_account_may_be_debited(state: str) -> None:
    assert enquired(stated(state)) == Declined(Reason.REFUSED, state)
    assert enquired(stated(state, "FAILED", "NOT_DEDUCTED")) == Declined(Reason.REFUSED, state)
    for result, booking in itertools.product(RESULTS, BOOKINGS):
        if (result, booking) != ("FAILED", "NOT_DEDUCTED"):
            assert isinstance(enquired(stated(state, result, booking)), Unknown)


@pytest.mark.parametrize(
    ("result", "booking", "outcome"),
    [
        ("SUCCESS", "DEDUCTED", Executed(FT)),
        ("SUCCESS", "UNDEFINED", Accepted(FT)),
        ("FAILED", "NOT_DEDUCTED", Declined(Reason.REFUSED, "FAILED")),
        ("SUCCESS", "NOT_DEDUCTED", Unknown),
        ("FAILED", "DEDUCTED", Unknown),
        ("FAILED", "UNDEFINED", Unknown),
        ("UNDEFINED", "DEDUCTED", Unknown),
        ("UNDEFINED", "NOT_DEDUCTED", Unknown),
        ("UNDEFINED", "UNDEFINED", Unknown),
        ("NOT_FINISHED", "DEDUCTED", Unknown),
        ("NOT_FINISHED", "NOT_DEDUCTED", Unknown),
        ("NOT_FINISHED", "UNDEFINED", Unknown),
    ],
)
def test_partial_success_is_told_line_by_line_on_both_axes(
    result: str, booking: str, outcome: Outcome | type[Unknown]
) -> None:
    (state,) = PARTLY
    found = enquired(stated(state, result, booking))
    assert isinstance(found, Unknown) if outcome is Unknown else found == outcome


def test_partial_success_without_a_line_result_decides_nothing() -> None:
    assert isinstance(enquired(stated("executedwithpartialsuccess")), Unknown)


@pytest.mark.parametrize(
    ("result", "booking"), [("success", "DEDUCTED"), ("SUCCESS", ""), ("DONE", "DEDUCTED"), (1, 2)]
)
def test_line_words_nobody_listed_decide_nothing(result: object, booking: object) -> None:
    for state in ("executedsuccesfully", "executedwithpartialsuccess", "executionfail"):
        assert isinstance(enquired(stated(state, result, booking)), Unknown)


@pytest.mark.parametrize(
    "state", ["timeout", "timeout.T24", "executedsuccessfully", "Done", "", None, 1, True, ["done"]]
)
def test_a_state_that_is_in_doubt_or_not_listed_decides_nothing(state: object) -> None:
    assert isinstance(enquired(stated(state)), Unknown)


def test_failed_and_debited_at_once_is_no_failure_even_when_the_refund_is_named() -> None:
    body = stated("executionfail", "FAILED", "DEDUCTED")
    body["transactions"][0]["refundTransactionFt"] = "FT25015000000777"
    assert isinstance(enquired(body), Unknown)


def test_an_unknown_file_and_one_that_was_never_saved_are_not_found() -> None:
    assert enquired({"result": {"responseCode": "00"}, "transactions": []}) == NotFound()
    assert enquired(json.loads(recorded("rows.json"))) == NotFound()
    assert isinstance(enquired(stated("draft", "SUCCESS", "DEDUCTED")), Unknown)
    assert isinstance(enquired({"result": {"responseCode": "00"}}), Unknown)
    assert isinstance(enquired({"result": {"responseCode": "00"}, "status": "done", "transactions": []}), Unknown)


def test_another_order_s_answer_decides_nothing() -> None:
    done = stated("done", "SUCCESS", "DEDUCTED")
    two = stated("done", "SUCCESS", "DEDUCTED")
    two["transactions"] *= 2
    for body in (
        done | {"fileName": "SOCAI000000002.xlsx"},
        stated("done", "SUCCESS", "DEDUCTED", description="SOCAI000000002 CHI TRA"),
        stated("done", "SUCCESS", "DEDUCTED", description=None),
        two,
        done | {"transactions": {}},
        done | {"transactions": ["x"]},
    ):
        assert isinstance(enquired(body), Unknown)


def test_our_id_is_found_in_a_memo_whatever_blanks_came_in() -> None:
    assert enquired(stated("done", "SUCCESS", "DEDUCTED", description="SOCAI00000 0001CHI TRA")) == Executed(FT)


@pytest.mark.parametrize("status", [202, 400, 401, 404, 500, 503])
def test_good_words_under_another_status_decide_nothing(status: int) -> None:
    assert isinstance(enquired(stated("done", "SUCCESS", "DEDUCTED"), status), Unknown)


@pytest.mark.parametrize("code", list(MEANINGS))
def test_a_refusal_of_the_enquiry_says_nothing_about_the_order(code: str) -> None:
    assert isinstance(outcome_of_enquiry(coded(code), OURS), Unknown)


@pytest.mark.parametrize("booking", sorted(BOOKINGS))
def test_an_order_that_waits_has_a_line_that_is_not_finished(booking: str) -> None:
    assert enquired(stated("pendingapproval", "NOT_FINISHED", booking)) == Accepted(None)
    assert isinstance(enquired(stated("pendingapproval", "NOT_FINISHED", "ODD")), Unknown)
