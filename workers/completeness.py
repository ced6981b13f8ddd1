"""Whether our statements are whole: lines are held against running balances and the bank's own balance, and where money
is missing the bank's history is read again.

Every few minutes each account is judged: what was booked a while ago, against the balance told at the check before. A
hole is put on record first, then the history of its days is read, then it is judged again. So nothing but the bank's
own history, and never a guess of ours, makes the missing line. An account whose bank gives no balance is judged by
running balances alone, one whose bank gives no history waits for what is pushed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from banks.bank import Balance, Bank, Capability
from banks.drift import AnswerMisfits
from commands import dispatch
from commands.completeness import RecordBankBalance, RecordCompleteness
from ledger.balance_chain import Movement
from ledger.calendar import bank_day
from ledger.completeness import Completeness, Hole, Judgement, id_of_completeness
from ledger.money import Money
from ledger.statements import StatementLine
from projections import statements as read_statements
from projections.places import positions
from projections.statements import StatementLines, StatementRow
from workers.drifts import set_aside, settle
from workers.jobs import Ring, ask_queue, job
from workers.parts import Parts
from workers.scheduler import every
from workers.statements import DAYS_MAX, LINES_MAX, PAGES_MAX, read_statement

SETTLED_AFTER: Final = timedelta(minutes=2)
"""When a movement should have come: it was pushed, or one of the readings of today's statement has shown it."""
BEFORE: Final = 20
"""Lines from before the mark that are looked at as well: those that come next join with one of them."""

log = logging.getLogger(__name__)


@job(limit_s=600)
def check_completeness(parts: Parts, bank_account_id: str) -> None:
    """Judge what is on record, read again what is missing, and ask for the balance that comes next.

    Raises BankUnavailable, ReadTablesUnavailable, EventStoreUnavailable; a hole noticed before stays on record.
    """
    known, until = parts.ledger.find(Completeness, id_of_completeness(bank_account_id)), _shown_until(parts)
    if known is None:
        _record(parts, bank_account_id, Judgement())
    else:
        _judge(parts, known, until)
        if known.keeps_waiting(until):
            return  # a newer balance would have to wait as well, and this one would never be judged
    bank = parts.bank(bank_account_id)
    if Capability.BALANCE in bank.capabilities:
        balance = ask_balance(parts, bank)
        command = RecordBankBalance(bank_account_id=bank_account_id, balance=balance.current, as_of=balance.as_of)
        dispatch(parts.ledger, command, parts.context("completeness", bank_account_id))


def ask_balance(parts: Parts, bank: Bank) -> Balance:
    """What the bank says the account holds; an answer that fits no more is set aside. Raises BankUnavailable,
    ReadTablesUnavailable.
    """
    try:
        balance = bank.balance()
    except AnswerMisfits as problem:
        set_aside(parts, bank, "balance", "balance", problem.misfit)
        raise
    settle(parts, bank.account.id, "balance")
    return balance


def _judge(parts: Parts, known: Completeness, until: datetime) -> None:
    bank_account_id = known.bank_account_id
    movements = _movements(parts, known)
    judgement = known.judge(list(movements.values()), until)
    _record(parts, bank_account_id, judgement)
    if judgement.holes and Capability.HISTORY in parts.bank(bank_account_id).capabilities:
        _record(parts, bank_account_id, _judged_again(parts, known, movements, judgement.holes, until))


def _judged_again(
    parts: Parts, known: Completeness, movements: Mapping[str, Movement], holes: Iterable[Hole], until: datetime
) -> Judgement:
    """What is proved and lacking once the history of these holes has been read."""
    days, found = _days(holes), dict(movements)
    whole = len(days) < DAYS_MAX
    for day in days:
        read = read_statement(parts, known.bank_account_id, day, day)
        whole = whole and read.whole
        # The read tables do not show yet what was recorded a moment ago.
        for line_id in sorted(read.amounts.keys() - found.keys()):
            line = parts.ledger.get(StatementLine, line_id)
            amount = line.amount if line.direction == "credit" else -line.amount
            found[line_id] = Movement(
                line_id=line_id, amount=amount, booked_at=line.booked_at, balance_after=line.balance_after
            )
    judgement = known.judge(list(found.values()), until)
    return judgement.by_whole_history() if whole else judgement


def _days(holes: Iterable[Hole]) -> list[date]:
    """The bank days in which these holes lie, the latest first: at most so many at once."""
    days: set[date] = set()
    for hole in holes:
        first, last = bank_day(hole.since), bank_day(hole.until)
        days |= {last - timedelta(days=back) for back in range(min((last - first).days + 1, DAYS_MAX))}
    return sorted(days, reverse=True)[:DAYS_MAX]


def _record(parts: Parts, bank_account_id: str, judgement: Judgement) -> None:
    command = RecordCompleteness(bank_account_id=bank_account_id, judgement=judgement)
    dispatch(parts.ledger, command, parts.context("completeness", bank_account_id))


def _shown_until(parts: Parts) -> datetime:
    """Movements booked up to then should be in the read tables, if they are on record."""
    until = parts.clock() - SETTLED_AFTER
    unseen = parts.ledger.read(positions(parts.reader).get(StatementLines.name, 0), 1)
    return min(until, *(envelope.at for envelope in unseen)) if unseen else until


def _movements(parts: Parts, known: Completeness) -> dict[str, Movement]:
    """What the read tables show of the account, back to what was proved and some lines further, by line id."""
    since = known.complete_up_to or known.watched_from
    if known.checkpoint is not None:
        since = min(since, known.checkpoint.at)
    found: dict[str, Movement] = {}
    earlier, before = 0, None
    for _ in range(PAGES_MAX):
        page = read_statements.lines(
            parts.reader, bank_account_id=known.bank_account_id, limit=LINES_MAX, before=before
        )
        found |= {row.id: _movement(row) for row in page}
        earlier += sum(row.booked_at < since for row in page)
        if len(page) < LINES_MAX or earlier >= BEFORE:
            return found
        before = (page[-1].booked_at, page[-1].id)
    log.error("%s has too many lines since %s", known.bank_account_id, since)
    return found


def _movement(row: StatementRow) -> Movement:
    amount = Money(row.amount if row.direction == "credit" else -row.amount, row.currency)
    balance = Money(row.balance_after, row.currency) if row.balance_after is not None else None
    return Movement(line_id=row.id, amount=amount, booked_at=row.booked_at, balance_after=balance)


# what is due


@every(seconds=300)
def accounts_to_check(parts: Parts, now: datetime) -> Iterable[Ring]:
    """Every account of ours."""
    for bank_account_id, bank in parts.banks.items():
        yield Ring(queue=ask_queue(bank), job=check_completeness.__name__, ids=(bank_account_id,))
