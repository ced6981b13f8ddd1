"""Everything the bank knows, under one lock: what `keep` takes is journalled first and remembered second."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from banks.simulator import memos, records
from banks.simulator.books import CAPITAL, Books
from banks.simulator.clock import VirtualClock, bank_day
from banks.simulator.enrolment import BankSide
from banks.simulator.faults import Mischief
from banks.simulator.journal import Journal
from banks.simulator.profile import Profile
from banks.simulator.records import Account, Delivery, Entry, Movement, Notice, Order, Party, Record
from banks.simulator.refusals import Barred, Refused

REFUSALS_MAX = 1000
"""Refusals remembered for the control port; older ones are forgotten."""

FIRST_TRACE = 100_001


class Line(NamedTuple):
    """A row to be booked on a customer's account: `units` in dong, positive is a credit; `memo` as the payer wrote it.

    `style`, `trace`, `effective_on` and `reference` are the bank's choice when None.
    """

    account: str
    units: int
    memo: str
    product: str
    party: Party | None = None
    style: str | None = None
    second: str = ""
    order: str | None = None
    trace: str | None = None
    effective_on: date | None = None
    status: Literal["COMPLETED", "ERRORCORRECTED"] = "COMPLETED"
    reverses: str | None = None
    via: str | None = None
    reference: str | None = None
    shares: str | None = None


class State:
    """Books, orders, notices and deliveries, rebuilt from `journal`; settings and planned faults live for one run.

    Whoever reads more than one thing, or reads and then keeps, holds `lock`.
    """

    def __init__(self, profile: Profile, bank_side: BankSide, journal: Journal) -> None:
        self.profile = profile
        self.bank_side = bank_side
        self.lock = threading.RLock()
        self.clock = VirtualClock()
        self.books = Books()
        self.orders: dict[str, Order] = {}
        self.bulks: dict[str, records.BulkKept] = {}
        self.received: Counter[str] = Counter()
        self.enquired: Counter[str] = Counter()
        self.notices: dict[int, Notice] = {}
        self.deliveries: list[Delivery] = []
        self.refusals: list[dict[str, object]] = []
        self.settings = profile.settings()
        self.mischief = Mischief(profile.answers)
        self._traces: Counter[date] = Counter()
        self._journal = journal
        for record in journal.replay():
            self._apply(record)
        for account in bank_side.accounts:
            if self.books.account(account.number) is None:
                self.open(Account(number=account.number, name=account.name, client=True), account.balance)

    def keep(self, record: Record) -> None:
        """Journal `record` and let it count."""
        with self.lock:
            self._journal.append(record)
            self._apply(record)

    def _apply(self, record: Record) -> None:
        match record:
            case records.AccountOpened(account=account):
                self.books.open(account)
            case records.EntryBooked(entry=entry):
                self.books.book(entry)
                self._traces.update(bank_day(movement.at) for movement in entry.movements)
            case records.OrderReceived(trace=trace):
                self.received[trace] += 1
            case records.OrderKept(order=order):
                self.orders[order.trace] = order
            case records.BulkKept(bulk=bulk):
                self.bulks[bulk] = record
            case records.NoticeKept(notice=notice):
                self.notices[notice.number] = notice
            case records.DeliveryTried(delivery=delivery):
                self.deliveries.append(delivery)
            case records.ClockAdvanced(offset_s=offset_s):
                self.clock.set_offset(offset_s)

    def open(self, account: Account, balance: int) -> None:
        """Open `account`; an opening balance comes out of the bank's capital."""
        with self.lock:
            self.keep(records.AccountOpened(account))
            if balance:
                self._enter("opening", {account.number: balance, CAPITAL: -balance}, (), self.clock.now())

    def book(self, cause: str, lines: Sequence[Line], against: dict[str, int]) -> tuple[Movement, ...]:
        """Book `lines` with the legs `against` on accounts that are not customers'; everything sums to zero.

        Raises Impossible for a memo style that does not exist, before anything is booked.
        """
        with self.lock:
            at = self.clock.now()
            legs: Counter[str] = Counter(against)
            movements: list[Movement] = []
            for line in lines:
                legs[line.account] += line.units
                movements.append(self._movement(line, at, len(movements), self.books.balance(line.account), legs))
            self._enter(cause, dict(legs), tuple(movements), at)
            return tuple(movements)

    def _movement(self, line: Line, at: datetime, index: int, before: int, legs: Counter[str]) -> Movement:
        day = bank_day(at)
        trace = line.trace or f"{FIRST_TRACE + (self._traces[day] + index) % 800_000:06d}"
        number = self._traces.total() + index + 1
        return Movement(
            reference=line.reference or self.profile.reference(day, number),
            account=line.account,
            trace=trace,
            at=at,
            effective_on=line.effective_on or day,
            direction="credit" if line.units > 0 else "debit",
            amount=abs(line.units),
            balance_after=before + legs[line.account],
            memo=self._memo(line, trace, at),
            product=line.product,
            status=line.status,
            party=line.party,
            order=line.order,
            reverses=line.reverses,
            via=line.via,
            shares=line.shares,
        )

    def _memo(self, line: Line, trace: str, at: datetime) -> str:
        name = line.party.name if line.party is not None else ""
        style = line.style or self.profile.memo_style
        return memos.delivered(line.memo, style=style, trace=trace, at=at, name=name, second=line.second)

    def _enter(self, cause: str, legs: dict[str, int], movements: tuple[Movement, ...], at: datetime) -> None:
        number = len(self.books.entries) + 1
        entry = Entry(number=number, at=at, cause=cause, legs=legs, movements=movements)
        self.keep(records.EntryBooked(entry))

    def visible(self, account: str, first: date, last: date) -> list[Movement]:
        """Movements of these bank days that the history shows already, in booking order."""
        with self.lock:
            until = self.clock.now() - timedelta(seconds=self.settings.history_s)
            return [row for row in self.books.movements(account, first, last) if row.at <= until]

    def pending(self, account: str) -> int:
        """What accepted orders will still take from `account`, charges included, in dong."""
        with self.lock:
            waiting = (order for order in self.orders.values() if order.status in ("waiting", "checked"))
            return sum(order.amount + order.charge for order in waiting if order.source == account)

    def client_account(self, number: str) -> Account:
        """The enrolled account `number`. Raises Barred for any other."""
        account = self.books.account(number)
        if account is None or not account.client:
            raise Barred("foreign_account", f"account {number} is not enrolled for this client")
        return account

    def note_refusal(self, where: str, refusal: Refused) -> None:
        """Remember why a request was refused, for the control port."""
        with self.lock:
            if len(self.refusals) >= REFUSALS_MAX:
                del self.refusals[0]
            at = self.clock.now().isoformat()
            row = {"at": at, "to": where, "http": refusal.http, "code": refusal.code, "reason": refusal.reason}
            self.refusals.append(row)

    def close(self) -> None:
        """Close the journal."""
        with self.lock:
            self._journal.close()
