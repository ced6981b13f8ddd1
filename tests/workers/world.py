"""A small world for worker tests: real stores, the simulated bank over HTTP, and a clock that the test moves."""

from __future__ import annotations

import json
import signal
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID

import workers
from banks.bank import Bank, StatementRow
from banks.pace import Pace
from banks.registry import load_accounts, open_banks
from banks.shared_state import SharedState
from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator, free_port
from banks.transport import Limits, Transport
from commands import dispatch
from commands.command import Command
from commands.merchants import AddWebhookEndpoint, RegisterMerchant
from commands.payments import CreatePaymentIntent
from commands.payouts import RequestPayout
from commands.settlements import CloseSettlement, ReleaseSettlement
from commands.statements import from_bank
from ledger import accounts
from ledger.accounts import Account
from ledger.calendar import bank_day
from ledger.context import Context
from ledger.discovery import import_all
from ledger.money import Money
from ledger.payments import PaymentIntent
from ledger.payouts import Payout
from ledger.person_keys import OpenKeys, keys_at
from ledger.privacy import Personal
from ledger.settings import Secret, Settings
from ledger.store import Ledger
from projections.database import open_database, open_reader
from workers.jobs import Bell, QueueWorker, queue_names
from workers.parts import Parts, connect, hold
from workers.projector import project
from workers.scheduler import Scheduler

import_all(workers)

PAY, ASK, WEBHOOKS = "bank.acb.pay", "bank.acb.ask", "webhooks"
BANK_ACCOUNT = "ba_acb_main"
ACCOUNT_NUMBER = "12345678"
MASTER_KEY = bytes(range(32))
PAYEE = "0001234567890"
UNHURRIED = Pace(calls=1_000_000, burst=1_000)
"""No test waits for its turn at the bank unless it wants to."""
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Clock:
    """Real time plus what the test added."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


class Token:
    """Random bytes that are not random: a counter."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")


