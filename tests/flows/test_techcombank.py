"""The Techcombank adapter meets the simulated bank over mutual TLS: one specification read twice, apart."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from banks.bank import Bank, Beneficiary, OrderNews, Rail, TransferOrder
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown
from banks.registry import load_accounts, open_banks
from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from banks.techcombank_credentials import TechcombankCredentials
from banks.transport import Limits, Transport
from ledger.calendar import bank_day
from ledger.errors import BankUnavailable, Problem, SignatureInvalid
from ledger.money import Money
from local.processes import free_port
from tests.flows.test_acb import QUICK, Desk, Gateway, eventually

OURS = "19012345678901"
Open = Callable[..., AbstractContextManager["TechcombankDesk"]]


class TechcombankDesk(Desk):
    """Techcombank, its control port, and our adapter for it."""

    def order(self, trace: str, amount: int = 200_000, rail: Rail = "napas") -> TransferOrder:
        bin_ = "970407" if rail == "internal" else "970422"
        return TransferOrder(
            end_to_end_id=trace,
            rail=rail,
            beneficiary=Beneficiary(bin_, "0001234567890", "Trần Thị Bình"),
            amount=Money(amount),
            memo="Lương tháng 11",
        )

    def decided(self, trace: str) -> Outcome:
        """What the enquiries say once the bank has decided."""
        eventually(lambda: not isinstance(self.status(trace), Accepted))
        return self.bank.transfer_status(trace, bank_day(datetime.now(UTC)))

    def received(self) -> list[str]:
        """Our ids of the orders the bank has."""
        return [order["trace"] for order in self.see("/orders")]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Opens a bank with 10,000,000 VND of ours, quick, that announces nothing; `changes` to our row of the accounts
    file. One enrolment serves all tests, and an adapter all that want the same: both take long over their keys.
    """
    keys, port = tmp_path_factory.mktemp("techcombank"), free_port()
    mine = Enrolment(base_url=f"https://127.0.0.1:{port}", accounts=(("ba_tcb_main", OURS),), balance=10_000_000)
    enrol(keys, personality("techcombank"), mine)
    enrolled = json.loads((keys / "accounts.json").read_text())["bank_accounts"][0]

    transport = Transport(time.monotonic, limits=Limits(read_s=2.0))

    @cache
    def ours(**changes: object) -> Bank:
        place = Path(tmp_path_factory.mktemp("ours"), "accounts.json")
        place.write_text(json.dumps({"bank_accounts": [enrolled | changes]}))
        clock, token = lambda: datetime.now(UTC), lambda: str(uuid.uuid4())
        (bank,) = open_banks(load_accounts(place), transport, clock, token).values()
        return bank

    @contextmanager
    def open_(**changes: object) -> Iterator[TechcombankDesk]:
        with Simulator(keys, "techcombank", port=port) as simulator:
            desk = TechcombankDesk(ours(**changes), simulator)
            desk.do("/settings", **QUICK)
            desk.do("/accounts", number="0001234567890", name="TRAN THI BINH", bin="970422")
            yield desk
            desk.control.close()

    yield open_
    transport.close()


@pytest.fixture
def desk(opened: Open) -> Iterator[TechcombankDesk]:
    with opened() as desk:
        yield desk


def test_balance_is_what_the_books_say_and_what_orders_have_left(desk: TechcombankDesk) -> None:
    desk.do("/next-order", fault="stuck")
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAA1"))
    balance = desk.bank.balance()
    assert (balance.current, balance.available) == (Money(10_000_000), Money(9_800_000))


@pytest.mark.parametrize("rail", ["napas", "internal", "citad"])
def test_an_order_is_accepted_then_executed(desk: TechcombankDesk, rail: Rail) -> None:
    if rail == "internal":
        desk.do("/accounts", number="0001234567890", name="TRAN THI BINH")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA2", rail=rail)), Accepted)
    outcome = desk.decided("SPAAAAAAAAAAAA2")
    (debit,) = desk.see(f"/movements?account={OURS}")
    assert outcome == Executed(debit["reference"])
    assert (debit["amount"], debit["memo"]) == (200_000, "SPAAAAAAAAAAAA2 LUONG THANG 11")
    assert desk.bank.balance().current == Money(9_800_000)


