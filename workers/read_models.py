"""Every night the read models are held against the log; what does not fit rings an alarm.

All are checked in one reading of the log, in a queue of its own: it takes minutes where the log is long, and no payout
and no webhook may wait for it. It is kept, beside the read tables, which night was the last to be checked; an
installation that is new begins with the next. A night whose check does not come to an end is rung again, and rings an
alarm of its own when it is long over.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Final

from commands import dispatch
from commands.read_models import ReportReadModel, ReportUncheckedNight
from ledger.calendar import ICT, bank_day
from ledger.errors import TooManySetAside
from projections.checking import NOT_CHECKED, Finding, check
from projections.places import begin, move, position_of
from projections.projection import PROJECTIONS, Projection
from workers.jobs import CHECKS, Ring, job
from workers.parts import Parts
from workers.scheduler import every

CHECKED_AT: Final = time(3, 0)
"""In the quietest hours, between the two readings of yesterday's statements."""
FOLLOWER: Final = "check"
"""Under which name it is kept how far the nights were checked: the ordinal number of the last day."""
TOLD_MAX: Final = 5
"""Findings that an alarm names; the command it names shows all."""
LIMIT_S: Final = 6 * 3_600
"""Long enough for some hundred million events."""
OVERDUE_AFTER: Final = timedelta(seconds=LIMIT_S, minutes=30)
"""Behind CHECKED_AT: a check that began in time has ended or was broken off, and one that was lost was rung again."""

log = logging.getLogger(__name__)


@job(limit_s=LIMIT_S)
def check_read_models(parts: Parts, day: str) -> None:
    """Hold all read models against the log; an alarm for each that does not fit it, and the night is done.

    `day`: ISO date, the bank day on which the night ends. Raises RebuildOvertaken, ReadTablesUnavailable,
    EventStoreUnavailable, LogDamaged; the night is not done then, and is rung again.
    """
    night = date.fromisoformat(day)
    findings = _checked(parts, list(PROJECTIONS.values()))
    for name, found in groupby(sorted(findings, key=lambda one: one.projection), key=lambda one: one.projection):
        command = report(name, night, list(found))
        log.error("%s", command.detail)
        dispatch(parts.ledger, command, parts.context("checks", name))
    last = position_of(parts.reader, FOLLOWER) or 0
    if last < night.toordinal():
        move(parts.database, FOLLOWER, after=last, upto=night.toordinal())


def _checked(parts: Parts, projections: Sequence[Projection]) -> list[Finding]:
    """What is found of these; one whose folds fail throughout does not keep the others from being checked."""
    try:
        return check(parts.ledger, parts.database, projections, parts.clock())
    except TooManySetAside as full:
        if len(projections) == 1:
            return [Finding(projection=projections[0].name, kind=NOT_CHECKED, detail=full.detail)]
    return [finding for one in projections for finding in _checked(parts, [one])]


def report(name: str, night: date, findings: Sequence[Finding]) -> ReportReadModel:
    """What is told of the findings about one read model: the first of them, and how many more there are."""
    lines = [str(finding) for finding in findings]
    more = f"; and {len(lines) - TOLD_MAX} more" if len(lines) > TOLD_MAX else ""
    shown = "; ".join(lines[:TOLD_MAX])
    return ReportReadModel(
        name=name,
        day=night,
        digest=hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16],
        detail=f"The read model {name} is not what follows from the log: {shown}{more}."
        f" See python -m projections check {name}; python -m projections rebuild {name} mends it.",
    )


# what is due


@every(seconds=600)
def nights_unchecked(parts: Parts, now: datetime) -> Iterable[Ring]:
    """Last night, until its check came to an end; when that is overdue, people are told."""
    night, last = _last_night(now), position_of(parts.reader, FOLLOWER)
    if last is None:
        begin(parts.database, FOLLOWER, night.toordinal())
    elif last < night.toordinal():
        if now >= _hour(night) + OVERDUE_AFTER:
            dispatch(parts.ledger, ReportUncheckedNight(day=night), parts.context("checks", night.isoformat()))
        yield Ring(queue=CHECKS, job=check_read_models.__name__, ids=(night.isoformat(),))


def _last_night(now: datetime) -> date:
    """The bank day on which the last night whose hour has come ended."""
    day = bank_day(now)
    return day if now >= _hour(day) else day - timedelta(days=1)


def _hour(day: date) -> datetime:
    return datetime.combine(day, CHECKED_AT, ICT)