@dataclass
class World:
    """Everything a worker test needs. `control` speaks to the simulated bank's control port."""

    parts: Parts
    clock: Clock
    simulator: Simulator
    environment: dict[str, str]
    commands: int = field(default=0)

    def control(self, path: str, body: object = None) -> Any:
        """The control port's answer; with a body it is a POST."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.simulator.control_url + path, data)) as answer:  # noqa: S310  the address is our own
            return json.load(answer)

    def advance(self, **time_: float) -> None:
        """Moves our clock and the bank's."""
        step = timedelta(**time_)
        self.clock.offset += step
        self.control("/clock", {"advance_s": step.total_seconds()})

    # what people and banks do

    def do(self, command: Command, actor: str = "operator:lan") -> str:
        """Dispatches a command; its subject's id."""
        self.commands += 1
        id_ = f"cmd_test_{self.commands}"
        context = Context(at=self.clock(), actor=actor, command_id=id_, correlation_id=f"req_{self.commands}")
        return dispatch(self.parts.ledger, command, context).subject

    def merchant(self, approvals_needed: int = 0, bank_account_id: str = BANK_ACCOUNT) -> str:
        """A new merchant, paid on this account of ours."""
        return self.do(
            RegisterMerchant(
                name="Shop",
                bank_account_id=bank_account_id,
                fee_bps=100,
                payout_fee=Money(3_000),
                approvals_needed=approvals_needed,
            )
        )

    def intent(self, merchant_id: str, units: int = 1_500_000, expires_at: datetime | None = None) -> PaymentIntent:
        """A payment the merchant expects."""
        command = CreatePaymentIntent(
            merchant_id=merchant_id,
            amount=Money(units),
            description="",
            merchant_reference="",
            expires_at=expires_at,
        )
        return self.parts.ledger.get(PaymentIntent, self.do(command))

    def pay(self, intent: PaymentIntent, units: int | None = None) -> None:
        """A payer pays at the bank."""
        amount = intent.amount.units if units is None else units
        self.control("/pay", {"account": ACCOUNT_NUMBER, "amount": amount, "memo": intent.code})

    def funded_merchant(self, units: int = 10_000_000, bank_account_id: str = BANK_ACCOUNT) -> str:
        """A merchant with available funds, paid in and settled."""
        merchant_id = self.merchant(bank_account_id=bank_account_id)
        intent = self.intent(merchant_id, units)
        self.pay(intent)
        self.read_statement(bank_account_id)
        self.settle(merchant_id, intent)
        return merchant_id

    def settle(self, merchant_id: str, intent: PaymentIntent) -> None:
        """Makes what was paid for the intent available to the merchant."""
        settlement = self.do(CloseSettlement(merchant_id=merchant_id, payment_intent_ids=(intent.id,)))
        self.do(ReleaseSettlement(settlement_id=settlement))

    def movements(self, bank: Bank) -> list[StatementRow]:
        """All movements on our account as an aggregator would tell them, for a bank that has no history."""
        number = bank.account.account_number
        return [_row(one) for one in self.control(f"/movements?account={number}")]

    def request_payout(self, merchant_id: str, units: int = 1_000_000, **changes: str) -> str:
        """An approved payout."""
        fields = {"beneficiary_bin": "970422", "account": PAYEE, "name": "NGUYEN VAN A", "memo": "Tra luong"} | changes
        return self.do(
            RequestPayout(
                merchant_id=merchant_id,
                amount=Money(units),
                beneficiary_bin=fields["beneficiary_bin"],
                beneficiary_account=Personal(fields["account"]),
                beneficiary_name=Personal(fields["name"]),
                memo=fields["memo"],
            )
        )

    def endpoint(self, merchant_id: str, url: str) -> str:
        """A webhook endpoint of the merchant; its id."""
        self.do(AddWebhookEndpoint(merchant_id=merchant_id, url=url, secret=Personal(WEBHOOK_SECRET)))
        return f"{self.parts.ledger.history(merchant_id)[-1].event.endpoint.endpoint_id}"  # type: ignore[attr-defined]

    def read_statement(self, bank_account_id: str = BANK_ACCOUNT) -> None:
        """Records what today's statement shows, without a job; for an account the bank does not know, the same."""
        bank = self.parts.banks[BANK_ACCOUNT]
        day = bank_day(self.clock())
        for row in bank.history(day, day).lines:
            command = from_bank(bank_account_id, row)
            dispatch(self.parts.ledger, command, self.parts.context("test", "statement"))

    # what our processes do

    def project(self) -> None:
        """Brings the read tables up to date."""
        while project(self.parts).applied:
            continue

    def schedule(self) -> int:
        """One tick of a scheduler that has just started: everything that is due is rung."""
        self.project()
        scheduler = Scheduler(self.parts)
        rung = scheduler.tick()
        scheduler.give_up_lock()
        return rung

    def work(self, *queues: str) -> None:
        """Does every job that waits in these queues (all of ours when none is named), then projects."""
        known = queue_names(self.parts.banks.values())
        for queue in queues or known:
            with undisturbed_signals():
                worker = QueueWorker([queue], known, connect(self.parts.settings.redis_url))
                worker.work(burst=True, logging_level="WARNING")
        self.project()

    def round(self) -> None:
        """What is due is rung, and done."""
        self.schedule()
        self.work()

    # what can be seen

    @property
    def bell(self) -> Bell:
        return Bell(self.parts.redis)

    def payout(self, payout_id: str) -> Payout:
        """How the payout stands in the ledger."""
        return self.parts.ledger.get(Payout, payout_id)

    def names(self, stream: str) -> list[str]:
        """What happened to something, in order."""
        return [envelope.name.partition(".")[2] for envelope in self.parts.ledger.history(stream)]

    def received(self, payout_id: str) -> int:
        """How often the bank received an order for this payout."""
        try:
            return int(self.control(f"/orders/{self.payout(payout_id).end_to_end_id}")["received"])
        except OSError:
            return 0

    def available(self, merchant_id: str) -> Account:
        """The merchant's guarded account."""
        return self.parts.ledger.get(Account, accounts.available(merchant_id))

    def booked(self, payout_id: str) -> None:
        """Waits until the bank has ended the order (its own clock must have been moved on)."""
        trace = self.payout(payout_id).end_to_end_id
        eventually(lambda: self.control(f"/orders/{trace}")["status"] in ("executed", "refused"))


