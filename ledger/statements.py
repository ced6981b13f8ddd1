"""StatementLine: one movement a bank reports on our account. It stands for ever; who it belongs to may be told later.

recorded -> matched | unmatched          unmatched -> matched (by hand, with a reason)
a reversal by the bank is a line of its own; the reversed line names it
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Final, Literal

from ledger.aggregate import Aggregate, Envelope, Event, Json, follows
from ledger.context import Context
from ledger.errors import ReasonMissing, StatementLineOwned
from ledger.ids import derive
from ledger.money import Money, positive
from ledger.privacy import Sealed

RECORDED: Final = "recorded"
MATCHED: Final = "matched"
UNMATCHED: Final = "unmatched"
REVERSED: Final = "reversed"

Direction = Literal["credit", "debit"]


def id_of_line(bank_account_id: str, key: str) -> str:
    """The stream of a statement line: the same movement, by push or by history, always has the same.

    `key` is the bank's natural key for the movement, direction included (`banks.bank.StatementRow.key`).
    """
    return derive("sl", bank_account_id, key)


class StatementLine(Aggregate):
    """One movement on one of our bank accounts."""

    bank_account_id: str
    bank_reference: str
    direction: Direction
    amount: Money
    booked_at: datetime
    value_date: date
    memo: Sealed | None
    counterparty_name: Sealed | None
    counterparty_account: Sealed | None
    source: str
    is_reversal: bool
    balance_after: Money | None
    status: str
    owner_id: str | None
    reason: str | None
    entry_id: str | None

    class Recorded(Event):
        """The bank reported this movement. `bank_time`: the bank's own words for when; `source`: webhook or history;
        `balance_after`: what the account then held, where the report says so.
        """

        schema_version: ClassVar[int] = 2

        bank_account_id: str
        bank_reference: str
        direction: Direction
        amount: Money
        booked_at: datetime
        bank_time: str
        memo: Sealed | None
        counterparty_name: Sealed | None
        counterparty_account: Sealed | None
        counterparty_bank: str
        source: str
        is_reversal: bool
        balance_after: Money | None

        @classmethod
        def upcast(cls, schema: int, data: Json) -> Json:
            if schema == 1:
                return {**data, "balance_after": None}
            return super().upcast(schema, data)

    class BalanceTold(Event):
        """A later report of the same movement says what the account held after it; the first one did not."""

        balance_after: Money

    class Matched(Event):
        """The movement belongs to this owner (payment intent, payout, bank fees). `reason`: given when by hand."""

        owner_id: str
        entry_id: str
        reason: str | None = None

    class Unmatched(Event):
        """Nobody's yet, and why."""

        reason: str
        entry_id: str

    class Reversed(Event):
        """The bank took the movement back by another line."""

        by_line_id: str
        entry_id: str

    @classmethod
    def record(
        cls,
        context: Context,
        *,
        line_id: str,
        bank_account_id: str,
        bank_reference: str,
        direction: Direction,
        amount: Money,
        booked_at: datetime,
        bank_time: str,
        value_date: date,
        memo: Sealed | None,
        counterparty_name: Sealed | None,
        counterparty_account: Sealed | None,
        counterparty_bank: str,
        source: str,
        is_reversal: bool,
        balance_after: Money | None,
    ) -> StatementLine:
        """What the bank reported. Raises InvalidAmount for a movement of nothing."""
        line = cls(line_id)
        event = cls.Recorded(
            bank_account_id=bank_account_id,
            bank_reference=bank_reference,
            direction=direction,
            amount=positive(amount),
            booked_at=booked_at,
            bank_time=bank_time,
            memo=memo,
            counterparty_name=counterparty_name,
            counterparty_account=counterparty_account,
            counterparty_bank=counterparty_bank,
            source=source,
            is_reversal=is_reversal,
            balance_after=balance_after,
        )
        line.trigger_event(event, context, effective_on=value_date)
        return line

    def tell_balance(self, context: Context, *, balance_after: Money | None) -> None:
        """Another report of this movement. The first balance that is told stands."""
        if balance_after is not None and self.balance_after is None:
            self.trigger_event(self.BalanceTold(balance_after=balance_after), context, effective_on=self.value_date)

    def match(self, context: Context, *, owner_id: str, entry_id: str) -> None:
        """The movement belongs to this owner."""
        self._must_be_free()
        event = self.Matched(owner_id=owner_id, entry_id=entry_id)
        self.trigger_event(event, context, effective_on=self.value_date)

    def match_by_hand(self, context: Context, *, owner_id: str, entry_id: str, reason: str) -> None:
        """A person says whose it is. Raises StatementLineOwned when it has an owner, ReasonMissing without a reason."""
        self._must_be_free()
        if not reason.strip():
            raise ReasonMissing("Say why the line belongs there.", field="reason")
        event = self.Matched(owner_id=owner_id, entry_id=entry_id, reason=reason)
        self.trigger_event(event, context, effective_on=self.value_date)

    def leave_unmatched(self, context: Context, *, reason: str, entry_id: str) -> None:
        """Nobody's yet."""
        self.trigger_event(self.Unmatched(reason=reason, entry_id=entry_id), context, effective_on=self.value_date)

    def reverse(self, context: Context, *, by_line_id: str, entry_id: str, on: date) -> None:
        """The bank took it back. A fact, but only once. Raises StatementLineOwned for a second time."""
        if self.status == REVERSED:
            raise StatementLineOwned("This line was reversed before.", id=self.id)
        self.trigger_event(self.Reversed(by_line_id=by_line_id, entry_id=entry_id), context, effective_on=on)

    def _must_be_free(self) -> None:
        if self.status not in (RECORDED, UNMATCHED):
            raise StatementLineOwned(f"The line is {self.status} already.", id=self.id, status=self.status)

    @follows(Recorded)
    def _recorded(self, event: Recorded, envelope: Envelope) -> None:
        self.bank_account_id = event.bank_account_id
        self.bank_reference = event.bank_reference
        self.direction = event.direction
        self.amount = event.amount
        self.booked_at = event.booked_at
        self.value_date = envelope.effective_on
        self.memo = event.memo
        self.counterparty_name = event.counterparty_name
        self.counterparty_account = event.counterparty_account
        self.source = event.source
        self.is_reversal = event.is_reversal
        self.balance_after = event.balance_after
        self.status = RECORDED
        self.owner_id = None
        self.reason = None
        self.entry_id = None

    @follows(BalanceTold)
    def _balance_told(self, event: BalanceTold, envelope: Envelope) -> None:
        self.balance_after = event.balance_after

    @follows(Matched)
    def _matched(self, event: Matched, envelope: Envelope) -> None:
        self.status = MATCHED
        self.owner_id = event.owner_id
        self.entry_id = event.entry_id
        self.reason = event.reason

    @follows(Unmatched)
    def _unmatched(self, event: Unmatched, envelope: Envelope) -> None:
        self.status = UNMATCHED
        self.reason = event.reason
        self.entry_id = event.entry_id

    @follows(Reversed)
    def _reversed(self, event: Reversed, envelope: Envelope) -> None:
        self.status = REVERSED
