"""What a bank tells unasked of an order of ours: taken like the answer to an enquiry, unless it contradicts the record.

News that is late, repeated or overtaken changes nothing. What cannot be true together with what is on record overwrites
nothing either: people look, with an alarm that is said once for each payout.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol, assert_never

from commands.command import Command, Decided, handler
from commands.payouts import (
    RecordPayoutAccepted,
    RecordPayoutDeclined,
    RecordPayoutExecuted,
    record_payout_accepted,
    record_payout_declined,
    record_payout_executed,
)
from ledger.alarms import ORDER_NEWS_CONTRADICTS, Alarm, id_of_alarm
from ledger.context import Context
from ledger.errors import PayoutNotFound, WebhookUnreadable
from ledger.payouts import APPROVED, CANCELLED, CONFIRMED, FAILED, REJECTED, REQUESTED, Payout, id_of_end_to_end
from ledger.store import Ledger

NEVER_SENT: Final = (REQUESTED, APPROVED, REJECTED, CANCELLED)
"""States in which no order of the payout can be at a bank."""


Told = Literal["accepted", "executed", "declined"]


class BankNews(Protocol):
    """What a bank's adapter says of one order; `banks.bank.OrderNews` has this shape."""

    @property
    def end_to_end_id(self) -> str | None: ...
    @property
    def told(self) -> Told | None: ...
    @property
    def bank_reference(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def bank_code(self) -> str: ...


class RecordOrderNews(Command):
    """A bank told what became of a payout's order. `reason` and `bank_code` are for a refusal."""

    payout_id: str
    told: Told
    bank_reference: str = ""
    reason: str = ""
    bank_code: str = ""


def from_news(ledger: Ledger, bank_account_id: str, news: BankNews) -> RecordOrderNews:
    """The command that records news of an order. Raises WebhookUnreadable for an order that is none of this account's,
    and for news that says nothing certain.
    """
    payout = None
    if news.end_to_end_id is not None:
        payout = ledger.find(Payout, id_of_end_to_end(news.end_to_end_id))
    if payout is None or payout.end_to_end_id != news.end_to_end_id or payout.bank_account_id != bank_account_id:
        raise WebhookUnreadable("It tells of an order that is none of this account's.")
    if news.told is None:
        raise WebhookUnreadable("It tells nothing certain of an order.")
    return RecordOrderNews(
        payout_id=payout.id,
        told=news.told,
        bank_reference=news.bank_reference,
        reason=news.reason,
        bank_code=news.bank_code,
    )


@handler(RecordOrderNews)
def record_order_news(ledger: Ledger, context: Context, command: RecordOrderNews) -> Decided:
    """What an enquiry with this answer would have done, or an alarm."""
    payout = ledger.get(Payout, command.payout_id, PayoutNotFound)
    if _contradicts(payout, command):
        return _alarmed(ledger, context, payout, command)
    match command.told:
        case "accepted":
            accepted = RecordPayoutAccepted(payout_id=payout.id, bank_reference=command.bank_reference)
            return record_payout_accepted(ledger, context, accepted)
        case "executed":
            executed = RecordPayoutExecuted(payout_id=payout.id, bank_reference=command.bank_reference)
            return record_payout_executed(ledger, context, executed)
        case "declined":
            declined = RecordPayoutDeclined(payout_id=payout.id, reason=command.reason, bank_code=command.bank_code)
            return record_payout_declined(ledger, context, declined)
        case _:
            assert_never(command.told)


def _contradicts(payout: Payout, command: RecordOrderNews) -> bool:
    if payout.status in NEVER_SENT:
        return True
    if command.told == "executed":
        return payout.status == FAILED
    if command.told == "declined":
        return payout.status == CONFIRMED or payout.executed
    # An order that is merely being worked on may be told of late.
    return False


def _alarmed(ledger: Ledger, context: Context, payout: Payout, command: RecordOrderNews) -> Decided:
    if ledger.find(Alarm, id_of_alarm(ORDER_NEWS_CONTRADICTS, payout.id)):
        return Decided(payout)
    recorded = "executed" if payout.executed and payout.status != CONFIRMED else payout.status
    detail = f"the bank tells of its order that it is {command.told}; on record it is {recorded}"
    return Decided(payout, Alarm.raise_(context, kind=ORDER_NEWS_CONTRADICTS, subject=payout.id, detail=detail))
