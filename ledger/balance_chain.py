"""Which movements of an account are missing, told from the balances that come with those that are there. Pure.

A running balance says what the account held before a movement and after it, so a movement that begins where none ended
shows a gap. Movements are joined by these balances and not by the order in which they came, nor by that of equal
instants: twins within a second find their places. What cannot be seen so: movements that are all missing and cancel
out between two neighbours, or within APART of each other.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

import msgspec

from ledger.money import Money

APART: Final = timedelta(seconds=10)
"""How far a bank's instants of booking may be from the order of its books, and from our clock. [assumed]: nobody says.
"""
TRIED_MAX: Final = 16
"""Movements of which every choice is tried when it is open which of them a balance counts."""


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement line, for adding up. `amount`: above zero for a credit, below for a debit."""

    line_id: str
    amount: Money
    booked_at: datetime
    balance_after: Money | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """`missing` moved the balance, below zero: out of it, or a line is one too many. It is seen between two lines, the
    later one booked at `seen_at`; since instants do not tell the order within APART, and a balance may come again, it
    was booked anywhere from `since` to `until`. `doubtful`: it is open whether anything is missing at all.
    """

    after: Movement
    before: Movement
    seen_at: datetime
    since: datetime
    until: datetime
    missing: Money
    doubtful: bool


def total(movements: Iterable[Movement]) -> Money:
    """What these come to, in dong: accounts in other currencies are not ours yet."""
    return sum((movement.amount for movement in movements), Money(0))


def amounts_to(difference: Money, perhaps: Sequence[Movement]) -> bool | None:
    """Whether some of these movements make up this difference; None where there are too many to try them all."""
    in_order = sorted(perhaps, key=attrgetter("booked_at"))
    if difference.units in accumulate((movement.amount.units for movement in in_order), initial=0):
        return True
    if len(perhaps) > TRIED_MAX:
        return None
    sums = {0}
    for movement in perhaps:
        sums |= {units + movement.amount.units for units in sums}
    return difference.units in sums


def gaps(movements: Sequence[Movement]) -> list[Gap]:
    """Where money moved that no line shows, in order of time. Lines without a balance fill gaps they fit into."""
    steps = [_Step(one, one.balance_after.units) for one in movements if one.balance_after is not None]
    silent = sorted((one for one in movements if one.balance_after is None), key=_BOOKED)
    told = sorted(steps, key=_BOOKED)
    ends, starts = _loose(told)
    groups = list(_apart(list(zip(ends[:-1], starts[1:], strict=True)), silent))
    # Nothing joins the first line and the last one: where several may be that, nobody knows what lies between them.
    unsure = [*(groups[:1] if _are_near(starts[:2]) else []), *(groups[-1:] if _are_near(ends[-2:]) else [])]
    found = (_gap(group, told, silent, is_unsure=group in unsure) for group in groups)
    return [gap for gap in found if gap is not None]


def _are_near(two: Sequence[_Step]) -> bool:
    return len(two) > 1 and two[1].booked_at - two[0].booked_at <= APART


class _Step(NamedTuple):
    """A movement whose balance is known, in minor units."""

    movement: Movement
    after: int

    @property
    def before(self) -> int:
        return self.after - self.movement.amount.units

    @property
    def booked_at(self) -> datetime:
        return self.movement.booked_at


_BOOKED: Final = attrgetter("booked_at")


_Pair: TypeAlias = "tuple[_Step, _Step]"
"""Where a movement ended and the next one began with another balance."""


def _apart(pairs: Sequence[_Pair], silent: Sequence[Movement]) -> Iterator[Sequence[_Pair]]:
    """The pairs, those together whose order in time is not certain: only their sum is then. What certainly separates
    two pairs is time, or one movement with nothing else of which it is open on which side of it it was booked.
    """
    together: list[_Pair] = []
    for number, pair in enumerate(pairs):
        if together and _is_border(pairs, number, silent):
            yield together
            together = []
        together.append(pair)
    if together:
        yield together


