"""What may be asked about payouts, and what the world tells of them: who decides, what happens to the funds.

Each consequence for the funds is one function at the end: hold released, hold captured, funds given back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from commands.command import Command, Decided, handler
from ledger import accounts, codes, journal
from ledger.accounts import Account
from ledger.aggregate import Aggregate
from ledger.alarms import PAYOUT_ESCALATED, Alarm, id_of_alarm
from ledger.calendar import bank_day
from ledger.context import Context
from ledger.errors import AccountNotFound, InvalidBeneficiary, MerchantNotFound, OwnApproval, PayoutNotFound
from ledger.merchants import Merchant
from ledger.money import Money
from ledger.payouts import Payout, id_of_end_to_end
from ledger.privacy import Personal
from ledger.store import Ledger

ACCOUNT_NUMBER_MAX = 19
NAME_MAX = 70


class RequestPayout(Command):
    """A merchant asks for a movement out of its available funds."""

    merchant_id: str
    amount: Money
    beneficiary_bin: str
    beneficiary_account: Personal
    beneficiary_name: Personal
    memo: str


class ApprovePayout(Command):
    """Another person says yes."""

    merchant_id: str
    payout_id: str


class RejectPayout(Command):
    """Another person says no."""

    merchant_id: str
    payout_id: str
    reason: str


class CancelPayout(Command):
    """It is taken back before it was sent."""

    merchant_id: str
    payout_id: str
    reason: str


class SubmitPayout(Command):
    """A worker is about to send it."""

    payout_id: str


class RecordPayoutNotSent(Command):
    """The order of this attempt certainly never left us."""

    payout_id: str
    attempt: int
    why: str


class RecordPayoutUnknown(Command):
    """Nobody knows whether it happened."""

    payout_id: str
    why: str


class RecordPayoutNotFound(Command):
    """The bank does not know the order. `statement_read_at`: our statement was read whole up to this instant."""

    payout_id: str
    final_after: timedelta
    statement_read_at: datetime | None


class RecordPayoutAccepted(Command):
    """The bank took the order."""

    payout_id: str
    bank_reference: str


class RecordPayoutExecuted(Command):
    """The bank says it is done."""

    payout_id: str
    bank_reference: str


class RecordPayoutDeclined(Command):
    """The bank refused it in explicit words."""

    payout_id: str
    reason: str
    bank_code: str


class EscalatePayout(Command):
    """The asking ladder is used up."""

    payout_id: str
    why: str


@handler(RequestPayout)
def request_payout(ledger: Ledger, context: Context, command: RequestPayout) -> Decided:
    """The payout and the hold on the merchant's available funds, or InsufficientFunds."""
    merchant = ledger.get(Merchant, command.merchant_id, MerchantNotFound)
    account = ledger.get(Account, accounts.available(merchant.id), AccountNotFound)
    _check_beneficiary(command)
    person = ledger.vault.person("account", command.beneficiary_account.text)
    seal = ledger.vault.sealer(person)
    payout = Payout.request(
        context,
        merchant_id=merchant.id,
        amount=command.amount,
        fee=merchant.payout_fee,
        bank_account_id=merchant.bank_account_id,
        beneficiary_bin=command.beneficiary_bin,
        beneficiary_account=seal(command.beneficiary_account),
        beneficiary_name=seal(command.beneficiary_name),
        memo=command.memo,
        end_to_end_id=_free_end_to_end_id(ledger, context.command_id),
        approvals_needed=merchant.approvals_needed,
    )
    account.place_hold(context, hold_id=payout.id, amount=payout.cost)
    return Decided(payout, account)


@handler(ApprovePayout)
def approve_payout(ledger: Ledger, context: Context, command: ApprovePayout) -> Decided:
    """The payout, approved."""
    payout = payout_of(ledger, command.merchant_id, command.payout_id)
    merchant = ledger.get(Merchant, command.merchant_id, MerchantNotFound)
    if merchant.is_same_person(context.actor, payout.requested_by):
        raise OwnApproval(
            "Another person must approve this payout: an operator, or a key that an operator made for that person."
        )
    payout.approve(context)
    return Decided(payout)


@handler(RejectPayout)
def reject_payout(ledger: Ledger, context: Context, command: RejectPayout) -> Decided:
    """The payout, rejected, and its hold released."""
    payout = payout_of(ledger, command.merchant_id, command.payout_id)
    payout.reject(context, reason=command.reason)
    return Decided(payout, _release(ledger, context, payout))


@handler(CancelPayout)
def cancel_payout(ledger: Ledger, context: Context, command: CancelPayout) -> Decided:
    """The payout, cancelled, and its hold released."""
    payout = payout_of(ledger, command.merchant_id, command.payout_id)
    payout.cancel(context, reason=command.reason)
    return Decided(payout, _release(ledger, context, payout))


@handler(SubmitPayout)
def submit_payout(ledger: Ledger, context: Context, command: SubmitPayout) -> Decided:
    """The payout, submitted: whoever is refused here must not send."""
    payout = ledger.get(Payout, command.payout_id, PayoutNotFound)
    payout.submit(context)
    return Decided(payout)


@handler(RecordPayoutNotSent)
def record_payout_not_sent(ledger: Ledger, context: Context, command: RecordPayoutNotSent) -> Decided:
    """The payout, approved again."""
    payout = ledger.get(Payout, command.payout_id, PayoutNotFound)
    payout.not_sent(context, attempt=command.attempt, why=command.why)
    return Decided(payout)


