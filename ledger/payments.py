"""PaymentIntent: what a merchant expects to receive, under a payment code, and what came of it.

    awaiting -> paid | underpaid | overpaid          underpaid -> paid | overpaid          paid -> overpaid
    awaiting | underpaid -> expired | cancelled      money after that is late: it waits, unidentified, for a decision
    a bank's reversal takes money back: paid | overpaid -> underpaid | awaiting; what has ended stays ended

The stream is `pi_` + the characters of the payment code, so a code found in a transfer text names its intent by itself.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Final

from ledger import codes
from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.context import Context
from ledger.errors import InvalidField, PaymentIntentClosed
from ledger.money import Money, positive

AWAITING: Final = "awaiting"
PAID: Final = "paid"
UNDERPAID: Final = "underpaid"
OVERPAID: Final = "overpaid"
EXPIRED: Final = "expired"
CANCELLED: Final = "cancelled"

AMOUNT_MAX: Final = 499_999_999_999
"""Above any transfer a payer could make; a larger amount is a mistake."""
DESCRIPTION_MAX: Final = 200


def id_of_code(code: str) -> str:
    """The payment intent that a payment code belongs to, if there is one."""
    return f"pi_{code.removeprefix(codes.PAYMENT_PREFIX)}"


class PaymentIntent(Aggregate):
    """One expected payment."""

    merchant_id: str
    amount: Money
    code: str
    bank_account_id: str
    description: str
    merchant_reference: str
    expires_at: datetime | None
    created_at: datetime
    status: str
    received: Money
    fees: Money
    settled: Money
    settled_fees: Money
    lines: dict[str, Money]

    class Created(Event):
        """The merchant expects this amount under this code. `bank_account_id`: our account it is to reach."""

        public: ClassVar[bool] = True
        merchant_id: str
        amount: Money
        code: str
        bank_account_id: str
        description: str
        merchant_reference: str
        expires_at: datetime | None

    class Paid(Event):
        """A credit line brought what was still missing, exactly."""

        public: ClassVar[bool] = True
        line_id: str
        amount: Money
        fee: Money
        received: Money

    class Underpaid(Event):
        """A credit line came, and some is still missing."""

        public: ClassVar[bool] = True
        line_id: str
        amount: Money
        fee: Money
        received: Money

    class Overpaid(Event):
        """A credit line came, and more than expected is here."""

        public: ClassVar[bool] = True
        line_id: str
        amount: Money
        fee: Money
        received: Money

    class ReceivedLate(Event):
        """Money came after the intent had ended; it waits as unidentified for a decision."""

        public: ClassVar[bool] = True
        line_id: str
        amount: Money

    class Reversed(Event):
        """The bank took a credit back; `status` is what the intent is again."""

        public: ClassVar[bool] = True
        line_id: str
        amount: Money
        fee: Money
        received: Money
        status: str

    class Expired(Event):
        """The time to pay is over."""

        public: ClassVar[bool] = True

    class Cancelled(Event):
        """The merchant expects it no more."""

        public: ClassVar[bool] = True
        reason: str

    class Settled(Event):
        """This much of the gross, and this much of the fees in it, is part of a settlement."""

        settlement_id: str
        gross: Money
        fee: Money

    @classmethod
    def create(
        cls,
        context: Context,
        *,
        merchant_id: str,
        amount: Money,
        code: str,
        bank_account_id: str,
        description: str,
        merchant_reference: str,
        expires_at: datetime | None,
    ) -> PaymentIntent:
        """A new intent. Raises InvalidAmount or InvalidField for what nobody could pay."""
        positive(amount)
        if amount.units > AMOUNT_MAX:
            raise InvalidField(f"A payment is at most {AMOUNT_MAX:,} {amount.currency}.", field="amount")
        if len(description) > DESCRIPTION_MAX:
            raise InvalidField(f"A description has at most {DESCRIPTION_MAX} characters.", field="description")
        if expires_at is not None and expires_at <= context.at:
            raise InvalidField("The time to pay must lie ahead.", field="expires_at")
        intent = cls(id_of_code(code))
        event = cls.Created(
            merchant_id=merchant_id,
            amount=amount,
            code=code,
            bank_account_id=bank_account_id,
            description=description,
            merchant_reference=merchant_reference,
            expires_at=expires_at,
        )
        intent.trigger_event(event, context)
        return intent

    @property
    def takes_money(self) -> bool:
        """Whether a credit goes to the merchant at once; otherwise it is late."""
        return self.status not in (EXPIRED, CANCELLED)

    @property
    def unsettled_gross(self) -> Money:
        """What was received and is in no settlement yet; negative after a reversal of settled money."""
        return self.received - self.settled

    @property
    def unsettled_fee(self) -> Money:
        """Our fee on the unsettled gross."""
        return self.fees - self.settled_fees

    def receive(self, context: Context, *, line_id: str, amount: Money, fee: Money, on: date) -> None:
        """A credit line belongs to this intent. A bank fact: never refused, only named.

        `fee` is our fee on it, `on` its value date.
        """
        if not self.takes_money:
            self.trigger_event(self.ReceivedLate(line_id=line_id, amount=amount), context, effective_on=on)
            return
        received = self.received + amount
        kind: type[PaymentIntent.Paid | PaymentIntent.Underpaid | PaymentIntent.Overpaid] = self.Paid
        if received != self.amount:
            kind = self.Underpaid if received < self.amount else self.Overpaid
        event = kind(line_id=line_id, amount=amount, fee=fee, received=received)
        self.trigger_event(event, context, effective_on=on)

    def reverse(self, context: Context, *, line_id: str, amount: Money, fee: Money, on: date) -> None:
        """The bank took back the credit of this line. A fact: never refused; an intent that has ended stays ended."""
        received = self.received - amount
        status = UNDERPAID if received else AWAITING
        if received >= self.amount:
            status = PAID if received == self.amount else OVERPAID
        if not self.takes_money:
            status = self.status
        event = self.Reversed(line_id=line_id, amount=amount, fee=fee, received=received, status=status)
        self.trigger_event(event, context, effective_on=on)

    def expire(self, context: Context) -> None:
        """The time to pay is over. Raises PaymentIntentClosed when it is not, or when there is nothing to end."""
        if self.expires_at is None or self.expires_at > context.at:
            raise PaymentIntentClosed("The time to pay is not over yet.", id=self.id)
        self._must_be_open()
        self.trigger_event(self.Expired(), context)

    def cancel(self, context: Context, *, reason: str) -> None:
        """The merchant expects it no more. Raises PaymentIntentClosed when it has ended or is paid."""
        self._must_be_open()
        self.trigger_event(self.Cancelled(reason=reason), context)

    def settle(self, context: Context, *, settlement_id: str) -> None:
        """All that is unsettled becomes part of this settlement."""
        event = self.Settled(settlement_id=settlement_id, gross=self.unsettled_gross, fee=self.unsettled_fee)
        self.trigger_event(event, context)

    def _must_be_open(self) -> None:
        if self.status not in (AWAITING, UNDERPAID):
            raise PaymentIntentClosed(f"A payment intent that is {self.status} cannot end again.", status=self.status)

    @follows(Created)
    def _created(self, event: Created, envelope: Envelope) -> None:
        self.merchant_id = event.merchant_id
        self.amount = event.amount
        self.code = event.code
        self.bank_account_id = event.bank_account_id
        self.description = event.description
        self.merchant_reference = event.merchant_reference
        self.expires_at = event.expires_at
        self.created_at = envelope.at
        self.status = AWAITING
        self.received = Money(0, event.amount.currency)
        self.fees = Money(0, event.amount.currency)
        self.settled = Money(0, event.amount.currency)
        self.settled_fees = Money(0, event.amount.currency)
        self.lines = {}

    @follows(Paid)
    def _paid(self, event: Paid, envelope: Envelope) -> None:
        self.status = PAID
        self.received = event.received
        self.fees = self.fees + event.fee
        self.lines[event.line_id] = event.fee

    @follows(Underpaid)
    def _underpaid(self, event: Underpaid, envelope: Envelope) -> None:
        self.status = UNDERPAID
        self.received = event.received
        self.fees = self.fees + event.fee
        self.lines[event.line_id] = event.fee

    @follows(Overpaid)
    def _overpaid(self, event: Overpaid, envelope: Envelope) -> None:
        self.status = OVERPAID
        self.received = event.received
        self.fees = self.fees + event.fee
        self.lines[event.line_id] = event.fee

    @follows(ReceivedLate)
    def _received_late(self, event: ReceivedLate, envelope: Envelope) -> None:
        pass

    @follows(Reversed)
    def _reversed(self, event: Reversed, envelope: Envelope) -> None:
        self.status = event.status
        self.received = event.received
        self.fees = self.fees - event.fee
        del self.lines[event.line_id]

    @follows(Expired)
    def _expired(self, event: Expired, envelope: Envelope) -> None:
        self.status = EXPIRED

    @follows(Cancelled)
    def _cancelled(self, event: Cancelled, envelope: Envelope) -> None:
        self.status = CANCELLED

    @follows(Settled)
    def _settled(self, event: Settled, envelope: Envelope) -> None:
        self.settled = self.settled + event.gross
        self.settled_fees = self.settled_fees + event.fee
