"""MB orders: the signature over its fields, every code and state, and every answer that decides nothing."""

from __future__ import annotations

import json
from base64 import b64decode

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from banks.bank import Beneficiary, TransferOrder
from banks.mb_orders import (
    DECLINES,
    DUPLICATES,
    UNDECIDED,
    end_to_end_id_of,
    order_data,
    outcome_of_enquiry,
    outcome_of_order,
    signature,
    signed_text,
    transaction_id,
)
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown
from banks.signatures import rsa_signature
from banks.transport import Answer
from ledger.errors import InvalidBeneficiary
from ledger.money import Money
from tests.banks.mb.rig import ACCOUNT_NUMBER, HOLDER, ORDER, key, recorded

FT = "FT25015000000001"


def answer(value: object, status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps(value).encode())


def coded(code: object, status: int = 200, **data: object) -> Answer:
    return answer({"clientMessageId": "m1", "errorCode": code, "errorDesc": [], "data": data or None}, status)


def ordered(reply: Answer, rail: str = "napas") -> Outcome:
    return outcome_of_order(reply, "m1", rail)


def enquired(reply: Answer) -> Outcome:
    return outcome_of_enquiry(reply, "m1")


# what is sent


def test_an_order_is_written_as_the_specification_shows() -> None:
    assert order_data(ORDER, ACCOUNT_NUMBER, HOLDER) == {
        "serviceType": "CHI_HO",
        "customerType": "DOANH_NGHIEP",
        "customerLevel": "1",
        "debitType": "ACCOUNT",
        "debitResourceNumber": "0009990001234",
        "debitName": "CTY TNHH SOCAI",
        "creditType": "ACCOUNT",
        "creditResourceNumber": "12345678",
        "creditName": "NGUYEN VAN A",
        "transferType": "FAST",
        "bankCode": "970416",
        "transferAmount": "200000",
        "transferFee": "0",
        "remark": "SOCAI000000001 CHI TRA",
        "addInfoList": [],
    }


@pytest.mark.parametrize(
    ("rail", "bin_", "kind", "code"),
    [
        ("internal", "970422", "INHOUSE", ""),
        ("napas", "970459", "FAST", "422589"),
        ("citad", "970415", "IBPS", "01201001"),
    ],
)
def test_each_rail_names_the_bank_in_its_own_way(rail: str, bin_: str, kind: str, code: str) -> None:
    to = Beneficiary(bin_, "12345678", "A")
    data = order_data(msgspec.structs.replace(ORDER, rail=rail, beneficiary=to), ACCOUNT_NUMBER, HOLDER)
    assert (data["transferType"], data["bankCode"]) == (kind, code)


def test_a_bank_without_a_certain_citad_code_is_refused() -> None:
    to = Beneficiary("970441", "12345678", "A")
    with pytest.raises(InvalidBeneficiary):
        order_data(msgspec.structs.replace(ORDER, rail="citad", beneficiary=to), ACCOUNT_NUMBER, HOLDER)


def test_the_signed_text_is_the_published_one() -> None:
    data = order_data(ORDER, ACCOUNT_NUMBER, HOLDER)
    assert signed_text(data) == b"0009990001234CTY TNHH SOCAI12345678NGUYEN VAN A200000"


def verified(text: bytes, signed: str) -> None:
    key().public_key().verify(b64decode(signed, validate=True), text, PKCS1v15(), hashes.SHA256())


def test_the_bank_can_verify_the_signature() -> None:
    data = order_data(ORDER, ACCOUNT_NUMBER, HOLDER)
    verified(b"0009990001234CTY TNHH SOCAI12345678NGUYEN VAN A200000", signature(data, key()))
    assert signature(data, key()) == rsa_signature(signed_text(data), key(), "sha256")


@pytest.mark.parametrize(
    "field", ["debitResourceNumber", "debitName", "creditResourceNumber", "creditName", "transferAmount"]
)
def test_a_change_of_any_signed_field_breaks_the_signature(field: str) -> None:
    data = order_data(ORDER, ACCOUNT_NUMBER, HOLDER)
    with pytest.raises(InvalidSignature):
        verified(signed_text(data | {field: f"{data[field]}1"}), signature(data, key()))


def test_memo_and_name_come_in_the_bank_s_letters_and_the_id_is_never_cut() -> None:
    order: TransferOrder = msgspec.structs.replace(ORDER, memo="Đơn hàng số 5/2 " * 20)
    remark = str(order_data(order, ACCOUNT_NUMBER, "Công ty Sổ Cái")["remark"])
    assert remark.startswith("SOCAI000000001 DON HANG SO 5 2 DON")
    assert len(remark) <= 100
    assert order_data(order, ACCOUNT_NUMBER, "Công ty Sổ Cái")["debitName"] == "CONG TY SO CAI"


def test_a_transaction_id_leads_to_our_id_and_back() -> None:
    assert transaction_id("SOCAICHI", "SP2222222222225") == "SOCAICHISP2222222222225"
    assert end_to_end_id_of("SOCAICHI", "SOCAICHISP2222222222225") == "SP2222222222225"
    for other in ("SOCAICHI", "SP2222222222225", "SOCAICHIsp2", "SOCAICHI" + "A" * 16, "SOCAICHIA\n"):
        assert end_to_end_id_of("SOCAICHI", other) is None


# answers to an order


