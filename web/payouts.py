"""Payouts over HTTP: request, approve, reject, cancel, read with the whole story, list."""

from __future__ import annotations

from typing import Final

from marshmallow import Schema, fields

from banks.napas import listed_bank
from commands.payouts import ACCOUNT_NUMBER_MAX, NAME_MAX, ApprovePayout, CancelPayout, RejectPayout, RequestPayout
from ledger import payouts as ledger_payouts
from ledger.errors import (
    IdempotencyKeyReused,
    InsufficientFunds,
    InvalidAmount,
    InvalidBeneficiary,
    OwnApproval,
    PayoutNotFound,
    PayoutStateConflict,
    ReasonMissing,
    UnknownBank,
    UnknownCurrency,
)
from ledger.merchants import Merchant
from ledger.money import Money
from ledger.payouts import MEMO_MAX, Payout
from ledger.privacy import Personal
from projections import past_pages, payouts
from projections.as_of import AsOf
from projections.payouts import PayoutRow, TimelineRow
from web.auth import APPROVERS, MERCHANTS, OPERATORS, REQUESTERS
from web.fields import Currency, Instant, Strict, Text, Units, Word
from web.pages import Moment, OfMerchant, looked_page, page
from web.past import InThePast
from web.routes import Answer, Call, route
from web.wiring import Services

STATUSES: Final = (
    ledger_payouts.REQUESTED,
    ledger_payouts.APPROVED,
    ledger_payouts.REJECTED,
    ledger_payouts.CANCELLED,
    ledger_payouts.SUBMITTED,
    ledger_payouts.UNKNOWN,
    ledger_payouts.ACCEPTED,
    ledger_payouts.FAILED,
    ledger_payouts.CONFIRMED,
    ledger_payouts.RETURNED,
)


class BeneficiaryAsked(Strict):
    """Who is to receive."""

    bin = Text(longest=6, required=True, metadata={"description": "The bank's BIN in the NAPAS list, six digits."})
    account_number = Text(longest=ACCOUNT_NUMBER_MAX, required=True)
    name = Text(longest=NAME_MAX, required=True, metadata={"description": "The name the account stands in."})


class PayoutAsked(Strict):
    """A movement out of a merchant's available funds."""

    amount = Units(required=True, metadata={"description": "Minor units; for VND: dong."})
    currency = Currency(required=True)
    beneficiary = fields.Nested(BeneficiaryAsked, required=True)
    memo = Text(longest=MEMO_MAX, shortest=0, load_default="")


class WhyNot(Strict):
    """Why it does not go on."""

    reason = Text(longest=200, required=True)


class BeneficiaryShown(Schema):
    """Who receives; `[erased]` once the person was forgotten."""

    bin = fields.String(required=True)
    account_number = fields.String(required=True)
    name = fields.String(required=True)


class PayoutShown(Schema):
    """A payout. `unknown` means: nobody knows yet whether the bank did it; it is asked about and never sent twice."""

    object = Word("payout", required=True)
    id = fields.String(required=True)
    merchant_id = fields.String(required=True)
    status = Word(*STATUSES, required=True)
    status_at = Instant(required=True)
    amount = fields.Integer(required=True)
    fee = fields.Integer(required=True)
    currency = Currency(required=True)
    beneficiary = fields.Nested(BeneficiaryShown, required=True)
    memo = fields.String(required=True)
    end_to_end_id = fields.String(required=True, metadata={"description": "Our id of the order at the bank."})
    bank_reference = fields.String(required=True, allow_none=True)
    executed = fields.Boolean(required=True, metadata={"description": "The bank says it is done."})
    escalated = fields.Boolean(required=True, metadata={"description": "People look into it."})
    reason = fields.String(required=True, allow_none=True)
    requested_by = fields.String(required=True)
    created_at = Instant(required=True)


class HappeningShown(Schema):
    """One thing that happened to a payout. `position`: where it stands in the log."""

    position = fields.Integer(required=True)
    name = fields.String(required=True)
    at = Instant(required=True)
    actor = fields.String(required=True)
    detail = fields.String(required=True)


class PayoutWithTimeline(PayoutShown):
    """A payout with everything that happened to it, in order."""

    timeline = fields.List(fields.Nested(HappeningShown), required=True)