@handler(RecordPayoutUnknown)
def record_payout_unknown(ledger: Ledger, context: Context, command: RecordPayoutUnknown) -> Decided:
    """The payout, unknown; the hold stays."""
    payout = ledger.get(Payout, command.payout_id, PayoutNotFound)
    payout.outcome_unknown(context, why=command.why)
    return Decided(payout)


@handler(RecordPayoutNotFound)
def record_payout_not_found(ledger: Ledger, context: Context, command: RecordPayoutNotFound) -> Decided:
    """The payout, still unknown, or failed once that is certain; only then is the hold released."""
    payout = ledger.get(Payout, command.payout_id, PayoutNotFound)
    held = payout.holds_funds
    payout.not_found(context, final_after=command.final_after, statement_read_at=command.statement_read_at)
    if held and not payout.holds_funds:
        return Decided(payout, _release(ledger, context, payout))
    return Decided(payout)


@handler(RecordPayoutAccepted)
def record_payout_accepted(ledger: Ledger, context: Context, command: RecordPayoutAccepted) -> Decided:
    """The payout, accepted, and its hold captured."""
    payout = ledger.get(Payout, command.payout_id, PayoutNotFound)
    held = payout.holds_funds
    payout.accept(context, bank_reference=command.bank_reference)
    return Decided(payout, *_captured(ledger, context, payout, held=held))


@handler(RecordPayoutExecuted)
def record_payout_executed(ledger: Ledger, context: Context, command: RecordPayoutExecuted) -> Decided:
    """The payout, executed, and its hold captured if it was not yet."""
    payout = ledger.get(Payout, command.payout_id, PayoutNotFound)
    held = payout.holds_funds
    payout.execute(context, bank_reference=command.bank_reference)
    return Decided(payout, *_captured(ledger, context, payout, held=held))


@handler(RecordPayoutDeclined)
def record_payout_declined(ledger: Ledger, context: Context, command: RecordPayoutDeclined) -> Decided:
    """The payout, failed; the hold is released, or the funds come back when they had left it."""
    payout = ledger.get(Payout, command.payout_id, PayoutNotFound)
    before = (payout.version, payout.holds_funds)
    payout.decline(context, reason=command.reason, bank_code=command.bank_code)
    if payout.version == before[0]:
        return Decided(payout)
    if before[1]:
        return Decided(payout, _release(ledger, context, payout))
    return Decided(payout, *_give_back_all(ledger, context, payout))


@handler(EscalatePayout)
def escalate_payout(ledger: Ledger, context: Context, command: EscalatePayout) -> Decided:
    """The payout, escalated, and an alarm."""
    payout = ledger.get(Payout, command.payout_id, PayoutNotFound)
    payout.escalate(context, why=command.why)
    if ledger.find(Alarm, id_of_alarm(PAYOUT_ESCALATED, payout.id)) or not payout.escalated:
        return Decided(payout)
    alarm = Alarm.raise_(context, kind=PAYOUT_ESCALATED, subject=payout.id, detail=command.why)
    return Decided(payout, alarm)


def payout_of(ledger: Ledger, merchant_id: str, payout_id: str) -> Payout:
    """The merchant's own payout; raises PayoutNotFound for none and for somebody else's alike."""
    payout = ledger.get(Payout, payout_id, PayoutNotFound)
    if payout.merchant_id != merchant_id:
        raise PayoutNotFound(f"There is no payout {payout_id!r}.", id=payout_id)
    return payout


def _captured(ledger: Ledger, context: Context, payout: Payout, *, held: bool) -> tuple[Aggregate, ...]:
    """What follows once funds that were `held` before are held no more: in transit they are, and our fee is earned."""
    if not held or payout.holds_funds:
        return ()
    entry = journal.payout_accepted(
        context,
        payout_id=payout.id,
        on=bank_day(context.at),
        merchant_id=payout.merchant_id,
        amount=payout.amount,
        fee=payout.fee,
    )
    account = ledger.get(Account, accounts.available(payout.merchant_id), AccountNotFound)
    account.capture_hold(context, hold_id=payout.id, entry_id=entry.id)
    return (account, entry)


def _release(ledger: Ledger, context: Context, payout: Payout) -> Aggregate:
    account = ledger.get(Account, accounts.available(payout.merchant_id), AccountNotFound)
    account.release_hold(context, hold_id=payout.id)
    return account


def _give_back_all(ledger: Ledger, context: Context, payout: Payout) -> tuple[Aggregate, ...]:
    entry = journal.payout_declined_late(
        context,
        payout_id=payout.id,
        on=bank_day(context.at),
        merchant_id=payout.merchant_id,
        amount=payout.amount,
        fee=payout.fee,
    )
    account = ledger.get(Account, accounts.available(payout.merchant_id), AccountNotFound)
    account.credit(context, amount=payout.cost, entry_id=entry.id)
    return (account, entry)


def _check_beneficiary(command: RequestPayout) -> None:
    number, name = command.beneficiary_account.text, command.beneficiary_name.text
    if not (number.isascii() and number.isalnum() and len(number) <= ACCOUNT_NUMBER_MAX):
        raise InvalidBeneficiary(
            f"An account number is up to {ACCOUNT_NUMBER_MAX} letters and digits.", field="beneficiary.account_number"
        )
    if not codes.squeeze(name) or len(name) > NAME_MAX:
        raise InvalidBeneficiary(f"A name has 1 to {NAME_MAX} characters.", field="beneficiary.name")


def _free_end_to_end_id(ledger: Ledger, natural_key: str) -> str:
    def is_taken(code: str) -> bool:
        return ledger.find(Payout, id_of_end_to_end(code)) is not None

    return codes.first_free(codes.END_TO_END_PREFIX, codes.END_TO_END_LENGTH, natural_key, is_taken)
