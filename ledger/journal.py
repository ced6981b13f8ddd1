"""The journal: balanced entries of postings, and one function for each happening that posts.

The table of happenings is `3-money` of the design: what each debits and credits. An entry is never edited; a
correction is a new entry that reverses the old one and names it.
"""

from __future__ import annotations

from datetime import date

import msgspec

from ledger import accounts
from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.context import Context
from ledger.errors import UnbalancedEntry
from ledger.ids import derive
from ledger.money import Money


class Posting(msgspec.Struct, frozen=True, gc=False):
    """One leg of an entry. Debits are positive, credits negative."""

    account: str
    amount: Money


def debit(account: str, amount: Money) -> Posting:
    """A debit leg."""
    return Posting(account, amount)


def credit(account: str, amount: Money) -> Posting:
    """A credit leg."""
    return Posting(account, -amount)


def id_of_entry(happening: str, subject: str) -> str:
    """The stream of the entry of this happening about this subject."""
    return derive("je", happening, subject)


class JournalEntry(Aggregate):
    """A balanced set of postings with one value date and one cause."""

    postings: tuple[Posting, ...]

    class Posted(Event):
        """The entry stands, for good. `happening` is the row of the posting table; `subject` what it is about."""

        happening: str
        subject: str
        postings: tuple[Posting, ...]
        reverses: str | None = None

    @classmethod
    def post(
        cls,
        context: Context,
        *,
        happening: str,
        subject: str,
        value_date: date,
        postings: list[Posting],
        reverses: str | None = None,
    ) -> JournalEntry:
        """A new entry; its id is derived from happening and subject, so the same happening cannot be posted twice.

        Legs of nothing are left out. Raises UnbalancedEntry unless the legs sum to zero in each currency.
        """
        sums: dict[str, int] = {}
        for posting in postings:
            accounts.kind_of(posting.account)
            sums[posting.amount.currency] = sums.get(posting.amount.currency, 0) + posting.amount.units
        if any(sums.values()):
            raise UnbalancedEntry(f"The legs of {happening} for {subject} sum to {sums}.")
        entry = cls(id_of_entry(happening, subject))
        legs = tuple(posting for posting in postings if posting.amount)
        event = cls.Posted(happening=happening, subject=subject, postings=legs, reverses=reverses)
        entry.trigger_event(event, context, effective_on=value_date)
        return entry

    def reversal(self, context: Context, *, happening: str, subject: str, value_date: date) -> JournalEntry:
        """A new entry that takes this one back and names it."""
        postings = [Posting(posting.account, -posting.amount) for posting in self.postings]
        return JournalEntry.post(
            context,
            happening=happening,
            subject=subject,
            value_date=value_date,
            postings=postings,
            reverses=self.id,
        )

    @follows(Posted)
    def _posted(self, event: Posted, envelope: Envelope) -> None:
        self.postings = event.postings


def credit_unidentified(context: Context, *, line_id: str, on: date, bank: str, amount: Money) -> JournalEntry:
    """A credit line that is nobody's yet."""
    legs = [debit(accounts.bank(bank), amount), credit(accounts.UNIDENTIFIED, amount)]
    return JournalEntry.post(context, happening="credit_unidentified", subject=line_id, value_date=on, postings=legs)


def debit_unidentified(context: Context, *, line_id: str, on: date, bank: str, amount: Money) -> JournalEntry:
    """A debit nobody ordered: it stands on the debit side of `unidentified` until somebody explains it."""
    legs = [debit(accounts.UNIDENTIFIED, amount), credit(accounts.bank(bank), amount)]
    return JournalEntry.post(context, happening="debit_unidentified", subject=line_id, value_date=on, postings=legs)


def payment_matched(
    context: Context, *, line_id: str, on: date, source: str, merchant_id: str, amount: Money, fee: Money
) -> JournalEntry:
    """A credit line matched to a payment intent: gross to pending, our fee out of it.

    `source` is the account the money stands in: the bank account when matched at once, `unidentified` when later.
    """
    pending = accounts.pending(merchant_id)
    legs = [debit(source, amount), credit(pending, amount), debit(pending, fee), credit(accounts.FEES, fee)]
    return JournalEntry.post(context, happening="payment_matched", subject=line_id, value_date=on, postings=legs)


def settlement_released(
    context: Context, *, settlement_id: str, on: date, merchant_id: str, net: Money
) -> JournalEntry:
    """Settled funds become available."""
    legs = [debit(accounts.pending(merchant_id), net), credit(accounts.available(merchant_id), net)]
    return JournalEntry.post(
        context, happening="settlement_released", subject=settlement_id, value_date=on, postings=legs
    )


def payout_accepted(
    context: Context, *, payout_id: str, on: date, merchant_id: str, amount: Money, fee: Money
) -> JournalEntry:
    """A bank took the order: the funds leave available for in transit, and our fee is earned."""
    legs = [
        debit(accounts.available(merchant_id), amount + fee),
        credit(accounts.IN_TRANSIT, amount),
        credit(accounts.FEES, fee),
    ]
    return JournalEntry.post(context, happening="payout_accepted", subject=payout_id, value_date=on, postings=legs)


def payout_confirmed(context: Context, *, payout_id: str, on: date, source: str, amount: Money) -> JournalEntry:
    """The statement shows the debit of a payout. `source`: the bank account, or `unidentified` when known later."""
    legs = [debit(accounts.IN_TRANSIT, amount), credit(source, amount)]
    return JournalEntry.post(context, happening="payout_confirmed", subject=payout_id, value_date=on, postings=legs)


def payout_declined_late(
    context: Context, *, payout_id: str, on: date, merchant_id: str, amount: Money, fee: Money
) -> JournalEntry:
    """An accepted order that the bank then refused: funds and fee go back to available."""
    legs = [
        debit(accounts.IN_TRANSIT, amount),
        debit(accounts.FEES, fee),
        credit(accounts.available(merchant_id), amount + fee),
    ]
    return JournalEntry.post(context, happening="payout_declined_late", subject=payout_id, value_date=on, postings=legs)


def payout_returned(
    context: Context, *, line_id: str, on: date, bank: str, merchant_id: str, amount: Money
) -> JournalEntry:
    """Money of a confirmed payout came back later: to available; the old entries stay, and so does the fee."""
    legs = [debit(accounts.bank(bank), amount), credit(accounts.available(merchant_id), amount)]
    return JournalEntry.post(context, happening="payout_returned", subject=line_id, value_date=on, postings=legs)


def bank_fee(context: Context, *, line_id: str, on: date, source: str, amount: Money) -> JournalEntry:
    """What a bank charged us. `source`: the bank account, or `unidentified` when explained later."""
    legs = [debit(accounts.BANK_FEES, amount), credit(source, amount)]
    return JournalEntry.post(context, happening="bank_fee", subject=line_id, value_date=on, postings=legs)


def payout_confirmed_after_failure(
    context: Context, *, payout_id: str, on: date, source: str, merchant_id: str, amount: Money, fee: Money
) -> JournalEntry:
    """A payout recorded as failed stands on the statement: a fact, so available pays for it, even below zero.

    `source`: the bank account, or `unidentified` when known later.
    """
    legs = [
        debit(accounts.available(merchant_id), amount + fee),
        credit(source, amount),
        credit(accounts.FEES, fee),
    ]
    return JournalEntry.post(
        context, happening="payout_confirmed_after_failure", subject=payout_id, value_date=on, postings=legs
    )
