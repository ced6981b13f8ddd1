"""ACB orders: the bytes sent, and every answer read as one outcome."""

from __future__ import annotations

import json
from base64 import b64decode

import msgspec
import pytest
from asn1crypto import cms
from hypothesis import given
from hypothesis import strategies as st

from banks.acb_orders import DECLINES, order_body, order_data, outcome_of_enquiry, outcome_of_order
from banks.bank import Beneficiary, TransferOrder
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown
from banks.transport import Answer
from ledger.errors import InvalidBeneficiary
from ledger.money import Money
from tests.banks.acb.rig import ORDER, signer
from tests.banks.contract import NOW

ID = "SOCAI000000001"
OK = {"responseCode": "00000000", "responseMessage": "success"}


def reply(status: int, value: object) -> Answer:
    return Answer(status, {}, json.dumps(value).encode())


def order_said(status: int, code: str) -> Outcome:
    return outcome_of_order(reply(status, {"requestTrace": "t", "responseStatus": {"responseCode": code}}), ID, "t")


def enquiry_said(*transactions: dict[str, object], status: int = 200, code: str = "00000000") -> Outcome:
    body = {"responseStatus": {"responseCode": code}, "responseData": {"transactions": list(transactions)}}
    return outcome_of_enquiry(reply(status, body), ID, "12345678")


def one(state: object, **fields: object) -> dict[str, object]:
    return {"transactionTraceNumber": ID, "status": state} | fields


# what is sent


def test_the_signed_data_is_the_compact_json_of_the_specification() -> None:
    assert order_data(ORDER, "12345678").decode() == (
        '{"sourceAccountNumber":"12345678","transaction":{"transactionTraceNumber":"SOCAI000000001",'
        '"transactionType":"IBFT","beneficiary":{"interbank":{"accountNumber":"0001234567890",'
        '"beneficiaryName":"NGUYEN VAN A","bank":{"napasCode":"970422"}}},"amount":{"sourceCurrency":"VND",'
        '"targetCurrency":"VND","amount":"200000","exchangeRate":"1","exchangeAmount":"200000"},'
        '"remarks":"SOCAI000000001 CHI TRA"}}'
    )


def beneficiary_of(order: TransferOrder) -> object:
    return json.loads(order_data(order, "12345678"))["transaction"]["beneficiary"]


def test_each_rail_names_the_beneficiary_in_its_own_shape() -> None:
    inside = msgspec.structs.replace(ORDER, rail="internal", beneficiary=Beneficiary("970416", "87654321", "Lê B"))
    citad = msgspec.structs.replace(ORDER, rail="citad", beneficiary=Beneficiary("970415", "101234567890", "Lê B"))
    account = {"accountNumber": "87654321", "beneficiaryName": "LE B"}
    assert beneficiary_of(inside) == {"inside": {"account": account}}
    assert beneficiary_of(citad) == {
        "citad": {
            "bank": {"citadCode": "01201001"},
            "target": {"account": account | {"accountNumber": "101234567890"}},
        }
    }


def test_a_bank_with_two_numbers_is_sent_to_under_the_one_napas_uses() -> None:
    cimb = msgspec.structs.replace(ORDER, beneficiary=Beneficiary("970459", "1", "A"))
    assert b'"napasCode":"422589"' in order_data(cimb, "12345678")


def test_a_bank_without_a_certain_citad_code_is_refused() -> None:
    with pytest.raises(InvalidBeneficiary, match="napas"):
        order_data(msgspec.structs.replace(ORDER, rail="citad"), "12345678")


def test_the_body_holds_the_signed_bytes_unchanged_beside_both_signatures() -> None:
    data = order_data(ORDER, "12345678")
    body = order_body(data, [signer(1), signer(2)], "trace", NOW)
    assert data in body
    parameters = json.loads(body)["requestParameters"]
    assert list(parameters) == ["data", "authorizations"]
    for number, authorization in enumerate(parameters["authorizations"], start=1):
        signed = cms.ContentInfo.load(b64decode(authorization["authorizationString"]))["content"]
        assert signed["signer_infos"][0]["sid"].chosen["serial_number"].native == 1000 + number


