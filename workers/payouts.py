"""Payouts and the bank: send an order at most once, then only ever ask.

`submit_payout` records that it is about to send, with attempt and end-to-end id, before any byte leaves. Whoever is
refused that record does not send. Whatever happens afterwards (a lost answer, a killed process, a fault of our own)
leaves a payout that is submitted or unknown, and such a payout is asked about and never sent again. Only when the order
certainly never left us does it become approved, and then it is sent under the same end-to-end id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, assert_never

from banks.bank import Bank, Beneficiary, Capability, TransferOrder
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Unknown
from commands import dispatch
from commands.command import Command
from commands.payouts import (
    EscalatePayout,
    RecordPayoutAccepted,
    RecordPayoutDeclined,
    RecordPayoutExecuted,
    RecordPayoutNotFound,
    RecordPayoutNotSent,
    RecordPayoutUnknown,
    SubmitPayout,
)
from ledger.aggregate import Envelope
from ledger.calendar import bank_day
from ledger.errors import BankUnavailable, Invalid, PayoutNotFound, PayoutStateConflict
from ledger.ids import of_event
from ledger.payouts import (
    ACCEPTED,
    ANSWER_WITHIN,
    APPROVED,
    ASKED_ABOUT,
    ASKING_ENDS,
    NOT_SENT_TIMES,
    SUBMITTED,
    UNKNOWN,
    Payout,
    enquiry_slot,
    not_sent_pause,
)
from projections import payouts as read_payouts
from workers.drifts import Question, set_aside, settle
from workers.jobs import Ring, ask_queue, job, pay_queue
from workers.parts import Parts
from workers.reactor import when
from workers.scheduler import every
from workers.statements import read_statement, unmatched_debits

SEND_LIMIT_S: Final = int(ANSWER_WITHIN.total_seconds()) - 10
"""A sender is broken off while its payout is still left to it: nobody asks about an order that is yet to be sent."""
CLOCKS_APART: Final = timedelta(minutes=10)
"""A bank's clock may be this far from ours (bank wire specification 11.3)."""
SEND_WITHIN: Final = timedelta(seconds=20)
"""A worker that wakes up later than this after its record does not send any more: others may have asked meanwhile."""
DUE_MAX: Final = 200
"""Payouts looked at together."""
PAGES_MAX: Final = 100
ASKED_REMEMBERED_S: Final = 2 * 60 * 60
"""Longer than the widest gap of the asking ladder, so that a rung is asked once; an emptied Redis asks it again."""

log = logging.getLogger(__name__)


# sending


@job(limit_s=SEND_LIMIT_S, remembered_s=30)
def submit_payout(parts: Parts, payout_id: str) -> None:
    """Send an approved payout to its bank, at most once in its life. Does nothing for one that is not approved, whose
    last attempt never left us and is too fresh, whose rail is closed, or whose bank takes no order now: it is rung
    again.
    """
    payout = parts.ledger.get(Payout, payout_id, PayoutNotFound)
    now = parts.clock()
    if payout.status != APPROVED or (payout.attempt and now - payout.status_at < not_sent_pause(payout.attempt)):
        return
    bank = parts.bank(payout.bank_account_id)
    order = order_of(parts, payout, bank)
    if bank.open_from(order.rail, now) > now or not _has_turn(bank, order, now):
        return
    began_at = parts.clock()  # after the wait, which may be long
    try:
        receipt = dispatch(parts.ledger, SubmitPayout(payout_id=payout_id), parts.context("payouts", payout_id))
    except PayoutStateConflict:
        return  # another worker has it
    cause = of_event(payout_id, receipt.version)
    submitted = parts.ledger.find(Payout, payout_id, version=receipt.version)
    attempt = submitted.attempt if submitted else payout.attempt + 1
    command, outcome = _send(parts, bank, order, payout_id, attempt, began_at)
    dispatch(parts.ledger, command, parts.context("payouts", payout_id, cause))
    _tell_misfit(parts, bank, "transfer", payout_id, outcome)
    _escalate_when_used_up(parts, payout_id)


def _has_turn(bank: Bank, order: TransferOrder, now: datetime) -> bool:
    """Waits for the order's turn at the bank. Nothing is on record yet, so an order without one has lost nothing."""
    if not bank.takes_orders(order.end_to_end_id, bank_day(now)):
        return False
    try:
        bank.take_turn()
    except BankUnavailable as problem:
        log.info("%s waits: %s", order.end_to_end_id, problem.detail)
        return False
    return True


