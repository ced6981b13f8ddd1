"""Payment intents over HTTP: create, read, list, cancel, and the VietQR a payer scans."""

from __future__ import annotations

from marshmallow import Schema, fields

from banks.napas import listed_bank
from banks.vietqr import VietQR, write
from banks.vietqr_picture import png, svg
from commands.payments import CancelPaymentIntent, CreatePaymentIntent
from ledger import payments as intents
from ledger.errors import (
    IdempotencyKeyReused,
    InvalidAmount,
    PaymentIntentClosed,
    PaymentIntentNotFound,
    UnknownBankAccount,
    UnknownCurrency,
)
from ledger.money import Money
from ledger.payments import PaymentIntent
from projections import past_pages, payments
from projections.as_of import AsOf
from projections.payments import PaymentRow
from web.auth import MERCHANTS, OPERATORS, REQUESTERS
from web.fields import Currency, Instant, Strict, Text, Units, Word
from web.pages import Moment, OfMerchant, looked_page, page
from web.past import InThePast
from web.routes import Answer, Call, route
from web.wiring import Services

STATUSES = (
    intents.AWAITING,
    intents.PAID,
    intents.UNDERPAID,
    intents.OVERPAID,
    intents.EXPIRED,
    intents.CANCELLED,
)


class PaymentIntentAsked(Strict):
    """What a merchant expects to receive."""

    amount = Units(required=True, metadata={"description": "Minor units; for VND: dong."})
    currency = Currency(required=True)
    description = Text(longest=intents.DESCRIPTION_MAX, shortest=0, load_default="")
    merchant_reference = Text(
        longest=100, shortest=0, load_default="", metadata={"description": "Your own name for it; not checked."}
    )
    expires_at = Instant(load_default=None, allow_none=True)


class PayTo(Schema):
    """Where the payer pays: our account at a bank."""

    bank_bin = fields.String(required=True)
    bank_name = fields.String(required=True)
    account_number = fields.String(required=True)
    holder = fields.String(required=True)


class PaymentIntentShown(Schema):
    """A payment intent. The payer sends `amount` to `pay_to` with `code` in the transfer text; `vietqr` says it all."""

    object = Word("payment_intent", required=True)
    id = fields.String(required=True)
    merchant_id = fields.String(required=True)
    status = Word(*STATUSES, required=True)
    amount = fields.Integer(required=True)
    currency = Currency(required=True)
    received = fields.Integer(required=True, metadata={"description": "What has come so far."})
    fees = fields.Integer(required=True, metadata={"description": "Our fees on it."})
    settled = fields.Integer(required=True, metadata={"description": "How much of it is part of a settlement."})
    code = fields.String(required=True)
    description = fields.String(required=True)
    merchant_reference = fields.String(required=True)
    created_at = Instant(required=True)
    expires_at = Instant(required=True, allow_none=True)
    pay_to = fields.Nested(PayTo, required=True, allow_none=True)
    vietqr = fields.String(required=True, allow_none=True)


class OfMerchantWithStatus(OfMerchant, InThePast):
    """A page of a merchant's payment intents, perhaps of one status only."""

    status = Word(*STATUSES)


class WhyEnded(Strict):
    """Why it ends."""

    reason = Text(longest=200, load_default="requested_by_merchant")


@route(
    "POST",
    "/v1/payment-intents",
    roles=REQUESTERS,
    body=PaymentIntentAsked,
    answer=PaymentIntentShown,
    status=201,
    refuses=(InvalidAmount, UnknownCurrency, IdempotencyKeyReused),
)
def create_payment_intent(call: Call) -> Answer:
    """Expect a payment under a code of its own."""
    command = CreatePaymentIntent(
        merchant_id=call.merchant_id(),
        amount=Money(call.body["amount"], call.body["currency"]),
        description=call.body["description"],
        merchant_reference=call.body["merchant_reference"],
        expires_at=call.body["expires_at"],
    )
    receipt = call.dispatch(command)
    return call.answer(receipt, show(call.services, as_row(call.then(PaymentIntent, receipt))))


@route(
    "POST",
    "/v1/payment-intents/<payment_intent_id>/cancel",
    roles=REQUESTERS,
    body=WhyEnded,
    answer=PaymentIntentShown,
    refuses=(PaymentIntentNotFound, PaymentIntentClosed, IdempotencyKeyReused),
)
def cancel_payment_intent(call: Call) -> Answer:
    """Expect it no more; money that comes nevertheless waits for a decision."""
    command = CancelPaymentIntent(
        merchant_id=call.merchant_id(),
        payment_intent_id=call.path["payment_intent_id"],
        reason=call.body["reason"],
    )
    receipt = call.dispatch(command)
    return call.answer(receipt, show(call.services, as_row(call.then(PaymentIntent, receipt))))


@route(
    "GET",
    "/v1/payment-intents",
    roles=MERCHANTS | OPERATORS,
    query=OfMerchantWithStatus,
    answer=PaymentIntentShown,
    listed=True,
    reads=("payments",),
    recalls=("payments",),
)
def list_payment_intents(call: Call) -> Answer:
    """A merchant's payment intents, newest first.

    Of the past, a page may hold fewer than `limit`, or none, and still have more behind it.
    """
    reader, merchant_id = call.services.reader, call.merchant_id()
    if call.as_of is not None:
        return _as_they_were(call, call.as_of, merchant_id)
    return page(
        call,
        Moment,
        lambda limit, before: payments.payments(
            reader, merchant_id=merchant_id, status=call.query.get("status"), limit=limit, before=before
        ),
        lambda row: Moment(row.created_at, row.id),
        lambda row: show(call.services, row),
    )


