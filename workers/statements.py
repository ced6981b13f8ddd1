"""Our statements at banks: read them whole, page by page, and record every movement they show.

A movement that was pushed before is recorded already, under the same natural key, and changes nothing. Of each bank
account it is kept which bank day was the last to be read whole once it was final; the days after it are read until they
are, so what was missed during an outage of days is found when it is over. The mark stands beside the read tables: with
an empty database it begins at yesterday.
"""

from __future__ import annotations

import hashlib
import logging
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from msgspec import Struct

from banks.bank import Bank, Capability, DoubtfulRow, HistoryPage
from banks.drift import AnswerMisfits
from commands import dispatch
from commands.notices import KeepUnreadableNotice
from commands.statements import from_bank, line_of, untold
from ledger.aggregate import Envelope
from ledger.calendar import ICT, bank_day
from ledger.money import Money
from ledger.privacy import Personal
from ledger.statement_hints import StatementHint
from ledger.statements import UNMATCHED, StatementLine
from projections import statements as read_statements
from projections.places import move, position_of
from workers.drifts import set_aside, settle
from workers.jobs import Ring, ask_queue, job
from workers.parts import Parts
from workers.reactor import when
from workers.scheduler import daily, every

PAGES_MAX: Final = 10_000
"""More pages than any sweep of ours has: a bank that always names a next page is not followed for ever."""
DAYS_MAX: Final = 31
"""Days left unread that are rung in one round, oldest first."""
FINAL_AT: Final = time(6, 0)
"""When a bank day is final, on the day after it: what was booked late is there (bank wire specification 11.2)."""
LINES_MAX: Final = 200
"""Recorded lines looked at together."""

log = logging.getLogger(__name__)


class StatementRead(Struct, frozen=True):
    """What a reading came to: whether every row could be read, and the amounts of the lines it showed, by line id."""

    whole: bool
    amounts: Mapping[str, Money]


@job(limit_s=600)
def poll_statement(parts: Parts, bank_account_id: str, day: str) -> None:
    """Read the statement of one bank day (ISO date) and record what it shows; a final day that was read whole is
    marked as done, in order of the days. Raises BankUnavailable, ReadTablesUnavailable.
    """
    wanted, began_at = date.fromisoformat(day), parts.clock()
    read = read_statement(parts, bank_account_id, wanted, wanted)
    if read.whole and began_at >= final_at(wanted):
        # Only from the day before: while an earlier day lacks, the mark waits for it.
        done = wanted.toordinal()
        move(parts.database, follower_of(bank_account_id), after=done - 1, upto=done)


def final_at(day: date) -> datetime:
    """From when on a reading of this bank day shows all of it."""
    return datetime.combine(day + timedelta(days=1), FINAL_AT, ICT)


def follower_of(bank_account_id: str) -> str:
    """Under which name it is kept how far this account's statement was read: the ordinal number of the last day."""
    return f"statement:{bank_account_id}"


def read_statement(parts: Parts, bank_account_id: str, day_from: date, day_to: date) -> StatementRead:
    """Records every movement of these bank days, both included.

    A row that could not be read raises an alarm, once for each day and cause; what was set aside of these days waits no
    more once they are read whole. Raises BankUnavailable, ReadTablesUnavailable.
    """
    bank, about = parts.bank(bank_account_id), _about(day_from, day_to)
    amounts: dict[str, Money] = {}
    whole, cursor = True, None
    for _ in range(PAGES_MAX):
        page = _page(parts, bank, day_from, day_to, cursor)
        shown = [from_bank(bank_account_id, row) for row in page.lines]
        amounts.update((line_of(command), command.amount) for command in shown)
        for command in untold(parts.ledger, shown):
            dispatch(parts.ledger, command, parts.context("statements", line_of(command)))
        for doubtful in page.doubtful:
            whole = False
            _tell_doubtful(parts, bank, about, doubtful)
        cursor = page.next_cursor
        if cursor is None:
            if whole:
                settle(parts, bank_account_id, about)
            return StatementRead(whole, amounts)
    log.error("the statement of %s has no end", bank_account_id)
    return StatementRead(False, amounts)


