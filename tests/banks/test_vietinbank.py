"""VietinBank over real sockets: headers and signatures, orders, enquiry, names, balance, statement and notices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from banks.bank import Beneficiary, Capability, FoundName, TransferOrder
from banks.outcomes import Accepted, Declined, Executed, NotFound, Reason, Unknown
from banks.vietinbank import HISTORY_DAYS_MAX, Vietinbank
from ledger.errors import (
    BankUnavailable,
    InvalidAmount,
    InvalidBeneficiary,
    InvalidCursor,
    InvalidField,
    Problem,
    SignatureInvalid,
    UnknownBank,
)
from ledger.money import Money
from tests.banks.contract import NOW, TODAY, Rig
from tests.banks.http_server import HttpServer, Received, Reply, http
from tests.banks.vietinbank.rig import answer, call_of, open_rig, signed_balance
from tests.banks.vietinbank.wire import ACCOUNT_NUMBER, ID, ORDER, notice, row, told

TOMORROW = date(2025, 1, 16)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def rig(server: HttpServer) -> Iterator[Rig]:
    opened = open_rig(server)
    yield opened
    opened.transport.close()


def with_fields(**changes: object) -> TransferOrder:
    return msgspec.structs.replace(ORDER, **changes)


def to(**changes: str) -> TransferOrder:
    return with_fields(beneficiary=msgspec.structs.replace(ORDER.beneficiary, **changes))


def sent(server: HttpServer, call: str) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in server.received if call_of(request) == call]


# orders


def test_an_order_goes_once_with_the_gateway_keys_and_our_id_as_its_request(rig: Rig, server: HttpServer) -> None:
    rig.say["order"] = rig.accepted
    assert rig.bank.transfer(ORDER) == Accepted(None)
    (request,) = server.received
    assert (request.method, request.path) == ("POST", "/vtb/erp/v1/payment/transfer")
    assert request.headers["x-ibm-client-id"] == "planted-client-id"
    assert request.headers["x-ibm-client-secret"] == "planted-client-secret"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["connection"] == "close"
    (body,) = sent(server, "order")
    assert (body["requestId"], body["records"][0]["transId"]) == (ID, ID)
    assert (body["transTime"], body["clientIP"]) == ("20250115100000", "203.0.113.7")


def test_an_order_the_bank_has_already_is_unknown_and_the_enquiry_tells(rig: Rig, server: HttpServer) -> None:
    rig.say.update(order=answer(told("order_filed.json", status={"code": "07"})), status=rig.executed)
    assert isinstance(rig.bank.transfer(ORDER), Unknown)
    assert rig.bank.transfer_status(ID, TODAY) == Executed("523320101151")
    (asked,) = sent(server, "status")
    assert (asked["originalRequestId"], asked["transId"]) == (ID, ID)
    assert asked["requestId"] != ID


def test_lack_of_funds_declines(rig: Rig) -> None:
    rig.say["order"] = rig.declined
    assert rig.bank.transfer(ORDER) == Declined(Reason.INSUFFICIENT_FUNDS, "27")


def test_an_address_that_the_bank_cuts_off_leaves_the_order_unknown(rig: Rig) -> None:
    rig.say["order"] = Reply(b"", "close")
    assert isinstance(rig.bank.transfer(ORDER), Unknown)
    assert rig.orders_received() == 1


@pytest.mark.parametrize("day", [TODAY, date(2024, 12, 31)])
def test_an_enquiry_needs_no_day(rig: Rig, day: date) -> None:
    rig.say["status"] = rig.not_found
    assert rig.bank.transfer_status(ID, day) == NotFound()


@pytest.mark.parametrize("code", ["0", "20", "27", "91", "99"])
def test_an_enquiry_that_is_refused_says_nothing_of_the_order(rig: Rig, code: str) -> None:
    rig.say["status"] = answer(told("status_nothing.json", status={"code": code}))
    assert isinstance(rig.bank.transfer_status(ID, TODAY), Unknown)


@pytest.mark.parametrize(
    ("order", "problem", "field"),
    [
        (with_fields(end_to_end_id=""), InvalidField, "end_to_end_id"),
        (with_fields(end_to_end_id="S" * 31), InvalidField, "end_to_end_id"),
        (with_fields(amount=Money(0)), InvalidAmount, "amount"),
        (with_fields(amount=Money(500_000_000)), InvalidAmount, "amount"),
        (with_fields(rail="internal"), InvalidBeneficiary, "rail"),
        (to(bin="970415"), InvalidBeneficiary, "rail"),
        (to(bin="123456"), UnknownBank, "beneficiary.bin"),
        (
            with_fields(rail="citad", beneficiary=Beneficiary("971005", "1", "X")),
            InvalidBeneficiary,
            "beneficiary.bin",
        ),
        (to(account_number="1" * 20), InvalidBeneficiary, "beneficiary.account_number"),
        (to(name="A" * 71), InvalidBeneficiary, "beneficiary.name"),
        (
            with_fields(rail="internal", beneficiary=Beneficiary("970415", ACCOUNT_NUMBER, "X")),
            InvalidBeneficiary,
            "beneficiary.account_number",
        ),
    ],
    ids=range(11),
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
    rig.bank.check_order(with_fields(amount=Money(499_999_999), end_to_end_id="S" * 30))
    rig.bank.check_order(with_fields(rail="internal", beneficiary=Beneficiary("970415", "1", "X")))


# names and balance


@pytest.mark.parametrize(("bin_", "asked"), [("970416", "970416"), ("970415", "970415"), ("970459", "422589")])
def test_a_name_is_asked_for_under_the_bin_of_traffic(rig: Rig, server: HttpServer, bin_: str, asked: str) -> None:
    assert rig.bank.lookup_name(bin_, "12345678") == FoundName("NGUYEN VAN A", active=True)
    (body,) = sent(server, "name")
    assert (body["account"], body["bankId"], body["channel"]) == ("12345678", asked, "WEB")


@pytest.mark.parametrize(
    "reply",
    [
        answer(told("name.json", status={"code": "0"})),
        answer(told("name.json", active=None)),
        answer(told("name.json"), 500),
        answer(told("name.json", requestId="another")),
        http(200, b"<html>"),
        Reply(b"", "close"),
    ],
    ids=range(6),
)
def test_a_name_that_is_not_told_leaves_it_open(rig: Rig, reply: Reply) -> None:
    rig.say["name"] = reply
    with pytest.raises(BankUnavailable, match="VietinBank"):
        rig.bank.lookup_name("970416", "12345678")


def test_no_bank_is_asked_for_a_name_at_an_unknown_bank(rig: Rig, server: HttpServer) -> None:
    with pytest.raises(UnknownBank):
        rig.bank.lookup_name("123456", "12345678")
    assert server.received == []


def test_the_balance_is_one_figure_that_the_bank_signed(rig: Rig, server: HttpServer) -> None:
    balance = rig.bank.balance()
    assert (balance.current, balance.available, balance.as_of) == (Money(15_150_000), Money(15_150_000), NOW)
    (body,) = sent(server, "balance")
    assert body["accountId"] == ACCOUNT_NUMBER


def test_a_balance_that_is_not_proven_is_not_taken(rig: Rig, server: HttpServer) -> None:
    other = told("balance.json")["balances"] | {"accId": "999"}

    def unsigned(request: Received) -> Reply:
        return answer(told("balance.json", requestId=json.loads(request.body)["requestId"]))

    for script in (
        lambda request: signed_balance(request, by="stranger"),
        lambda request: signed_balance(request, status={"code": "01"}),
        lambda request: signed_balance(request, balances=other),
        unsigned,
    ):
        server.script = script
        with pytest.raises(BankUnavailable):
            rig.bank.balance()


# statement


def test_a_history_goes_through_the_days_credits_before_debits(rig: Rig, server: HttpServer) -> None:
    told_of: list[tuple[str, date]] = []
    cursors, cursor = [], None
    while True:
        page = rig.bank.history(TODAY, TOMORROW, cursor)
        told_of.extend((line.direction, line.value_date) for line in page.lines)
        cursor = page.next_cursor
        if cursor is None:
            break
        cursors.append(cursor)
    assert cursors == ["2025-01-15.2", "2025-01-16.1", "2025-01-16.2"]
    assert told_of == [("credit", TODAY), ("debit", TODAY), ("credit", TOMORROW), ("debit", TOMORROW)]
    asked = [json.loads(request.body) for request in server.received]
    assert [(body["fromDate"], body["collectionType"]) for body in asked] == [
        ("15/01/2025", "c"),
        ("15/01/2025", "d"),
        ("16/01/2025", "c"),
        ("16/01/2025", "d"),
    ]
    assert len({body["requestId"] for body in asked}) == 4
    assert all(len(body["requestId"]) <= 30 for body in asked)


@pytest.mark.parametrize("cursor", ["", "2025-01-15.0", "2025-01-15.3", "2025-01-17.1", "x"])
def test_a_cursor_from_elsewhere_is_refused(rig: Rig, server: HttpServer, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        rig.bank.history(TODAY, TOMORROW, cursor)
    assert server.received == []


def test_too_many_days_are_refused(rig: Rig) -> None:
    with pytest.raises(InvalidField):
        rig.bank.history(date(2024, 1, 1), date(2024, 1, 1) + timedelta(days=HISTORY_DAYS_MAX))


def test_a_day_of_many_movements_comes_whole(rig: Rig) -> None:
    rows = [row("statement_credits.json", bankTransId=f"5233201{number:05}") for number in range(500)]
    rig.say["credits"] = answer(told("statement_credits.json", records=rows))
    page = rig.bank.history(TODAY, TODAY)
    assert len({line.key for line in page.lines}) == 500
    assert page.doubtful == ()


def test_a_doubtful_row_is_told_of_beside_the_good_ones(rig: Rig) -> None:
    rows = [row("statement_credits.json"), row("statement_credits.json", bankTransId="")]
    rig.say["credits"] = answer(told("statement_credits.json", records=rows))
    page = rig.bank.history(TODAY, TODAY)
    assert (len(page.lines), [one.position for one in page.doubtful]) == (1, [2])
    assert page.next_cursor == "2025-01-15.2"


@pytest.mark.parametrize(
    "reply",
    [
        answer(told("statement_credits.json", status={"code": "0"})),
        answer(told("statement_credits.json", status=None)),
        answer(told("statement_credits.json", records=None)),
        answer(told("statement_credits.json"), 502),
        http(200, b"<html>"),
        Reply(b"", "reset"),
    ],
    ids=range(6),
)
def test_a_statement_that_is_not_whole_is_no_empty_day(rig: Rig, reply: Reply) -> None:
    rig.say["credits"] = reply
    with pytest.raises(BankUnavailable, match="VietinBank"):
        rig.bank.history(TODAY, TODAY)


# notices


def test_a_notice_needs_no_header_and_a_forged_one_is_refused(rig: Rig) -> None:
    assert rig.bank.read_webhook({}, notice()).kind == "hint"
    with pytest.raises(SignatureInvalid):
        rig.bank.read_webhook({"Authorization": "x"}, notice({"amount": "1500000"}))


def test_the_movement_a_notice_hints_at_comes_with_the_statement_once(rig: Rig) -> None:
    hinted = json.loads(notice())["data"]["records"][0]
    assert rig.bank.read_webhook({}, notice()).lines == ()
    (line,) = rig.bank.history(TODAY, TODAY).lines
    assert (line.bank_reference, str(line.amount.units)) == (hinted["bankTransId"], hinted["amount"])


def test_it_offers_all_there_is() -> None:
    assert Vietinbank.capabilities == frozenset(Capability)
