"""Techcombank's callback: genuine, forged, changed in every signed byte; our answer to it; the account enquiry."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from hypothesis import given
from hypothesis import strategies as st

from banks.outcomes import Accepted, Declined, Executed, Outcome, Reason, Unknown
from banks.strict_xml import NotXml, parse
from banks.techcombank_envelope import Mode, NotSealed, opened, sealed, signed_by
from banks.techcombank_messages import (
    account_request,
    acknowledgement,
    is_genuine,
    order_of,
    read_account,
    read_update,
    trace_of,
)
from banks.techcombank_orders import payload
from banks.transport import Answer
from ledger.errors import (
    BodyTooLarge,
    EventStoreUnavailable,
    InvalidAmount,
    Problem,
    SignatureInvalid,
    WebhookUnreadable,
)
from ledger.money import Money
from tests.banks.contract import NOW
from tests.banks.techcombank.wire import ACCOUNT_NUMBER, ID, double_hashed, key, party, recorded, update

ID_MAX = 20
REQUEST = "00000000-0000-0000-0000-000000000001"


def bank_keys() -> list[RSAPublicKey]:
    return [key("signing").public_key(), key("older").public_key()]


def genuine(raw: bytes, mode: Mode = "gcm") -> bool:
    return is_genuine(raw, key("ours"), mode, bank_keys())


def told(raw: bytes) -> tuple[str, Outcome]:
    return order_of(read_update(raw, None, "gcm"), party(), id_max=ID_MAX)


# genuine


@pytest.mark.parametrize("by", ["signing", "older"])
def test_either_key_of_the_bank_is_good_while_one_replaces_the_other(by: str) -> None:
    assert genuine(update(by=by))


def test_the_recipe_is_that_of_the_specification() -> None:
    text = f"UpdateStatusSOCAI.{ID}H2HCOMPLETED000"
    assert update() == recorded("update_status.xml").replace("@signature@", double_hashed(text, "signing")).encode()
    assert genuine(update())


@pytest.mark.parametrize(
    ("state", "remark", "outcome"),
    [
        ("COMPLETED", "000", Executed(None)),
        ("FAILED", "001", Declined(Reason.REFUSED, "FAILED")),
        ("REJECTED", "PA-005", Declined(Reason.BENEFICIARY_ACCOUNT, "PA-005")),
        ("REVERSED", "", Declined(Reason.REFUSED, "REVERSED")),
        ("PROCESSING", "", Accepted(None)),
        ("COMPLETED", "PA-004", Unknown("the order's state COMPLETED says two things")),
    ],
)
def test_a_callback_tells_of_one_order(state: str, remark: str, outcome: Outcome) -> None:
    raw = update(TxnSts=state, TxnStsRemark=remark)
    assert genuine(raw)
    assert told(raw) == (ID, outcome)


def test_what_is_not_signed_is_not_believed() -> None:
    raw = update(TxnBnkID="FT99999999999999", ChannelTxnId="X", TxnDes="changed", TxnDate="2020-01-01", PmtTp="X")
    assert genuine(raw)
    assert told(raw) == told(update())


def test_prefixes_and_places_do_not_matter() -> None:
    raw = re.sub(r"v1(?=[:=])", "zz", update().decode()).replace("<zz:ResResults>", "<zz:TxRcrd><zz:ResResults>")
    raw = raw.replace("</zz:ResResults>", "</zz:ResResults></zz:TxRcrd>")
    assert genuine(raw.encode())
    assert told(raw.encode()) == (ID, Executed(None))


# forged


def test_another_key_is_refused() -> None:
    for by in ("maker", "bank", "ours"):
        assert not genuine(update(by=by))
    assert not is_genuine(update(), None, "gcm", [])


def signed_spans() -> list[tuple[int, int]]:
    raw = update().decode()
    return [
        re.search(rf"<v1:{name}>([^<]*)<", raw).span(1)  # type: ignore[union-attr]  # the recorded callback has them
        for name in ("PartID", "Channel", "TxnSts", "TxnStsRemark", "Sgntr1")
    ]


def test_a_callback_changed_in_any_signed_byte_is_refused() -> None:
    raw = bytearray(update())
    for start, end in signed_spans():
        for place in range(start, end):
            for other in (ord("A"), ord("0"), ord(" "), ord("-")):
                before = raw[place]
                if other == before or (other == ord(" ") and place in (start, end - 1)):
                    continue
                raw[place] = other
                assert not genuine(bytes(raw)), (raw[start:end], place)
                raw[place] = before


def test_a_callback_changed_in_any_byte_at_all_says_the_same_or_is_refused() -> None:
    raw = bytearray(update())
    for place in range(len(raw)):
        for bit in (1, 32):
            raw[place] ^= bit
            assert not genuine(bytes(raw)) or told(bytes(raw)) == (ID, Executed(None)), (place, bytes(raw))
            raw[place] ^= bit


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_without_a_fault(raw: bytes) -> None:
    assert not genuine(raw)


@pytest.mark.parametrize(
    "change",
    [
        ("<v1:TxnSts>COMPLETED", "<v1:TxnSts>FAILED"),
        ("SOCAI.SOCAI000000001", "SOCAI.SOCAI000000002"),
        ("<v1:Channel>H2H</v1:Channel>", ""),
        ("<v1:Channel>H2H</v1:Channel>", "<v1:Channel>H2H</v1:Channel>" * 2),
        ("<v1:TxnSts>", "<v1:TxnSts>FAILED</v1:TxnSts><v1:TxnSts>"),
        ("</v1:UpdateStatusReq>", "<v1:Copy><v1:PartID>SOCAI.X</v1:PartID></v1:Copy></v1:UpdateStatusReq>"),
        ("<v1:Sgntr1>", "<v1:Sgntr1/><v1:Sgntr1>"),
        ("v1:Sgntr1", "v1:Sgntr2"),
        ("collection/v1", "collection/v2"),
        ("UpdateStatusReq", "UpdateStatusRspn"),
        ("soap/envelope/", "soap/envelope"),
        ("<v1:PartID>", "<PartID/><v1:PartID>"),
        ("?>", '?><!DOCTYPE x [<!ENTITY a "ha">]>'),
        ("?>", '?><!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'),
        (">COMPLETED<", ">&completed;<"),
    ],
)
def test_a_callback_of_another_shape_is_refused(change: tuple[str, str]) -> None:
    raw = update().decode()
    assert change[0] in raw
    expected = change[0] == "<v1:PartID>"  # an element of no namespace is not the bank's, and changes nothing
    assert genuine(raw.replace(*change).encode()) is expected


@pytest.mark.parametrize(
    "raw", [b"", b"x", b"{}", b"<x/>", b"\xff", b"<?xml version='1.0'?>", update()[:-5], update() + b"<x/>"]
)
def test_what_is_no_callback_is_refused(raw: bytes) -> None:
    assert not genuine(raw)


def test_a_signature_over_anything_else_is_refused() -> None:
    for text in ("", "UpdateStatus", f"UpdateStatusSOCAI.{ID}H2H000COMPLETED", f"UpdateStatus{ID}H2HCOMPLETED000"):
        assert not genuine(update(text=text))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        # The values run into each other: each of these has a genuine signature of another cut of the same text.
        ({"PartID": f"SOCAI.{ID}H2H", "Channel": "", "TxnSts": "COMPLETED"}, f"UpdateStatusSOCAI.{ID}H2HCOMPLETED000"),
        ({"PartID": f"SOCAI.{ID[:-1]}", "Channel": f"{ID[-1]}H2H"}, f"UpdateStatusSOCAI.{ID}H2HCOMPLETED000"),
        ({"PartID": "SOCAI.SOCAI", "TxnSts": "H2HCOMPLETED"}, "UpdateStatusSOCAI.SOCAIH2HH2HCOMPLETED000"),
    ],
)
def test_another_cut_of_the_signed_text_is_not_understood(values: dict[str, str], text: str) -> None:
    raw = update(text=text, **values)
    assert genuine(raw), "the signature alone cannot tell"
    with pytest.raises(WebhookUnreadable):
        told(raw)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"PartID": f"OTHER.{ID}"}, "PartID"),
        ({"PartID": ID}, "PartID"),
        ({"PartID": "SOCAI."}, "PartID"),
        ({"PartID": f"SOCAIX{ID}"}, "PartID"),
        ({"PartID": "SOCAI." + "A" * (ID_MAX + 1)}, "PartID"),
        ({"PartID": "SOCAI.socai1"}, "PartID"),
        ({"Channel": "OTHER"}, "Channel"),
        ({"TxnSts": ""}, "TxnSts"),
        ({"TxnSts": "COMPLETED 1"}, "TxnSts"),
        ({"TxnSts": "hoàn thành"}, "TxnSts"),
        ({"TxnStsRemark": "NGUYEN VAN ANH"}, "TxnStsRemark"),
    ],
)
def test_a_genuine_callback_that_is_not_understood_names_the_place(values: dict[str, str], field: str) -> None:
    raw = update(**values)
    assert genuine(raw)
    with pytest.raises(WebhookUnreadable) as refusal:
        told(raw)
    assert refusal.value.field == field
    assert "NGUYEN" not in f"{refusal.value!r}"


# sealed


def closed(mode: Mode, inner: str | None = None, *, text: str | None = None) -> bytes:
    raw = update(text=text).decode()
    head, _, rest = raw.partition("<v1:ReqInf>")
    fields, _, tail = rest.partition("</v1:ReqInf>")
    namespace = 'xmlns:v1="http://www.techcombank.com.vn/services/bank/collection/v1"'
    inner = f"<v1:ReqInf {namespace}>{fields}</v1:ReqInf>" if inner is None else inner
    return f"{head}<v1:ReqInf>{sealed(inner.encode(), key('ours').public_key(), mode)}</v1:ReqInf>{tail}".encode()


@pytest.mark.parametrize("mode", ["gcm", "cbc"])
def test_a_sealed_callback_is_opened_with_our_key(mode: Mode) -> None:
    raw = closed(mode)
    assert is_genuine(raw, key("ours"), mode, bank_keys())
    assert not is_genuine(raw, None, mode, bank_keys())
    assert not is_genuine(raw, key("maker"), mode, bank_keys())
    assert order_of(read_update(raw, key("ours"), mode), party(mode), id_max=ID_MAX) == (ID, Executed(None))


@pytest.mark.parametrize("mode", ["gcm", "cbc"])
def test_whatever_is_wrong_inside_a_seal_the_answer_is_the_same(mode: Mode) -> None:
    for raw in (closed(mode, "no XML"), closed(mode, "<ReqInf/>"), closed(mode, ""), closed(mode, text="other")):
        assert not is_genuine(raw, key("ours"), mode, bank_keys())
    whole = closed(mode).decode()
    text = re.search(r"<v1:ReqInf>([^<]*)<", whole)
    assert text is not None
    for bad in ("AAAA", text[1][:-4], "A" + text[1][1:], text[1][::-1]):
        assert not is_genuine(whole.replace(text[1], bad).encode(), key("ours"), mode, bank_keys())
    with pytest.raises((NotSealed, NotXml)):
        read_update(whole.replace(text[1], "AAAA").encode(), key("ours"), mode)


@pytest.mark.parametrize("mode", ["gcm", "cbc"])
def test_a_sealed_callback_changed_in_any_byte_says_the_same_or_is_refused(mode: Mode) -> None:
    """CBC guards nothing against change: the signature inside does."""
    whole = closed(mode).decode()
    text = re.search(r"<v1:ReqInf>([^<]*)<", whole)
    assert text is not None
    data = bytearray(b64decode(text[1]))
    for place in range(len(data)):
        data[place] ^= 1
        raw = whole.replace(text[1], b64encode(data).decode()).encode()
        if is_genuine(raw, key("ours"), mode, bank_keys()):
            assert mode == "cbc"
            update_ = read_update(raw, key("ours"), mode)
            assert order_of(update_, party(mode), id_max=ID_MAX) == (ID, Executed(None))
        data[place] ^= 1


# our answer


@pytest.mark.parametrize(
    ("problem", "http", "word", "code"),
    [
        (None, 200, "RCCF", "000"),
        (SignatureInvalid("x"), 401, "RCER", "002"),
        (WebhookUnreadable("x"), 400, "RCER", "001"),
        (BodyTooLarge("x"), 400, "RCER", "001"),
        (EventStoreUnavailable("x"), 503, "RCER", "001"),
    ],
)
def test_the_bank_is_answered_in_its_own_form(problem: Problem | None, http: int, word: str, code: str) -> None:
    trace = trace_of(read_update(update(), None, "gcm"))
    status, raw = acknowledgement(trace, problem, NOW)
    reply = payload(raw, "UpdateStatusRspn")
    assert status == http
    assert (reply.said("RspnSts", "Sts"), reply.said("RspnSts", "AddtlStsRsnInf")) == (word, code)
    about = reply.only("RspnInf")
    names = ["Id", "TxId", "CreDtTm", "PmtTp", "Desc", "HeaderHashStr", "Sgntr"]
    assert [one.name for one in about.children] == names
    assert (about.said("Id"), about.said("TxId")) == ("UPD2501150001", "UPD2501150001")
    assert about.said("CreDtTm") == "2025-01-15"


def test_ids_of_the_call_are_echoed_escaped_or_refused() -> None:
    odd = update(Id="a&amp;b&lt;c&gt;", TxId="")
    status, raw = acknowledgement(trace_of(read_update(odd, None, "gcm")), None, NOW)
    assert status == 200
    assert payload(raw, "UpdateStatusRspn").said("RspnInf", "Id") == "a&b<c>"
    for bad in ("a|b", "A" * 65, "a b", "ă"):
        with pytest.raises(WebhookUnreadable):
            trace_of(read_update(update(Id=bad), None, "gcm"))


def test_a_refusal_without_a_notice_echoes_nothing() -> None:
    _, raw = acknowledgement("", SignatureInvalid("secret"), NOW)
    assert payload(raw, "UpdateStatusRspn").said("RspnInf", "Id") == ""
    assert b"secret" not in raw


def test_a_callback_shows_nothing() -> None:
    assert repr(read_update(update(), None, "gcm")) == "Update(…)"
    assert str(read_update(update(), None, "gcm")) == "Update(…)"


# account enquiry


def account(change: tuple[str, str] = ("", ""), *, http: int = 200) -> tuple[Money, Money]:
    return read_account(Answer(http, {}, recorded("account.xml").replace(*change).encode()), REQUEST, ACCOUNT_NUMBER)


def test_the_enquiry_is_signed_over_its_fields_and_seals_the_account() -> None:
    request = payload(
        account_request(ACCOUNT_NUMBER, REQUEST, party()), "AcctInqRq", "http://www.techcombank.com.vn/account/v1"
    )
    assert request.maybe("AcctSel") is None
    asked = parse(opened(request.said("RecCtrlIn", "Cursor", "BinData"), key("bank"), "gcm"))
    assert (asked.namespace, asked.name) == ("", "AcctSel")
    values = (
        request.said("RqUID"),
        request.said("MsgRqHdr", "SvcIdent", "SvcName"),
        request.said("MsgRqHdr", "ContextRqHdr", "ClientApp", "Name"),
        request.said("MsgRqHdr", "CredentialsRqHdr", "SubjectRole"),
        request.said("MsgRqHdr", "CredentialsRqHdr", "OvrdExceptionCode"),
        asked.said("AcctKeys", "AcctId"),
    )
    assert values == (REQUEST, "AcctInq", "H2H", "OWNER", "ACCT", ACCOUNT_NUMBER)
    text = "AcctInq" + "".join(values)
    assert signed_by(text.encode(), request.said("RecCtrlIn", "Token"), key("maker").public_key())


def test_both_balances_are_read() -> None:
    assert account() == (Money(15_000_000), Money(14_950_000))
    assert account(("15000000", "-5")) == (Money(-5), Money(14_950_000))
    twice = "<BalType>Avail</BalType><CurAmt>14950000</CurAmt></AcctBal><AcctBal><BalType>Avail</BalType>"
    assert account(("<BalType>Avail</BalType>", twice)) == (Money(15_000_000), Money(14_950_000))


@pytest.mark.parametrize(
    "change",
    [
        ("<StatusCode>000", "<StatusCode>001"),
        ("<StatusCode>000</StatusCode>", ""),
        (REQUEST, "another"),
        (ACCOUNT_NUMBER, "19012345678902"),
        ("<BalType>Ledger", "<BalType>Avail"),
        ("<BalType>Ledger", "<BalType>Current"),
        ("15000000", "15000000.5"),
        ("15000000", ""),
        ("15000000", "--5"),
        ("15000000", "NaN"),
        ("15000000", "1e9"),
        ("account/v1", "account/v2"),
        ("AcctRec", "AcctRecs"),
        ("</AcctRec>", "</AcctRec><AcctRec/>"),
    ],
)
def test_an_answer_that_is_not_whole_dong_of_this_account_is_no_balance(change: tuple[str, str]) -> None:
    assert change[0] in recorded("account.xml")
    with pytest.raises((NotXml, InvalidAmount)):
        account(change)


@pytest.mark.parametrize("http", [401, 404, 500])
def test_a_balance_with_another_http_status_is_none(http: int) -> None:
    with pytest.raises(NotXml):
        account(http=http)
