"""Our statements at banks: read them whole, page by page, and record every movement they show.

A movement that was pushed before is recorded already, under the same natural key, and changes nothing.
"""

from __future__ import annotations

import hashlib
import logging
from base64 import b64encode
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final

from banks.bank import Bank, Capability, DoubtfulRow
from commands import dispatch
from commands.notices import KeepUnreadableNotice
from commands.statements import from_bank, line_of
from ledger.calendar import bank_day
from ledger.privacy import Personal
from workers.jobs import Ring, ask_queue, job
from workers.parts import Parts
from workers.scheduler import daily, every

PAGES_MAX: Final = 10_000
"""More pages than any sweep of ours has: a bank that always names a next page is not followed for ever."""

log = logging.getLogger(__name__)


@job(limit_s=600)
def poll_statement(parts: Parts, bank_account_id: str, day: str) -> None:
    """Read the statement of one bank day (ISO date) and record what it shows. Raises BankUnavailable."""
    read_statement(parts, bank_account_id, date.fromisoformat(day), date.fromisoformat(day))


def read_statement(parts: Parts, bank_account_id: str, day_from: date, day_to: date) -> bool:
    """Records every movement of these bank days, both included; whether every row could be read.

    A row that could not raises an alarm, once for each day and cause. Raises BankUnavailable.
    """
    bank = parts.bank(bank_account_id)
    whole, cursor = True, None
    for _ in range(PAGES_MAX):
        page = bank.history(day_from, day_to, cursor)
        for row in page.lines:
            command = from_bank(bank_account_id, row)
            dispatch(parts.ledger, command, parts.context("statements", line_of(command)))
        for doubtful in page.doubtful:
            whole = False
            _raise_alarm(parts, bank_account_id, day_from, day_to, doubtful)
        cursor = page.next_cursor
        if cursor is None:
            return whole
    log.error("the statement of %s has no end", bank_account_id)
    return False


def _raise_alarm(parts: Parts, bank_account_id: str, day_from: date, day_to: date, doubtful: DoubtfulRow) -> None:
    what = f"A row of the statement of {bank_account_id}, {day_from} to {day_to}, could not be read: {doubtful.why}."
    command = KeepUnreadableNotice(
        bank_account_id=bank_account_id,
        body_digest=hashlib.sha256(what.encode()).hexdigest(),
        body=Personal(b64encode(what.encode()).decode()),
        reason=what,
    )
    dispatch(parts.ledger, command, parts.context("statements", bank_account_id))


@every(seconds=60)
def statements_of_today(parts: Parts, now: datetime) -> Iterable[Ring]:
    """What the bank's push did not bring."""
    return _rings(parts, bank_day(now))


@daily(time(1, 30), time(6, 0))
def statements_of_yesterday(parts: Parts, now: datetime) -> Iterable[Ring]:
    """What came at the end of the day, or was booked late (bank wire specification 11.2)."""
    return _rings(parts, bank_day(now) - timedelta(days=1))


def _rings(parts: Parts, day: date) -> Iterable[Ring]:
    for bank_account_id, bank in parts.banks.items():
        if _has_history(bank):
            yield Ring(queue=ask_queue(bank), job=poll_statement.__name__, ids=(bank_account_id, day.isoformat()))


def _has_history(bank: Bank) -> bool:
    return Capability.HISTORY in bank.capabilities
