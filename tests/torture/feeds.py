"""Trial of completeness: a push and an aggregator that lose, double and reorder what they tell of one account.

Of every hundred movements one is told by nobody, two are told twice and ten come late; some stand in one second, with
twins among them, equal in all but reference and balance. The history knows them all, without balances. In the end our
lines must be the bank's movements, each once, with no hole left, and none may have been noticed where nothing lacked. A
second account whose feeds lose nothing must never have had one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from banks.bank import StatementRow
from banks.transport import Transport
from commands import dispatch
from commands.statements import from_bank, line_of
from ledger import accounts
from ledger.balance_chain import APART
from ledger.calendar import bank_day
from ledger.completeness import Completeness, Hole, id_of_completeness
from ledger.money import Money
from ledger.statements import StatementLine
from ledger.store import Ledger
from projections import balances
from projections.database import Database, Reader, open_database, open_reader
from projections.follower import run_round
from tests.story import START
from tests.torture.judge import Kind, Violation
from tests.torture.paper_bank import PaperBank
from tests.torture.projector import open_ledger
from tests.torture.trial import Bench, Report, Violated
from tests.web.stage import NOWHERE, settings
from workers.completeness import check_completeness
from workers.parts import Parts, connect

NAME = "feeds"
OPENING = Money(1_000_000_000)
EVERY = timedelta(hours=6)
"""How long after one check comes the next, of a clock of the trial's own."""
SECTION = 2_000
"""Events the read tables follow in one transaction."""


class Size(NamedTuple):
    """How many movements of the account whose feeds lose some, and of the one whose feeds lose none."""

    movements: int = 100_000
    without_loss: int = 20_000


SHORT = Size(movements=900, without_loss=300)
FULL = Size()


class Told(NamedTuple):
    """A message of a feed: when it comes, and what it says."""

    at: datetime
    row: StatementRow


class Plan(NamedTuple):
    """What the bank books, what our feeds tell of it, and which movements no feed tells."""

    rows: list[StatementRow]
    told: list[Told]
    lost: list[StatementRow]


def plan(dice: Random, movements: int, lost_of_100: int) -> Plan:
    """All that happens on one account."""
    rows = list(_booked(dice, movements))
    lost = [row for row in rows if dice.randrange(100) < lost_of_100]
    unheard = {row.bank_reference for row in lost}
    told = [one for row in rows if row.bank_reference not in unheard for one in _told(dice, row)]
    return Plan(rows, sorted(told, key=lambda one: one.at), lost)


def _booked(dice: Random, movements: int) -> Iterator[StatementRow]:
    at, held, units = START, OPENING, 0
    for number in range(movements):
        if not units or dice.randrange(100) >= 15:  # else a twin of the one before it
            units = dice.choice([10_000, 20_000, 50_000, 99_000, 150_000, 1_234_567, -11_000, -40_000])
            at += timedelta(seconds=dice.choice([0, 0, 0, 1, 2, 15, 90, 240, 600, 900]))
        held += Money(units)
        yield StatementRow(
            account_number="190001",
            bank_reference=f"FT{number:014d}",
            direction="credit" if units > 0 else "debit",
            amount=Money(abs(units)),
            booked_at=at,
            bank_time=at.isoformat(),
            value_date=bank_day(at),
            source="webhook",
            memo=f"CT {number}",
            balance_after=held,
        )


def _told(dice: Random, row: StatementRow) -> Iterator[Told]:
    """One movement in one feed or both: the bank's push tells no balance, the aggregator does, and in other words."""
    pushed = replace(row, balance_after=None)
    passed_on = replace(row, memo=f"{row.memo} qua trung gian")
    for one in dice.choice([(pushed,), (passed_on,), (pushed, passed_on), (passed_on, pushed)]):
        for _ in range(2 if dice.randrange(100) < 2 else 1):
            late = dice.randrange(10, 90) if dice.randrange(100) < 10 else dice.randrange(3)
            yield Told(row.booked_at + timedelta(seconds=late), one)


class Stores(NamedTuple):
    """Where the events and the read tables of the trial are."""

    ledger: Ledger
    database: Database
    reader: Reader


