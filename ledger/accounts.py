"""The chart of accounts, and the accounts that can refuse.

An account that cannot refuse (bank cash, fees, clearing, a merchant's pending funds) is a sum of postings, so nothing
is locked by money coming in. A merchant's available funds can refuse: they are an aggregate with posted, held and
available.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.context import Context
from ledger.errors import HoldExists, HoldNotFound, InsufficientFunds
from ledger.money import Money, positive


class AccountKind(StrEnum):
    """What an account is in the books; assets and expenses grow by debits, the others by credits."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"
    EQUITY = "equity"


UNIDENTIFIED: Final = "unidentified"
"""Credits received that no payment intent owns yet; debits nobody ordered stand on its debit side."""
IN_TRANSIT: Final = "payouts:in_transit"
"""Orders a bank accepted and its statement has not shown yet."""
FEES: Final = "fees"
BANK_FEES: Final = "bank_fees"
ADJUSTMENTS: Final = "adjustments"


def bank(bank_account_id: str) -> str:
    """Our money in one account at a bank."""
    return f"bank:{bank_account_id}"


def pending(merchant_id: str) -> str:
    """What was paid to a merchant and is not settled yet."""
    return f"merchant:{merchant_id}:pending"


def available(merchant_id: str) -> str:
    """What a merchant may be paid out."""
    return f"merchant:{merchant_id}:available"


def kind_of(account: str) -> AccountKind:
    """The kind of a ledger account by its name; raises ValueError for a name outside the chart."""
    if account.startswith("bank:"):
        return AccountKind.ASSET
    if account.startswith("merchant:") or account in (UNIDENTIFIED, IN_TRANSIT):
        return AccountKind.LIABILITY
    fixed = {FEES: AccountKind.INCOME, BANK_FEES: AccountKind.EXPENSE, ADJUSTMENTS: AccountKind.EQUITY}
    if account not in fixed:
        raise ValueError(f"{account!r} is not in the chart of accounts")
    return fixed[account]


class Account(Aggregate):
    """A guarded account: the stream is the account's name. Bank facts are never refused, only holds are."""

    posted: Money
    holds: dict[str, Money]

    class Opened(Event):
        """The account exists, empty."""

        currency: str

    class Credited(Event):
        """Funds came in by a journal entry."""

        amount: Money
        entry_id: str

    class Debited(Event):
        """Funds went out by a journal entry without a hold: a fact that could not be refused."""

        amount: Money
        entry_id: str

    class HoldPlaced(Event):
        """Funds were set aside."""

        hold_id: str
        amount: Money

    class HoldReleased(Event):
        """The hold ended, the funds are available again."""

        hold_id: str
        amount: Money

    class HoldCaptured(Event):
        """The hold ended, the funds left by a journal entry."""

        hold_id: str
        amount: Money
        entry_id: str

    @property
    def held(self) -> Money:
        """The sum of all holds."""
        return sum(self.holds.values(), Money(0, self.posted.currency))

    @property
    def available(self) -> Money:
        """What can still be promised: posted minus held. Negative only after a fact that could not be refused."""
        return self.posted - self.held

    @classmethod
    def open(cls, context: Context, *, name: str, currency: str) -> Account:
        """A new, empty account of this name."""
        account = cls(name)
        account.trigger_event(cls.Opened(currency=currency), context)
        return account

    def credit(self, context: Context, *, amount: Money, entry_id: str) -> None:
        """Funds come in. Never refused."""
        self.trigger_event(self.Credited(amount=amount, entry_id=entry_id), context)

    def debit(self, context: Context, *, amount: Money, entry_id: str) -> None:
        """Funds have left without a hold, as a bank's statement says. Never refused; available may turn negative."""
        self.trigger_event(self.Debited(amount=amount, entry_id=entry_id), context)

    def place_hold(self, context: Context, *, hold_id: str, amount: Money) -> None:
        """Set funds aside. Raises InsufficientFunds above what is available, HoldExists for a hold that is open.

        Raises InvalidAmount for an amount that is not above zero.
        """
        if hold_id in self.holds:
            raise HoldExists(f"There is an open hold {hold_id!r} on {self.id}.", id=hold_id)
        if positive(amount) > self.available:
            raise InsufficientFunds(
                f"{amount} is needed and {self.available} is available. Wait for a settlement or ask for less.",
                field="amount",
                available=self.available.units,
                needed=amount.units,
                currency=amount.currency,
            )
        self.trigger_event(self.HoldPlaced(hold_id=hold_id, amount=amount), context)

    def release_hold(self, context: Context, *, hold_id: str) -> None:
        """Make held funds available again. Raises HoldNotFound when the hold has ended."""
        self.trigger_event(self.HoldReleased(hold_id=hold_id, amount=self._hold(hold_id)), context)

    def capture_hold(self, context: Context, *, hold_id: str, entry_id: str) -> None:
        """Let held funds go by a journal entry. Raises HoldNotFound when the hold has ended."""
        event = self.HoldCaptured(hold_id=hold_id, amount=self._hold(hold_id), entry_id=entry_id)
        self.trigger_event(event, context)

    def _hold(self, hold_id: str) -> Money:
        amount = self.holds.get(hold_id)
        if amount is None:
            raise HoldNotFound(f"There is no open hold {hold_id!r} on {self.id}.", id=hold_id)
        return amount

    @follows(Opened)
    def _opened(self, event: Opened, envelope: Envelope) -> None:
        self.posted = Money(0, event.currency)
        self.holds = {}

    @follows(Credited)
    def _credited(self, event: Credited, envelope: Envelope) -> None:
        self.posted = self.posted + event.amount

    @follows(Debited)
    def _debited(self, event: Debited, envelope: Envelope) -> None:
        self.posted = self.posted - event.amount

    @follows(HoldPlaced)
    def _hold_placed(self, event: HoldPlaced, envelope: Envelope) -> None:
        self.holds[event.hold_id] = event.amount

    @follows(HoldReleased)
    def _hold_released(self, event: HoldReleased, envelope: Envelope) -> None:
        del self.holds[event.hold_id]

    @follows(HoldCaptured)
    def _hold_captured(self, event: HoldCaptured, envelope: Envelope) -> None:
        self.posted = self.posted - event.amount
        del self.holds[event.hold_id]