def _row(movement: dict[str, Any]) -> StatementRow:
    at = datetime.fromisoformat(movement["at"])
    return StatementRow(
        account_number=movement["account"],
        bank_reference=movement["reference"],
        direction=movement["direction"],
        amount=Money(movement["amount"]),
        booked_at=at,
        bank_time=movement["at"],
        value_date=bank_day(at),
        source="webhook",
        memo=movement["memo"],
        balance_after=Money(movement["balance_after"]),
    )


def eventually(condition: Callable[[], object], within_s: float = 30) -> None:
    """Polls until the condition holds; fails after `within_s` seconds."""
    until = time.monotonic() + within_s
    pause = 0.01
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(pause)


@contextmanager
def undisturbed_signals() -> Iterator[None]:
    """RQ takes over signals and the alarm clock, which belong to pytest."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    timer = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


@dataclass(frozen=True)
class Enrolled:
    """What the bank and we know of each other: files in `keys`, made once for an address on `port`."""

    keys: Path
    port: int
    bank: str = "acb"


def enrolled(keys: Path, bank: str = "acb") -> Enrolled:
    """Takes us on as a customer of a simulated bank; slow, because it makes keys."""
    port, kind = free_port(), personality(bank)
    our_accounts = ((f"ba_{bank}_main", kind.profile.account),)
    enrol(keys, kind, Enrolment(base_url=f"http://127.0.0.1:{port}", accounts=our_accounts))
    return Enrolled(keys, port, bank)


@contextmanager
def open_world(customer: Enrolled, event_store_url: str, read_tables_url: str, redis_url: str) -> Iterator[World]:
    """The world on these servers, with a bank that remembers nothing."""
    environment = {
        "EVENT_STORE_URL": event_store_url,
        "READ_TABLES_URL": read_tables_url,
        "REDIS_URL": redis_url,
        "SOCAI_MASTER_KEY": b64encode(MASTER_KEY).decode(),
        "SOCAI_BANK_ACCOUNTS": str(customer.keys / "accounts.json"),
        "SOCAI_WEBHOOK_ALLOW_PRIVATE": "1",
    }
    clock, token = Clock(), Token()
    with (
        Simulator(customer.keys, customer.bank, port=customer.port) as simulator,
        closing(keys_at(event_store_url)) as person_keys,
    ):
        parts = _parts(environment, clock, token, person_keys)
        world = World(parts=parts, clock=clock, simulator=simulator, environment=environment)
        fast = {"answer_s": 0, "validate_s": 0.01, "transfer_s": 0.01, "webhook_s": 0}
        world.control("/settings", fast)
        hold(parts)
        world.project()
        try:
            yield world
        finally:
            parts.close()


def _parts(environment: dict[str, str], clock: Clock, token: Token, person_keys: OpenKeys) -> Parts:
    settings = Settings(
        event_store_url=environment["EVENT_STORE_URL"],
        read_tables_url=environment["READ_TABLES_URL"],
        redis_url=environment["REDIS_URL"],
        master_key=Secret(environment["SOCAI_MASTER_KEY"]),
        operator_keys=(),
        bank_accounts=Path(environment["SOCAI_BANK_ACCOUNTS"]),
        web_host="127.0.0.1",
        web_port=1,
        public_url="http://127.0.0.1:1",
        webhook_allow_private=True,
    )
    redis = connect(settings.redis_url)
    limits = Limits(connect_s=2, read_s=2, call_s=3, pause_s=0.1)
    transport = Transport(time.monotonic, limits=limits, pace=UNHURRIED, shared=SharedState(redis, clock))
    return Parts(
        settings=settings,
        ledger=Ledger.at(settings.event_store_url, MASTER_KEY, token, person_keys),
        reader=open_reader(settings.read_tables_url),
        database=open_database(settings.read_tables_url),
        transport=transport,
        banks=open_banks(load_accounts(settings.bank_accounts), transport, clock, lambda: str(UUID(bytes=token(16)))),
        feeds={},
        redis=redis,
        clock=clock,
        token=token,
    )


def waiting(world: World, queue: str) -> Sequence[bytes]:
    """Ids of the jobs that wait in a queue, as Redis holds them."""
    found: list[bytes] = world.parts.redis.lrange(f"rq:queue:{queue}", 0, -1)  # type: ignore[assignment]
    return found