class Account:
    """One account under trial: our parts on a clock of its own, and its bank."""

    def __init__(self, name: str, planned: Plan, bank: type[PaperBank], stores: Stores) -> None:
        self.id = f"ba_{name}"
        self.plan = planned
        self.now = START
        self.bank = bank(self.id, planned.rows, OPENING, lambda: self.now)
        numbers = count(1)
        self.parts = Parts(
            settings=settings(stores.ledger.url, ""),
            ledger=stores.ledger,
            reader=stores.reader,
            database=stores.database,
            transport=Transport(time.monotonic),
            banks={self.id: self.bank},
            feeds={},
            redis=connect(NOWHERE),
            clock=lambda: self.now,
            token=lambda size: next(numbers).to_bytes(size, "big"),
        )

    def live(self) -> None:
        """Everything is told and checked, and twice more in the end."""
        told, end = iter([*self.plan.told, None]), self.plan.rows[-1].booked_at + 3 * EVERY
        one = next(told)
        check_at = START - EVERY
        while check_at < end:
            check_at += EVERY
            while one is not None and one.at <= check_at:
                self.now = one.at
                command = from_bank(self.id, one.row)
                dispatch(self.parts.ledger, command, self.parts.context("feeds", line_of(command)))
                one = next(told)
            self.now = check_at
            self._project()
            check_completeness(self.parts, self.id)

    @property
    def noticed(self) -> list[Hole]:
        """Every hole that was ever noticed."""
        events = [envelope.event for envelope in self.parts.ledger.history(id_of_completeness(self.id))]
        return [event.hole for event in events if isinstance(event, Completeness.HoleNoticed)]

    def counts(self) -> dict[str, int]:
        """What was done, in figures."""
        return {
            "movements": len(self.plan.rows),
            "told": len(self.plan.told),
            "lost": len(self.plan.lost),
            "holes noticed": len(self.noticed),
            "history pages": self.bank.asked,
        }

    def faults(self) -> Iterator[Violation]:
        """What is not as it must be in the end."""
        ledger = self.parts.ledger
        self._project()
        known = ledger.get(Completeness, id_of_completeness(self.id))
        for row in self.plan.rows:
            if ledger.find(StatementLine, line_of(from_bank(self.id, row))) is None:
                yield Violation(Kind.LOST, f"{self.id}: {row.bank_reference}")
        balance = balances.balance(self.parts.reader, accounts.bank(self.id))
        held = self.plan.rows[-1].balance_after
        if balance is None or OPENING + Money(balance.posted) != held:
            yield Violation(Kind.MODEL, f"{self.id}: our books say {balance}, the bank holds {held}")
        for hole in known.holes.values():
            yield Violation(Kind.UNDONE, f"{self.id}: {hole} is open")
        if known.complete_up_to is None or known.complete_up_to < self.plan.rows[-1].booked_at:
            yield Violation(Kind.STALLED, f"{self.id}: complete up to {known.complete_up_to}")
        for hole in self.noticed:
            if not any(hole.since - APART <= row.booked_at <= hole.until + APART for row in self.plan.lost):
                yield Violation(Kind.INVENTED, f"{self.id}: {hole}, and nothing was lost there")

    def _project(self) -> None:
        while run_round(self.parts.ledger, self.parts.database, self.now, SECTION).applied:
            pass


def run(bench: Bench, tables: str, size: Size = FULL) -> Report:
    """Both accounts, one after the other, on a log of their own and empty read tables. Raises Violated."""
    lossy = plan(bench.dice("lossy"), size.movements, lost_of_100=1)
    whole = plan(bench.dice("whole"), size.without_loss, lost_of_100=0)
    return judged(bench, tables, {"lossy": lossy, "whole": whole})


def judged(bench: Bench, tables: str, plans: Mapping[str, Plan], bank: type[PaperBank] = PaperBank) -> Report:
    """Live through these plans. Raises Violated with what is not as it must be in the end."""
    began = time.monotonic()
    violations: list[Violation] = []
    counts: Counter[str] = Counter()
    with (
        closing(open_ledger(bench.url)) as ledger,
        closing(open_database(tables)) as database,
        closing(open_reader(tables)) as reader,
    ):
        for name, planned in plans.items():
            account = Account(name, planned, bank, Stores(ledger, database, reader))
            account.live()
            violations += account.faults()
            counts += Counter(account.counts())
    if violations:
        raise Violated(bench, violations)
    return Report(bench.trial, bench.store, bench.seed, dict(counts), time.monotonic() - began)