def unmatched_debits(
    parts: Parts, bank_account_id: str, amount: Money, since: datetime, read: StatementRead
) -> list[str]:
    """Ids of debits of exactly this amount, booked since then, that nobody explains yet: shown by this reading, or
    recorded before from what the bank pushed. Raises ReadTablesUnavailable.
    """
    ids = {line_id for line_id, shown in read.amounts.items() if shown == amount}
    ids.update(_recorded_as_unmatched(parts, bank_account_id, amount, since))
    lines = (parts.ledger.find(StatementLine, line_id) for line_id in sorted(ids))
    return [
        line.id
        for line in lines
        if line and line.direction == "debit" and line.status == UNMATCHED and line.booked_at >= since
    ]


def _recorded_as_unmatched(parts: Parts, bank_account_id: str, amount: Money, since: datetime) -> Iterable[str]:
    """By the read tables, page by page: they may know more than the bank's history, and less than the log."""
    before = None
    for _ in range(PAGES_MAX):
        page = read_statements.lines(
            parts.reader,
            bank_account_id=bank_account_id,
            status=UNMATCHED,
            direction="debit",
            limit=LINES_MAX,
            before=before,
        )
        yield from (row.id for row in page if row.amount == amount.units)
        if len(page) < LINES_MAX or page[-1].booked_at < since:
            return
        before = (page[-1].booked_at, page[-1].id)


def _page(parts: Parts, bank: Bank, day_from: date, day_to: date, cursor: str | None) -> HistoryPage:
    try:
        return bank.history(day_from, day_to, cursor)
    except AnswerMisfits as problem:
        set_aside(parts, bank, "history", _about(day_from, day_to), problem.misfit)
        raise


def _about(day_from: date, day_to: date) -> str:
    return f"{day_from.isoformat()}/{day_to.isoformat()}"


def _tell_doubtful(parts: Parts, bank: Bank, about: str, doubtful: DoubtfulRow) -> None:
    if doubtful.misfit is not None:
        set_aside(parts, bank, "history", about, doubtful.misfit)
        return
    what = f"A row of the statement of {bank.account.id}, {about}, could not be read: {doubtful.why}."
    command = KeepUnreadableNotice(
        bank_account_id=bank.account.id,
        body_digest=hashlib.sha256(what.encode()).hexdigest(),
        body=Personal(b64encode(what.encode()).decode()),
        reason=what,
        operation="history",
        about=about,
    )
    dispatch(parts.ledger, command, parts.context("statements", bank.account.id))


# what is due


@when(StatementHint.Received)
def when_a_bank_hints_at_a_movement(parts: Parts, envelope: Envelope) -> Iterable[Ring]:
    """Today's statement is read at once, and not a minute later."""
    hint = parts.ledger.get(StatementHint, envelope.stream)
    yield _ring(parts.bank(hint.bank_account_id), bank_day(parts.clock()))


@every(seconds=60)
def statements_of_today(parts: Parts, now: datetime) -> Iterable[Ring]:
    """What the bank's push did not bring."""
    return (_ring(bank, bank_day(now)) for bank in _with_history(parts))


@daily(time(1, 30), FINAL_AT)
def statements_of_yesterday(parts: Parts, now: datetime) -> Iterable[Ring]:
    """What came at the end of the day, or was booked late (bank wire specification 11.2)."""
    return (_ring(bank, bank_day(now) - timedelta(days=1)) for bank in _with_history(parts))


@every(seconds=600)
def statements_left_unread(parts: Parts, now: datetime) -> Iterable[Ring]:
    """Final days that were not read whole yet. A day with a row that nobody can read stays among them."""
    for bank in _with_history(parts):
        last = _last_day_read(parts, bank.account.id, now)
        for count in range(1, DAYS_MAX + 1):
            day = last + timedelta(days=count)
            if final_at(day) <= now:
                yield _ring(bank, day)


def _last_day_read(parts: Parts, bank_account_id: str, now: datetime) -> date:
    """The mark; at the very first start it is set so that yesterday comes next."""
    follower = follower_of(bank_account_id)
    number = position_of(parts.reader, follower)
    if not number:
        number = (bank_day(now) - timedelta(days=2)).toordinal()
        move(parts.database, follower, after=0, upto=number)
    return date.fromordinal(number)


def _with_history(parts: Parts) -> Iterable[Bank]:
    return (bank for bank in parts.banks.values() if Capability.HISTORY in bank.capabilities)


def _ring(bank: Bank, day: date) -> Ring:
    return Ring(queue=ask_queue(bank), job=poll_statement.__name__, ids=(bank.account.id, day.isoformat()))
