"""What the gaps between running balances prove where lines without a balance stand among them. Pure.

Where balances come again, or lines without one lie near, it is open which movement follows which. What is not open is a
sum: between two anchors, whose balances are certain, the account moved by the difference, and the lines between come to
it or they do not. An anchor is a run of lines, all with a balance, parted from all others by more time than a bank's
instants may be off, whose balances join from one beginning to one end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from ledger.balance_chain import APART, Gap, Movement, total
from ledger.money import Money


def judged(found: Sequence[Gap], movements: Sequence[Movement], until: datetime) -> list[Gap]:
    """The gaps that stand, in order of time, of those `found` between these movements; what was booked after `until`
    may lack neighbours that are under way.

    Between two anchors the sum decides: one gap if the lines do not come to it, none if they do. Only a gap that is
    certain, with no line about that tells no balance, stands by itself. Where no anchors are, such a line makes it
    doubtful.
    """
    stretches = list(_stretches(movements, until))
    summed = {place for place, one in enumerate(stretches) if one.is_silent}
    within = [_within(stretches, gap) for gap in found]
    for gap, places in zip(found, within, strict=True):
        if gap.doubtful or len(places) > 1:
            summed.update(places)
    standing = [stretches[place].as_gap() for place in summed if stretches[place].missing.units]
    for gap, places in zip(found, within, strict=True):
        if not places:
            standing.append(_as_doubtful_as_it_is(gap, movements))
        elif not summed.intersection(places):
            standing.append(gap)
    return sorted(standing, key=attrgetter("seen_at"))


def _within(stretches: Sequence[_Stretch], gap: Gap) -> range:
    """The places of the stretches in which the gap lies, empty if some of it lies in none."""
    touched = [place for place, one in enumerate(stretches) if one.touches(gap)]
    if touched and stretches[touched[0]].begins_before(gap) and stretches[touched[-1]].ends_behind(gap):
        return range(touched[0], touched[-1] + 1)
    return range(0)


class _Run(NamedTuple):
    """Lines that no silence parts; in order of time."""

    lines: Sequence[Movement]

    @property
    def first(self) -> datetime:
        return self.lines[0].booked_at

    @property
    def last(self) -> datetime:
        return self.lines[-1].booked_at


class _Anchor(NamedTuple):
    """A run that leads from one balance to another."""

    run: _Run
    opening: Money
    closing: Money


def ends(lines: Sequence[Movement]) -> tuple[Money, Money] | None:
    """From which balance to which these lines lead, in whatever order they were booked. None where a line tells no
    balance, where they do not join, or where they end as they began, which may be anywhere among them.
    """
    begun: Counter[Money] = Counter()
    for line in lines:
        if line.balance_after is None:
            return None
        begun[line.balance_after - line.amount] += 1
        begun[line.balance_after] -= 1
    loose = {times: held for held, times in begun.items() if times}
    return (loose[1], loose[-1]) if loose.keys() == {1, -1} and sum(map(bool, begun.values())) == 2 else None


class _Stretch(NamedTuple):
    """What lies between two anchors that follow each other."""

    earlier: _Anchor
    later: _Anchor
    between: Sequence[Movement]

    @property
    def is_silent(self) -> bool:
        return any(one.balance_after is None for one in self.between)

    @property
    def missing(self) -> Money:
        return self.later.opening - self.earlier.closing - total(self.between)

    def touches(self, gap: Gap) -> bool:
        """Whether some of the gap lies in here."""
        first, last = sorted((gap.after.booked_at, gap.before.booked_at))
        return first < self.later.run.first and last > self.earlier.run.last

    def begins_before(self, gap: Gap) -> bool:
        return self.earlier.run.first <= min(gap.after.booked_at, gap.before.booked_at)

    def ends_behind(self, gap: Gap) -> bool:
        return self.later.run.last >= max(gap.after.booked_at, gap.before.booked_at)

    def as_gap(self) -> Gap:
        """What is missing may be one of the ends of an anchor as well: its balances then begin or end elsewhere."""
        earlier, later = self.earlier.run, self.later.run
        return Gap(
            after=earlier.lines[-1],
            before=later.lines[0],
            seen_at=later.first,
            since=earlier.first,
            until=later.last,
            missing=self.missing,
            doubtful=False,
        )


def _stretches(movements: Sequence[Movement], until: datetime) -> Iterator[_Stretch]:
    runs = list(_runs(sorted(movements, key=attrgetter("booked_at"))))
    # The first run may have lost its beginning: what is older is not looked at.
    places = [place for place, run in enumerate(runs) if place and run.last + 2 * APART <= until]
    led = [(place, ends(runs[place].lines)) for place in places]
    anchors = [(place, _Anchor(runs[place], *balances)) for place, balances in led if balances is not None]
    for (place, earlier), (next_place, later) in pairwise(anchors):
        yield _Stretch(earlier, later, [line for run in runs[place + 1 : next_place] for line in run.lines])


def _runs(in_order: Sequence[Movement]) -> Iterator[_Run]:
    begin = 0
    for place in range(1, len(in_order) + 1):
        if place == len(in_order) or in_order[place].booked_at - in_order[place - 1].booked_at > 2 * APART:
            yield _Run(in_order[begin:place])
            begin = place


def _as_doubtful_as_it_is(gap: Gap, movements: Sequence[Movement]) -> Gap:
    first, last = gap.since - 2 * APART, gap.until + 2 * APART
    beside = any(one.balance_after is None and first <= one.booked_at <= last for one in movements)
    return replace(gap, doubtful=gap.doubtful or beside)