def order_of(parts: Parts, payout: Payout, bank: Bank) -> TransferOrder:
    """What the bank is asked to do. Raises KeyUnavailable when the beneficiary cannot be opened."""
    vault = parts.ledger.vault
    return TransferOrder(
        end_to_end_id=payout.end_to_end_id,
        rail=bank.rail_to(payout.beneficiary_bin, payout.amount),
        beneficiary=Beneficiary(
            payout.beneficiary_bin, vault.open(payout.beneficiary_account), vault.open(payout.beneficiary_name)
        ),
        amount=payout.amount,
        memo=payout.memo,
    )


def _send(
    parts: Parts, bank: Bank, order: TransferOrder, payout_id: str, attempt: int, began_at: datetime
) -> tuple[Command, Outcome | None]:
    """The one place that sends: what is to be recorded of it, and what the bank answered, if it was called. Raises
    nothing once the transfer was called, unless by a fault of ours; then the payout stays submitted and is asked about.
    """
    try:
        bank.check_order(order)  # sends nothing
    except Invalid as problem:
        reason = problem.slug.replace("-", "_")
        return RecordPayoutDeclined(payout_id=payout_id, reason=reason, bank_code=""), None
    if parts.clock() - began_at > SEND_WITHIN:
        why = "the worker was held up before sending"
        return RecordPayoutNotSent(payout_id=payout_id, attempt=attempt, why=why), None
    outcome = bank.transfer(order)
    if isinstance(outcome, NotSent):
        return RecordPayoutNotSent(payout_id=payout_id, attempt=attempt, why=outcome.why), outcome
    if isinstance(outcome, NotFound):
        return RecordPayoutUnknown(payout_id=payout_id, why="the bank answered an order with: not found"), outcome
    return _told(payout_id, outcome), outcome


def _told(payout_id: str, outcome: Accepted | Executed | Declined | Unknown) -> Command:
    """What the bank told of an order that has left us."""
    match outcome:
        case Accepted(bank_reference=reference):
            return RecordPayoutAccepted(payout_id=payout_id, bank_reference=reference or "")
        case Executed(bank_reference=reference):
            return RecordPayoutExecuted(payout_id=payout_id, bank_reference=reference or "")
        case Declined(reason=reason, bank_code=code):
            return RecordPayoutDeclined(payout_id=payout_id, reason=reason, bank_code=code)
        case Unknown(why=why):
            return RecordPayoutUnknown(payout_id=payout_id, why=why)
        case _:
            assert_never(outcome)


# asking


@job(limit_s=300, remembered_s=ASKED_REMEMBERED_S)
def enquire_payout(parts: Parts, payout_id: str) -> None:
    """Ask the bank how a payout went. Does nothing for one that needs no asking, or whose sender may still be at it.

    Raises BankUnavailable where the bank takes no question now: the job then did not end, and its rung is rung again.
    """
    payout = parts.ledger.get(Payout, payout_id, PayoutNotFound)
    now = parts.clock()
    if payout.status not in ASKED_ABOUT or payout.shown_on_statement or payout.submitted_at is None:
        return
    if payout.status == SUBMITTED and now - payout.status_at < ANSWER_WITHIN:
        return
    cause = of_event(payout_id, payout.version)
    bank = parts.bank(payout.bank_account_id)
    bank.require_way("enquiry")
    outcome = bank.transfer_status(payout.end_to_end_id, bank_day(payout.submitted_at))
    command = _answered(parts, bank, payout, payout.submitted_at, outcome)
    dispatch(parts.ledger, command, parts.context("payouts", payout_id, cause))
    _tell_misfit(parts, bank, "status", payout_id, outcome)
    if not isinstance(outcome, Unknown):
        settle(parts, payout.bank_account_id, payout_id)
    _escalate_when_used_up(parts, payout_id)


def _tell_misfit(parts: Parts, bank: Bank, operation: Question, payout_id: str, outcome: Outcome | None) -> None:
    if isinstance(outcome, Unknown) and outcome.misfit is not None:
        set_aside(parts, bank, operation, payout_id, outcome.misfit)


def _answered(parts: Parts, bank: Bank, payout: Payout, submitted_at: datetime, outcome: Outcome) -> Command:
    if isinstance(outcome, NotFound):
        return RecordPayoutNotFound(
            payout_id=payout.id,
            final_after=bank.not_found_final.after,
            statement_read_at=_statement_read_at(parts, payout, submitted_at),
        )
    if isinstance(outcome, NotSent):
        return RecordPayoutUnknown(payout_id=payout.id, why="the enquiry did not reach the bank")
    return _told(payout.id, outcome)


