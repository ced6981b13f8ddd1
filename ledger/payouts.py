"""Payout: one movement out to a beneficiary, sent to a bank at most once.

    requested -> approved -> submitted -> accepted -> confirmed -> returned
    requested -> rejected          requested | approved -> cancelled
    submitted -> approved          only when the order certainly never left us
    submitted -> unknown -> accepted | failed          unknown keeps the hold and is asked about, never sent again
    accepted -> failed             the bank took the order and then refused it
    failed -> confirmed            the statement shows it after all: a bank fact is never refused

`submitted` is recorded, with the end-to-end id, before any byte leaves. The stream is `po_` + the characters of the
end-to-end id, so an id found in a debit's text names its payout by itself. There is one end-to-end id for the payout's
whole life: an order that never left is sent under the same.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import ClassVar, Final

from ledger import codes
from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.context import Context
from ledger.errors import InvalidField, OwnApproval, PayoutStateConflict, ReasonMissing
from ledger.money import Money, positive
from ledger.privacy import Sealed

REQUESTED: Final = "requested"
APPROVED: Final = "approved"
REJECTED: Final = "rejected"
CANCELLED: Final = "cancelled"
SUBMITTED: Final = "submitted"
UNKNOWN: Final = "unknown"
ACCEPTED: Final = "accepted"
FAILED: Final = "failed"
CONFIRMED: Final = "confirmed"
RETURNED: Final = "returned"

HOLDING: Final = (REQUESTED, APPROVED, SUBMITTED, UNKNOWN)
"""States in which the funds are held on the merchant's available account."""
ASKED_ABOUT: Final = (SUBMITTED, UNKNOWN, ACCEPTED)
"""States in which only the bank, or its statement, knows how it went."""

AMOUNT_MAX: Final = 10_000_000_000_000
"""No bank takes more in one order (bank wire specification 3.3.5, row code 11); each rail has a limit of its own."""
MEMO_MAX: Final = 60

ANSWER_WITHIN: Final = timedelta(minutes=5)
"""Longer than a whole call to a bank may take, with fetching a token and doing it again after a 401: a payout still
`submitted` after this lost its worker."""
NOT_SENT_TIMES: Final = 10
"""After so many attempts that never left us people are told; trying goes on, slowly."""
NOT_FOUND_SPACING: Final = timedelta(seconds=60)
NOT_FOUND_TIMES: Final = 3
_LADDER_UNKNOWN: Final = tuple(timedelta(minutes=m) for m in (1, 2, 5, 15, 60))
_LADDER_ACCEPTED: Final = tuple(timedelta(seconds=s) for s in (5, 15, 30, 60, 120, 240, 480, 900, 1800))
ASKING_ENDS: Final = timedelta(hours=24)


def id_of_end_to_end(end_to_end_id: str) -> str:
    """The payout that an end-to-end id belongs to, if there is one."""
    return f"po_{end_to_end_id.removeprefix(codes.END_TO_END_PREFIX)}"


def not_sent_pause(attempt: int) -> timedelta:
    """How long to wait after this attempt (from 1) never left us: 30 seconds, doubling, an hour at most."""
    return min(timedelta(seconds=30 << min(attempt - 1, 10)), timedelta(hours=1))


def enquiry_slot(status: str, since: datetime, now: datetime) -> int:
    """Which rung of the asking ladder `now` is on for a payout in `status` since then; 0 means: not due yet.

    Unknown is asked about at 1, 2, 5, 15, 60 minutes and every hour; accepted at 5, 15, 30, 60 s, then ever slower to
    every 30 minutes (bank wire specification 11.2); submitted once its worker must be dead.
    """
    age = now - since
    if status == SUBMITTED:
        return int(age >= ANSWER_WITHIN)
    ladder = _LADDER_ACCEPTED if status == ACCEPTED else _LADDER_UNKNOWN
    rungs = sum(age >= rung for rung in ladder)
    if rungs == len(ladder):
        rungs += (age - ladder[-1]) // ladder[-1]
    return rungs


