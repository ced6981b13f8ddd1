"""Techcombank's calls against a server that speaks its protocol: headers, order, enquiry, balance, callback, TLS."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import msgspec
import pytest

from banks.bank import Beneficiary, Capability, OrderNews, TransferOrder
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown
from banks.registry import open_banks
from banks.strict_xml import parse
from banks.techcombank import Techcombank
from banks.techcombank_credentials import TechcombankCredentials
from banks.techcombank_envelope import opened
from banks.techcombank_orders import payload
from ledger.errors import (
    BankUnavailable,
    CapabilityMissing,
    InvalidAmount,
    InvalidBeneficiary,
    InvalidField,
    Problem,
    SignatureInvalid,
    UnknownBank,
    WebhookUnreadable,
)
from ledger.money import Money
from tests.banks.contract import NOW, TODAY, Rig
from tests.banks.http_server import HttpServer, Reply, http
from tests.banks.techcombank.rig import PASSWORD, account, open_rig
from tests.banks.techcombank.wire import ACCOUNT_NUMBER, ID, ORDER, key, recorded, update
from tests.banks.test_transport_tls import identity
from tests.banks.test_transport_tls import server as tls_server

mutual = tls_server


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def rig(server: HttpServer) -> Iterator[Rig]:
    rig = open_rig(server)
    yield rig
    rig.transport.close()


def with_fields(**fields: object) -> TransferOrder:
    return msgspec.structs.replace(ORDER, **fields)


def to(**fields: str) -> TransferOrder:
    return with_fields(beneficiary=msgspec.structs.replace(ORDER.beneficiary, **fields))


# orders


def test_an_order_goes_as_soap_with_user_and_password(rig: Rig, server: HttpServer) -> None:
    rig.say["order"] = rig.accepted
    assert rig.bank.transfer(ORDER) == Accepted("H2H2501150001")
    (request,) = server.received
    assert (request.method, request.path) == ("POST", "/Partner2TCB")
    assert request.headers["soapaction"] == "FundTransfer"
    assert request.headers["content-type"] == "text/xml; charset=utf-8"
    assert request.headers["connection"] == "close"
    word, _, known = request.headers["authorization"].partition(" ")
    assert (word, b64decode(known).decode()) == ("Basic", f"srv_socai:{PASSWORD}")
    inner = parse(opened(payload(request.body, "XferReq").said("ReqInf"), key("bank"), "gcm"))
    assert inner.said("FrAcct", "AcctId") == ACCOUNT_NUMBER
    assert inner.said("TxDt") == "2025-01-15"


def test_each_order_travels_on_a_connection_of_its_own(rig: Rig, server: HttpServer) -> None:
    rig.say["order"] = rig.accepted
    rig.bank.transfer(ORDER)
    rig.bank.transfer(ORDER)
    assert server.connections == 2


def test_a_refused_password_sends_nothing_again(rig: Rig) -> None:
    rig.say["order"] = http(401, b"")
    assert isinstance(rig.bank.transfer(ORDER), NotSent)
    assert rig.orders_received() == 1


def test_a_duplicate_is_unknown_and_the_enquiry_tells(rig: Rig) -> None:
    refused = recorded("transfer_refused.xml").replace("PA-008|Invalid character in beneficiary name", "PA-017|Dup")
    rig.say.update(order=http(200, refused.encode()), status=rig.executed)
    assert isinstance(rig.bank.transfer(ORDER), Unknown)
    assert rig.bank.transfer_status(ID, TODAY) == Executed("FT25015123456789")


@pytest.mark.parametrize(
    ("order", "problem", "field"),
    [
        (with_fields(end_to_end_id=""), InvalidField, "end_to_end_id"),
        (with_fields(end_to_end_id="S" * 21), InvalidField, "end_to_end_id"),
        (with_fields(end_to_end_id="SOCAI.1"), InvalidField, "end_to_end_id"),
        (with_fields(amount=Money(0)), InvalidAmount, "amount"),
        (with_fields(amount=Money(500_000_000)), InvalidAmount, "amount"),
        (with_fields(rail="internal"), InvalidBeneficiary, "rail"),
        (to(bin="970407"), InvalidBeneficiary, "rail"),
        (to(bin="123456"), UnknownBank, "beneficiary.bin"),
        (to(bin="970460"), InvalidBeneficiary, "beneficiary.bin"),
        (to(account_number="12 34"), InvalidBeneficiary, "beneficiary.account_number"),
        (to(account_number="1" * 20), InvalidBeneficiary, "beneficiary.account_number"),
        (to(account_number="<1>"), InvalidBeneficiary, "beneficiary.account_number"),
        (to(name=""), InvalidBeneficiary, "beneficiary.name"),
        (to(name="A" * 71), InvalidBeneficiary, "beneficiary.name"),
        (
            with_fields(rail="internal", beneficiary=Beneficiary("970407", ACCOUNT_NUMBER, "X")),
            InvalidBeneficiary,
            "beneficiary.account_number",
        ),
    ],
)
def test_an_order_the_bank_cannot_take_is_refused_before_a_byte_leaves(
    rig: Rig, server: HttpServer, order: TransferOrder, problem: type[Problem], field: str
) -> None:
    for call in (rig.bank.check_order, rig.bank.transfer):
        with pytest.raises(problem) as refusal:
            call(order)
        assert refusal.value.field == field
    assert server.received == []


def test_the_greatest_amounts_are_taken(rig: Rig) -> None:
    rig.bank.check_order(with_fields(amount=Money(499_999_999)))
    rig.bank.check_order(with_fields(rail="citad", amount=Money(5_000_000_000)))
    rig.bank.check_order(with_fields(rail="internal", beneficiary=Beneficiary("970407", "1", "X")))


# enquiry and balance


@pytest.mark.parametrize("day", [TODAY, date(2024, 12, 31)])
def test_an_enquiry_needs_no_day(rig: Rig, server: HttpServer, day: date) -> None:
    rig.say["status"] = rig.not_found
    assert rig.bank.transfer_status(ID, day) == NotFound()
    (request,) = server.received
    assert request.headers["soapaction"] == "InqTransactionStatus"
    assert payload(request.body, "InqTxStsReq").said("ReqInf", "ReqTxId") == ID


def test_a_balance_is_read(rig: Rig, server: HttpServer) -> None:
    balance = rig.bank.balance()
    assert (balance.current, balance.available, balance.as_of) == (Money(15_000_000), Money(14_950_000), NOW)
    assert server.received[0].headers["soapaction"] == "AccountInfo"


@pytest.mark.parametrize("reply", [http(401, b""), http(500, b"<x/>"), http(200, b""), http(200, b"<x/>")])
def test_a_balance_that_cannot_be_read_is_asked_for_again_later(rig: Rig, reply: Reply) -> None:
    rig.say["balance"] = reply
    with pytest.raises(BankUnavailable):
        rig.bank.balance()


def test_neither_history_nor_names_are_offered(rig: Rig, server: HttpServer) -> None:
    assert {Capability.HISTORY, Capability.LOOKUP_NAME}.isdisjoint(Techcombank.capabilities)
    with pytest.raises(CapabilityMissing, match="Techcombank does not offer history"):
        rig.bank.history(TODAY, TODAY)
    with pytest.raises(CapabilityMissing):
        rig.bank.lookup_name("970407", "1")
    assert server.received == []


# callback


def test_a_callback_is_news_of_one_order(rig: Rig) -> None:
    notice = rig.bank.read_webhook({}, update())
    assert (notice.kind, notice.lines, notice.trace) == ("order", (), "UPD2501150001|UPD2501150001")
    assert notice.orders == (OrderNews(end_to_end_id=ID, outcome=Executed(None)),)
    failed = rig.bank.read_webhook({}, update(TxnSts="FAILED", TxnStsRemark="PA-005"))
    assert failed.orders[0].outcome == Declined(Reason.BENEFICIARY_ACCOUNT, "PA-005")


def test_a_callback_replayed_says_the_same_again(rig: Rig) -> None:
    assert rig.bank.read_webhook({}, update()) == rig.bank.read_webhook({"X-Other": "1"}, update())


def test_a_callback_for_an_order_of_somebody_else_is_genuine_and_not_understood(rig: Rig) -> None:
    raw = update(PartID=f"OTHER.{ID}")
    rig.bank.verify_webhook({}, raw)
    with pytest.raises(WebhookUnreadable):
        rig.bank.parse_webhook(raw)


def test_unread_bodies_name_the_place_and_quote_nothing(rig: Rig) -> None:
    for raw in (b"", b"<NGUYEN/>", update()[:-9], update(PartID="NGUYEN VAN ANH")):
        with pytest.raises(WebhookUnreadable) as refusal:
            rig.bank.parse_webhook(raw)
        assert "NGUYEN" not in f"{refusal.value!r} {refusal.value.facts}"


def test_every_forgery_gets_the_same_words(rig: Rig) -> None:
    said = set()
    for raw in (
        b"",
        b"<x/>",
        update(by="maker"),
        update(text="x"),
        update()[:-9],
        update().replace(b"COMPL", b"XOMPL"),
    ):
        with pytest.raises(SignatureInvalid) as refusal:
            rig.bank.read_webhook({}, raw)
        said.add(f"{refusal.value!r} {refusal.value.detail} {refusal.value.facts}")
    assert len(said) == 1


def test_the_answer_to_a_callback_is_soap(rig: Rig) -> None:
    notice = rig.bank.read_webhook({}, update())
    taken = rig.bank.acknowledge(notice, None, NOW, "ref")
    assert (taken.status, taken.content_type) == (200, "text/xml; charset=utf-8")
    assert payload(taken.body, "UpdateStatusRspn").said("RspnInf", "Id") == "UPD2501150001"


# secrets


def test_no_secret_and_no_person_shows_in_what_goes_wrong(rig: Rig) -> None:
    shown: list[str] = []
    for reply in (http(500, b"planted"), Reply(b"", "reset"), http(200, b"<planted>NGUYEN</planted>")):
        rig.say.update(order=reply, status=reply, balance=reply)
        outcomes: list[Outcome] = [rig.bank.transfer(ORDER), rig.bank.transfer_status(ID, TODAY)]
        shown.extend(map(repr, outcomes))
        with pytest.raises(BankUnavailable) as refusal:
            rig.bank.balance()
        shown.append(f"{refusal.value!r} {refusal.value.facts}")
    assert not [text for text in shown for secret in [*rig.secrets, "planted", "NGUYEN"] if secret in text]


# TLS


def test_the_bank_is_met_by_mutual_tls(rig: Rig, mutual: HttpServer) -> None:
    ours = account(mutual.url)
    certificate, client_key = identity("partner")
    given = replace(
        ours.credentials_as(TechcombankCredentials),
        client_certificate=certificate,
        client_key=client_key,
        authority=identity("bank")[0],
    )
    ours = replace(ours, credentials=given)
    mutual.script = lambda _: rig.accepted
    bank = open_banks({ours.id: ours}, rig.transport, lambda: NOW, lambda: "t")[ours.id]
    assert bank.transfer(ORDER) == Accepted("H2H2501150001")
    stranger, stranger_key = identity("stranger")
    given = replace(given, client_certificate=stranger, client_key=stranger_key)
    other = replace(ours, credentials=given)
    bank = open_banks({other.id: other}, rig.transport, lambda: NOW, lambda: "t")[other.id]
    assert isinstance(bank.transfer(ORDER), NotSent | Unknown)
    given = replace(given, authority=stranger)
    elsewhere = replace(ours, credentials=given)
    bank = open_banks({elsewhere.id: elsewhere}, rig.transport, lambda: NOW, lambda: "t")[elsewhere.id]
    assert isinstance(bank.transfer(ORDER), NotSent)
    assert len(mutual.received) == 1


def test_without_a_client_certificate_there_is_no_tls_of_its_own() -> None:
    assert Techcombank.tls(account("http://simulator")) is None
