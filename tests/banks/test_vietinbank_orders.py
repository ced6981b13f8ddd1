"""VietinBank transfers: the fields sent on each rail, and every answer read as one outcome."""

from __future__ import annotations

import json
from dataclasses import replace as changed

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from msgspec.structs import replace

from banks.bank import Beneficiary, Rail
from banks.outcomes import Accepted, Declined, Executed, NotFound, Outcome, Reason, Unknown
from banks.transport import Answer
from banks.vietinbank_orders import enquiry_fields, order_fields, outcome_of_enquiry, outcome_of_order
from ledger.errors import InvalidBeneficiary
from tests.banks.vietinbank.wire import ID, ORDER, account, given


def reply(value: object, status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps(value).encode())


def one(state: object, **fields: object) -> dict[str, object]:
    return {"transId": ID, "status": state} | fields


def order_said(code: object, status: int = 200, **fields: object) -> Outcome:
    return outcome_of_order(reply({"requestId": ID, "status": {"code": code}} | fields, status), ID)


def enquiry_said(*records: object, code: str = "1", status: int = 200, **fields: object) -> Outcome:
    body = {"requestId": "q", "status": {"code": code}, "records": list(records)} | fields
    return outcome_of_enquiry(reply(body, status), ID, "q")


# what is sent


def test_a_transfer_is_the_example_of_the_specification_in_the_letters_banks_take() -> None:
    assert order_fields(ORDER, account(), given()) == {
        "requestId": ID,
        "model": "2",
        "softwareProviderId": "ERP-SOCAI",
        "priority": "3",
        "feeAccount": "110000000001",
        "feeType": "OUR",
        "appointedApprover": "maker1",
        "scheduledDate": "",
        "approver": "checker1",
        "records": [
            {
                "transId": ID,
                "approver": "checker1",
                "transType": "np",
                "amount": "200000",
                "recvAcctId": "12345678",
                "recvBankId": "970416",
                "recvBranchId": "970416",
                "recvBankName": "970416",
                "recvAcctName": "NGUYEN VAN A",
                "recvAddr": "",
                "remark": f"{ID} CHI TRA 1",
                "currencyCode": "VND",
                "senderBankId": "01201001",
                "senderBranchId": "01201001",
                "senderAcctId": "110000000001",
                "senderAcctName": "CTY TNHH SOCAI",
                "senderAddr": "SO 1 PHO HUE",
            }
        ],
    }


@pytest.mark.parametrize(
    ("rail", "bin_", "kind", "code"),
    [
        ("internal", "970415", "in", "01201001"),
        ("napas", "970422", "np", "970422"),
        ("napas", "970459", "np", "422589"),
        ("citad", "970436", "ci", "01203001"),
    ],
)
def test_each_rail_has_its_type_and_its_number_of_the_bank(rail: Rail, bin_: str, kind: str, code: str) -> None:
    sent = order_fields(replace(ORDER, rail=rail, beneficiary=Beneficiary(bin_, "1", "A")), account(), given())
    record = sent["records"][0]  # type: ignore[index]  # a list, in a transfer
    assert (record["transType"], record["recvBankId"], record["recvBranchId"]) == (kind, code, code)


def test_a_bank_without_a_certain_citad_code_is_refused() -> None:
    with pytest.raises(InvalidBeneficiary, match="napas"):
        order_fields(replace(ORDER, rail="citad", beneficiary=Beneficiary("970422", "1", "A")), account(), given())


def test_a_fee_account_that_was_agreed_is_named() -> None:
    assert order_fields(ORDER, account(), changed(given(), fee_account="9"))["feeAccount"] == "9"


def test_an_enquiry_names_the_order_by_the_id_it_was_sent_under() -> None:
    sent = order_fields(ORDER, account(), given())
    asked = enquiry_fields(ID, "q")
    assert asked == {"requestId": "q", "originalRequestId": sent["requestId"], "transId": ID}


# how the answer to an order is read


def test_a_filed_order_is_accepted_and_never_more() -> None:
    assert order_said("1") == order_said("1", records=[]) == order_said("1", records=None) == Accepted(None)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("0", Reason.REFUSED),
        ("20", Reason.NOT_ALLOWED),
        ("27", Reason.INSUFFICIENT_FUNDS),
        ("91", Reason.BANK_AWAY),
    ],
)
def test_only_listed_codes_decline(code: str, reason: Reason) -> None:
    assert order_said(code) == Declined(reason, code)


