"""Techcombank orders and enquiries: the bytes sent, and every answer read as one outcome."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banks.bank import Beneficiary, TransferOrder
from banks.napas import citad_code, listed_bank
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown
from banks.strict_xml import Element, parse
from banks.techcombank_envelope import Mode, opened, signed_by
from banks.techcombank_orders import (
    CITAD_CODES,
    COLLECTION,
    DECLINES,
    enquiry_request,
    order_request,
    outcome_of_enquiry,
    outcome_of_order,
    outcome_of_state,
    payload,
)
from banks.transport import Answer
from ledger.errors import InvalidBeneficiary
from ledger.money import Money
from tests.banks.contract import NOW
from tests.banks.techcombank.wire import ACCOUNT_NUMBER, HOLDER, ID, ORDER, key, party, recorded

LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'


def sent(order: TransferOrder = ORDER, mode: Mode = "gcm", signatories: int = 2) -> tuple[Element, Element]:
    """The request, and its `ReqInf` as the bank opens it."""
    raw = order_request(order, ACCOUNT_NUMBER, HOLDER, party(mode, signatories=signatories), NOW)
    request = payload(raw, "XferReq")
    return request, parse(opened(request.said("ReqInf"), key("bank"), mode))


def body(inside: str, namespace: str = COLLECTION) -> bytes:
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
        f'<e:Body xmlns="{namespace}">{inside}</e:Body></e:Envelope>'
    ).encode()


def order_said(word: str, reason: str, *, http: int = 200, more: str = "") -> Outcome:
    raw = body(
        f"<XferRspn><RspnSts><Sts>{word}</Sts><AddtlStsRsnInf>{reason}</AddtlStsRsnInf></RspnSts>{more}</XferRspn>"
    )
    return outcome_of_order(Answer(http, {}, raw), ID)


def record(state: str, *, part_id: str = f"SOCAI.{ID}", remark: str = "", number: str = "FT25015123456789") -> str:
    return (
        f"<TxRcrd><ResResults><PartID>{part_id}</PartID><TxnSts>{state}</TxnSts><TxnStsRemark>{remark}</TxnStsRemark>"
        f"<TxnBnkID>{number}</TxnBnkID></ResResults></TxRcrd>"
    )


def enquiry_said(inside: str, *, http: int = 200) -> Outcome:
    return outcome_of_enquiry(Answer(http, {}, body(f"<InqTxStsRspn>{inside}</InqTxStsRspn>")), ID, "SOCAI")


# what is sent


@pytest.mark.parametrize("mode", ["gcm", "cbc"])
def test_the_sealed_part_is_that_of_the_specification(mode: Mode) -> None:
    raw = order_request(ORDER, ACCOUNT_NUMBER, HOLDER, party(mode), NOW)
    closed = payload(raw, "XferReq").said("ReqInf")
    assert opened(closed, key("bank"), mode).decode() == (
        '<ReqInf xmlns="http://www.techcombank.com.vn/services/bank/collection/v1"><TxTp>DOMESTIC</TxTp>'
        "<TxDt>2025-01-15</TxDt><TxAmt>200000</TxAmt><Desc>SOCAI000000001 CHI TRA</Desc>"
        "<FrAcct><AcctId>19012345678901</AcctId><AcctTitl>CONG TY TNHH SOCAI</AcctTitl></FrAcct>"
        "<ToAcct><AcctId>0001234567890</AcctId><AcctTitl>NGUYEN VAN A</AcctTitl>"
        "<FIData><CITAD>01201001</CITAD></FIData></ToAcct></ReqInf>"
    )


def test_nothing_that_is_sealed_goes_in_clear() -> None:
    raw = order_request(ORDER, ACCOUNT_NUMBER, HOLDER, party(), NOW)
    for secret in (b"0001234567890", ACCOUNT_NUMBER.encode(), b"NGUYEN", b"200000"):
        assert secret not in raw


def test_the_head_names_the_order_the_parties_and_both_signatures() -> None:
    request, _ = sent()
    assert request.namespace == COLLECTION
    general = request.only("ReqGnlInf")
    assert [one.name for one in general.children] == ["Id", "TxId", "CreDtTm", "PmtTp", "Desc", "Sgntr"]
    assert (general.said("Id"), general.said("TxId"), general.said("CreDtTm")) == (ID, ID, "2025-01-15")
    assert general.said("PmtTp") == "NAPAS"
    assert [one.said("Nm") for one in request.only("Envt").children] == ["H2H", "SOCAI", "H2H"]
    text = b"FundTransferSOCAI0000000010001234567890NGUYEN VAN A2025-01-15200000"
    for number, (user, signer) in enumerate((("SOCAI1", "maker"), ("SOCAI2", "checker")), start=1):
        given = general.only("Sgntr", f"Sgntr{number}")
        assert given.attributes == {"user": user}
        assert signed_by(text, given.text, key(signer).public_key())


def test_one_person_signs_once() -> None:
    request, _ = sent(signatories=1)
    assert [one.name for one in request.only("ReqGnlInf", "Sgntr").children] == ["Sgntr1"]


@pytest.mark.parametrize(
    ("rail", "bin_", "kind", "citad"),
    [
        ("internal", "970407", "INTERNAL", "01310001"),
        ("napas", "970415", "NAPAS", "01201001"),
        ("citad", "970415", "CITAD", "01201001"),
        ("napas", "970422", "NAPAS", "01311003"),
    ],
)
def test_each_rail_has_its_payment_type_and_every_bank_its_citad_code(
    rail: str, bin_: str, kind: str, citad: str
) -> None:
    order = msgspec.structs.replace(ORDER, rail=rail, beneficiary=Beneficiary(bin_, "1", "A"))
    request, inner = sent(order)
    assert request.said("ReqGnlInf", "PmtTp") == kind
    assert inner.said("ToAcct", "FIData", "CITAD") == citad


def test_the_bank_own_choice_concerns_known_banks_about_which_lists_disagree() -> None:
    for bin_, code in CITAD_CODES.items():
        assert listed_bank(bin_).bin == bin_
        assert re.fullmatch(r"\d{8}", code)
        with pytest.raises(InvalidBeneficiary):
            citad_code(bin_)


def test_a_bank_without_a_certain_citad_code_is_refused_on_every_rail() -> None:
    for rail in ("napas", "citad"):
        order = msgspec.structs.replace(ORDER, rail=rail, beneficiary=Beneficiary("970460", "1", "A"))
        with pytest.raises(InvalidBeneficiary, match="CITAD code") as refusal:
            sent(order)
        assert refusal.value.field == "beneficiary.bin"


@given(st.text(max_size=200), st.text(max_size=80), st.integers(1, 10**15))
def test_whatever_is_written_into_memo_and_name_leaves_in_the_letters_banks_take(
    memo: str, name: str, units: int
) -> None:
    order = TransferOrder(
        end_to_end_id=ID, rail="napas", beneficiary=Beneficiary("970415", "1", name), amount=Money(units), memo=memo
    )
    request, inner = sent(order, signatories=1)
    assert inner.said("Desc") == request.said("ReqGnlInf", "Desc")
    assert inner.said("Desc").startswith(ID)
    assert len(inner.said("Desc")) <= 100
    assert inner.said("Desc").isascii()
    assert inner.said("TxAmt") == str(units)


def test_an_enquiry_goes_in_clear_and_is_signed() -> None:
    request = payload(enquiry_request(ID, party(), NOW), "InqTxStsReq")
    general = request.only("ReqGnlInf")
    assert (general.said("Id"), general.said("TxId"), request.said("ReqInf", "ReqTxId")) == (ID, ID, ID)
    text = f"InqTransactionStatus{ID}{ID}".encode()
    assert signed_by(text, general.said("Sgntr", "Sgntr1"), key("maker").public_key())
    assert request.said("Envt", "SrcPty", "Nm") == "SOCAI"


# how the answer to an order is read


@pytest.mark.parametrize("more", ["", f"<RspnInf><Id>{ID}</Id></RspnInf>", "<RspnInf><Id/><TxId/></RspnInf>"])
def test_success_means_accepted_and_nothing_more(more: str) -> None:
    assert order_said("RCCF", "000|Success", more=more) == Accepted(None)
    assert order_said("RCCF", "000", more=f"<TxInf><RefId>H2H1</RefId></TxInf>{more}") == Accepted("H2H1")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("SOA-001", Reason.NOT_ALLOWED),
        ("SOA-002", Reason.BAD_FORMAT),
        ("SOA-007", Reason.BAD_SIGNATURE),
        ("SOA-008", Reason.BAD_SIGNATURE),
        ("SOA-009", Reason.BAD_SIGNATURE),
        ("SOA-010", Reason.BAD_FORMAT),
        ("SOA-011", Reason.BAD_FORMAT),
        ("SOA-090", Reason.BANK_AWAY),
        ("PA-004", Reason.BANK_AWAY),
        ("PA-005", Reason.BENEFICIARY_ACCOUNT),
        ("PA-008", Reason.BAD_FORMAT),
        ("PA-009", Reason.BAD_FORMAT),
        ("PA-013", Reason.BAD_FORMAT),
        ("PA-020", Reason.INSUFFICIENT_FUNDS),
        ("PA-021", Reason.LIMIT),
    ],
)
def test_a_listed_code_declines_when_the_bank_refuses(code: str, reason: Reason) -> None:
    assert order_said("RCER", f"{code}|text") == Declined(reason, code)
    assert order_said("RCER", code) == Declined(reason, code)
    assert isinstance(order_said("RCCF", code), Unknown), "the status word says otherwise"
    assert isinstance(order_said("RCER", code, http=500), Unknown)


def test_the_table_above_is_whole() -> None:
    assert len(DECLINES) == 15


@pytest.mark.parametrize(
    "code",
    ["001", "SOA-003", "SOA-004", "PA-017", "PA-999", "000 ", "0", "", "pa-008", "PA-008 ok", "|PA-008", "SOA-0031"],
)
@pytest.mark.parametrize("word", ["RCER", "rcer", "", "FAIL"])
def test_what_is_not_listed_is_unknown(word: str, code: str) -> None:
    assert isinstance(order_said(word, code), Unknown)


def test_a_refusal_with_the_code_of_success_is_unknown() -> None:
    assert isinstance(order_said("RCER", "000|Success"), Unknown)
    assert isinstance(order_said("", "000|Success"), Unknown)


@pytest.mark.parametrize("word", ["RCCF", "RCER"])
def test_a_duplicate_says_nothing_about_the_payment(word: str) -> None:
    outcome = order_said(word, "PA-017|Duplicate transaction")
    assert outcome == Unknown("the bank says it has an order with this id already")


def test_an_answer_to_another_call_is_unknown() -> None:
    more = "<RspnInf><Id>OTHER1</Id><TxId>OTHER1</TxId></RspnInf>"
    for word, code in (("RCCF", "000"), ("RCER", "PA-008")):
        assert order_said(word, code, more=more) == Unknown("the answer belongs to another call")


def test_a_wrong_password_processes_nothing() -> None:
    assert isinstance(outcome_of_order(Answer(401, {}, b""), ID), NotSent)


@pytest.mark.parametrize("http", [201, 204, 302, 400, 403, 404, 408, 429, 500, 502, 503])
def test_another_http_status_is_unknown(http: int) -> None:
    assert order_said("RCCF", "000|Success", http=http) == Unknown(f"HTTP {http}")


ODD = {
    "nothing": b"",
    "JSON": b'{"Sts":"RCCF"}',
    "HTML": b"<html><body>Bao tri</body></html>",
    "another element": body("<XferReq/>"),
    "another namespace": body(
        "<XferRspn><RspnSts><Sts>RCCF</Sts><AddtlStsRsnInf>000</AddtlStsRsnInf></RspnSts></XferRspn>", "urn:other"
    ),
    "no SOAP": b'<XferRspn xmlns="%s"/>' % COLLECTION.encode(),
    "SOAP 1.2": recorded("transfer_accepted.xml")
    .replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
    .encode(),
    "a fault": recorded("transfer_accepted.xml")
    .replace("ns:XferRspn xmlns:ns", "soapenv:Fault xmlns:ns")
    .replace("/ns:XferRspn", "/soapenv:Fault")
    .encode(),
    "an empty body": body(""),
    "two answers": recorded("transfer_accepted.xml").replace("</soapenv:Body>", "<x/></soapenv:Body>").encode(),
    "two statuses": recorded("transfer_accepted.xml")
    .replace("<ns:TxInf>", "<ns:RspnSts><ns:Sts>RCER</ns:Sts></ns:RspnSts><ns:TxInf>")
    .encode(),
    "a status of elements": recorded("transfer_accepted.xml").replace("000|Success", "<ns:a/>").encode(),
    "no status": recorded("transfer_accepted.xml").replace("RspnSts", "RspnStsX").encode(),
    "half of it": recorded("transfer_accepted.xml").encode()[:-20],
    "a document type": recorded("transfer_accepted.xml").encode().replace(b"?>", b"?>" + LAUGHS, 1),
    "an entity": recorded("transfer_accepted.xml").replace("000|Success", "&a;").encode(),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_is_unknown(name: str) -> None:
    assert isinstance(outcome_of_order(Answer(200, {}, ODD[name]), ID), Unknown)
    assert isinstance(outcome_of_enquiry(Answer(200, {}, ODD[name]), ID, "SOCAI"), Unknown)


@pytest.mark.parametrize(("prefix", "soap"), [("ns", "soapenv"), ("v1", "S"), ("a.b", "x"), ("ns", "SOAP-ENV")])
def test_prefixes_do_not_matter(prefix: str, soap: str) -> None:
    text = re.sub(r"(?<=[</])ns:", f"{prefix}:", recorded("transfer_accepted.xml"))
    text = text.replace("xmlns:ns=", f"xmlns:{prefix}=").replace("soapenv", soap)
    assert outcome_of_order(Answer(200, {}, text.encode()), ID) == Accepted("H2H2501150001")


# how the answer to an enquiry is read


@pytest.mark.parametrize(
    ("state", "remark", "outcome"),
    [
        ("COMPLETED", "000", Executed("FT1")),
        ("completed", "", Executed("FT1")),
        ("TXN_COMPLETED", "", Executed("FT1")),
        ("FAILED", "", Declined(Reason.REFUSED, "FAILED")),
        ("FAIL", "999", Declined(Reason.REFUSED, "FAIL")),
        ("REJECTED", "PA-004", Declined(Reason.BANK_AWAY, "PA-004")),
        ("REJECTED", "PA-020", Declined(Reason.INSUFFICIENT_FUNDS, "PA-020")),
        ("CANCELLED", "", Declined(Reason.REFUSED, "CANCELLED")),
        ("REVERSED", "", Declined(Reason.REFUSED, "REVERSED")),
        ("PENDING", "", Accepted("FT1")),
        ("PROCESSING", "000", Accepted("FT1")),
        ("WAIT FOR APPROVAL", "", Accepted("FT1")),
    ],
)
def test_a_state_is_read_by_what_it_contains(state: str, remark: str, outcome: Outcome) -> None:
    assert outcome_of_state(state, remark, "FT1") == outcome
    assert enquiry_said(record(state, remark=remark, number="FT1")) == outcome


@pytest.mark.parametrize(
    ("state", "remark"),
    [
        ("", ""),
        ("COMPLETED_REVERSED", ""),
        ("FAILED AFTER COMPLETED", ""),
        ("NOT COMPLETED", ""),
        ("NOT_COMPLETED", ""),
        ("UNCOMPLETED", ""),
        ("INCOMPLETE", ""),
        ("PARTIALLY COMPLETED", ""),
        ("COMPLETED", "PA-004"),
        ("COMPLETED1", ""),
        ("H2HCOMPLETED", ""),
        ("hoàn thành", ""),
        ("A" * 41, ""),
        ("1", ""),
    ],
)
def test_a_state_that_says_two_things_or_none_is_unknown(state: str, remark: str) -> None:
    assert isinstance(outcome_of_state(state, remark, "FT1"), Unknown)
    assert isinstance(enquiry_said(record(state, remark=remark)), Unknown)


def test_the_recorded_answers() -> None:
    done = Answer(200, {}, recorded("status_completed.xml").encode())
    assert outcome_of_enquiry(done, ID, "SOCAI") == Executed("FT25015123456789"), "without the suffix of the bank"
    nothing = Answer(200, {}, recorded("status_nothing.xml").encode())
    assert outcome_of_enquiry(nothing, ID, "SOCAI") == NotFound()
    refused = Answer(200, {}, recorded("transfer_refused.xml").encode())
    assert outcome_of_order(refused, ID) == Declined(Reason.BAD_FORMAT, "PA-008")


@pytest.mark.parametrize("part_id", ["", "SOCAI.", f"OTHER.{ID}", "SOCAI.SOCAI000000002", f"SOCAI.{ID}1", f"SOCAI{ID}"])
def test_a_record_of_another_order_is_unknown(part_id: str) -> None:
    assert enquiry_said(record("COMPLETED", part_id=part_id)) == Unknown("the answer names another order")
    both = record("COMPLETED") + record("COMPLETED", part_id=part_id)
    assert enquiry_said(both) == Unknown("the answer names another order")


def test_our_id_alone_names_our_order() -> None:
    assert enquiry_said(record("COMPLETED", part_id=ID)) == Executed("FT25015123456789")


def test_records_that_agree_are_one_and_others_are_unknown() -> None:
    assert enquiry_said(record("FAILED") * 2) == Declined(Reason.REFUSED, "FAILED")
    assert isinstance(enquiry_said(record("FAILED") + record("COMPLETED")), Unknown)
    assert isinstance(enquiry_said(record("COMPLETED") + record("COMPLETED", number="FT2")), Unknown)


@pytest.mark.parametrize("number", ["", "FT 1", "Nguyễn", "unreadable", "F" * 25, "\\BNK"])
def test_a_number_that_cannot_be_kept_is_none(number: str) -> None:
    assert enquiry_said(record("COMPLETED", number=escape(number))) == Executed(None)


@pytest.mark.parametrize(
    ("word", "code"),
    [("RCER", "001|x"), ("RCER", "000"), ("RCCF", "001"), ("", "000"), ("RCCF", ""), ("RCER", "PA-017")],
)
def test_a_refused_enquiry_says_nothing_about_the_order(word: str, code: str) -> None:
    status = f"<RspnSts><Sts>{word}</Sts><AddtlStsRsnInf>{code}</AddtlStsRsnInf></RspnSts>"
    assert isinstance(enquiry_said(status), Unknown)
    assert isinstance(enquiry_said(status + record("COMPLETED")), Unknown)
    assert isinstance(enquiry_said(status + record("FAILED")), Unknown)


def test_an_answer_without_a_word_is_not_a_not_found() -> None:
    assert isinstance(enquiry_said(""), Unknown)
    assert isinstance(enquiry_said("<TxRcrd/>"), Unknown)


@pytest.mark.parametrize("http", [401, 404, 500, 503])
def test_an_enquiry_answered_with_another_http_status_is_unknown(http: int) -> None:
    assert isinstance(enquiry_said(record("COMPLETED"), http=http), Unknown)


def test_no_text_of_the_bank_is_carried_along() -> None:
    shown = [
        repr(order_said("NGUYEN VAN ANH", "khach hang NGUYEN VAN ANH")),
        repr(enquiry_said(record("NGUYEN VAN ANH 0001234567890", remark="NGUYEN VAN ANH"))),
        repr(enquiry_said("<NGUYEN>VAN ANH<b/></NGUYEN>")),
        repr(outcome_of_order(Answer(200, {}, b"<NGUYEN>x<b/></NGUYEN>"), ID)),
    ]
    assert not [text for text in shown if "NGUYEN" in text or "0001234567890" in text]


def test_parties_and_people_show_nothing() -> None:
    assert repr(party()) == str(party()) == "Party(…)"
    assert repr(party().signatories[0]) == str(party().signatories[0]) == "Signatory(…)"


def test_money_is_digits() -> None:
    order = msgspec.structs.replace(ORDER, amount=Money(499_999_999))
    assert sent(order)[1].said("TxAmt") == "499999999"
