"""MB over real sockets: tokens both ways, orders by either family, enquiry, names, balance, history and notices."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from banks.bank import Beneficiary, Capability, FoundName, TransferOrder
from banks.mb import Mb
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Reason, Unknown
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
from ledger.settings import Secret
from tests.banks.contract import NOW, TODAY, Rig
from tests.banks.http_server import HttpServer, Received, Reply, http
from tests.banks.mb.rig import (
    ACCESS_KEY,
    ACCOUNT_ID,
    ORDER,
    PUSH_PASSWORD,
    account,
    answer,
    bearer,
    call_of,
    credentials,
    key,
    open_rig,
    recorded,
    told,
)


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
    changed: TransferOrder = msgspec.structs.replace(ORDER, **changes)
    return changed


def to(bin_: str = "970416", account_number: str = "12345678", name: str = "A", **changes: object) -> TransferOrder:
    return with_fields(beneficiary=Beneficiary(bin_, account_number, name), **changes)


def last(server: HttpServer, call: str) -> Received:
    return [request for request in server.received if call_of(request) == call][-1]


# the bank's token


def test_a_token_is_fetched_by_basic_and_kept(rig: Rig, server: HttpServer) -> None:
    rig.bank.balance()
    rig.bank.balance()
    assert [call_of(request) for request in server.received] == ["token", "balance", "balance"]
    request = server.received[0]
    assert (request.path, request.body) == ("/private/oauth2/v1/token", b"grant_type=client_credentials")
    assert b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"client:planted-mb-client-secret"
    assert server.received[1].headers["authorization"] == "Bearer planted-mb-access-token"


def refusing(server: HttpServer, rig: Rig, call: str, reply: Reply, times: int) -> None:
    left = [times]

    def script(request: Received) -> Reply:
        if call_of(request) == call and left[0] > 0:
            left[0] -= 1
            return reply
        return rig.say[call_of(request)]

    server.script = script


REFUSALS = [http(401, b""), answer({"errorCode": "207", "errorDesc": ["token"]})]


@pytest.mark.parametrize("reply", REFUSALS)
def test_a_refused_token_is_fetched_anew_once_and_the_same_order_goes_again(
    rig: Rig, server: HttpServer, reply: Reply
) -> None:
    rig.say["order"] = rig.accepted
    refusing(server, rig, "order", reply, 1)
    assert rig.bank.transfer(ORDER) == Accepted("FT25015000000001")
    assert [call_of(request) for request in server.received] == ["token", "order", "token", "order"]
    first, second = (request for request in server.received if call_of(request) == "order")
    assert first.body == second.body
    assert first.headers["transactionid"] == second.headers["transactionid"]
    assert first.headers["clientmessageid"] != second.headers["clientmessageid"]


@pytest.mark.parametrize("reply", REFUSALS)
def test_a_token_refused_twice_means_the_order_was_not_sent(rig: Rig, server: HttpServer, reply: Reply) -> None:
    refusing(server, rig, "order", reply, 2)
    assert isinstance(rig.bank.transfer(ORDER), NotSent)
    assert rig.orders_received() == 2


@pytest.mark.parametrize("reply", REFUSALS)
def test_a_token_refused_twice_leaves_reads_open(rig: Rig, server: HttpServer, reply: Reply) -> None:
    refusing(server, rig, "status", reply, 2)
    assert isinstance(rig.bank.transfer_status(ORDER.end_to_end_id, TODAY), Unknown)
    refusing(server, rig, "balance", reply, 2)
    with pytest.raises(BankUnavailable):
        rig.bank.balance()


def test_the_code_of_a_refused_token_beside_an_order_sends_nothing_again(rig: Rig) -> None:
    rig.say["order"] = answer({"errorCode": "207", "data": {"status": "PROCESSING"}})
    assert isinstance(rig.bank.transfer(ORDER), Unknown)
    assert rig.orders_received() == 1


@pytest.mark.parametrize(
    "reply", [http(500, b""), answer({"errorCode": "100", "errorDesc": []}, 401), http(200, b"{}")]
)
def test_without_a_token_no_order_leaves(rig: Rig, reply: Reply) -> None:
    rig.say["token"] = reply
    assert isinstance(rig.bank.transfer(ORDER), NotSent)
    assert rig.orders_received() == 0
    with pytest.raises(BankUnavailable, match="no access token"):
        rig.bank.balance()


# orders


def test_an_order_goes_to_the_asynchronous_family_with_its_ids_and_signature(rig: Rig, server: HttpServer) -> None:
    rig.say["order"] = rig.accepted
    rig.bank.transfer(ORDER)
    request = last(server, "order")
    assert request.path == "/private/canary/ms/funds-partner/transfer-fund/v1.0/make-transfer-partner-async"
    assert request.headers["transactionid"] == "SOCAICHISOCAI000000001"
    assert request.headers["clientmessageid"]
    text = b"0009990001234CTY TNHH SOCAI12345678NGUYEN VAN A200000"
    key().public_key().verify(b64decode(request.headers["signature"]), text, PKCS1v15(), hashes.SHA256())
    assert json.loads(request.body)["transferAmount"] == "200000"


def test_an_account_may_use_the_synchronous_family(server: HttpServer) -> None:
    rig = open_rig(server, synchronous=True)
    rig.say["order"] = rig.accepted
    rig.bank.transfer(ORDER)
    assert last(server, "order").path == "/private/ms/funds-partner/transfer-fund/v1.0/make-transfer-partner"
    rig.transport.close()


def test_each_call_has_a_message_id_and_an_order_keeps_its_transaction_id(rig: Rig, server: HttpServer) -> None:
    rig.say["order"] = rig.accepted
    rig.bank.transfer(ORDER)
    rig.bank.transfer(ORDER)
    sent = [request for request in server.received if call_of(request) == "order"]
    assert len({request.headers["clientmessageid"] for request in sent}) == 2
    assert len({request.headers["transactionid"] for request in sent}) == 1


def test_the_bank_s_echo_of_our_message_id_is_checked(rig: Rig) -> None:
    rig.say["order"] = answer({"clientMessageId": "another", "errorCode": "400"})
    assert isinstance(rig.bank.transfer(ORDER), Unknown)
    rig.say["balance"] = answer(told("balance.json", clientMessageId="another"))
    with pytest.raises(BankUnavailable, match="another call"):
        rig.bank.balance()


def test_an_order_inside_the_bank_may_be_executed_at_once(rig: Rig) -> None:
    rig.say["order"] = answer({"errorCode": "000", "data": {"status": "SUCCESS", "ftNumber": "FT1"}})
    assert rig.bank.transfer(to("970422", rail="internal")) == Executed("FT1")
    assert rig.bank.transfer(ORDER) == Accepted("FT1")


def test_a_gateway_fault_after_the_debit_is_unknown(rig: Rig) -> None:
    for status in (200, 500):
        rig.say["order"] = http(status, recorded("order_gateway_fault.json"))
        assert isinstance(rig.bank.transfer(ORDER), Unknown)


def test_insufficient_funds_is_a_decline(rig: Rig) -> None:
    rig.say["order"] = rig.declined
    assert rig.bank.transfer(ORDER) == Declined(Reason.INSUFFICIENT_FUNDS, "400")


def test_each_order_travels_on_a_connection_of_its_own(rig: Rig, server: HttpServer) -> None:
    rig.say["order"] = rig.accepted
    rig.bank.transfer(ORDER)
    rig.bank.transfer(ORDER)
    assert server.connections == 3  # one for the token, one for each order
    assert server.received[-1].headers["connection"] == "close"


@pytest.mark.parametrize(
    ("order", "problem", "field"),
    [
        (with_fields(end_to_end_id=""), InvalidField, "end_to_end_id"),
        (with_fields(end_to_end_id="A" * 16), InvalidField, "end_to_end_id"),
        (with_fields(end_to_end_id="SOCAI-1"), InvalidField, "end_to_end_id"),
        (with_fields(amount=Money(1_999)), InvalidAmount, "amount"),
        (with_fields(amount=Money(500_000_000)), InvalidAmount, "amount"),
        (with_fields(rail="internal"), InvalidBeneficiary, "rail"),
        (to("970422"), InvalidBeneficiary, "rail"),
        (to("123456"), UnknownBank, "beneficiary.bin"),
        (to(account_number="12 34"), InvalidBeneficiary, "beneficiary.account_number"),
        (to(account_number="1" * 20), InvalidBeneficiary, "beneficiary.account_number"),
        (to(name=""), InvalidBeneficiary, "beneficiary.name"),
        (to(name="A" * 71), InvalidBeneficiary, "beneficiary.name"),
        (to("970415", name="A" * 70, rail="citad"), InvalidBeneficiary, "beneficiary.name"),
        (to("970422", name="A" * 174, rail="internal"), InvalidBeneficiary, "beneficiary.name"),
        (to("970441", rail="citad"), InvalidBeneficiary, "beneficiary.bin"),
        (to("970422", "0009990001234", rail="internal"), InvalidBeneficiary, "beneficiary.account_number"),
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


def test_the_least_and_greatest_amounts_and_names_are_taken(rig: Rig) -> None:
    for order in (
        with_fields(amount=Money(2_000)),
        with_fields(amount=Money(499_999_999)),
        to(name="A" * 70),
        to("970422", name="A" * 173, rail="internal", amount=Money(5_000_000_000)),
        to("970415", name="A" * 69, rail="citad", amount=Money(5_000_000_000)),
    ):
        rig.bank.check_order(order)


# enquiry


def test_an_enquiry_names_the_order_whatever_the_day(rig: Rig, server: HttpServer) -> None:
    rig.say["status"] = rig.executed
    assert rig.bank.transfer_status(ORDER.end_to_end_id, date(2024, 1, 1)) == Executed("FT25015000000001")
    request = last(server, "status")
    assert request.path == "/private/canary/ms/funds-partner/transfer-fund/v1.0/query-transaction-status"
    assert request.query == {"transactionId": "SOCAICHISOCAI000000001"}


def test_not_found_then_executed(rig: Rig) -> None:
    rig.say["status"] = rig.not_found
    assert rig.bank.transfer_status(ORDER.end_to_end_id, TODAY) == NotFound()
    rig.say["status"] = rig.executed
    assert isinstance(rig.bank.transfer_status(ORDER.end_to_end_id, TODAY), Executed)


def test_a_base_without_private_reaches_the_asynchronous_family_too(rig: Rig, server: HttpServer) -> None:
    rig.say["order"] = rig.accepted
    ours = account(server.url)
    plain = type(ours)(
        id=ours.id,
        bank="mb",
        account_number=ours.account_number,
        holder=ours.holder,
        base_url=server.url,
        credentials=credentials(),
    )
    Mb(plain, rig.transport, lambda: NOW, lambda: "m").transfer(ORDER)
    assert [request.path.split("/ms/")[0] for request in server.received] == ["/oauth2/v1/token", "/private/canary"]


# names


@pytest.mark.parametrize(
    ("bin_", "query"),
    [
        ("970422", {"transferType": "INHOUSE"}),
        ("970416", {"transferType": "NAPAS", "bankCode": "970416"}),
        ("970459", {"transferType": "NAPAS", "bankCode": "422589"}),
    ],
)
def test_a_name_is_looked_up_by_the_way_of_its_bank(
    rig: Rig, server: HttpServer, bin_: str, query: dict[str, str]
) -> None:
    assert rig.bank.lookup_name(bin_, "12345678") == FoundName("NGUYEN VAN A", active=True)
    assert last(server, "name").query == {"accountNumber": "12345678", "accountType": "ACCOUNT"} | query


@pytest.mark.parametrize(("code", "found"), [("200", None), ("201", None), ("211", FoundName("", active=False))])
def test_an_account_that_is_not_there_or_locked(rig: Rig, code: str, found: FoundName | None) -> None:
    for status in (200, 400, 404):
        rig.say["name"] = answer({"errorCode": code, "errorDesc": []}, status)
        assert rig.bank.lookup_name("970416", "1") == found


@pytest.mark.parametrize(
    "reply",
    [
        http(200, b"<html>"),
        http(503, b"{}"),
        answer({"errorCode": "201"}, 503),
        answer({"errorCode": "201", "data": {"accountName": "A"}}),
        answer({"errorCode": "002"}),
        answer({"errorCode": "412"}),
        answer({"errorCode": "000", "data": {"accountName": " "}}),
        answer({"errorCode": "000", "data": {}}),
        answer({"soaErrorCode": "1"}),
        Reply(b"", "reset"),
    ],
)
def test_a_name_nobody_gives_is_no_answer(rig: Rig, reply: Reply) -> None:
    rig.say["name"] = reply
    with pytest.raises(BankUnavailable):
        rig.bank.lookup_name("970416", "12345678")


def test_a_bank_that_is_not_listed_has_no_names(rig: Rig, server: HttpServer) -> None:
    with pytest.raises(UnknownBank):
        rig.bank.lookup_name("123456", "1")
    assert server.received == []


# balance


def test_the_balance_is_read(rig: Rig, server: HttpServer) -> None:
    balance = rig.bank.balance()
    assert (balance.current, balance.available, balance.as_of) == (Money(15_000_000), Money(14_950_000), NOW)
    request = last(server, "balance")
    assert (request.path, request.query) == ("/private/ms/account/v1.0/balance", {"accountNumber": "0009990001234"})


def balance_of(**changes: object) -> Reply:
    body = told("balance.json")
    return answer(body | {"data": body["data"] | changes})


def test_a_balance_may_be_below_zero(rig: Rig) -> None:
    rig.say["balance"] = balance_of(currentBalance="-1,005.00", availableBalance=-5)
    balance = rig.bank.balance()
    assert (balance.current, balance.available) == (Money(-1_005), Money(-5))


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "USD"},
        {"currency": None},
        {"currentBalance": None},
        {"availableBalance": "1.5"},
        {"availableBalance": True},
        {"availableBalance": "--5"},
        {"availableBalance": ""},
    ],
)
def test_a_balance_that_is_not_whole_dong_is_no_balance(rig: Rig, changes: dict[str, object]) -> None:
    rig.say["balance"] = balance_of(**changes)
    with pytest.raises(BankUnavailable):
        rig.bank.balance()


@pytest.mark.parametrize("code", ["001", "405", "999", "51173"])
def test_a_read_the_bank_refuses_is_put_off(rig: Rig, code: str) -> None:
    rig.say.update(balance=answer({"errorCode": code}), history=answer({"errorCode": code}))
    with pytest.raises(BankUnavailable, match=code):
        rig.bank.balance()
    with pytest.raises(BankUnavailable, match=code):
        rig.bank.history(TODAY, TODAY)


# history


def test_a_day_is_read_page_by_page(rig: Rig, server: HttpServer) -> None:
    page = rig.bank.history(TODAY, TODAY)
    assert [row.bank_reference for row in page.lines] == [
        "FT25015123456789",
        "0009990001234-20250115",
        "FT25015000000001",
    ]
    assert (page.doubtful, page.next_cursor) == ((), None)
    request = last(server, "history")
    assert request.path == "/private/ms/transaction-statement/v1.0/history"
    assert request.query == {
        "accountNumber": "0009990001234",
        "fromDate": "15/01/2025",
        "toDate": "15/01/2025",
        "page": "1",
        "size": "100",
    }


def test_days_and_pages_are_walked_while_pages_shift(rig: Rig, server: HttpServer) -> None:
    """A bank that lists the newest first; while page 1 is read a row more arrives."""
    row: dict[str, Any] = told("history.json")["data"]["transactionHistoryList"][0]
    listed = {"14/01/2025": list(range(101)), "16/01/2025": [500]}

    def script(request: Received) -> Reply:
        if call_of(request) != "history":
            return rig.say[call_of(request)]
        numbers = listed.get(request.query["fromDate"], [])
        page, pages = int(request.query["page"]), -(-len(numbers) // 100)
        shown = [row | {"refNo": f"FT{number:014d}"} for number in numbers[(page - 1) * 100 : page * 100]]
        if page == 1 and numbers:
            numbers.insert(0, 9000 + len(numbers))
        return answer({"errorCode": "000", "data": {"transactionHistoryList": shown, "totalPage": pages}})

    server.script = script
    found: list[str] = []
    cursor: str | None = None
    for _ in range(20):
        page = rig.bank.history(date(2025, 1, 14), date(2025, 1, 16), cursor)
        assert page.doubtful == ()
        found.extend(line.bank_reference for line in page.lines)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert {int(reference[2:]) for reference in found} >= {*range(101), 500}
    assert len(found) > len(set(found)), "the shifted row came twice, and its key tells"


def test_a_cursor_from_elsewhere_and_too_many_days_are_refused(rig: Rig, server: HttpServer) -> None:
    with pytest.raises(InvalidCursor):
        rig.bank.history(TODAY, TODAY, "2025-01-17.1")
    with pytest.raises(InvalidField):
        rig.bank.history(TODAY, TODAY + timedelta(days=90))
    assert server.received == []
    rig.bank.history(TODAY, TODAY + timedelta(days=89))


@pytest.mark.parametrize("data", [None, {}, {"transactionHistoryList": []}, {"totalPage": 1}])
def test_a_history_that_cannot_be_read_is_asked_for_again_later(rig: Rig, data: object) -> None:
    rig.say["history"] = answer({"errorCode": "000", "data": data})
    with pytest.raises(BankUnavailable):
        rig.bank.history(TODAY, TODAY)


# what the bank tells unasked


def basic(password: str, user: str = "mb") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def test_the_bank_fetches_a_token_and_its_push_is_taken(rig: Rig) -> None:
    granted = rig.bank.grant_token(basic(PUSH_PASSWORD))
    assert granted is not None
    body = json.loads(granted.body)
    assert (granted.status, body["token_type"], body["expires_in"]) == (200, "bearer", 300)
    headers = {"authorization": f"bearer {body['access_token']}"}
    assert rig.bank.read_webhook(headers, recorded("push.json")).lines[0].amount == Money(150_000)
    assert not [secret for secret in rig.secrets if secret in granted.body.decode()]


@pytest.mark.parametrize("headers", [{}, basic("wrong"), basic(PUSH_PASSWORD, "other"), {"Authorization": "Basic"}])
def test_anybody_else_gets_no_token(rig: Rig, headers: dict[str, str]) -> None:
    with pytest.raises(SignatureInvalid):
        rig.bank.grant_token(headers)


def test_the_password_opens_no_webhook_and_a_token_fetches_no_token(rig: Rig) -> None:
    with pytest.raises(SignatureInvalid):
        rig.bank.verify_webhook(basic(PUSH_PASSWORD), recorded("push.json"))
    with pytest.raises(SignatureInvalid):
        rig.bank.grant_token(bearer())


def test_a_token_that_was_overheard_dies_within_minutes(rig: Rig) -> None:
    later = NOW + timedelta(minutes=5)
    bank = Mb(account("http://localhost"), rig.transport, lambda: later, lambda: "m")
    for name in ("push.json", "callback.json"):
        rig.bank.verify_webhook(bearer(), recorded(name))
        with pytest.raises(SignatureInvalid):
            bank.verify_webhook(bearer(), recorded(name))


def test_a_callback_and_a_push_need_a_token(rig: Rig) -> None:
    for name in ("push.json", "callback.json"):
        for headers in ({}, {"Authorization": "Bearer x.y.z"}, basic(PUSH_PASSWORD)):
            with pytest.raises(SignatureInvalid):
                rig.bank.read_webhook(headers, recorded(name))


def test_a_merchant_push_is_proven_by_its_checksum_and_by_nothing_else(rig: Rig) -> None:
    assert rig.bank.read_webhook({}, recorded("merchant_push.json")).lines[0].amount == Money(150_000)
    changes = {
        "traceTransfer": "FT2",
        "billNumber": "B2",
        "payDate": "20250115103001",
        "debitAmount": "1",
        "checkSum": "",
    }
    for field, value in changes.items():
        forged = json.dumps(told("merchant_push.json", **{field: value})).encode()
        for headers in ({}, bearer()):
            with pytest.raises(SignatureInvalid):
                rig.bank.read_webhook(headers, forged)


def test_without_an_access_key_no_merchant_push_is_believed(rig: Rig) -> None:
    ours = account("http://localhost")
    known = credentials()
    bare = type(known)(**{name: getattr(known, name) for name in known.__dataclass_fields__} | {"mms_access_keys": ()})
    plain = type(ours)(**{name: getattr(ours, name) for name in ours.__dataclass_fields__} | {"credentials": bare})
    bank = Mb(plain, rig.transport, lambda: NOW, lambda: "m")
    with pytest.raises(SignatureInvalid):
        bank.verify_webhook(bearer(), recorded("merchant_push.json"))


def test_what_the_checksum_does_not_cover_changes_no_row(rig: Rig) -> None:
    genuine = rig.bank.read_webhook({}, recorded("merchant_push.json"))
    for field in ("storeLabel", "terminalLabel", "referenceLabelCode", "userName", "endPointUrl", "rate", "respDesc"):
        changed = json.dumps(told("merchant_push.json", **{field: "SOCAI7K3M9Q2X"})).encode()
        assert rig.bank.read_webhook({}, changed) == genuine


def test_the_same_payment_by_all_three_feeds_has_one_key(rig: Rig) -> None:
    rows = told("history.json")
    rows["data"]["transactionHistoryList"][0]["refNo"] = "FT25015000000001"
    rig.say["history"] = answer(rows)
    pushed = json.dumps(told("push.json", referencenumber="FT25015000000001")).encode()
    keys = {
        rig.bank.history(TODAY, TODAY).lines[0].key,
        rig.bank.read_webhook(bearer(), pushed).lines[0].key,
        rig.bank.read_webhook({}, recorded("merchant_push.json")).lines[0].key,
    }
    assert len(keys) == 1


def test_a_notice_of_another_account_keeps_its_number(rig: Rig) -> None:
    """So that the door can refuse it."""
    other = json.dumps(told("push.json", bankaccount="0009990009999")).encode()
    assert rig.bank.read_webhook(bearer(), other).lines[0].account_number == "0009990009999"


def test_the_facts_of_the_bank() -> None:
    assert frozenset(Capability) == Mb.capabilities
    assert Mb.limits.amount_min == Money(2_000)
    assert (Mb.code, Mb.bin) == ("mb", "970422")
    assert account("http://localhost").id == ACCOUNT_ID
    assert Secret(ACCESS_KEY) in credentials().mms_access_keys
