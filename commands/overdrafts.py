"""What follows when a fact that could not be refused takes a merchant's available funds below zero: people are told."""

from __future__ import annotations

from ledger.accounts import Account
from ledger.aggregate import Aggregate
from ledger.alarms import NEGATIVE_AVAILABLE, Alarm
from ledger.context import Context
from ledger.ids import derive


def overdrawn(context: Context, account: Account, entry_id: str) -> list[Aggregate]:
    """The alarm to keep with a debit by this entry, if the account is below zero after it; one for each entry."""
    if account.available.units >= 0:
        return []
    detail = f"{account.id}: a fact took the available funds to {account.available}."
    return [
        Alarm.raise_(context, kind=NEGATIVE_AVAILABLE, subject=derive("overdraft", account.id, entry_id), detail=detail)
    ]
