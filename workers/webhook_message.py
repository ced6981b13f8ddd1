"""What a merchant is told of an event, and the signature under it (Standard Webhooks specification 1.0).

The resource is shown as it stood right after the event, so every attempt sends the same bytes. Names and account
numbers of persons, and the memos of payouts, are left out: whoever may see them reads the resource. What the merchant
wrote about a payment intent itself, description and reference, is told back as it was given.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Final

import msgspec

from ledger.aggregate import Aggregate, Envelope
from ledger.money import Money
from ledger.payments import PaymentIntent
from ledger.payouts import Payout
from ledger.settlements import Settlement

SECRET_PREFIX: Final = "whsec_"

Shown = dict[str, object]


def message_body(envelope: Envelope, aggregate: Aggregate) -> bytes:
    """The JSON body for this event; `aggregate` is its stream at the event's version."""
    return msgspec.json.encode({"type": envelope.name, "timestamp": envelope.at, "data": resource(aggregate)})


def signed_headers(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers under which `body` is sent. `secret` is `whsec_` and the key in base64.

    Raises ValueError for a secret of another form; the message does not quote it.
    """
    timestamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`."""
    key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    if secret == secret.removeprefix(SECRET_PREFIX) or not key:
        raise ValueError("a webhook secret is whsec_ and a key in base64")
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def resource(aggregate: Aggregate) -> Shown:
    """The public fields of what an event is about. Raises LookupError for a kind that no public event is about."""
    match aggregate:
        case PaymentIntent():
            return _payment_intent(aggregate)
        case Payout():
            return _payout(aggregate)
        case Settlement():
            return _settlement(aggregate)
    raise LookupError(f"nothing is told to merchants about a {aggregate.noun}")


def _payment_intent(intent: PaymentIntent) -> Shown:
    return {
        "object": "payment_intent",
        "id": intent.id,
        "merchant_id": intent.merchant_id,
        "status": intent.status,
        **_amount(intent.amount),
        "received": intent.received.units,
        "fees": intent.fees.units,
        "settled": intent.settled.units,
        "code": intent.code,
        "description": intent.description,
        "merchant_reference": intent.merchant_reference,
        "created_at": intent.created_at,
        "expires_at": intent.expires_at,
    }


def _payout(payout: Payout) -> Shown:
    return {
        "object": "payout",
        "id": payout.id,
        "merchant_id": payout.merchant_id,
        "status": payout.status,
        "status_at": payout.status_at,
        **_amount(payout.amount),
        "fee": payout.fee.units,
        "beneficiary": {"bin": payout.beneficiary_bin},
        "end_to_end_id": payout.end_to_end_id,
        "bank_reference": payout.bank_reference,
        "executed": payout.executed,
        "escalated": payout.escalated,
        "reason": payout.reason,
        "created_at": payout.requested_at,
    }


def _settlement(settlement: Settlement) -> Shown:
    return {
        "object": "settlement",
        "id": settlement.id,
        "merchant_id": settlement.merchant_id,
        "status": settlement.status,
        "gross": settlement.gross.units,
        "fees": settlement.fees.units,
        "net": settlement.net.units,
        "currency": settlement.net.currency,
        "payment_intents": len(settlement.lines),
    }


def _amount(amount: Money) -> Shown:
    return {"amount": amount.units, "currency": amount.currency}