def _statement_read_at(parts: Parts, payout: Payout, submitted_at: datetime) -> datetime | None:
    """Reads our statement since the day of sending and records it; until when it proves that nothing happened.

    None when it cannot be read whole, or the bank offers none, and while it holds a debit of this amount that nobody
    explains: that may be the payout, with a text that lost our id.
    """
    if Capability.HISTORY not in parts.bank(payout.bank_account_id).capabilities:
        return None
    read_at, since = parts.clock(), submitted_at - CLOCKS_APART
    account = payout.bank_account_id
    try:
        read = read_statement(parts, account, bank_day(since), bank_day(read_at))
    except BankUnavailable as problem:
        log.warning("the statement of %s could not be read: %s", account, problem.slug)
        return None
    if not read.whole:
        return None
    suspects = unmatched_debits(parts, account, payout.amount, since, read)
    if suspects:
        log.warning("%s may have left us: %s", payout.id, " ".join(suspects))
        return None
    return read_at


# calling people


def _escalate_when_used_up(parts: Parts, payout_id: str) -> None:
    payout = parts.ledger.get(Payout, payout_id, PayoutNotFound)
    why = _used_up(payout, parts.clock())
    if why and not payout.escalated:
        command = EscalatePayout(payout_id=payout_id, why=why)
        cause = of_event(payout_id, payout.version)
        dispatch(parts.ledger, command, parts.context("payouts", payout_id, cause))


def _used_up(payout: Payout, now: datetime) -> str | None:
    """Why people must look at this payout, if they must."""
    if payout.status == APPROVED and payout.attempt >= NOT_SENT_TIMES:
        return f"the order never left us in {payout.attempt} attempts; trying goes on"
    if payout.status in (UNKNOWN, ACCEPTED) and _asked_long_enough(payout.submitted_at, now):
        return "the bank was asked for a day and it is not certain yet"
    return None


def _asked_long_enough(submitted_at: datetime | None, now: datetime) -> bool:
    return submitted_at is not None and now - submitted_at >= ASKING_ENDS


# what is due


@when(Payout.Approved)
def when_a_payout_is_approved(parts: Parts, envelope: Envelope) -> Iterable[Ring]:
    """It is sent at once."""
    payout = parts.ledger.get(Payout, envelope.stream, PayoutNotFound)
    yield _ring_to_send(parts, payout.bank_account_id, payout.id)


@when(Payout.OutcomeUnknown)
def when_an_outcome_is_unknown(parts: Parts, envelope: Envelope) -> Iterable[Ring]:
    """The bank is asked at once; the ladder asks again."""
    payout = parts.ledger.get(Payout, envelope.stream, PayoutNotFound)
    if payout.status == UNKNOWN:
        queue = ask_queue(parts.bank(payout.bank_account_id))
        slot = f"{payout.attempt}.{UNKNOWN}.0"
        yield Ring(queue=queue, job=enquire_payout.__name__, ids=(payout.id,), slot=slot)


@every(seconds=5)
def payouts_to_send(parts: Parts, now: datetime) -> Iterable[Ring]:
    """Approved payouts: those whose ring was lost, those whose order never left us, and those that waited."""
    for row in _every_page(read_payouts.due_to_send, parts):
        yield _ring_to_send(parts, row.bank_account_id, row.id)


@every(seconds=5)
def payouts_to_ask_about(parts: Parts, now: datetime) -> Iterable[Ring]:
    """Payouts that stand on a rung of the asking ladder. One that was escalated after a day is for people; one that was
    escalated because it could not be sent, and left us after all, is asked about like any other.
    """
    for row in _every_page(read_payouts.asked_about, parts):
        rung = enquiry_slot(row.status, row.status_at, now)
        left_to_people = row.escalated and _asked_long_enough(row.submitted_at, now)
        if rung and not left_to_people:
            if row.status == SUBMITTED:
                rung = (now - row.status_at) // ANSWER_WITHIN
            queue = ask_queue(parts.bank(row.bank_account_id))
            slot = f"{row.attempt}.{row.status}.{rung}"
            yield Ring(queue=queue, job=enquire_payout.__name__, ids=(row.id,), slot=slot)


def _every_page(read: Callable[..., list[read_payouts.PayoutRow]], parts: Parts) -> Iterator[read_payouts.PayoutRow]:
    """All that `read` gives: those that wait long must not hide the new ones."""
    after = None
    for _ in range(PAGES_MAX):
        page = read(parts.reader, bank_account_ids=list(parts.banks), limit=DUE_MAX, after=after)
        yield from page
        if len(page) < DUE_MAX:
            return
        after = (page[-1].status_at, page[-1].id)


def _ring_to_send(parts: Parts, bank_account_id: str, payout_id: str) -> Ring:
    return Ring(queue=pay_queue(parts.bank(bank_account_id)), job=submit_payout.__name__, ids=(payout_id,))
