"""Readers at an even pace: what they ask for, whether the answers fit, and how long they take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from threading import Event, Thread
from types import TracebackType
from typing import Final, NamedTuple, Self

from ledger.errors import Problem
from projections import balances, books, journal, payments, payouts, statements
from projections.as_of import AsOf
from projections.database import Reader, open_reader
from projections.places import positions
from tests.torture.judge import Kind, Violation

PAGE: Final = 20


class Slow(NamedTuple):
    """The longest times, in seconds: one reading, and the tables standing at one position."""

    reading: float
    standstill: float


def _trial_balance(reader: Reader) -> str:
    totals = journal.trial_balance(reader).totals()
    return "" if all(debit == credit for debit, credit in totals.values()) else f"the books do not balance: {totals}"


def _past_balance(reader: Reader) -> str:
    shown = min(positions(reader).values(), default=0)
    totals = books.trial_balance(reader, AsOf(shown // 2)).totals()
    return "" if all(debit == credit for debit, credit in totals.values()) else f"the past does not balance: {totals}"


def _available(reader: Reader) -> str:
    odd = [row for row in balances.balances(reader, limit=PAGE) if row.posted - row.held != row.available]
    return f"{odd[0].account} has another available balance than posted less held" if odd else ""


def _paid(reader: Reader) -> str:
    page = payments.payments(reader, limit=PAGE)
    odd = [row for row in page if row.status == "paid" and row.received != row.amount]
    return f"{odd[0].id} is paid and received {odd[0].received} of {odd[0].amount}" if odd else ""


def _lines(reader: Reader) -> str:
    page = statements.lines(reader, limit=PAGE)
    odd = [row for row in page if (row.status == "recorded") != (row.entry_id is None)]
    return f"{odd[0].id} is {odd[0].status} with entry {odd[0].entry_id}" if odd else ""


def _payouts(reader: Reader) -> str:
    page = payouts.payouts(reader, limit=PAGE)
    return "" if len({row.id for row in page}) == len(page) else "a page of payouts holds one twice"


QUESTIONS: Final[Sequence[Callable[[Reader], str]]] = (
    _trial_balance,
    _past_balance,
    _available,
    _paid,
    _lines,
    _payouts,
)
"""Each says what is wrong with what it read, "" for nothing."""


class Readers:
    """A thread that reads `a_second` times a second, one kind after the other, until it is left."""

    def __init__(self, url: str, a_second: int) -> None:
        self._url = url
        self._pause = 1 / a_second
        self._over = Event()
        self._thread = Thread(target=self._read, name="readers")
        self.reads = 0
        self.violations: list[Violation] = []
        self.slow = Slow(0.0, 0.0)

    def _read(self) -> None:
        with closing(open_reader(self._url)) as reader:
            began, stood, since = time.monotonic(), -1, time.monotonic()
            while not self._over.is_set():
                question = QUESTIONS[self.reads % len(QUESTIONS)]
                asked = time.monotonic()
                self.violations += self._found(question, reader)
                position = min(self._positions(reader), default=stood)
                now = time.monotonic()
                if position != stood:
                    stood, since = position, now
                self.slow = Slow(max(self.slow.reading, now - asked), max(self.slow.standstill, now - since))
                self.reads += 1
                self._over.wait(max(0.0, began + self.reads * self._pause - now))

    def _positions(self, reader: Reader) -> Iterator[int]:
        try:
            yield from positions(reader).values()
        except Problem as problem:
            self.violations.append(Violation(Kind.UNREAD, f"positions: {problem.detail}"))

    def _found(self, question: Callable[[Reader], str], reader: Reader) -> Iterator[Violation]:
        name = question.__name__.strip("_")
        try:
            odd = question(reader)
        except Problem as problem:
            yield Violation(Kind.UNREAD, f"{name}: {problem.detail}")
        else:
            if odd:
                yield Violation(Kind.FOLD, odd)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
