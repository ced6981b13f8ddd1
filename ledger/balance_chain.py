"""Which movements of an account are missing, told from the balances that come with those that are there. Pure.

A running balance says what the account held before a movement and after it, so a movement that begins where none ended
shows a gap. Movements are joined by these balances and not by the order in which they came, nor by that of equal
instants: twins within a second find their places. What cannot be seen so: movements that are all missing and cancel
out between two neighbours, or within APART of each other.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final, NamedTuple

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
    """`missing` moved the balance between these two lines (below zero: there is a line too many). `doubtful`: so many
    lines without a balance lie around it that it is open whether they explain it.
    """

    after: Movement
    before: Movement
    missing: Money
    doubtful: bool


def total(movements: Iterable[Movement]) -> Money:
    """What these come to, in dong: accounts in other currencies are not ours yet."""
    return sum((movement.amount for movement in movements), Money(0))


def amounts_to(difference: Money, perhaps: Sequence[Movement]) -> bool | None:
    """Whether some of these movements make up this difference; None where there are too many to try them all."""
    reached = Money(0)
    for movement in [None, *sorted(perhaps, key=attrgetter("booked_at"))]:
        reached = reached if movement is None else reached + movement.amount
        if reached == difference:
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
    ends, starts = _loose(sorted(steps, key=_BOOKED))
    found = (_gap(end, start, silent) for end, start in zip(ends[:-1], starts[1:], strict=True))
    return [gap for gap in found if gap is not None]


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


def _gap(end: _Step, start: _Step, silent: Sequence[Movement]) -> Gap | None:
    first, last = sorted((end.booked_at, start.booked_at))
    low, high = bisect_left(silent, first - APART, key=_BOOKED), bisect_right(silent, last + APART, key=_BOOKED)
    near = silent[low:high]
    inside = [one for one in near if first + APART < one.booked_at < last - APART]
    around = [one for one in near if not first + APART < one.booked_at < last - APART]
    moved = Money(start.before - end.after)
    explained = amounts_to(moved - total(inside), around)
    if explained:
        return None
    doubtful = explained is None
    return Gap(after=end.movement, before=start.movement, missing=moved - total(near), doubtful=doubtful)


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
        _join(ended[held], begun[held], instants, ends, starts)
    return sorted(ends, key=_BOOKED), sorted(starts, key=_BOOKED)


def _join(
    ended: Sequence[_Step],
    begun: Sequence[_Step],
    instants: Sequence[datetime],
    ends: list[_Step],
    starts: list[_Step],
) -> None:
    """Join what ended at a balance with what began there, in order of time; the others are loose."""
    waiting = list(reversed(begun))
    for end in ended:
        while waiting and waiting[-1].booked_at < end.booked_at - APART:
            starts.append(waiting.pop())
        if waiting and _next_to(end, waiting[-1], instants):
            waiting.pop()
        else:
            ends.append(end)
    starts += reversed(waiting)


def _next_to(end: _Step, start: _Step, instants: Sequence[datetime]) -> bool:
    """Whether no other movement was certainly booked between these two."""
    place = bisect_right(instants, end.booked_at + APART)
    return place == len(instants) or instants[place] >= start.booked_at - APART