def _is_border(pairs: Sequence[_Pair], number: int, silent: Sequence[Movement]) -> bool:
    """Whether this pair is certainly later than the one before it."""
    (end, start), (next_end, next_start) = pairs[number - 1], pairs[number]
    last, first = max(end.booked_at, start.booked_at), min(next_end.booked_at, next_start.booked_at)
    if first - last > 2 * APART:
        return True
    around = _between(silent, last - APART, first + APART)
    others = (end.booked_at, next_start.booked_at)
    return start is next_end and not around and not any(abs(start.booked_at - at) <= APART for at in others)


def _gap(pairs: Sequence[_Pair], told: Sequence[_Step], silent: Sequence[Movement], *, is_unsure: bool) -> Gap | None:
    instants = [step.booked_at for pair in pairs for step in pair]
    first, last = min(instants), max(instants)
    earlier, later = bisect_left(told, first - APART, key=_BOOKED), bisect_right(told, last + APART, key=_BOOKED)
    since = told[earlier - 1].booked_at if earlier else first
    until = told[later].booked_at if later < len(told) else last
    near = _between(silent, since - APART, until + APART)
    inside = [one for one in near if first + APART < one.booked_at < last - APART]
    around = [one for one in near if not first + APART < one.booked_at < last - APART]
    moved = Money(sum(start.before - end.after for end, start in pairs))
    explained = amounts_to(moved - total(inside), around)
    if explained:
        return None
    return Gap(
        after=pairs[0][0].movement,
        before=pairs[-1][1].movement,
        seen_at=last,
        since=since,
        until=until,
        missing=moved - total(one for one in near if first <= one.booked_at <= last),
        doubtful=explained is None or is_unsure,
    )


def _between(ordered: Sequence[Movement], first: datetime, last: datetime) -> Sequence[Movement]:
    return ordered[bisect_left(ordered, first, key=_BOOKED) : bisect_right(ordered, last, key=_BOOKED)]


def _loose(steps: Sequence[_Step]) -> tuple[list[_Step], list[_Step]]:
    """Movements behind which none begins, and movements before which none ends, each in order of time: as many of the
    one as of the other, the last end and the first beginning among them.
    """
    ended: defaultdict[int, list[_Step]] = defaultdict(list)
    begun: defaultdict[int, list[_Step]] = defaultdict(list)
    for step in steps:
        ended[step.after].append(step)
        begun[step.before].append(step)
    instants = [step.booked_at for step in steps]
    ends: list[_Step] = []
    starts: list[_Step] = []
    for held in {**ended, **begun}:
        joined = max(_ways_to_join(ended[held], begun[held], instants), key=len)
        ends += [step for place, step in enumerate(ended[held]) if place not in joined]
        starts += [step for place, step in enumerate(begun[held]) if place not in joined.values()]
    return sorted(ends, key=_BOOKED), sorted(starts, key=_BOOKED)


def _ways_to_join(
    ended: Sequence[_Step], begun: Sequence[_Step], instants: Sequence[datetime]
) -> Iterator[Mapping[int, int]]:
    """Which of the movements that ended at a balance is followed by which of those that began there, by their places:
    each by the nearest, then the first by the first. Where both join as many, the nearest are the likelier.
    """
    for latest_first in (True, False):
        joined: dict[int, int] = {}
        for place, start in enumerate(begun):
            fits = [
                number for number, end in enumerate(ended) if number not in joined and _next_to(end, start, instants)
            ]
            if fits:
                joined[fits[-1] if latest_first else fits[0]] = place
        yield joined


def _next_to(end: _Step, start: _Step, instants: Sequence[datetime]) -> bool:
    """Whether no other movement was certainly booked between these two."""
    if start.booked_at < end.booked_at - APART:
        return False
    place = bisect_right(instants, end.booked_at + APART)
    return place == len(instants) or instants[place] >= start.booked_at - APART