class OfMerchantWithStatus(OfMerchant, InThePast):
    """A page of a merchant's payouts, perhaps of one status only."""

    status = Word(*STATUSES)


@route(
    "POST",
    "/v1/payouts",
    roles=REQUESTERS,
    body=PayoutAsked,
    answer=PayoutShown,
    status=201,
    refuses=(
        InvalidAmount,
        UnknownCurrency,
        UnknownBank,
        InvalidBeneficiary,
        InsufficientFunds,
        IdempotencyKeyReused,
    ),
)
def request_payout(call: Call) -> Answer:
    """Ask for a payout; amount and fee are held at once, and it is sent once approved."""
    to = call.body["beneficiary"]
    listed_bank(to["bin"], field="beneficiary.bin")
    own = {(bank.bin, bank.account.account_number) for bank in call.services.banks.values()}
    if (to["bin"], to["account_number"]) in own:
        raise InvalidBeneficiary(
            "This is an account of ours; pay to somebody else's.", field="beneficiary.account_number"
        )
    amount = Money(call.body["amount"], call.body["currency"])
    _check_amount(call, to["bin"], amount)
    command = RequestPayout(
        merchant_id=call.merchant_id(),
        amount=amount,
        beneficiary_bin=to["bin"],
        beneficiary_account=Personal(to["account_number"]),
        beneficiary_name=Personal(to["name"]),
        memo=call.body["memo"],
    )
    receipt = call.dispatch(command)
    return call.answer(receipt, show(call.services, as_row(call.then(Payout, receipt))))


def _check_amount(call: Call, bin_: str, amount: Money) -> None:
    """Whether the merchant's bank takes so much on the rail it would go by. Raises InvalidAmount."""
    merchant = call.services.ledger.find(Merchant, call.merchant_id())
    bank = call.services.banks.get(merchant.bank_account_id) if merchant else None
    if bank is not None:
        bank.check_amount(bank.rail_to(bin_, amount), amount)


@route(
    "POST",
    "/v1/payouts/<payout_id>/approve",
    roles=APPROVERS,
    answer=PayoutShown,
    refuses=(PayoutNotFound, OwnApproval, PayoutStateConflict, IdempotencyKeyReused),
)
def approve_payout(call: Call) -> Answer:
    """Say yes to a payout another person asked for."""
    command = ApprovePayout(merchant_id=_whose(call), payout_id=call.path["payout_id"])
    receipt = call.dispatch(command)
    return call.answer(receipt, show(call.services, as_row(call.then(Payout, receipt))))


@route(
    "POST",
    "/v1/payouts/<payout_id>/reject",
    roles=APPROVERS,
    body=WhyNot,
    answer=PayoutShown,
    refuses=(PayoutNotFound, ReasonMissing, PayoutStateConflict, IdempotencyKeyReused),
)
def reject_payout(call: Call) -> Answer:
    """Say no; the held funds are available again."""
    command = RejectPayout(merchant_id=_whose(call), payout_id=call.path["payout_id"], reason=call.body["reason"])
    receipt = call.dispatch(command)
    return call.answer(receipt, show(call.services, as_row(call.then(Payout, receipt))))


@route(
    "POST",
    "/v1/payouts/<payout_id>/cancel",
    roles=REQUESTERS,
    body=WhyNot,
    answer=PayoutShown,
    refuses=(PayoutNotFound, ReasonMissing, PayoutStateConflict, IdempotencyKeyReused),
)
def cancel_payout(call: Call) -> Answer:
    """Take it back before it is sent; the held funds are available again."""
    command = CancelPayout(merchant_id=_whose(call), payout_id=call.path["payout_id"], reason=call.body["reason"])
    receipt = call.dispatch(command)
    return call.answer(receipt, show(call.services, as_row(call.then(Payout, receipt))))


@route(
    "GET",
    "/v1/payouts",
    roles=MERCHANTS | OPERATORS,
    query=OfMerchantWithStatus,
    answer=PayoutShown,
    listed=True,
    reads=("payouts",),
    recalls=("payouts",),
)
def list_payouts(call: Call) -> Answer:
    """A merchant's payouts, newest first.

    Of the past, a page may hold fewer than `limit`, or none, and still have more behind it.
    """
    reader, merchant_id = call.services.reader, call.merchant_id()
    if call.as_of is not None:
        return _as_they_were(call, call.as_of, merchant_id)
    return page(
        call,
        Moment,
        lambda limit, before: payouts.payouts(
            reader, merchant_id=merchant_id, status=call.query.get("status"), limit=limit, before=before
        ),
        lambda row: Moment(row.created_at, row.id),
        lambda row: show(call.services, row),
    )


