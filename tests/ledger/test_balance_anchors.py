"""What a gap proves between lines that tell no balance: nothing is invented, and nothing that is lost stays unseen."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from datetime import date, datetime, timedelta
from random import Random

import pytest
from msgspec.structs import replace

from banks.bank import StatementRow
from ledger.balance_anchors import ends, judged
from ledger.balance_chain import APART, Movement, gaps
from ledger.calendar import bank_day
from ledger.completeness import Checkpoint, Completeness, Hole, Judgement
from ledger.context import Context
from ledger.money import Money
from tests.ledger.test_balance_chain import booked, silent
from tests.story import START, dong
from tests.torture.feeds import EVERY, OPENING, Plan, plan
from workers.completeness import BEFORE, SETTLED_AFTER

FOREVER = START + timedelta(days=9)

AMID = (
    (0, -40_000, 770_276_136),
    (2, 20_000, 770_296_136),
    (17, 1_234_567, 771_530_703),
    (19, 99_000, 771_629_703),
    (109, 99_000, None),
    (709, -40_000, 771_688_703),
    (709, 150_000, None),
    (710, 10_000, 771_848_703),
    (725, 150_000, 771_998_703),
    (815, -11_000, None),
    (817, -40_000, 771_947_703),
    (817, -40_000, 771_907_703),
    (818, 1_234_567, 773_142_270),
    (908, 99_000, None),
    (1_508, 10_000, 773_251_270),
    (1_508, 10_000, None),
    (1_509, 20_000, 773_281_270),
    (1_509, -40_000, 773_241_270),
)
"""Seconds, amounts and balances of a stretch that lacks nothing: balances come again in it."""
BEFORE_IT = ((-900, 10_000, 770_296_136), (-600, 20_000, 770_316_136))
BEHIND_IT = ((2_000, 5_000, 773_246_270), (2_600, 5_000, 773_251_270))


def lines(*told: tuple[int, int, int | None]) -> list[Movement]:
    return [
        Movement(
            line_id=f"sl_{number}",
            amount=dong(units),
            booked_at=START + timedelta(seconds=at),
            balance_after=None if held is None else dong(held),
        )
        for number, (at, units, held) in enumerate(told)
    ]


def test_a_gap_beside_lines_without_a_balance_is_none_where_the_sum_between_anchors_is_right() -> None:
    alone, amid = lines(*AMID), lines(*BEFORE_IT, *AMID, *BEHIND_IT)
    assert any(not gap.doubtful for gap in gaps(alone)), "else the stretch shows nothing"
    assert all(gap.doubtful for gap in judged(gaps(alone), alone, FOREVER))
    assert judged(gaps(alone), amid, FOREVER) == judged(gaps(amid), amid, FOREVER) == []


@pytest.mark.parametrize("lost", range(len(AMID)))
def test_whichever_line_is_lost_there_is_seen_with_its_amount(lost: int) -> None:
    left = lines(*BEFORE_IT, *AMID[:lost], *AMID[lost + 1 :], *BEHIND_IT)
    found = judged(gaps(left), left, FOREVER)
    at = START + timedelta(seconds=AMID[lost][0])
    assert sum((gap.missing for gap in found), Money(0)) == dong(AMID[lost][1])
    assert any(not gap.doubtful and gap.since <= at <= gap.until for gap in found)


def test_two_that_cancel_out_are_both_seen_where_every_line_tells_its_balance() -> None:
    whole = booked([1, 2, 3, 100, 5, 6, -100, 8, 9, 10])
    left = [*whole[:3], *whole[4:6], *whole[7:]]
    assert [gap.missing for gap in judged(gaps(left), left, FOREVER)] == [dong(100), dong(-100)]


def test_what_was_booked_just_now_is_no_anchor() -> None:
    whole = booked([1, 2, 3, 4, 5, 6])
    left = [*whole[:2], silent(whole[2]), *whole[4:]]
    now = judged(gaps(left), left, whole[4].booked_at + APART)
    assert [gap.doubtful for gap in now] == [True]
    (later,) = judged(gaps(left), left, whole[4].booked_at + 2 * APART)
    assert (later.missing, later.doubtful) == (dong(4), False)


def test_ends_are_those_of_lines_that_join_in_whatever_order() -> None:
    whole = booked([5, 6, 7], opening=100)
    assert ends(whole) == ends(whole[::-1]) == (dong(100), dong(118))
    assert ends([*whole[:1], *whole[2:]]) is None
    assert ends([whole[0], silent(whole[1])]) is None
    assert ends(booked([5, -5])) is None
    assert ends([]) is None


# a life of feeds that lose some of what they tell, without any store


class Life:
    """One account whose lines come as planned and are judged every few hours, as the worker does."""

    def __init__(self, planned: Plan) -> None:
        self.plan = planned
        self.lines: dict[str, Movement] = {}
        self.ever: set[str] = set()
        self.noticed: list[Hole] = []
        self.completeness = Completeness.begin(_context(START), bank_account_id="ba_1")
        self._booked_at = [row.booked_at for row in planned.rows]
        self._of_day: defaultdict[date, list[StatementRow]] = defaultdict(list)
        for row in planned.rows:
            self._of_day[bank_day(row.booked_at)].append(row)

    def live(self) -> None:
        """Until all is told, and a few checks more."""
        at, place = START, 0
        while at < self.plan.rows[-1].booked_at + 3 * EVERY:
            at += EVERY
            while place < len(self.plan.told) and self.plan.told[place].at <= at:
                self._tell(self.plan.told[place].row)
                place += 1
            self._check(at)

    def _tell(self, row: StatementRow) -> None:
        known = self.lines.get(row.bank_reference)
        if known is None or known.balance_after is None:
            amount = row.amount if row.direction == "credit" else -row.amount
            self.lines[row.bank_reference] = Movement(
                line_id=row.bank_reference, amount=amount, booked_at=row.booked_at, balance_after=row.balance_after
            )
            self.ever.add(row.bank_reference)

    def _check(self, at: datetime) -> None:
        completeness, until = self.completeness, at - SETTLED_AFTER
        judgement = completeness.judge(self._looked_at(), until)
        self._take(at, judgement)
        if judgement.holes:
            days = {bank_day(instant) for hole in judgement.holes for instant in (hole.since, hole.until)}
            for row in (row for day in days for row in self._of_day[day] if row.booked_at <= at):
                if row.bank_reference not in self.lines:
                    self._tell(replace(row, balance_after=None))
            again = completeness.judge(self._looked_at(), until).by_whole_history()
            self._take(at, again)
        if not completeness.keeps_waiting(until):
            place = bisect_right(self._booked_at, at)
            held = self.plan.rows[place - 1].balance_after if place else OPENING
            assert held is not None
            completeness.tell_balance(_context(at), balance=held, as_of=at)
        completeness.collect_events()

    def _take(self, at: datetime, judgement: Judgement) -> None:
        known = set(self.completeness.holes)
        self.completeness.take(_context(at), judgement)
        self.noticed += [hole for hole in judgement.holes if hole.hole_id not in known]

    def _looked_at(self) -> list[Movement]:
        counted: Checkpoint | None = self.completeness.checkpoint
        since = self.completeness.complete_up_to or self.completeness.watched_from
        since = min(since, counted.at) if counted else since
        in_order = sorted(self.lines.values(), key=lambda one: (one.booked_at, one.line_id))
        first = bisect_left([one.booked_at for one in in_order], since)
        left = in_order[max(first - BEFORE, 0) :]
        self.lines = {one.line_id: one for one in left}
        return left


def _context(at: datetime) -> Context:
    return Context(at=at, actor="worker:completeness", command_id="cmd_1", correlation_id="cmd_1")


@pytest.mark.parametrize("seed", range(3))
def test_feeds_that_lose_double_and_reorder_leave_no_hole_and_invent_none(seed: int) -> None:
    life = Life(plan(Random(f"life {seed}"), 10_000, lost_of_100=1))  # the plan of a test
    life.live()
    assert life.ever == {row.bank_reference for row in life.plan.rows}
    assert life.completeness.holes == {}
    assert life.completeness.complete_up_to is not None
    assert life.completeness.complete_up_to >= life.plan.rows[-1].booked_at
    assert len(life.noticed) > 50
    for hole in life.noticed:
        assert any(hole.since - APART <= row.booked_at <= hole.until + APART for row in life.plan.lost)
