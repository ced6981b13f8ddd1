"""What Techcombank has of its own: mutual TLS, envelopes, refusals in codes, and calls about the end of an order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from banks.bank import OrderNews
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Reason, Unknown
from banks.techcombank_credentials import TechcombankCredentials
from ledger.calendar import bank_day
from ledger.errors import BankUnavailable, Problem, SignatureInvalid
from tests.flows.conftest import Open
from tests.flows.desk import ELSEWHERE, PAYEE, Desk, Gateway, eventually


@pytest.fixture
def desk(opened: Open) -> Iterator[Desk]:
    with opened("techcombank") as desk:
        yield desk


def test_an_order_bears_our_id_in_the_memo(desk: Desk) -> None:
    desk.send("SPAAAAAAAAAAAA2")
    desk.ended("SPAAAAAAAAAAAA2")
    (debit,) = desk.booked()
    assert debit["memo"] == "SPAAAAAAAAAAAA2 LUONG THANG 11 - DOT 2"


def test_a_wrong_name_elsewhere_is_declined_late(desk: Desk) -> None:
    desk.do("/accounts", number="0001234567891", name="LE VAN CUONG", bin=ELSEWHERE)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA3", payee="0001234567891")), Accepted)
    assert isinstance(desk.ended("SPAAAAAAAAAAAA3"), Declined)


@pytest.mark.parametrize(
    ("settings", "amount", "reason"),
    [
        ({"napas_max": 100_000}, 200_000, Reason.LIMIT),
        ({"offline_bins": [ELSEWHERE]}, 200_000, Reason.BANK_AWAY),
        ({"maintenance": True}, 200_000, Reason.BANK_AWAY),
        ({"envelope": "cbc"}, 200_000, Reason.BAD_FORMAT),
    ],
)
def test_what_the_bank_refuses_in_a_known_code_is_declined(
    desk: Desk, settings: dict[str, object], amount: int, reason: Reason
) -> None:
    desk.do("/settings", **settings)
    outcome = desk.bank.transfer(desk.order("SPAAAAAAAAAAAA4", amount))
    assert isinstance(outcome, Declined)
    assert outcome.reason == reason
    assert desk.received() == []


def test_an_error_instead_of_a_state_does_not_say_that_an_order_is_not_there(desk: Desk) -> None:
    desk.do("/next-order", fault="lose_order")
    desk.send("SPAAAAAAAAAAAA6")
    desk.do("/settings", not_found="error")
    assert isinstance(desk.status("SPAAAAAAAAAAAA6"), Unknown)


def test_an_order_that_is_not_found_yet_may_be_executed_later(desk: Desk) -> None:
    desk.do("/next-order", fault="not_found_for", seconds=120)
    desk.send("SPAAAAAAAAAAAAA")
    assert desk.status("SPAAAAAAAAAAAAA") == NotFound()
    desk.do("/clock", advance_s=121)
    assert isinstance(desk.ended("SPAAAAAAAAAAAAA"), Executed)


@pytest.mark.parametrize("code", ["SOA-003", "001"])
def test_a_code_that_says_duplicate_leaves_the_order_unknown(desk: Desk, code: str) -> None:
    desk.do("/next-order", fault="answer_duplicate", code=code)
    assert isinstance(desk.send("SPAAAAAAAAAAAA8"), Unknown)
    assert desk.received() == ["SPAAAAAAAAAAAA8"]


@pytest.mark.parametrize("word", ["PENDING REVIEW", "PEND"])
def test_an_order_under_way_stays_accepted_whatever_the_bank_calls_it(desk: Desk, word: str) -> None:
    desk.do("/next-order", fault="unknown_status", status=word)
    desk.send("SPAAAAAAAAAAAA9")
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Accepted)


def test_a_state_may_stand_within_other_words_and_enquiries_may_have_to_be_signed(desk: Desk) -> None:
    desk.do("/settings", status_words="within", enquiry_signature="required")
    desk.send("SPAAAAAAAAAAAAB")
    assert isinstance(desk.ended("SPAAAAAAAAAAAAB"), Executed)


def test_the_older_envelope_is_agreed_on_both_sides(opened: Open) -> None:
    with opened("techcombank", envelope="cbc") as desk:
        desk.do("/settings", envelope="cbc")
        assert isinstance(desk.send("SPAAAAAAAAAAAAC"), Accepted)


@pytest.mark.parametrize("handshake", ["other_ca", "refuse"])
def test_without_a_handshake_nothing_is_sent(desk: Desk, handshake: str) -> None:
    desk.do("/settings", tls=handshake)
    assert isinstance(desk.send("SPAAAAAAAAAAAAD"), NotSent)
    assert isinstance(desk.status("SPAAAAAAAAAAAAD"), Unknown)
    with pytest.raises(BankUnavailable):
        desk.bank.balance()
    desk.do("/settings", tls="good")
    assert desk.received() == []
    assert isinstance(desk.send("SPAAAAAAAAAAAAD"), Accepted)


def test_a_wrong_password_processes_nothing(opened: Open) -> None:
    with opened("techcombank", password="not-the-password-at-all") as desk:
        assert isinstance(desk.send("SPAAAAAAAAAAAAE"), NotSent)
        with pytest.raises(BankUnavailable):
            desk.bank.balance()
        assert desk.received() == []


def test_partners_are_offered_no_history_and_pushed_movements_are_not_believed(desk: Desk, gateway: Gateway) -> None:
    today = bank_day(datetime.now(UTC))
    with pytest.raises(Problem):
        desk.bank.history(today, today)
    desk.do("/settings", pushes=True)
    desk.credited()
    eventually(lambda: gateway.statuses == [401])
    assert gateway.rows == []


@pytest.mark.parametrize("sealed", [False, True])
def test_the_end_of_an_order_is_told_believed_and_acknowledged(desk: Desk, gateway: Gateway, sealed: bool) -> None:
    desk.do("/settings", sealed_callbacks=sealed)
    desk.do("/next-order", fault="slow")
    desk.do("/next-order", fault="decline", how="later", reason="Account is blocked")
    for trace in ("SPAAAAAAAAAAAAF", "SPAAAAAAAAAAAAG"):
        desk.send(trace)
    eventually(lambda: len(gateway.orders) == 2)
    told = {news.end_to_end_id: news.outcome for news in gateway.orders}
    assert told["SPAAAAAAAAAAAAF"] == Executed(None)
    assert isinstance(told["SPAAAAAAAAAAAAG"], Declined)
    eventually(lambda: desk.acknowledged(2))
    assert gateway.statuses == [200, 200]


def test_the_end_may_be_told_before_the_answer_and_told_twice(desk: Desk, gateway: Gateway) -> None:
    desk.do("/webhooks", url=gateway.url, mode="duplicate", times=2)
    desk.do("/next-order", fault="slow", seconds=0.5, validate_s=0, transfer_s=0)
    assert isinstance(desk.send("SPAAAAAAAAAAAAH"), Accepted)
    assert gateway.orders == [OrderNews(end_to_end_id="SPAAAAAAAAAAAAH", outcome=Executed(None))] * 2


@pytest.mark.parametrize(
    "spoilt", [{"key": "wrong"}, {"key": "missing"}, {"body": "tampered"}, {"body": "html"}], ids=str
)
def test_a_callback_that_the_bank_did_not_sign_is_refused(desk: Desk, gateway: Gateway, spoilt: dict[str, str]) -> None:
    desk.do("/webhooks", url=gateway.url, **spoilt)
    desk.send("SPAAAAAAAAAAAAJ")
    eventually(lambda: gateway.statuses == [401])
    assert gateway.orders == []
    assert desk.see("/notices")[0]["status"] == "waiting"


def test_no_secret_is_said_by_anything_that_went_wrong(
    desk: Desk, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    said = [repr(desk.bank), repr(desk.bank.account)]
    for trace, fault in (("SPAAAAAAAAAAAAK", "lose_answer"), ("SPAAAAAAAAAAAAL", "malformed")):
        desk.do("/next-order", fault=fault)
        said.append(repr(desk.send(trace)))
    desk.do("/next-answer", to="account", http=500, count=2)
    with pytest.raises(BankUnavailable) as away:
        desk.bank.balance()
    with pytest.raises(SignatureInvalid) as forged:
        desk.bank.read_webhook({}, b"<forged/>")
    said += [str(away.value), str(forged.value), caplog.text]
    password = desk.bank.account.credentials_as(TechcombankCredentials).password.reveal()
    for secret in (password, "Basic ", "PRIVATE KEY", desk.ours, PAYEE):
        assert [text for text in said if secret in text] == []
