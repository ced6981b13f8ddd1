"""ACB's calls against a server that speaks its protocol: token, headers, order, enquiry, history, notice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec
import pytest

from banks.acb import Acb
from banks.bank import Beneficiary, StatementRow, TransferOrder
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown
from ledger.errors import (
    BankUnavailable,
    InvalidAmount,
    InvalidBankAccounts,
    InvalidBeneficiary,
    InvalidCursor,
    InvalidField,
    Problem,
    SignatureInvalid,
    UnknownBank,
    WebhookUnreadable,
)
from ledger.money import Money
from tests.banks.acb.rig import (
    ORDER,
    WEBHOOK_KEY,
    account,
    answer,
    call_of,
    open_rig,
    recorded,
    signer,
    with_signers,
)
from tests.banks.contract import NOW, TODAY, Rig
from tests.banks.http_server import HttpServer, Received, Reply, http


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def rig(server: HttpServer) -> Iterator[Rig]:
    opened = open_rig(server)
    yield opened
    opened.transport.close()


def with_fields(**fields: object) -> TransferOrder:
    return msgspec.structs.replace(ORDER, **fields)


def to(**fields: str) -> TransferOrder:
    return with_fields(beneficiary=msgspec.structs.replace(ORDER.beneficiary, **fields))


# token


def test_one_token_serves_all_calls_and_carries_the_form_the_bank_wants(rig: Rig, server: HttpServer) -> None:
    rig.bank.balance()
    rig.bank.balance()
    calls = [call_of(request) for request in server.received]
    assert calls == ["token", "balance", "balance"]
    assert server.received[0].body == (
        b"client_id=client&client_secret=planted-client-secret&grant_type=client_credentials&scope=soba-api"
    )
    assert server.received[1].headers["authorization"] == "Bearer planted-access-token-0001"


def test_many_threads_fetch_one_token(rig: Rig, server: HttpServer) -> None:
    threads = [threading.Thread(target=rig.bank.balance) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [call_of(request) for request in server.received].count("token") == 1


def refusing_first(server: HttpServer, rig: Rig, call: str, refusals: int) -> None:
    left = [refusals]

    def script(request: Received) -> Reply:
        if call_of(request) == call and left[0] > 0:
            left[0] -= 1
            return http(401, b"")
        return rig.say[call_of(request)]

    server.script = script


def test_a_refused_token_is_fetched_anew_once_and_the_same_order_goes_again(rig: Rig, server: HttpServer) -> None:
    rig.say["order"] = rig.accepted
    refusing_first(server, rig, "order", 1)
    assert rig.bank.transfer(ORDER) == Accepted(None)
    assert [call_of(request) for request in server.received] == ["token", "order", "token", "order"]
    first, second = (request for request in server.received if call_of(request) == "order")
    assert first.body == second.body
    assert first.headers["x-request-id"] == second.headers["x-request-id"]


def test_a_token_refused_twice_means_the_order_was_not_sent(rig: Rig, server: HttpServer) -> None:
    refusing_first(server, rig, "order", 2)
    assert isinstance(rig.bank.transfer(ORDER), NotSent)
    assert rig.orders_received() == 2


def test_a_token_refused_twice_leaves_an_enquiry_unknown(rig: Rig, server: HttpServer) -> None:
    refusing_first(server, rig, "status", 2)
    assert isinstance(rig.bank.transfer_status(ORDER.end_to_end_id, TODAY), Unknown)


@pytest.mark.parametrize(
    "reply",
    [
        http(500, b""),
        http(400, b'{"error":"invalid_client"}'),
        http(200, b"<html>"),
        answer({"access_token": "x"}),
        answer({"access_token": "line\nbreak", "expires_in": 3600}),
        answer({"expires_in": 3600}),
        Reply(b"", "reset"),
    ],
)
def test_without_a_token_no_order_leaves(rig: Rig, reply: Reply) -> None:
    rig.say["token"] = reply
    assert isinstance(rig.bank.transfer(ORDER), NotSent)
    assert rig.orders_received() == 0
    with pytest.raises(BankUnavailable, match="no access token"):
        rig.bank.balance()


# balance


def test_the_balance_is_read_with_the_headers_of_its_product(rig: Rig, server: HttpServer) -> None:
    balance = rig.bank.balance()
    assert (balance.current, balance.available) == (Money(15_000_000), Money(14_950_000))
    assert balance.as_of == NOW
    request = server.received[-1]
    assert request.path == "/acb/open/customers/account/v1/balances"
    assert request.query == {"account_number": "12345678"}
    assert request.headers["x-service"] == "account-information"
    assert (request.headers["x-client-id"], request.headers["x-provider-id"]) == ("client", "provider")


def test_a_balance_may_be_below_zero(rig: Rig) -> None:
    rig.say["balance"] = answer({"data": {"current_balance": -5, "available_balance": "-1,005", "currency": "VND"}})
    assert rig.bank.balance().current == Money(-5)
    assert rig.bank.balance().available == Money(-1005)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"current_balance": 1, "currency": "VND"},
        {"current_balance": 1, "available_balance": 1},
        {"current_balance": 1, "available_balance": 1, "currency": "USD"},
        {"current_balance": 1, "available_balance": True, "currency": "VND"},
        {"current_balance": 1, "available_balance": 1.5, "currency": "VND"},
    ],
)
def test_a_balance_that_is_not_whole_dong_is_no_balance(rig: Rig, data: object) -> None:
    rig.say["balance"] = answer({"data": data})
    with pytest.raises(BankUnavailable):
        rig.bank.balance()


def test_too_many_reads_are_put_off(rig: Rig) -> None:
    rig.say["balance"] = http(429, b"")
    with pytest.raises(BankUnavailable, match="429"):
        rig.bank.balance()


# orders


def test_an_order_carries_its_headers_and_two_authorizations(rig: Rig, server: HttpServer) -> None:
    rig.say["order"] = rig.accepted
    rig.bank.transfer(ORDER)
    request = server.received[-1]
    body = json.loads(request.body)
    assert request.path == "/acb/open/payments/payment-order/v2/transaction"
    assert request.headers["x-channel"] == "SOBA"
    assert request.headers["x-request-id"] == body["requestTrace"]
    assert body["requestDateTime"] == "2025-01-15T10:00:00.000+07:00"
    assert [one["authorizationId"] for one in body["requestParameters"]["authorizations"]] == ["signer-1", "signer-2"]
    assert body["requestParameters"]["data"]["transaction"]["remarks"] == "SOCAI000000001 CHI TRA"


def test_too_many_orders_are_not_sent(rig: Rig) -> None:
    rig.say["order"] = http(429, b"")
    assert isinstance(rig.bank.transfer(ORDER), NotSent)


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
        (with_fields(end_to_end_id="SOCAI00000000001"), InvalidField, "end_to_end_id"),
        (with_fields(end_to_end_id="SOCAI-1"), InvalidField, "end_to_end_id"),
        (with_fields(amount=Money(0)), InvalidAmount, "amount"),
        (with_fields(amount=Money(500_000_000)), InvalidAmount, "amount"),
        (with_fields(rail="internal"), InvalidBeneficiary, "rail"),
        (to(bin="970416"), InvalidBeneficiary, "rail"),
        (to(bin="123456"), UnknownBank, "beneficiary.bin"),
        (to(account_number="12 34"), InvalidBeneficiary, "beneficiary.account_number"),
        (to(account_number="1" * 20), InvalidBeneficiary, "beneficiary.account_number"),
        (to(name=""), InvalidBeneficiary, "beneficiary.name"),
        (to(name="A" * 71), InvalidBeneficiary, "beneficiary.name"),
        (with_fields(rail="citad"), InvalidBeneficiary, "beneficiary.bin"),
        (
            with_fields(rail="internal", beneficiary=Beneficiary("970416", "12345678", "X")),
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


def test_the_greatest_napas_amount_is_taken(rig: Rig) -> None:
    rig.bank.check_order(with_fields(amount=Money(499_999_999)))


def test_an_account_without_two_signers_cannot_be_opened(rig: Rig) -> None:
    for signers in ((), (signer(1),)):
        with pytest.raises(InvalidBankAccounts, match="two signers"):
            Acb(with_signers(account("http://localhost"), *signers), rig.transport, lambda: NOW, lambda: "t")


# enquiry


def test_an_order_found_on_the_day_of_sending_is_asked_about_once(rig: Rig, server: HttpServer) -> None:
    rig.say["status"] = rig.executed
    assert rig.bank.transfer_status(ORDER.end_to_end_id, TODAY) == Executed("4711")
    asked = [request.query for request in server.received if call_of(request) == "status"]
    assert asked == [{"transactionTraceNumber": "SOCAI000000001", "fromDate": "2025-01-15", "toDate": "2025-01-15"}]


def test_an_order_is_looked_for_on_the_days_around_before_it_is_not_found(rig: Rig, server: HttpServer) -> None:
    rig.say["status"] = rig.not_found
    assert rig.bank.transfer_status(ORDER.end_to_end_id, TODAY) == NotFound()
    days = [request.query["fromDate"] for request in server.received if call_of(request) == "status"]
    assert days == ["2025-01-15", "2025-01-14", "2025-01-16"]


def test_an_order_sent_near_midnight_is_found_under_the_next_day(rig: Rig, server: HttpServer) -> None:
    def script(request: Received) -> Reply:
        if call_of(request) == "status":
            return rig.executed if request.query["fromDate"] == "2025-01-16" else rig.not_found
        return rig.say[call_of(request)]

    server.script = script
    assert rig.bank.transfer_status(ORDER.end_to_end_id, TODAY) == Executed("4711")


def test_not_found_needs_every_day_to_be_answered(rig: Rig, server: HttpServer) -> None:
    def script(request: Received) -> Reply:
        if call_of(request) == "status" and request.query["fromDate"] == "2025-01-14":
            return http(503, b"")
        return rig.not_found if call_of(request) == "status" else rig.say["token"]

    server.script = script
    assert isinstance(rig.bank.transfer_status(ORDER.end_to_end_id, TODAY), Unknown)


# history


def test_a_day_is_read_page_by_page_with_the_headers_of_its_product(rig: Rig, server: HttpServer) -> None:
    page = rig.bank.history(TODAY, TODAY)
    assert len(page.lines) == 1
    assert page.next_cursor is None
    assert page.doubtful == ()
    request = server.received[-1]
    assert request.path == "/acb/open/accounts/transactions/v2/transaction-history"
    assert request.query == {
        "account": "12345678",
        "fromDate": "2025-01-15",
        "toDate": "2025-01-15",
        "page": "1",
        "size": "100",
    }
    assert request.headers["x-service"] == "statement"
    assert request.headers["request-datetime"] == "2025-01-15T03:00:00Z"
    assert request.headers["tpp-id"] == request.headers["provider-id"] == "provider"
    assert request.headers["request-id"]


def history_row(number: int) -> dict[str, object]:
    row: dict[str, object] = json.loads(recorded("history.json"))["responseData"]["transactions"][0]
    return row | {"traceNumber": f"{number:06d}", "transactionAmount": number + 1}


def serving(rows_by_day: dict[str, list[int]], rig: Rig, server: HttpServer) -> None:
    """A bank that lists the newest first; while page 1 of the first day is read a row more arrives."""

    def script(request: Received) -> Reply:
        if call_of(request) != "history":
            return rig.say[call_of(request)]
        day, page = request.query["fromDate"], int(request.query["page"])
        rows = rows_by_day.get(day, [])
        pages = -(-len(rows) // 100)
        shown = rows[(page - 1) * 100 : page * 100]
        if page == 1 and rows:
            rows.insert(0, 9000 + len(rows))
        return answer(
            {
                "responseStatus": {"responseCode": "00000000"},
                "responseData": {
                    "transactions": [history_row(number) for number in shown],
                    "pagination": {"page": page, "totalPage": pages},
                },
            }
        )

    server.script = script


def sweep(rig: Rig, day_from: date, day_to: date) -> list[StatementRow]:
    rows: list[StatementRow] = []
    cursor: str | None = None
    for _ in range(50):
        page = rig.bank.history(day_from, day_to, cursor)
        assert page.doubtful == ()
        rows.extend(page.lines)
        cursor = page.next_cursor
        if cursor is None:
            return rows
    raise AssertionError("the history does not end")


def test_days_and_pages_are_walked_while_pages_shift(rig: Rig, server: HttpServer) -> None:
    serving({"2025-01-14": list(range(101)), "2025-01-16": [500]}, rig, server)
    rows = sweep(rig, date(2025, 1, 14), date(2025, 1, 16))
    assert {int(row.bank_reference) for row in rows} >= {*range(101), 500}
    assert len(rows) > len({row.key for row in rows}), "the shifted row came twice, and its key tells"


@pytest.mark.parametrize("status", [200, 404])
def test_a_day_without_movements_is_an_empty_page(rig: Rig, status: int) -> None:
    rig.say["history"] = answer({"responseStatus": {"responseCode": "30020402"}}, status)
    page = rig.bank.history(TODAY, TODAY + timedelta(days=1))
    assert page.lines == ()
    assert page.next_cursor == "2025-01-16.1"


@pytest.mark.parametrize(
    "reply",
    [
        http(200, b"<html>"),
        http(404, b"{}"),
        http(503, b"{}"),
        answer({"responseStatus": {"responseCode": "01030001"}}),
        answer({"responseStatus": {"responseCode": "00000000"}}),
        answer({"responseStatus": {"responseCode": "00000000"}, "responseData": {"transactions": []}}),
        answer(
            {
                "responseStatus": {"responseCode": "00000000"},
                "responseData": {"transactions": [], "pagination": {"totalPage": 5000}},
            }
        ),
    ],
)
def test_a_history_that_cannot_be_read_is_asked_for_again_later(rig: Rig, reply: Reply) -> None:
    rig.say["history"] = reply
    with pytest.raises(BankUnavailable):
        rig.bank.history(TODAY, TODAY)


@pytest.mark.parametrize(
    "cursor", ["", "x", "2025-01-15", "2025-01-15.0", "2025-13-15.1", "2025-01-17.1", "2025-01-15.9999"]
)
def test_a_cursor_from_elsewhere_is_refused(rig: Rig, server: HttpServer, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        rig.bank.history(TODAY, TODAY, cursor)
    assert server.received == []


def test_a_history_of_too_many_days_is_refused(rig: Rig) -> None:
    with pytest.raises(InvalidField):
        rig.bank.history(TODAY, TODAY + timedelta(days=92))


# notices


def test_push_and_history_give_one_movement_one_key(rig: Rig) -> None:
    pushed = rig.bank.read_webhook({"x-api-key": WEBHOOK_KEY}, recorded("webhook.json")).lines
    listed = rig.bank.history(TODAY, TODAY).lines
    assert [row.key for row in pushed] == [row.key for row in listed]


def test_a_cut_or_altered_body_under_a_right_key_is_authentic_and_unreadable(rig: Rig) -> None:
    body = recorded("webhook.json")
    for bad in (body[:-10], body.replace(b'"credit"', b'"credi"'), b"", b"\xff"):
        rig.bank.verify_webhook({"AUTHORIZATION": WEBHOOK_KEY}, bad)
        with pytest.raises(WebhookUnreadable):
            rig.bank.read_webhook({"AUTHORIZATION": WEBHOOK_KEY}, bad)


def test_the_key_is_checked_before_the_body_is_looked_at(rig: Rig) -> None:
    with pytest.raises(SignatureInvalid):
        rig.bank.read_webhook({"Authorization": f"Bearer {WEBHOOK_KEY}"}, b"not json")


def test_no_secret_and_no_person_shows_in_what_goes_wrong(rig: Rig) -> None:
    shown: list[str] = []
    for reply in (http(500, b"planted"), Reply(b"", "reset"), http(200, b"<html>planted")):
        rig.say.update(order=reply, status=reply, balance=reply, history=reply)
        outcomes: list[Outcome] = [rig.bank.transfer(ORDER), rig.bank.transfer_status(ORDER.end_to_end_id, TODAY)]
        shown.extend(map(repr, outcomes))
        for call in (rig.bank.balance, lambda: rig.bank.history(TODAY, TODAY)):
            with pytest.raises(BankUnavailable) as refusal:
                call()
            shown.append(f"{refusal.value!r} {refusal.value.facts}")
    assert not [text for text in shown for secret in [*rig.secrets, "planted", "NGUYEN"] if secret in text]


def test_a_certificate_the_bank_does_not_know_is_a_decline(rig: Rig) -> None:
    rig.say["order"] = rig.declined
    assert rig.bank.transfer(ORDER) == Declined(Reason.BAD_SIGNATURE, "02010001")