@pytest.mark.parametrize("code", ["000", "00"])
@pytest.mark.parametrize(
    ("state", "rail", "outcome"),
    [
        ("SUCCESS", "internal", Executed(FT)),
        ("SUCCESS", "napas", Accepted(FT)),
        ("SUCCESS", "citad", Accepted(FT)),
        ("PROCESSING", "internal", Accepted(FT)),
        ("PROCESSING", "napas", Accepted(FT)),
        ("FAILED", "internal", Declined(Reason.REFUSED, "FAILED")),
        ("FAILED", "napas", Declined(Reason.REFUSED, "FAILED")),
    ],
)
def test_a_good_code_lets_the_state_decide(code: str, state: str, rail: str, outcome: Outcome) -> None:
    assert ordered(stated(state, code), rail) == outcome


def stated(state: object, code: str = "000", http: int = 200) -> Answer:
    return answer({"errorCode": code, "data": {"status": state, "ftNumber": FT}}, http)


@pytest.mark.parametrize("state", ["success", "DONE", "", None, 1, True, ["SUCCESS"]])
def test_a_state_nobody_listed_decides_nothing(state: object) -> None:
    assert isinstance(ordered(stated(state), "internal"), Unknown)


def test_a_reference_that_is_no_text_is_left_out() -> None:
    for number in (None, "", 5):
        data = {"status": "PROCESSING", "ftNumber": number}
        assert ordered(answer({"errorCode": "000", "data": data})) == Accepted(None)


@pytest.mark.parametrize("code", list(DECLINES))
@pytest.mark.parametrize("http", [200, 400, 422])
def test_a_listed_refusal_is_a_decline(code: str, http: int) -> None:
    assert ordered(coded(code, http)) == Declined(DECLINES[code], code)


@pytest.mark.parametrize("code", list(DECLINES))
def test_a_refusal_beside_a_state_or_under_an_odd_status_decides_nothing(code: str) -> None:
    for reply in (
        stated("SUCCESS", code),
        stated("FAILED", code),
        coded(code, 404),
        coded(code, 202),
        coded(code, 503),
    ):
        assert isinstance(ordered(reply), Unknown)


@pytest.mark.parametrize("code", sorted([*UNDECIDED, *DUPLICATES]))
def test_a_busy_bank_a_silent_receiver_and_a_duplicate_are_unknown(code: str) -> None:
    for http in (200, 400, 404, 409, 500):
        assert isinstance(ordered(coded(code, http)), Unknown)


def test_no_code_stands_in_two_tables() -> None:
    assert not set(DECLINES) & set(UNDECIDED)
    assert not (set(DECLINES) | set(UNDECIDED)) & DUPLICATES


@pytest.mark.parametrize("code", ["999", "", "0", "0000", None, 0, 400, "GW999", "4 0 0", "x" * 100])
def test_a_code_nobody_listed_decides_nothing(code: object) -> None:
    assert isinstance(ordered(coded(code)), Unknown)
    assert isinstance(enquired(coded(code)), Unknown)


def test_a_refused_token_means_the_order_was_not_sent() -> None:
    assert isinstance(ordered(coded("207")), NotSent)
    assert isinstance(ordered(answer({}, 401)), NotSent)
    assert isinstance(ordered(stated("PROCESSING", "207")), Unknown)


@pytest.mark.parametrize("http", [202, 302, 403, 404, 409, 429, 500, 502, 503, 504])
def test_success_under_another_status_decides_nothing(http: int) -> None:
    assert isinstance(ordered(stated("SUCCESS", http=http), "internal"), Unknown)
    assert isinstance(enquired(coded("000", http, transStatus="SUCCESS", ft=FT)), Unknown)


def test_a_gateway_fault_is_unknown_even_beside_good_words() -> None:
    fault = json.loads(recorded("order_gateway_fault.json"))
    good = json.loads(recorded("order_processing.json"))
    for body in (fault, fault | good, good | {"soaErrorCode": "1"}, good | {"error": "x"}):
        assert isinstance(ordered(answer(body)), Unknown)
        assert isinstance(enquired(answer(body)), Unknown)


def test_an_answer_to_another_call_is_unknown() -> None:
    body = {"clientMessageId": "m2", "errorCode": "400"}
    assert isinstance(ordered(answer(body)), Unknown)
    assert isinstance(enquired(answer(body | {"errorCode": "51173"})), Unknown)


# answers to an enquiry


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("SUCCESS", Executed(FT)),
        ("PROCESSING", Accepted(FT)),
        ("FAILED", Declined(Reason.REFUSED, "FAILED")),
    ],
)
def test_an_enquiry_tells_what_became_of_an_order(state: str, outcome: Outcome) -> None:
    assert enquired(coded("000", transStatus=state, ft=FT)) == outcome


@pytest.mark.parametrize("http", [200, 400, 404])
def test_an_order_the_bank_does_not_know_is_not_found_and_no_more(http: int) -> None:
    assert enquired(coded("51173", http)) == NotFound()


def test_not_found_beside_a_state_or_under_an_odd_status_decides_nothing() -> None:
    assert isinstance(enquired(coded("51173", transStatus="SUCCESS")), Unknown)
    assert isinstance(enquired(coded("51173", 503)), Unknown)


@pytest.mark.parametrize("code", sorted([*DECLINES, *UNDECIDED, *DUPLICATES, "207"]))
def test_a_refusal_of_the_enquiry_says_nothing_about_the_order(code: str) -> None:
    assert isinstance(enquired(coded(code)), Unknown)


def test_the_order_s_own_words_do_not_answer_an_enquiry() -> None:
    assert isinstance(enquired(stated("SUCCESS")), Unknown)
    assert isinstance(ordered(coded("000", transStatus="SUCCESS", ft=FT)), Unknown)


def test_amounts_are_plain_digits() -> None:
    data = order_data(msgspec.structs.replace(ORDER, amount=Money(499_999_999)), ACCOUNT_NUMBER, HOLDER)
    assert data["transferAmount"] == "499999999"