@given(st.text(max_size=200), st.text(max_size=80), st.integers(1, 10**15))
def test_whatever_is_written_into_memo_and_name_leaves_in_the_letters_banks_take(
    memo: str, name: str, units: int
) -> None:
    order = TransferOrder(
        end_to_end_id=ID, rail="napas", beneficiary=Beneficiary("970422", "1", name), amount=Money(units), memo=memo
    )
    transaction = json.loads(order_data(order, "12345678"))["transaction"]
    assert transaction["remarks"].startswith(ID)
    assert len(transaction["remarks"]) <= 100
    assert transaction["remarks"].isascii()
    assert transaction["amount"]["amount"] == str(units)


# how the answer to an order is read


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("ORIG", Accepted(None)),
        ("VALD", Accepted(None)),
        ("TRAN", Executed(None)),
        ("INVA", Declined(Reason.REFUSED, "INVA")),
    ],
)
def test_the_four_states_are_read(state: str, outcome: Outcome) -> None:
    body = {"requestTrace": "t", "responseStatus": OK, "responseData": {"transaction": one(state)}}
    assert outcome_of_order(reply(200, body), ID, "t") == outcome
    assert enquiry_said(one(state)) == outcome


@pytest.mark.parametrize("state", ["orig", "TRANS", "COMP", "", None, 1, ["TRAN"], "Lệnh <x>"])
def test_any_other_state_is_unknown(state: object) -> None:
    outcome = enquiry_said(one(state))
    assert isinstance(outcome, Unknown)
    assert "<" not in outcome.why


@pytest.mark.parametrize("code", DECLINES)
@pytest.mark.parametrize("status", [200, 289, 400, 404, 409, 422])
def test_a_listed_code_declines_under_any_status_that_is_not_a_server_fault(code: str, status: int) -> None:
    assert order_said(status, code) == Declined(DECLINES[code], code)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, "30010002"),  # duplicate: an order with this id exists
        (400, "30010002"),
        (200, "30010009"),
        (200, "00"),
        (201, "00000000"),
        (289, "00000000"),
        (400, "00000000"),
        (302, "01030001"),
        (500, "01030001"),
        (503, "99000001"),
        (504, "00000000"),
        (400, "<script>"),
        (200, "30020402"),
    ],
)
def test_everything_not_in_the_tables_is_unknown(status: int, code: str) -> None:
    outcome = order_said(status, code)
    assert isinstance(outcome, Unknown)
    assert "<" not in outcome.why


def test_a_duplicate_is_said_to_be_one() -> None:
    assert order_said(200, "30010002") == Unknown("the bank says it has an order with this id already")


@pytest.mark.parametrize("status", range(500, 600, 7))
@pytest.mark.parametrize("code", ["00000000", *DECLINES])
def test_a_server_fault_is_unknown_whatever_the_body_says(status: int, code: str) -> None:
    assert isinstance(order_said(status, code), Unknown)


def test_what_the_gateway_turned_away_was_not_sent() -> None:
    for status in (401, 429):
        assert isinstance(outcome_of_order(Answer(status, {}, b""), ID, "t"), NotSent)


def test_a_refused_address_is_a_decline_only_in_the_banks_own_json() -> None:
    assert outcome_of_order(reply(403, {"httpCode": "403"}), ID, "t") == Declined(Reason.NOT_ALLOWED, "HTTP-403")
    assert isinstance(outcome_of_order(Answer(403, {}, b"<html>"), ID, "t"), Unknown)


def test_an_answer_about_another_order_or_call_is_unknown() -> None:
    other = {"requestTrace": "t", "responseStatus": OK, "responseData": {"transaction": one("TRAN")}}
    assert isinstance(outcome_of_order(reply(200, other), "SOCAI000000002", "t"), Unknown)
    assert isinstance(outcome_of_order(reply(200, other), ID, "another call"), Unknown)
    assert isinstance(outcome_of_order(reply(200, {"responseStatus": OK}), ID, "t"), Unknown)


def test_a_code_and_a_state_that_contradict_each_other_are_unknown() -> None:
    body = {"responseStatus": {"responseCode": "30010001"}, "responseData": {"transaction": one("TRAN")}}
    assert isinstance(outcome_of_order(reply(200, body), ID, "t"), Unknown)
    body["responseData"] = {"transaction": one("INVA")}
    assert outcome_of_order(reply(200, body), ID, "t") == Declined(Reason.INSUFFICIENT_FUNDS, "30010001")


