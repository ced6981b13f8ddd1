"""What may be asked about payment intents: create, cancel, expire."""

from __future__ import annotations

from datetime import datetime

from commands.command import Command, Decided, handler
from ledger import codes
from ledger.context import Context
from ledger.errors import MerchantNotFound, PaymentIntentNotFound
from ledger.merchants import Merchant
from ledger.money import Money
from ledger.payments import PaymentIntent, id_of_code
from ledger.store import Ledger


class CreatePaymentIntent(Command):
    """A merchant expects to receive this amount."""

    merchant_id: str
    amount: Money
    description: str
    merchant_reference: str
    expires_at: datetime | None


class CancelPaymentIntent(Command):
    """The merchant expects it no more."""

    merchant_id: str
    payment_intent_id: str
    reason: str


class ExpirePaymentIntent(Command):
    """The time to pay is over."""

    payment_intent_id: str


@handler(CreatePaymentIntent)
def create_payment_intent(ledger: Ledger, context: Context, command: CreatePaymentIntent) -> Decided:
    """The intent under a payment code nobody else has, derived from the command."""
    merchant = ledger.get(Merchant, command.merchant_id, MerchantNotFound)
    intent = PaymentIntent.create(
        context,
        merchant_id=merchant.id,
        amount=command.amount,
        code=_free_code(ledger, context.command_id),
        bank_account_id=merchant.bank_account_id,
        description=command.description,
        merchant_reference=command.merchant_reference,
        expires_at=command.expires_at,
    )
    return Decided(intent)


@handler(CancelPaymentIntent)
def cancel_payment_intent(ledger: Ledger, context: Context, command: CancelPaymentIntent) -> Decided:
    """The intent, cancelled; somebody else's intent is not found."""
    intent = intent_of(ledger, command.merchant_id, command.payment_intent_id)
    intent.cancel(context, reason=command.reason)
    return Decided(intent)


@handler(ExpirePaymentIntent)
def expire_payment_intent(ledger: Ledger, context: Context, command: ExpirePaymentIntent) -> Decided:
    """The intent, expired."""
    intent = ledger.get(PaymentIntent, command.payment_intent_id, PaymentIntentNotFound)
    intent.expire(context)
    return Decided(intent)


def intent_of(ledger: Ledger, merchant_id: str, payment_intent_id: str) -> PaymentIntent:
    """The merchant's own intent; raises PaymentIntentNotFound for none and for somebody else's alike."""
    intent = ledger.get(PaymentIntent, payment_intent_id, PaymentIntentNotFound)
    if intent.merchant_id != merchant_id:
        raise PaymentIntentNotFound(f"There is no payment intent {payment_intent_id!r}.", id=payment_intent_id)
    return intent


def _free_code(ledger: Ledger, natural_key: str) -> str:
    def is_taken(code: str) -> bool:
        return ledger.find(PaymentIntent, id_of_code(code)) is not None

    return codes.first_free(codes.PAYMENT_PREFIX, codes.PAYMENT_LENGTH, natural_key, is_taken)