@route(
    "GET",
    "/v1/payment-intents/<payment_intent_id>",
    roles=MERCHANTS | OPERATORS,
    query=InThePast,
    answer=PaymentIntentShown,
    reads=("payments",),
    recalls=("payments",),
    refuses=(PaymentIntentNotFound,),
)
def read_payment_intent(call: Call) -> Answer:
    """One payment intent."""
    intent_id = call.path["payment_intent_id"]
    if call.as_of is not None:
        row = past_pages.payment(call.services.ledger, intent_id, call.as_of)
    else:
        # One just created is told from the log: nobody who made it has to wait for the table.
        row = payments.payment(call.services.reader, intent_id) or _from_log(call)
    if row is None or not call.may_see(row.merchant_id):
        raise PaymentIntentNotFound(f"There is no payment intent {intent_id!r}.")
    return Answer(body=show(call.services, row))


@route(
    "GET",
    "/v1/payment-intents/<payment_intent_id>/qr.png",
    roles=MERCHANTS | OPERATORS,
    media="image/png",
    refuses=(PaymentIntentNotFound, UnknownBankAccount),
)
def payment_intent_png(call: Call) -> Answer:
    """Its VietQR as a PNG picture with account, amount and code in print, there as soon as the intent is."""
    payload, holder = _scanned(call)
    return Answer(body=png(payload, holder=holder), media="image/png")


@route(
    "GET",
    "/v1/payment-intents/<payment_intent_id>/qr.svg",
    roles=MERCHANTS | OPERATORS,
    media="image/svg+xml",
    refuses=(PaymentIntentNotFound, UnknownBankAccount),
)
def payment_intent_svg(call: Call) -> Answer:
    """Its VietQR as an SVG picture with account, amount and code in print, there as soon as the intent is."""
    payload, holder = _scanned(call)
    return Answer(body=svg(payload, holder=holder), media="image/svg+xml")


def _as_they_were(call: Call, as_of: AsOf, merchant_id: str) -> Answer:
    reader, ledger, status = call.services.reader, call.services.ledger, call.query.get("status")
    return looked_page(
        call,
        Moment,
        lambda limit, before: past_pages.payments(
            reader, ledger, as_of, merchant_id=merchant_id, status=status, limit=limit, before=before
        ),
        lambda row: show(call.services, row),
    )


def _from_log(call: Call) -> PaymentRow | None:
    intent = call.services.ledger.find(PaymentIntent, call.path["payment_intent_id"])
    return None if intent is None else as_row(intent)


def _scanned(call: Call) -> tuple[str, str]:
    """What the payer scans, and the holder of the account it names."""
    intent = call.services.ledger.find(PaymentIntent, call.path["payment_intent_id"])
    if intent is None or not call.may_see(intent.merchant_id):
        raise PaymentIntentNotFound(f"There is no payment intent {call.path['payment_intent_id']!r}.")
    bank = call.services.banks.get(intent.bank_account_id)
    payload = vietqr(call.services, intent.bank_account_id, intent.amount, intent.code)
    if bank is None or payload is None:
        raise UnknownBankAccount("The bank account this was to be paid to is not ours any more.")
    return payload, bank.account.holder


def vietqr(services: Services, bank_account_id: str, amount: Money, code: str) -> str | None:
    """The text a payer scans, or None when the account is not in our file of accounts any more."""
    bank = services.banks.get(bank_account_id)
    if bank is None:
        return None
    return write(VietQR(bin=bank.bin, number=bank.account.account_number, once=True, amount=amount, memo=code))


def as_row(intent: PaymentIntent) -> PaymentRow:
    """The intent in the shape in which it is read, so that both are shown alike."""
    return PaymentRow(
        id=intent.id,
        merchant_id=intent.merchant_id,
        amount=intent.amount.units,
        currency=intent.amount.currency,
        code=intent.code,
        bank_account_id=intent.bank_account_id,
        description=intent.description,
        merchant_reference=intent.merchant_reference,
        expires_at=intent.expires_at,
        created_at=intent.created_at,
        status=intent.status,
        received=intent.received.units,
        fees=intent.fees.units,
        settled=intent.settled.units,
        settled_fees=intent.settled_fees.units,
        position=0,
    )


def show(services: Services, row: PaymentRow) -> dict[str, object]:
    """A payment intent as it is told."""
    bank = services.banks.get(row.bank_account_id)
    pay_to = bank and {
        "bank_bin": bank.bin,
        "bank_name": listed_bank(bank.bin).short_name,
        "account_number": bank.account.account_number,
        "holder": bank.account.holder,
    }
    return {
        "object": "payment_intent",
        "id": row.id,
        "merchant_id": row.merchant_id,
        "status": row.status,
        "amount": row.amount,
        "currency": row.currency,
        "received": row.received,
        "fees": row.fees,
        "settled": row.settled,
        "code": row.code,
        "description": row.description,
        "merchant_reference": row.merchant_reference,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "pay_to": pay_to,
        "vietqr": vietqr(services, row.bank_account_id, Money(row.amount, row.currency), row.code),
    }
