"""The story of everything over several weeks, with value dates that lie before and behind the recorded days.

`tell_long` adds what the short story lacks for questions about the past: lines that banks report days later, entries
posted back and ahead, reversals of them, holds that are placed, released and captured on other days.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import msgspec

from commands.statements import RecordStatementLine
from ledger import accounts
from ledger.accounts import Account
from ledger.aggregate import Aggregate
from ledger.journal import JournalEntry, credit, debit
from ledger.payments import PaymentIntent
from tests.projections.tale import Tale, tell
from tests.story import BANK_ACCOUNT, Story, dong

SLOWER = 300
"""How much longer everything takes than in the short story: a minute becomes five hours."""


class SlowStory(Story):
    """A story whose days pass, told by banks that report late."""

    dice = Random(20_261_125)

    def passes(self, **time: float) -> None:
        """Let more time pass than was said."""
        self.now += timedelta(**time) * SLOWER

    def row(self, units: int, memo: str, **how: Any) -> RecordStatementLine:
        """What a bank reports, up to four days late, or a day early."""
        told = super().row(units, memo, **how)
        return msgspec.structs.replace(told, value_date=self.near())

    def near(self) -> date:
        """A day not far from the story's present one."""
        return self.now.date() + timedelta(days=self.dice.randint(-4, 1))


def tell_long(story: SlowStory) -> Tale:
    """The whole story; its merchants can be paid out of in the end."""
    tale = tell(story)
    guarded = story.account(tale.quiet)
    for number in range(12):
        story.passes(minutes=3)
        amount = dong(1_000 + 37 * number)
        legs = [debit(accounts.UNIDENTIFIED, amount), credit(accounts.pending(tale.merchant), amount)]
        subject = f"correction_{number}"
        entry = JournalEntry.post(
            story.context(), happening="correction", subject=subject, value_date=story.near(), postings=legs
        )
        kept: list[Aggregate] = [entry]
        if number % 3 == 0:
            on, undone = story.near(), f"{subject}_undone"
            kept.append(entry.reversal(story.context(), happening="correction", subject=undone, value_date=on))
        story.ledger.keep(*kept)
        _hold(story, guarded, number)
    _dated_otherwise(story, tale)
    return tale


def _hold(story: SlowStory, account: Account, number: int) -> None:
    """Holds on one account, each ended some time later in one of the two ways."""
    account.place_hold(story.context(), hold_id=f"hold_{number}", amount=dong(500 + number))
    if number % 4 == 2:
        account.release_hold(story.context(), hold_id=f"hold_{number - 1}")
    if number % 4 == 3:
        account.capture_hold(story.context(), hold_id=f"hold_{number - 3}", entry_id="je_none")
    _keep_dated(story, account)


def _dated_otherwise(story: SlowStory, tale: Tale) -> None:
    """Things that only a fault could leave in the log: beginnings that take effect after what follows on them."""
    for number in range(3):
        intent = PaymentIntent.create(
            story.context(),
            merchant_id=tale.merchant,
            amount=dong(5_000),
            code=f"LATE{number}",
            bank_account_id=BANK_ACCOUNT,
            description="",
            merchant_reference="",
            expires_at=None,
        )
        intent.cancel(story.context(), reason="dated otherwise")
        _keep_dated(story, intent)


def _keep_dated(story: SlowStory, aggregate: Aggregate) -> None:
    """Keep its new events, each with another value date than the day it was recorded on."""
    for envelope in aggregate.collect_events():
        dated = msgspec.structs.replace(envelope, effective_on=story.near())
        story.ledger.events.put([dated])