@route(
    "GET",
    "/v1/payouts/<payout_id>",
    roles=MERCHANTS | OPERATORS,
    query=InThePast,
    answer=PayoutWithTimeline,
    reads=("payouts",),
    recalls=("payouts",),
    refuses=(PayoutNotFound,),
)
def read_payout(call: Call) -> Answer:
    """One payout with its timeline, which follows the read table."""
    reader, ledger, payout_id = call.services.reader, call.services.ledger, call.path["payout_id"]
    if call.as_of is not None:
        row = past_pages.payout(ledger, payout_id, call.as_of)
    else:
        # One just requested is told from the log: nobody who made it has to wait for the table.
        row = payouts.payout(reader, payout_id) or _from_log(call)
    if row is None or not call.may_see(row.merchant_id):
        raise PayoutNotFound(f"There is no payout {payout_id!r}.", id=payout_id)
    as_of = call.as_of
    story = payouts.timeline(reader, row.id) if as_of is None else past_pages.timeline(ledger, row.id, as_of)
    return Answer(body={**show(call.services, row), "timeline": [_happening(one) for one in story]})


def _as_they_were(call: Call, as_of: AsOf, merchant_id: str) -> Answer:
    reader, ledger, status = call.services.reader, call.services.ledger, call.query.get("status")
    return looked_page(
        call,
        Moment,
        lambda limit, before: past_pages.payouts(
            reader, ledger, as_of, merchant_id=merchant_id, status=status, limit=limit, before=before
        ),
        lambda row: show(call.services, row),
    )


def _from_log(call: Call) -> PayoutRow | None:
    payout = call.services.ledger.find(Payout, call.path["payout_id"])
    return None if payout is None else as_row(payout)


def _whose(call: Call) -> str:
    """Whose payout it is: the merchant's own, or for an operator that of the payout."""
    if call.who.merchant is not None:
        return call.who.merchant.id
    return call.services.ledger.get(Payout, call.path["payout_id"], PayoutNotFound).merchant_id


def as_row(payout: Payout) -> PayoutRow:
    """The payout in the shape in which it is read, so that both are shown alike."""
    return PayoutRow(
        id=payout.id,
        merchant_id=payout.merchant_id,
        amount=payout.amount.units,
        fee=payout.fee.units,
        currency=payout.amount.currency,
        bank_account_id=payout.bank_account_id,
        beneficiary_bin=payout.beneficiary_bin,
        beneficiary_account=payout.beneficiary_account,
        beneficiary_name=payout.beneficiary_name,
        memo=payout.memo,
        end_to_end_id=payout.end_to_end_id,
        status=payout.status,
        status_at=payout.status_at,
        attempt=payout.attempt,
        submitted_at=payout.submitted_at,
        executed=payout.executed,
        bank_reference=payout.bank_reference,
        reason=payout.reason,
        requested_by=payout.requested_by,
        created_at=payout.requested_at,
        escalated=payout.escalated,
        shown_on_statement=payout.shown_on_statement,
        position=0,
    )


def show(services: Services, row: PayoutRow) -> dict[str, object]:
    """A payout as it is told."""
    beneficiary = {
        "bin": row.beneficiary_bin,
        "account_number": services.ledger.vault.open(row.beneficiary_account),
        "name": services.ledger.vault.open(row.beneficiary_name),
    }
    return {
        "object": "payout",
        "id": row.id,
        "merchant_id": row.merchant_id,
        "status": row.status,
        "status_at": row.status_at,
        "amount": row.amount,
        "fee": row.fee,
        "currency": row.currency,
        "beneficiary": beneficiary,
        "memo": row.memo,
        "end_to_end_id": row.end_to_end_id,
        "bank_reference": row.bank_reference,
        "executed": row.executed,
        "escalated": row.escalated,
        "reason": row.reason,
        "requested_by": row.requested_by,
        "created_at": row.created_at,
    }


def _happening(row: TimelineRow) -> dict[str, object]:
    return {"position": row.position, "name": row.name, "at": row.at, "actor": row.actor, "detail": row.detail}
