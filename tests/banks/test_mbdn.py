"""MBDN over real sockets: the way of a file until a person may approve it, and what becomes of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from banks.bank import Beneficiary, Capability
from banks.mbdn import QUESTIONS_MAX, Mbdn
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown
from ledger.errors import CapabilityMissing, InvalidAmount, SignatureInvalid
from ledger.money import Money
from tests.banks.contract import NOW, TODAY, Rig
from tests.banks.http_server import HttpServer, Received, Reply, http
from tests.banks.mb import rig as mb
from tests.banks.mbdn.rig import ORDER, answer, bulk, call_of, coded, open_rig, stated
from tests.banks.test_xlsx import cells


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def rig(server: HttpServer) -> Iterator[Rig]:
    opened = open_rig(server)
    opened.say["order"] = opened.accepted
    yield opened
    opened.transport.close()


def calls(server: HttpServer) -> list[str]:
    return [call_of(request) for request in server.received]


def test_a_file_is_uploaded_read_in_looked_at_and_saved(rig: Rig, server: HttpServer) -> None:
    assert rig.bank.transfer(ORDER) == Accepted(None)
    assert calls(server) == ["token", "upload", "process", "rows", "order"]
    upload, process, rows, save = server.received[1:]
    assert upload.path == "/private/corp/bulk/v2/uploadFile"
    assert upload.headers["authorization"] == "Bearer planted-mb-access-token"
    assert [json.loads(request.body)["bulkId"] for request in (process, rows, save)] == ["B-1"] * 3
    assert len({json.loads(request.body)["refNo"] for request in (process, rows, save)}) == 3
    file = upload.body[upload.body.index(b"PK") : upload.body.rindex(b"\r\n--")]
    assert cells(file)[1][5][2] == "SOCAI000000001 CHI TRA"
    assert save.headers["connection"] == "close"


def test_a_file_is_saved_once_the_bank_has_read_it(rig: Rig, server: HttpServer) -> None:
    states = iter(["WAITING", "CHECKING", "FINISHED"])

    def script(request: Received) -> Reply:
        call = call_of(request)
        return coded("00", status=next(states)) if call == "process" else rig.say[call]

    server.script = script
    assert rig.bank.transfer(ORDER) == Accepted(None)
    assert calls(server).count("process") == 3


def test_a_file_the_bank_does_not_read_in_is_given_up_and_not_saved(rig: Rig, server: HttpServer) -> None:
    rig.say["process"] = coded("00", status="WAITING")
    assert isinstance(rig.bank.transfer(ORDER), NotSent)
    assert calls(server).count("process") == QUESTIONS_MAX
    assert rig.orders_received() == 0


@pytest.mark.parametrize("call", ["token", "upload", "process", "rows"])
@pytest.mark.parametrize(
    "reply",
    [Reply(b"", "reset"), http(500, b"{}"), http(200, b"<html>"), coded("GW9999"), coded("002"), coded("00")],
    ids=["reset", "500", "html", "unlisted", "undecided", "nothing said"],
)
def test_whatever_goes_wrong_before_the_file_is_saved_nothing_was_sent(rig: Rig, call: str, reply: Reply) -> None:
    rig.say[call] = reply
    assert isinstance(rig.bank.transfer(ORDER), NotSent)
    assert rig.orders_received() == 0


@pytest.mark.parametrize("call", ["upload", "process", "rows"])
def test_an_explicit_refusal_before_saving_declines(rig: Rig, call: str) -> None:
    rig.say[call] = coded("GW52")
    assert rig.bank.transfer(ORDER) == Declined(Reason.LIMIT, "GW52")
    assert rig.orders_received() == 0


@pytest.mark.parametrize("call", ["upload", "process", "rows"])
def test_a_duplicate_at_any_step_is_unknown(rig: Rig, call: str) -> None:
    rig.say[call] = coded("GW8325")
    assert isinstance(rig.bank.transfer(ORDER), Unknown)
    assert rig.orders_received() == 0


def test_a_row_with_a_wrong_name_is_declined_before_anybody_can_approve_it(rig: Rig) -> None:
    rig.say["rows"] = answer(bulk(errorCodes="beneficiaryName:INNO_ERR_114;"))
    assert rig.bank.transfer(ORDER) == Declined(Reason.BENEFICIARY_NAME, "INNO_ERR_114")
    assert rig.orders_received() == 0


@pytest.mark.parametrize("reply", [http(401, b""), coded("GW1214"), coded("207")])
@pytest.mark.parametrize("call", ["upload", "process", "rows", "order", "status"])
def test_a_refused_token_is_fetched_anew_once(rig: Rig, server: HttpServer, call: str, reply: Reply) -> None:
    rig.say["status"] = rig.executed
    left = [reply]

    def script(request: Received) -> Reply:
        return left.pop() if call_of(request) == call and left else rig.say[call_of(request)]

    server.script = script
    if call == "status":
        assert rig.bank.transfer_status(ORDER.end_to_end_id, TODAY) == Executed("FT25015000000001")
    else:
        assert rig.bank.transfer(ORDER) == Accepted(None)
    assert calls(server).count("token") == 2


def test_a_token_refused_twice_saves_nothing(rig: Rig) -> None:
    rig.say["order"] = coded("GW200")
    assert isinstance(rig.bank.transfer(ORDER), NotSent)


def test_a_closed_bank_saves_nothing(rig: Rig) -> None:
    rig.say["order"] = coded("GW1908")
    assert rig.bank.transfer(ORDER) == NotSent(
        "the bank is closed: cut-off, end of day or maintenance; nothing was saved"
    )


def test_the_same_order_sent_again_uploads_the_same_file(rig: Rig, server: HttpServer) -> None:
    rig.bank.transfer(ORDER)
    rig.bank.transfer(ORDER)
    files = [
        request.body[request.body.index(b"PK") :][:400] for request in server.received if call_of(request) == "upload"
    ]
    assert files[0] == files[1]


@pytest.mark.parametrize(("late_s", "saved"), [(60, 1), (61, 0), (-1, 0)])
def test_a_file_that_took_too_long_is_not_saved_any_more(rig: Rig, late_s: int, saved: int) -> None:
    times = [NOW]

    def clock() -> datetime:
        return times[0]

    def script(request: Received) -> Reply:
        if call_of(request) == "rows":
            times[0] = NOW + timedelta(seconds=late_s)
        return rig.say[call_of(request)]

    with HttpServer(script) as slow:
        ours = replace(rig.bank.account, base_url=f"{slow.url}/private")
        bank = Mbdn(ours, rig.transport, clock, lambda: "ref")
        outcome = bank.transfer(ORDER)
        assert sum(call_of(request) == "order" for request in slow.received) == saved
    assert isinstance(outcome, Accepted if saved else NotSent)


# enquiry


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (stated("pendingapproval"), Accepted(None)),
        (stated("approvalinprogress"), Accepted(None)),
        (stated("rejected"), Declined(Reason.REFUSED, "rejected")),
        (stated("expired"), Declined(Reason.REFUSED, "expired")),
        (stated("executedsuccesfully", "SUCCESS", "DEDUCTED"), Executed("FT25015000000001")),
        (stated("draft"), NotFound()),
    ],
)
def test_an_enquiry_tells_how_far_an_order_has_come(
    rig: Rig, server: HttpServer, body: object, outcome: Outcome
) -> None:
    rig.say["status"] = answer(body)
    assert rig.bank.transfer_status(ORDER.end_to_end_id, TODAY) == outcome
    assert json.loads(server.received[-1].body)["fileName"] == "SOCAI000000001.xlsx"


def test_an_approval_that_expires_ends_the_order(rig: Rig) -> None:
    assert rig.bank.transfer(ORDER) == Accepted(None)
    rig.say["status"] = answer(stated("pendingapproval"))
    assert rig.bank.transfer_status(ORDER.end_to_end_id, TODAY) == Accepted(None)
    rig.say["status"] = answer(stated("expired"))
    assert rig.bank.transfer_status(ORDER.end_to_end_id, TODAY) == Declined(Reason.REFUSED, "expired")


def test_a_failed_transfer_whose_money_is_gone_stays_unknown_and_the_refund_is_a_row_of_its_own(rig: Rig) -> None:
    rig.say["status"] = answer(stated("executionfail", "FAILED", "DEDUCTED"))
    assert isinstance(rig.bank.transfer_status(ORDER.end_to_end_id, TODAY), Unknown)
    listed = mb.told("history.json")
    debit = listed["data"]["transactionHistoryList"][2]
    refund = debit | {"creditAmount": "200000", "debitAmount": "0", "refNo": "FT25015000000777"}
    listed["data"]["transactionHistoryList"] = [debit, refund]
    rig.say["history"] = mb.answer(listed)
    lines = rig.bank.history(TODAY, TODAY).lines
    assert [(line.direction, line.reversal) for line in lines] == [("debit", False), ("credit", False)]


# what is MB's


def test_balance_history_and_names_are_mb_s(rig: Rig) -> None:
    assert rig.bank.balance().current == Money(15_000_000)
    assert len(rig.bank.history(TODAY, TODAY).lines) == 3
    found = rig.bank.lookup_name("970416", "12345678")
    assert found is not None
    assert found.name == "NGUYEN VAN A"


def test_a_token_for_another_account_opens_nothing(rig: Rig) -> None:
    with pytest.raises(SignatureInvalid):
        rig.bank.verify_webhook(mb.bearer(), mb.recorded("push.json"))


def test_there_is_no_citad_and_no_order_beyond_the_limits(rig: Rig, server: HttpServer) -> None:
    assert Capability.TRANSFER_CITAD not in Mbdn.capabilities
    with pytest.raises(CapabilityMissing):
        rig.bank.transfer(msgspec.structs.replace(ORDER, rail="citad"))
    inside = msgspec.structs.replace(ORDER, rail="internal", beneficiary=Beneficiary("970422", "1", "A"))
    rig.bank.check_order(msgspec.structs.replace(inside, amount=Money(10_000_000_000_000)))
    for order in (
        msgspec.structs.replace(inside, amount=Money(10_000_000_000_001)),
        msgspec.structs.replace(ORDER, amount=Money(500_000_000)),
        msgspec.structs.replace(ORDER, amount=Money(0)),
    ):
        with pytest.raises(InvalidAmount):
            rig.bank.transfer(order)
    assert server.received == []
