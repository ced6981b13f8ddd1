"""Trial: thousands of orders at every simulated bank, with everything that can go wrong with an order, drawn by chance.

Payouts are sent, asked about and matched with the statement by the jobs of production, over HTTP; the clocks of both
sides are moved on. In the end the bank's own books are the judge: no order may have come twice, the orders it executed
are exactly the payouts we call confirmed, and their sums are equal. What nobody could find out (a bank that offers no
history never proves that an order did not happen) must be in people's hands.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from banks.bank import Capability
from banks.registry import bank_classes
from banks.simulator.personality import personalities
from commands import dispatch
from commands.statements import from_bank, untold
from ledger.calendar import bank_day
from ledger.payouts import CONFIRMED, FAILED, Payout
from local.redis import RedisServer
from tests.torture.judge import Kind, Violation
from tests.torture.trial import Bench, Report, Violated
from tests.workers.world import World, enrolled, open_world
from workers.jobs import ask_queue, pay_queue
from workers.statements import read_statement

NAME = "transfers"


class Size(NamedTuple):
    """How many orders a bank gets, and how many of them a day."""

    orders: int
    batch: int


FULL = Size(10_000, 100)
SHORT = Size(30, 30)

FAULTS: tuple[dict[str, object], ...] = (
    {"fault": "decline"},
    {"fault": "decline", "how": "later"},
    {"fault": "lose_answer"},
    {"fault": "lose_order"},
    {"fault": "slow", "seconds": 0.2},
    {"fault": "stuck"},
    {"fault": "not_found_for", "seconds": 1_500},
    {"fault": "unknown_status", "status": "PEND"},
    {"fault": "http_error", "http": 503},
    {"fault": "http_error", "http": 429},
    {"fault": "http_500_after_execute"},
    {"fault": "malformed"},
    {"fault": "answer_duplicate"},
    {"fault": "other_order"},
    {"fault": "bad_signature"},
    {"fault": "half"},
    {"fault": "wrong_type"},
)
"""What may happen to an order; half of the orders go well."""

ROUNDS_MAX = 30
"""Rounds of twenty minutes after which a batch must be over, but for what is left to people."""
ROUND_MINUTES = 20
AMOUNT = 10_000


def banks() -> list[str]:
    """The codes of the banks that are simulated and that we can speak to."""
    return [code for code in personalities() if code in bank_classes()]


def run(bench: Bench, directory: Path, size: Size) -> Report:
    """All banks at once, each in a process of its own, which waits for answers half of the time. Raises Violated."""
    began, counts = time.monotonic(), Counter[str]()
    violations: list[Violation] = []
    with ProcessPoolExecutor(len(banks()), get_context("spawn")) as pool:
        at_work = {pool.submit(_at, bench, directory, size, code): code for code in banks()}
        for ended in as_completed(at_work):
            (found, counted), code = ended.result(), at_work[ended]
            # A bank takes many minutes: what was seen at it is told at once, and is not lost with the rest.
            print(f"{code}: {len(found)} violations, {dict(counted)}", flush=True)
            violations += found
            counts.update({f"{code} {what}": number for what, number in counted.items()})
    if violations:
        raise Violated(bench, violations)
    return Report(bench.trial, bench.store, bench.seed, dict(counts), time.monotonic() - began)


def _at(bench: Bench, directory: Path, size: Size, code: str) -> tuple[list[Violation], Counter[str]]:
    """What is wrong in the end at one bank, and how its orders ended."""
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(directory / f"redis-{code}"))
        stores = [f"sqlite:///{bench.directory / f'{code}-{name}.db'}" for name in ("log", "tables")]
        customer = enrolled(bench.directory / code, code)
        world = stack.enter_context(open_world(customer, stores[0], stores[1], redis.url))
        trial = Transfers(world, code, bench.dice(code))
        return trial.run(size), trial.counts


class Transfers:
    """The orders of one bank."""

    def __init__(self, world: World, code: str, dice: Random) -> None:
        self._world, self._dice = world, dice
        self._account = f"ba_{code}_main"
        self._bank = world.parts.banks[self._account]
        self.sent: list[str] = []
        self.counts: Counter[str] = Counter()

    def run(self, size: Size) -> list[Violation]:
        """Send `size` orders; what is wrong in the end."""
        merchant = self._funded(2 * size.orders * (AMOUNT + size.orders))
        while len(self.sent) < size.orders:
            self._batch(merchant, min(size.batch, size.orders - len(self.sent)))
            self._world.advance(days=1)
        return self.judged()

    def _funded(self, units: int) -> str:
        world = self._world
        world.control("/webhooks", {"mode": "drop"})
        merchant = world.merchant(bank_account_id=self._account)
        intent = world.intent(merchant, units)
        number = self._bank.account.account_number
        world.control("/pay", {"account": number, "amount": units, "memo": intent.code})
        self._read_statement()
        world.settle(merchant, intent)
        return merchant

    def _batch(self, merchant: str, how_many: int) -> None:
        world = self._world
        batch: list[str] = []
        for _ in range(how_many):
            if self._dice.random() < 0.5:
                world.control("/next-order", self._dice.choice(FAULTS))
            units = AMOUNT + len(self.sent) + len(batch)
            batch.append(world.request_payout(merchant, units, beneficiary_bin="970436"))
        self._work()
        for _ in range(ROUNDS_MAX):
            if not self._undecided(batch):
                break
            self._people_at_the_bank()
            world.advance(minutes=ROUND_MINUTES)
            self._read_statement()
            self._work()
        self.sent += batch

    def _work(self) -> None:
        """What is due is rung, and done: orders and questions; nobody else has any work here. Redis forgets before:
        what it remembers of jobs done goes by real time, and nothing may depend on it.
        """
        self._world.parts.redis.flushall()
        self._world.schedule()
        self._world.work(pay_queue(self._bank), ask_queue(self._bank))

    def _undecided(self, batch: list[str]) -> list[Payout]:
        payouts = (self._world.payout(payout_id) for payout_id in batch)
        return [payout for payout in payouts if payout.status not in (CONFIRMED, FAILED)]

    def _people_at_the_bank(self) -> None:
        """Orders that wait for a person are decided by one now and then, and odd words are put right."""
        for order in self._world.control("/orders"):
            ended = order["status"] in ("executed", "refused")
            if order["shown_status"] is not None and ended and self._dice.random() < 0.5:
                self._world.control(f"/orders/{order['trace']}", {"status": order["status"]})
            elif not ended and order["unapproved"] and order["next_at"] is not None:
                decision = self._dice.choice(["approve", "approve", "approve", "reject"])
                self._world.control(f"/bulks/{order['bulk']}", {"decision": decision})
            elif not ended and order["next_at"] is None and self._dice.random() < 0.5:
                self._world.control(f"/orders/{order['trace']}", {"status": self._dice.choice(["executed", "refused"])})

    def _read_statement(self) -> None:
        """The statement of today as the bank tells it, or as an aggregator would where it tells none."""
        parts, today = self._world.parts, bank_day(self._world.clock())
        if Capability.HISTORY in self._bank.capabilities:
            read_statement(parts, self._account, today, today)
            return
        for command in untold(
            parts.ledger, [from_bank(self._account, row) for row in self._world.movements(self._bank)]
        ):
            dispatch(parts.ledger, command, parts.context("test", "statement"))

    # the judge

    def judged(self) -> list[Violation]:
        """What is wrong in the end, by the bank's own books."""
        orders: dict[str, Any] = {order["trace"]: order for order in self._world.control("/orders")}
        violations: list[Violation] = []
        ours = theirs = 0
        for payout_id in self.sent:
            payout = self._world.payout(payout_id)
            order = orders.get(payout.end_to_end_id)
            self.counts[payout.status] += 1
            # What a bank turned away at its gate (429: nothing was processed) may come again, and nothing else.
            received = self._world.received(payout_id) if order is None else order["received"]
            if received > 1 + self._world.names(payout_id).count("not_sent"):
                violations.append(Violation(Kind.SENT_TWICE, payout_id))
            executed = order is not None and order["status"] == "executed"
            violations += self.differs(payout, executed=executed)
            ours += payout.amount.units if payout.status == CONFIRMED else 0
            theirs += order["amount"] if executed and order is not None else 0
        if ours != theirs and not violations:
            violations.append(Violation(Kind.BANK_DIFFERS, f"{ours} confirmed, {theirs} executed"))
        state = self._world.control("/state")
        if state["trial_balance_sum"] != 0:
            violations.append(Violation(Kind.BANK_DIFFERS, f"the bank's books sum to {state['trial_balance_sum']}"))
        return violations

    def differs(self, payout: Payout, *, executed: bool) -> list[Violation]:
        """What is wrong with one payout, given whether the bank executed it."""
        if payout.status == CONFIRMED and not executed:
            return [Violation(Kind.BANK_DIFFERS, f"{payout.id} is confirmed, and the bank did not execute it")]
        if executed and payout.status != CONFIRMED:
            return [Violation(Kind.BANK_DIFFERS, f"{payout.id} was executed, and is {payout.status}")]
        if payout.status not in (CONFIRMED, FAILED):
            self.counts["left to people"] += 1
            if Capability.HISTORY in self._bank.capabilities:
                return [Violation(Kind.STALLED, f"{payout.id} is {payout.status}, and the bank could be asked")]
        return []