class Payout(Aggregate):
    """One movement out."""

    merchant_id: str
    amount: Money
    fee: Money
    bank_account_id: str
    beneficiary_bin: str
    beneficiary_account: Sealed
    beneficiary_name: Sealed
    memo: str
    end_to_end_id: str
    approvals_needed: int
    requested_by: str
    requested_at: datetime
    status: str
    status_at: datetime
    attempt: int
    submitted_at: datetime | None
    bank_reference: str | None
    executed: bool
    charged: bool
    shown_on_statement: bool
    line_id: str | None
    reason: str | None
    not_found_at: list[datetime]
    escalated: bool

    class Requested(Event):
        """A merchant asks for this movement; the funds and our fee are held in the same insertion."""

        public: ClassVar[bool] = True
        merchant_id: str
        amount: Money
        fee: Money
        bank_account_id: str
        beneficiary_bin: str
        beneficiary_account: Sealed
        beneficiary_name: Sealed
        memo: str
        end_to_end_id: str
        approvals_needed: int

    class Approved(Event):
        """It may be sent. `by`: who said so; `policy` when the merchant's terms need nobody."""

        public: ClassVar[bool] = True
        by: str

    class Rejected(Event):
        """Somebody who could approve it said no; the hold is released."""

        public: ClassVar[bool] = True
        by: str
        reason: str

    class Cancelled(Event):
        """Taken back before it was sent; the hold is released."""

        public: ClassVar[bool] = True
        by: str
        reason: str

    class Submitted(Event):
        """About to be sent: recorded before any byte leaves. `attempt` counts from 1."""

        attempt: int
        end_to_end_id: str

    class NotSent(Event):
        """The order certainly never left us: it is approved again."""

        why: str

    class OutcomeUnknown(Event):
        """It may or may not have happened. The hold stays; it is asked about and never sent again."""

        public: ClassVar[bool] = True
        why: str

    class Enquired(Event):
        """The bank was asked and did not decide. `answer`: not_found or unknown."""

        answer: str
        why: str

    class Escalated(Event):
        """The asking ladder is used up: people decide."""

        why: str

    class Accepted(Event):
        """The bank took the order; the hold is captured."""

        public: ClassVar[bool] = True
        bank_reference: str

    class Executed(Event):
        """The bank says it is done; the statement has not shown it yet."""

        public: ClassVar[bool] = True
        bank_reference: str

    class Failed(Event):
        """It ended without money leaving. `after_acceptance`: the funds had left the hold and came back."""

        public: ClassVar[bool] = True
        reason: str
        bank_code: str
        after_acceptance: bool

    class Confirmed(Event):
        """Our statement shows the debit. `late`: after it had been recorded as failed, cancelled or rejected."""

        public: ClassVar[bool] = True
        line_id: str
        late: bool

    class Returned(Event):
        """The money came back by another statement line."""

        public: ClassVar[bool] = True
        line_id: str
        amount: Money

    @classmethod
    def request(
        cls,
        context: Context,
        *,
        merchant_id: str,
        amount: Money,
        fee: Money,
        bank_account_id: str,
        beneficiary_bin: str,
        beneficiary_account: Sealed,
        beneficiary_name: Sealed,
        memo: str,
        end_to_end_id: str,
        approvals_needed: int,
    ) -> Payout:
        """A new payout. Raises InvalidAmount or InvalidField for what no bank would take."""
        positive(amount)
        if amount.units > AMOUNT_MAX:
            raise InvalidField(f"One payout is at most {AMOUNT_MAX:,} VND; split it.", field="amount")
        if len(memo) > MEMO_MAX:
            raise InvalidField(f"A memo has at most {MEMO_MAX} characters.", field="memo")
        payout = cls(id_of_end_to_end(end_to_end_id))
        event = cls.Requested(
            merchant_id=merchant_id,
            amount=amount,
            fee=fee,
            bank_account_id=bank_account_id,
            beneficiary_bin=beneficiary_bin,
            beneficiary_account=beneficiary_account,
            beneficiary_name=beneficiary_name,
            memo=memo,
            end_to_end_id=end_to_end_id,
            approvals_needed=approvals_needed,
        )
        payout.trigger_event(event, context)
        if not approvals_needed:
            payout.trigger_event(cls.Approved(by="policy"), context)
        return payout

    @property
    def cost(self) -> Money:
        """What is held for it: amount and fee."""
        return self.amount + self.fee

    @property
    def holds_funds(self) -> bool:
        """Whether its funds are held on the available account."""
        return self.status in HOLDING

    @property
    def is_unpaid_for(self) -> bool:
        """Whether its funds neither are held nor have left: what a statement shows of it then was not expected."""
        return not self.holds_funds and not self.charged

    def approve(self, context: Context) -> None:
        """Raises PayoutStateConflict unless requested, OwnApproval for the one who asked."""
        self._must_be(REQUESTED)
        if context.actor == self.requested_by:
            raise OwnApproval("Another person must approve this payout.")
        self.trigger_event(self.Approved(by=context.actor), context)

    def reject(self, context: Context, *, reason: str) -> None:
        """Raises PayoutStateConflict unless requested, ReasonMissing without a reason."""
        self._must_be(REQUESTED)
        self.trigger_event(self.Rejected(by=context.actor, reason=_reason(reason)), context)

    def cancel(self, context: Context, *, reason: str) -> None:
        """Raises PayoutStateConflict once it was sent, ReasonMissing without a reason."""
        self._must_be(REQUESTED, APPROVED)
        self.trigger_event(self.Cancelled(by=context.actor, reason=_reason(reason)), context)

    def submit(self, context: Context) -> None:
        """About to be sent. Raises PayoutStateConflict unless approved: so only one worker ever sends it."""
        self._must_be(APPROVED)
        event = self.Submitted(attempt=self.attempt + 1, end_to_end_id=self.end_to_end_id)
        self.trigger_event(event, context)

    def not_sent(self, context: Context, *, attempt: int, why: str) -> None:
        """This attempt certainly never left us. Old news of another attempt, or after other news, changes nothing."""
        if self.status == SUBMITTED and self.attempt == attempt:
            self.trigger_event(self.NotSent(why=why), context)

    def outcome_unknown(self, context: Context, *, why: str) -> None:
        """Nobody knows yet. Changes nothing once somebody does."""
        if self.status == SUBMITTED:
            self.trigger_event(self.OutcomeUnknown(why=why), context)
        elif self.status == UNKNOWN:
            self.trigger_event(self.Enquired(answer="unknown", why=why), context)

    def not_found(self, context: Context, *, final_after: timedelta, statement_read_at: datetime | None) -> None:
        """The bank does not know our id: no proof yet that nothing happened.

        It becomes Failed only when `final_after` has passed since sending, three answers at least 60 s apart said so,
        and our statement was read past that time without showing it (bank wire specification 1.3).
        """
        if self.status not in (SUBMITTED, UNKNOWN) or self.submitted_at is None:
            return
        self.outcome_unknown_if_submitted(context)
        if not self.not_found_at or context.at - self.not_found_at[-1] >= NOT_FOUND_SPACING:
            self.trigger_event(self.Enquired(answer="not_found", why="the bank does not know the order"), context)
        final_at = self.submitted_at + final_after
        if (
            len(self.not_found_at) >= NOT_FOUND_TIMES
            and statement_read_at is not None
            and statement_read_at >= final_at
        ):
            self.trigger_event(self.Failed(reason="not_found", bank_code="", after_acceptance=False), context)

    def outcome_unknown_if_submitted(self, context: Context) -> None:
        """A payout whose worker died before it could record an answer becomes unknown before it is asked about."""
        if self.status == SUBMITTED:
            self.trigger_event(self.OutcomeUnknown(why="no answer was recorded"), context)

    def escalate(self, context: Context, *, why: str) -> None:
        """People must look: nobody knows, it is accepted and never shown, or it cannot be sent. Said once."""
        unsendable = self.status == APPROVED and self.attempt >= NOT_SENT_TIMES
        if (unsendable or self.status in (UNKNOWN, ACCEPTED)) and not self.escalated:
            self.trigger_event(self.Escalated(why=why), context)

    def accept(self, context: Context, *, bank_reference: str) -> None:
        """The bank took it. Changes nothing when that is known or overtaken."""
        if self.status in (SUBMITTED, UNKNOWN):
            self.trigger_event(self.Accepted(bank_reference=bank_reference), context)

    def execute(self, context: Context, *, bank_reference: str) -> None:
        """The bank says it is done. Changes nothing when that is known or overtaken."""
        self.accept(context, bank_reference=bank_reference)
        if self.status == ACCEPTED and not self.executed:
            self.trigger_event(self.Executed(bank_reference=bank_reference), context)

    def decline(self, context: Context, *, reason: str, bank_code: str) -> None:
        """The bank refused it, in explicit words. Changes nothing once it is final or on the statement."""
        if self.status in (SUBMITTED, UNKNOWN, ACCEPTED):
            late = self.status == ACCEPTED
            event = self.Failed(reason=reason, bank_code=bank_code, after_acceptance=late)
            self.trigger_event(event, context)

    def confirm(self, context: Context, *, line_id: str, on: date) -> None:
        """The statement shows the debit: a fact, whatever we believed."""
        self.trigger_event(self.Confirmed(line_id=line_id, late=self.is_unpaid_for), context, effective_on=on)

    def give_back(self, context: Context, *, line_id: str, amount: Money, on: date) -> None:
        """The money came back by this line: a fact."""
        self.trigger_event(self.Returned(line_id=line_id, amount=amount), context, effective_on=on)

    def _must_be(self, *statuses: str) -> None:
        if self.status not in statuses:
            raise PayoutStateConflict(
                f"The payout is {self.status}; this needs it to be {' or '.join(statuses)}.", status=self.status
            )

    @follows(Requested)
    def _requested(self, event: Requested, envelope: Envelope) -> None:
        self.merchant_id = event.merchant_id
        self.amount = event.amount
        self.fee = event.fee
        self.bank_account_id = event.bank_account_id
        self.beneficiary_bin = event.beneficiary_bin
        self.beneficiary_account = event.beneficiary_account
        self.beneficiary_name = event.beneficiary_name
        self.memo = event.memo
        self.end_to_end_id = event.end_to_end_id
        self.approvals_needed = event.approvals_needed
        self.requested_by = envelope.actor
        self.requested_at = envelope.at
        self.status = REQUESTED
        self.status_at = envelope.at
        self.attempt = 0
        self.submitted_at = None
        self.bank_reference = None
        self.executed = False
        self.charged = False
        self.shown_on_statement = False
        self.line_id = None
        self.reason = None
        self.not_found_at = []
        self.escalated = False

    @follows(Approved, NotSent)
    def _approved(self, event: Approved | NotSent, envelope: Envelope) -> None:
        self.status = APPROVED
        self.status_at = envelope.at

    @follows(Rejected)
    def _rejected(self, event: Rejected, envelope: Envelope) -> None:
        self.status = REJECTED
        self.status_at = envelope.at
        self.reason = event.reason

    @follows(Cancelled)
    def _cancelled(self, event: Cancelled, envelope: Envelope) -> None:
        self.status = CANCELLED
        self.status_at = envelope.at
        self.reason = event.reason

    @follows(Submitted)
    def _submitted(self, event: Submitted, envelope: Envelope) -> None:
        self.status = SUBMITTED
        self.status_at = envelope.at
        self.attempt = event.attempt
        self.submitted_at = envelope.at

    @follows(OutcomeUnknown)
    def _outcome_unknown(self, event: OutcomeUnknown, envelope: Envelope) -> None:
        self.status = UNKNOWN
        self.status_at = envelope.at

    @follows(Enquired)
    def _enquired(self, event: Enquired, envelope: Envelope) -> None:
        self.not_found_at = [*self.not_found_at, envelope.at] if event.answer == "not_found" else []

    @follows(Escalated)
    def _escalated(self, event: Escalated, envelope: Envelope) -> None:
        self.escalated = True

    @follows(Accepted)
    def _accepted(self, event: Accepted, envelope: Envelope) -> None:
        self.status = ACCEPTED
        self.status_at = envelope.at
        self.charged = True
        self.bank_reference = event.bank_reference

    @follows(Executed)
    def _executed(self, event: Executed, envelope: Envelope) -> None:
        self.executed = True
        self.bank_reference = event.bank_reference

    @follows(Failed)
    def _failed(self, event: Failed, envelope: Envelope) -> None:
        self.status = FAILED
        self.status_at = envelope.at
        self.charged = False
        self.reason = event.reason

    @follows(Confirmed)
    def _confirmed(self, event: Confirmed, envelope: Envelope) -> None:
        self.status = RETURNED if self.status == RETURNED else CONFIRMED
        self.status_at = envelope.at
        self.charged = True
        self.shown_on_statement = True
        self.line_id = event.line_id

    @follows(Returned)
    def _returned(self, event: Returned, envelope: Envelope) -> None:
        self.charged = self.charged or self.status in HOLDING
        self.status = RETURNED
        self.status_at = envelope.at


def _reason(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing("Say why.", field="reason")
    return reason.strip()