def test_a_wrong_name_is_declined_late(desk: TechcombankDesk) -> None:
    desk.do("/accounts", number="0001234567891", name="LE VAN CUONG", bin="970422")
    order = TransferOrder(
        end_to_end_id="SPAAAAAAAAAAAA3",
        rail="napas",
        beneficiary=Beneficiary("970422", "0001234567891", "Trần Thị Bình"),
        amount=Money(200_000),
        memo="x",
    )
    assert isinstance(desk.bank.transfer(order), Accepted)
    assert isinstance(desk.decided("SPAAAAAAAAAAAA3"), Declined)
    assert desk.bank.balance().current == Money(10_000_000)


@pytest.mark.parametrize(
    ("settings", "amount", "reason"),
    [
        ({}, 10_000_001, Reason.INSUFFICIENT_FUNDS),
        ({"napas_max": 100_000}, 200_000, Reason.LIMIT),
        ({"offline_bins": ["970422"]}, 200_000, Reason.BANK_AWAY),
        ({"maintenance": True}, 200_000, Reason.BANK_AWAY),
        ({"envelope": "cbc"}, 200_000, Reason.BAD_FORMAT),
    ],
)
def test_what_the_bank_refuses_in_a_known_code_is_declined(
    desk: TechcombankDesk, settings: dict[str, object], amount: int, reason: Reason
) -> None:
    desk.do("/settings", **settings)
    outcome = desk.bank.transfer(desk.order("SPAAAAAAAAAAAA4", amount))
    assert isinstance(outcome, Declined)
    assert outcome.reason == reason
    assert desk.received() == []


def test_a_lost_answer_is_unknown_and_the_enquiry_knows(desk: TechcombankDesk) -> None:
    desk.do("/next-order", fault="lose_answer")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA5")), Unknown)
    assert isinstance(desk.decided("SPAAAAAAAAAAAA5"), Executed)


def test_a_lost_order_is_unknown_and_not_found(desk: TechcombankDesk) -> None:
    desk.do("/next-order", fault="lose_order")
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA6")), Unknown)
    assert desk.status("SPAAAAAAAAAAAA6") == NotFound()
    desk.do("/settings", not_found="error")
    assert isinstance(desk.status("SPAAAAAAAAAAAA6"), Unknown)


def test_an_order_that_is_not_found_yet_may_be_executed_later(desk: TechcombankDesk) -> None:
    desk.do("/next-order", fault="not_found_for", seconds=120)
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAAA"))
    assert desk.status("SPAAAAAAAAAAAAA") == NotFound()
    desk.do("/clock", advance_s=121)
    assert isinstance(desk.decided("SPAAAAAAAAAAAAA"), Executed)


def test_a_second_order_under_the_same_id_is_unknown_and_moves_nothing(desk: TechcombankDesk) -> None:
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA7")), Accepted)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA7", 300_000)), Unknown)
    assert isinstance(desk.decided("SPAAAAAAAAAAAA7"), Executed)
    assert desk.bank.balance().current == Money(9_800_000)


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "http_500_after_execute"},
        {"fault": "malformed"},
        {"fault": "half"},
        {"fault": "other_order"},
        {"fault": "answer_duplicate"},
        {"fault": "answer_duplicate", "code": "SOA-003"},
        {"fault": "answer_duplicate", "code": "001"},
        {"fault": "slow", "seconds": 4},
    ],
    ids=str,
)
def test_whatever_is_not_in_explicit_words_is_unknown(desk: TechcombankDesk, fault: dict[str, object]) -> None:
    desk.do("/next-order", **fault)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAA8")), Unknown)
    assert desk.received() == ["SPAAAAAAAAAAAA8"]


@pytest.mark.parametrize("word", ["PENDING REVIEW", "PEND"])
def test_an_order_under_way_stays_accepted_whatever_the_bank_calls_it(desk: TechcombankDesk, word: str) -> None:
    desk.do("/next-order", fault="unknown_status", status=word)
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAA9"))
    assert isinstance(desk.status("SPAAAAAAAAAAAA9"), Accepted)


def test_a_state_may_stand_within_other_words_and_enquiries_may_have_to_be_signed(desk: TechcombankDesk) -> None:
    desk.do("/settings", status_words="within", enquiry_signature="required")
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAAB"))
    assert isinstance(desk.decided("SPAAAAAAAAAAAAB"), Executed)


def test_the_older_envelope_is_agreed_on_both_sides(opened: Open) -> None:
    with opened(envelope="cbc") as desk:
        desk.do("/settings", envelope="cbc")
        assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAAC")), Accepted)


