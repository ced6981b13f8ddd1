"""Readers of the read models at a steady pace, who look closely, and a watch on how positions move meanwhile.

A read must make sense by itself and beside what the same reader saw before: the books sum to zero, what was seen once
is there the next time and is not older, the past is always the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from threading import Event
from typing import Any, NamedTuple

from projections import books
from projections.as_of import AsOf
from projections.balances import merchant_balances
from projections.database import Reader, open_reader
from projections.journal import TrialBalance, trial_balance
from projections.pages import Moment
from projections.payments import payments
from projections.payouts import payouts
from projections.places import places
from projections.statements import lines
from tests.torture.judge import Kind, Violation

PAGE = 100
"""Rows of a page."""

KEPT = 20
"""Violations that a reader tells; where there are more, they are of a kind."""


class Span(NamedTuple):
    """From when to when something lasted, by the monotonic clock."""

    began: float
    ended: float

    @property
    def ms(self) -> int:
        """How long, in milliseconds."""
        return round((self.ended - self.began) * 1_000)


Look = Callable[[Reader], Iterator[Violation]]
"""One read, and what is wrong with what it showed."""


class Pages:
    """Walks over all pages of a list, newest first, one with each look, again and again."""

    def __init__(
        self, name: str, page: Callable[..., Sequence[Any]], place: Callable[[Any], Moment], limit: int = PAGE
    ) -> None:
        self._name = name
        self._page = page
        self._place = place
        self._limit = limit
        self._before: Moment | None = None
        self._walked: dict[str, int] = {}
        self.known: dict[str, int] = {}
        """The position of each row as the last walk showed it, by its id."""

    def look(self, reader: Reader) -> Iterator[Violation]:
        """The next page."""
        rows = self._page(reader, limit=self._limit, before=self._before)
        for row in rows:
            known = self.known.get(row.id, 0)
            if row.position < known:
                yield Violation(Kind.BACKWARDS, f"{self._name} {row.id} as of {row.position} after {known}")
            self._walked[row.id] = row.position
        if len(rows) == self._limit:
            self._before = self._place(rows[-1])
            return
        missing = sorted(self.known.keys() - self._walked.keys())
        if missing:
            where = f"{self._name} {missing[0]} and {len(missing) - 1} others seen before are on no page"
            yield Violation(Kind.HALF_TABLE, where)
        self.known, self._walked, self._before = self._walked, {}, None


class Books:
    """The trial balance now, and as of one position, which is the same for ever."""

    def __init__(self, known_at: int) -> None:
        self._as_of = AsOf(known_at=known_at)
        self._then: TrialBalance | None = None
        self._position = 0

    def now(self, reader: Reader) -> Iterator[Violation]:
        """As it is."""
        found = trial_balance(reader)
        if found.position < self._position:
            yield Violation(Kind.BACKWARDS, f"trial balance as of {found.position} after {self._position}")
        self._position = max(found.position, self._position)
        yield from self._balanced(found, "now")

    def then(self, reader: Reader) -> Iterator[Violation]:
        """As it was."""
        found = books.trial_balance(reader, self._as_of)
        yield from self._balanced(found, "then")
        if self._then is not None and found != self._then:
            yield Violation(Kind.FOLD, f"the trial balance as of {self._as_of.known_at} has changed")
        self._then = found

    def _balanced(self, found: TrialBalance, when: str) -> Iterator[Violation]:
        if not found.rows:
            yield Violation(Kind.HALF_TABLE, f"the trial balance is empty, {when}")
        for currency, (debit, credit) in found.totals().items():
            if debit != credit:
                yield Violation(Kind.FOLD, f"{currency} {debit} debited and {credit} credited, {when}")


class Merchants:
    """The balances of these merchants, one after the other."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids
        self._turn = 0
        self._had: set[str] = set()

    def look(self, reader: Reader) -> Iterator[Violation]:
        """The balances of the next merchant."""
        merchant_id = self._ids[self._turn % len(self._ids)]
        self._turn += 1
        rows = merchant_balances(reader, merchant_id)
        for row in rows:
            if row.available != row.posted - row.held:
                yield Violation(Kind.FOLD, f"{row.account} has {row.available}, not {row.posted} - {row.held}")
        gone = self._had - {row.account for row in rows}
        gone = {account for account in gone if account.split(":")[1:2] == [merchant_id]}
        if gone:
            yield Violation(Kind.HALF_TABLE, f"balances {sorted(gone)} have gone")
        self._had |= {row.account for row in rows}


