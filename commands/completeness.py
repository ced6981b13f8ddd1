"""What is recorded of the completeness of our statements: balances banks tell, what they prove, and holes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from commands.command import Command, Decided, handler
from ledger.alarms import HOLE_STAYS_OPEN, Alarm, id_of_alarm
from ledger.completeness import Completeness, Hole, Judgement, id_of_completeness
from ledger.context import Context
from ledger.money import Money
from ledger.store import Ledger

OPEN_MAX: Final = timedelta(hours=1)
"""A hole that is open for longer is looked at by people: histories are read every few minutes."""


class RecordBankBalance(Command):
    """Our bank said, when asked, what the account held at `as_of` on its books."""

    bank_account_id: str
    balance: Money
    as_of: datetime


class RecordCompleteness(Command):
    """What the lines of this account were found to prove and to lack. The first one begins the watch."""

    bank_account_id: str
    judgement: Judgement


@handler(RecordBankBalance)
def record_bank_balance(ledger: Ledger, context: Context, command: RecordBankBalance) -> Decided:
    """The balance, to be judged later."""
    completeness = _watched(ledger, context, command.bank_account_id)
    completeness.tell_balance(context, balance=command.balance, as_of=command.as_of)
    return Decided(completeness)


@handler(RecordCompleteness)
def record_completeness(ledger: Ledger, context: Context, command: RecordCompleteness) -> Decided:
    """The mark, the holes, and an alarm once for each hole that is open for too long."""
    completeness = _watched(ledger, context, command.bank_account_id)
    completeness.take(context, command.judgement)
    old = [hole for hole in completeness.holes.values() if _is_old(completeness, hole, context.at)]
    new = [hole for hole in old if ledger.find(Alarm, id_of_alarm(HOLE_STAYS_OPEN, hole.hole_id)) is None]
    return Decided(completeness, *(_alarm(context, command.bank_account_id, hole) for hole in new))


def _watched(ledger: Ledger, context: Context, bank_account_id: str) -> Completeness:
    known = ledger.find(Completeness, id_of_completeness(bank_account_id))
    return known or Completeness.begin(context, bank_account_id=bank_account_id)


def _is_old(completeness: Completeness, hole: Hole, at: datetime) -> bool:
    return at - completeness.noticed_at[hole.hole_id] >= OPEN_MAX


def _alarm(context: Context, bank_account_id: str, hole: Hole) -> Alarm:
    what = f"{hole.missing} more came to" if hole.missing.units > 0 else f"{-hole.missing} more left"
    detail = (
        f"{what} {bank_account_id} between {hole.since.isoformat()} and {hole.until.isoformat()} than our lines show,"
        " and the history of the bank has not brought it. Compare them with the bank's own statement."
    )
    return Alarm.raise_(context, kind=HOLE_STAYS_OPEN, subject=hole.hole_id, detail=detail)