@pytest.mark.parametrize("handshake", ["other_ca", "refuse"])
def test_without_a_handshake_nothing_is_sent(desk: TechcombankDesk, handshake: str) -> None:
    desk.do("/settings", tls=handshake)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAAD")), NotSent)
    assert isinstance(desk.status("SPAAAAAAAAAAAAD"), Unknown)
    with pytest.raises(BankUnavailable):
        desk.bank.balance()
    desk.do("/settings", tls="good")
    assert desk.received() == []
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAAD")), Accepted)


def test_a_wrong_password_processes_nothing(opened: Open) -> None:
    with opened(password="not-the-password-at-all") as desk:
        assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAAE")), NotSent)
        with pytest.raises(BankUnavailable):
            desk.bank.balance()
        assert desk.received() == []


def test_partners_are_offered_no_history_and_pushed_movements_are_not_believed(
    desk: TechcombankDesk, gateway: Gateway
) -> None:
    with pytest.raises(Problem):
        desk.statement()
    desk.do("/settings", pushes=True)
    desk.do("/pay", account=OURS, amount=150_000, memo="SOCAI7K3M9Q2X")
    eventually(lambda: gateway.statuses == [401])
    assert gateway.rows == []


@pytest.fixture
def gateway(desk: TechcombankDesk) -> Iterator[Gateway]:
    gateway = Gateway(desk.bank)
    desk.do("/webhooks", url=gateway.url, mode="send")
    yield gateway
    desk.do("/webhooks", mode="drop")
    gateway.server.shutdown()
    gateway.server.server_close()


@pytest.mark.parametrize("sealed", [False, True])
def test_the_end_of_an_order_is_told_believed_and_acknowledged(
    desk: TechcombankDesk, gateway: Gateway, sealed: bool
) -> None:
    desk.do("/settings", sealed_callbacks=sealed)
    desk.do("/next-order", fault="slow")
    desk.do("/next-order", fault="decline", how="later", reason="Account is blocked")
    for trace in ("SPAAAAAAAAAAAAF", "SPAAAAAAAAAAAAG"):
        desk.bank.transfer(desk.order(trace))
    eventually(lambda: len(gateway.orders) == 2)
    told = {news.end_to_end_id: news.outcome for news in gateway.orders}
    assert told["SPAAAAAAAAAAAAF"] == Executed(None)
    assert isinstance(told["SPAAAAAAAAAAAAG"], Declined)
    eventually(lambda: [notice["status"] for notice in desk.see("/notices")] == ["acknowledged"] * 2)
    assert gateway.statuses == [200, 200]


def test_the_end_may_be_told_before_the_answer_and_told_twice(desk: TechcombankDesk, gateway: Gateway) -> None:
    desk.do("/webhooks", url=gateway.url, mode="duplicate", times=2)
    desk.do("/next-order", fault="slow", seconds=0.5, validate_s=0, transfer_s=0)
    assert isinstance(desk.bank.transfer(desk.order("SPAAAAAAAAAAAAH")), Accepted)
    assert gateway.orders == [OrderNews(end_to_end_id="SPAAAAAAAAAAAAH", outcome=Executed(None))] * 2


@pytest.mark.parametrize(
    "spoilt", [{"key": "wrong"}, {"key": "missing"}, {"body": "tampered"}, {"body": "html"}], ids=str
)
def test_a_callback_that_the_bank_did_not_sign_is_refused(
    desk: TechcombankDesk, gateway: Gateway, spoilt: dict[str, str]
) -> None:
    desk.do("/webhooks", url=gateway.url, **spoilt)
    desk.bank.transfer(desk.order("SPAAAAAAAAAAAAJ"))
    eventually(lambda: gateway.statuses == [401])
    assert gateway.orders == []
    assert desk.see("/notices")[0]["status"] == "waiting"


def test_no_secret_is_said_by_anything_that_went_wrong(
    desk: TechcombankDesk, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    said = [repr(desk.bank), repr(desk.bank.account)]
    for trace, fault in (("SPAAAAAAAAAAAAK", "lose_answer"), ("SPAAAAAAAAAAAAL", "malformed")):
        desk.do("/next-order", fault=fault)
        said.append(repr(desk.bank.transfer(desk.order(trace))))
    desk.do("/next-answer", to="account", http=500, count=2)
    with pytest.raises(BankUnavailable) as away:
        desk.bank.balance()
    with pytest.raises(SignatureInvalid) as forged:
        desk.bank.read_webhook({}, b"<forged/>")
    said += [str(away.value), str(forged.value), caplog.text]
    password = desk.bank.account.credentials_as(TechcombankCredentials).password.reveal()
    for secret in (password, "Basic ", "PRIVATE KEY", OURS, "0001234567890"):
        assert [text for text in said if secret in text] == []