def looks(known_at: int, merchant_ids: Sequence[str]) -> list[Look]:
    """What one reader looks at, in turn. `known_at`: a position that the journal shows; `merchant_ids`: some."""
    of_payments = Pages("payment", payments, lambda row: (row.created_at, row.id))
    of_payouts = Pages("payout", payouts, lambda row: (row.created_at, row.id))
    of_lines = Pages("line", lines, lambda row: (row.booked_at, row.id))
    of_books, of_merchants = Books(known_at), Merchants(merchant_ids)
    pages: list[Look] = [of_payments.look, of_payouts.look, of_lines.look, of_merchants.look]
    return [*pages, of_books.now, *pages, of_books.then]


class Paced:
    """One reader: a look every so many seconds until it is stopped."""

    def __init__(self, url: str, every_s: float, looks: Sequence[Look]) -> None:
        self._url = url
        self._every_s = every_s
        self._looks = looks
        self.reads: list[Span] = []
        self.violations: list[Violation] = []

    def go(self, stop: Event) -> None:
        """Read until stopped."""
        due, turn = time.monotonic(), 0
        with closing(open_reader(self._url)) as reader:
            while not stop.is_set():
                self._read(reader, self._looks[turn % len(self._looks)])
                turn += 1
                due += self._every_s
                stop.wait(max(due - time.monotonic(), 0))

    def _read(self, reader: Reader, look: Look) -> None:
        began = time.monotonic()
        try:
            found = list(look(reader))
        except Exception as error:  # noqa: BLE001  whatever it was, the read failed
            found = [Violation(Kind.UNREAD, f"{type(error).__name__}: {error}")]
        self.reads.append(Span(began, time.monotonic()))
        self.violations += found[: max(KEPT - len(self.violations), 0)]


class Seen(NamedTuple):
    """What a read model showed from `at` on."""

    at: float
    position: int
    generation: int


class Watch:
    """Looks at the positions of all read models, every so many seconds, and keeps what changed."""

    def __init__(self, url: str, every_s: float) -> None:
        self._url = url
        self._every_s = every_s
        self.seen: dict[str, list[Seen]] = {}
        self.violations: list[Violation] = []

    def go(self, stop: Event) -> None:
        """Look until stopped."""
        with closing(open_reader(self._url)) as reader:
            while not stop.is_set():
                self._look(reader)
                stop.wait(self._every_s)

    def _look(self, reader: Reader) -> None:
        at = time.monotonic()
        try:
            found = places(reader)
        except Exception as error:  # noqa: BLE001  whatever it was, the read failed
            self.violations.append(Violation(Kind.UNREAD, f"positions: {type(error).__name__}: {error}"))
            return
        for name, place in found.items():
            self.saw(name, Seen(at, place.position, place.generation))

    def saw(self, name: str, now: Seen) -> None:
        """Keep it when it is news; it must not be from before."""
        before = self.seen.setdefault(name, [])
        if before and now.position < before[-1].position:
            self.violations.append(Violation(Kind.BACKWARDS, f"{name} at {now.position} after {before[-1].position}"))
        if not before or now[1:] != before[-1][1:]:
            before.append(now)


def stands(seen: Sequence[Seen]) -> Iterator[Span]:
    """How long a read model showed one position around each of its exchanges."""
    for number, one in enumerate(seen[1:], 1):
        before = seen[number - 1]
        if one.generation != before.generation:
            after = [later.at for later in seen[number:] if later.position > before.position]
            if after:
                yield Span(before.at, after[0])


def longest(spans: Iterable[Span]) -> int:
    """The longest of these, in milliseconds; 0 when there is none."""
    return max((span.ms for span in spans), default=0)


def meeting(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Those that lasted while one of the others did."""
    return [one for one in spans if any(one.began < other.ended and other.began < one.ended for other in others)]