@pytest.mark.parametrize("code", ["00", "01", "7", "07 ", "99", "", " 1", "01\n", None, 1, 0, True, ["1"], "Lỗi <x>"])
def test_every_other_code_is_unknown(code: object) -> None:
    assert isinstance(order_said(code), Unknown)


def test_a_duplicate_says_nothing_of_the_order() -> None:
    assert order_said("07") == Unknown("the bank says it has this request already")


@pytest.mark.parametrize("status", [201, 204, 289, 302, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("code", ["1", "0", "27"])
def test_no_code_is_believed_under_another_http_status(status: int, code: str) -> None:
    assert order_said(code, status) == Unknown(f"HTTP {status}")


def test_an_answer_to_another_request_is_unknown() -> None:
    for code in ("1", "0"):
        assert isinstance(order_said(code, requestId="another"), Unknown)


def test_records_beside_the_code_must_agree_with_it() -> None:
    assert order_said("1", records=[one("00", bankTransactionId="B1")]) == Executed("B1")
    assert order_said("1", records=[one("01")]) == Accepted(None)
    assert order_said("1", records=[one("27")]) == Declined(Reason.INSUFFICIENT_FUNDS, "27")
    assert order_said("27", records=[one("27")]) == Declined(Reason.INSUFFICIENT_FUNDS, "27")
    for state in ("00", "01", "99"):
        assert isinstance(order_said("27", records=[one(state)]), Unknown)
    assert isinstance(order_said("1", records=[one("00", transId="another")]), Unknown)


# how the answer to an enquiry is read


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("00", Executed("B1")),
        ("01", Accepted("B1")),
        ("02", Declined(Reason.REFUSED, "02")),
        ("03", Declined(Reason.NOT_ALLOWED, "03")),
        ("04", Declined(Reason.NOT_ALLOWED, "04")),
        ("27", Declined(Reason.INSUFFICIENT_FUNDS, "27")),
    ],
)
def test_the_listed_states_are_read(state: str, outcome: Outcome) -> None:
    assert enquiry_said(one(state, bankTransactionId="B1")) == outcome


@pytest.mark.parametrize("state", ["07", "0", "1", "99", "", "00 ", None, 0, True, ["00"], "Lỗi"])
def test_every_other_state_is_unknown(state: object) -> None:
    assert isinstance(enquiry_said(one(state)), Unknown)


def test_no_record_is_not_found_and_no_list_of_records_is_unknown() -> None:
    assert enquiry_said() == NotFound()
    others: tuple[object, ...] = (None, {}, "", 0)
    for records in others:
        assert isinstance(enquiry_said(records=records), Unknown)


@pytest.mark.parametrize("code", ["0", "00", "07", "27", "91", "99"])
def test_a_refused_enquiry_says_nothing_of_the_order(code: str) -> None:
    assert isinstance(enquiry_said(code=code), Unknown)
    assert isinstance(enquiry_said(one("00"), code=code), Unknown)


def test_an_enquiry_must_be_answered_about_our_order_alone() -> None:
    for odd in ("x", None, one("00", transId="another"), one("00", transId=None)):
        assert isinstance(enquiry_said(one("00"), odd), Unknown)
    assert isinstance(enquiry_said(one("00"), requestId="r"), Unknown)
    assert isinstance(enquiry_said(one("00"), originalRequestId="another"), Unknown)
    assert isinstance(enquiry_said(originalRequestId="another"), Unknown)
    assert enquiry_said(one("00"), originalRequestId=ID) == Executed(None)


def test_records_that_disagree_are_unknown_and_a_repeated_one_is_one() -> None:
    assert isinstance(enquiry_said(one("00"), one("02")), Unknown)
    assert enquiry_said(one("00"), one("00")) == Executed(None)


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_an_enquiry_under_another_http_status_is_unknown(status: int) -> None:
    assert isinstance(enquiry_said(status=status), Unknown)


@drawn(st.binary(max_size=100))
def test_no_answer_breaks_the_readers(body: bytes) -> None:
    for outcome in (outcome_of_order(Answer(200, {}, body), ID), outcome_of_enquiry(Answer(200, {}, body), ID, "q")):
        assert isinstance(outcome, Unknown)