# how the answer to an enquiry is read


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("BeneficiaryName is different from the OwnerName", Declined(Reason.BENEFICIARY_NAME, "INVA")),
        ("30010001 Insufficient balance", Declined(Reason.INSUFFICIENT_FUNDS, "INVA")),
        ("30010003", Declined(Reason.LIMIT, "INVA")),
        ("Beneficiary account does not exist", Declined(Reason.BENEFICIARY_ACCOUNT, "INVA")),
        ("Receiving bank is offline", Declined(Reason.BANK_AWAY, "INVA")),
        ("NGUYEN VAN ANH", Declined(Reason.REFUSED, "INVA")),
        (None, Declined(Reason.REFUSED, "INVA")),
        ("30010002 Duplicate trace number", Unknown("the bank says it has an order with this id already")),
    ],
)
def test_the_text_of_a_refusal_becomes_a_word_of_ours(text: object, outcome: Outcome) -> None:
    assert enquiry_said(one("INVA", statusMessage=text)) == outcome


@pytest.mark.parametrize(("number", "reference"), [(4711, "4711"), ("FT1", "FT1"), (None, None), ("", None)])
def test_the_banks_number_of_the_movement_is_kept(number: object, reference: str | None) -> None:
    assert enquiry_said(one("TRAN", transactionNumber=number)) == Executed(reference)


def test_nothing_found_is_said_by_an_empty_list_or_by_its_code() -> None:
    assert enquiry_said() == NotFound()
    for status in (200, 404):
        assert enquiry_said(status=status, code="30020402") == NotFound()
    assert isinstance(enquiry_said(status=404, code="00000000"), Unknown)
    assert isinstance(outcome_of_enquiry(Answer(404, {}, b"<html>"), ID, "12345678"), Unknown)


def test_a_refused_enquiry_says_nothing_about_the_order() -> None:
    for status, code in ((400, "01030001"), (200, "01030001"), (289, "02010001"), (403, "x"), (429, "x"), (401, "x")):
        assert isinstance(enquiry_said(status=status, code=code), Unknown)


def test_another_customers_order_is_unknown() -> None:
    assert isinstance(enquiry_said(one("TRAN", transactionTraceNumber="SOCAI000000002")), Unknown)
    assert isinstance(enquiry_said(one("TRAN", sourceAcocuntNumber="999")), Unknown)
    assert isinstance(enquiry_said(one("TRAN", sourceAccountNumber="999")), Unknown)
    assert enquiry_said(one("TRAN", sourceAcocuntNumber="12345678")) == Executed(None)


def test_two_states_of_one_order_are_unknown_and_the_same_twice_is_one() -> None:
    assert isinstance(enquiry_said(one("TRAN"), one("INVA")), Unknown)
    assert enquiry_said(one("TRAN"), one("TRAN")) == Executed(None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.integers(100, 599), JSON, JSON, JSON)
def test_no_shape_of_answer_makes_money_certain_by_accident(
    status: int, head: object, data: object, trace: object
) -> None:
    body = {"requestTrace": trace, "responseStatus": head, "responseData": data}
    sure = (Accepted, Executed)
    assert not isinstance(outcome_of_order(reply(status, body), ID, "t"), sure)
    assert not isinstance(outcome_of_enquiry(reply(status, body), ID, "12345678"), (*sure, Declined))
    assert not isinstance(outcome_of_order(reply(status, head), ID, "t"), sure)


@given(st.integers(100, 599), JSON, JSON, JSON)
def test_no_content_of_our_order_makes_money_certain_by_accident(
    status: int, state: object, number: object, message: object
) -> None:
    found = one(state, transactionNumber=number, statusMessage=message)
    order = {"responseStatus": OK, "responseData": {"transaction": found}}
    enquiry = {"responseStatus": OK, "responseData": {"transactions": [found]}}
    sure = (Accepted, Executed, Declined, NotFound)
    assert not isinstance(outcome_of_order(reply(status, order), ID, "t"), sure) or status == 403
    assert not isinstance(outcome_of_enquiry(reply(status, enquiry), ID, "12345678"), sure)
