"""Merchants and their API keys over HTTP. A secret is shown once, in the first answer, and never again."""

from __future__ import annotations

from marshmallow import Schema, fields

from commands import IdempotencyKey, dispatch
from commands.merchants import AddApiKey, RegisterMerchant, RevokeApiKey
from ledger.errors import (
    ApiKeyNotFound,
    IdempotencyKeyReused,
    InvalidAmount,
    InvalidField,
    MerchantNotFound,
    UnknownCurrency,
)
from ledger.ids import derive
from ledger.merchants import FEE_BPS_MAX, KEY_ROLES, ApiKey, Merchant
from ledger.money import Money
from projections import merchants
from projections.merchants import MerchantRow
from web.auth import ADMIN, OPERATORS, OWNER, digest_of, new_merchant_key
from web.fields import Currency, Instant, Strict, Text, Units, Whole, Word
from web.pages import Moment, Paged, page, whole
from web.routes import Answer, Call, route

SHOWN_ONCE = "Shown in the first answer only; null when the request is sent again."


class MerchantAsked(Strict):
    """A new merchant and its terms."""

    name = Text(longest=200, required=True)
    bank_account_id = Text(longest=64, required=True, metadata={"description": "Our account it is paid to and out of."})
    fee_bps = Whole(minimum=0, maximum=FEE_BPS_MAX, required=True, metadata={"description": "Ten-thousandths."})
    payout_fee = Units(minimum=0, required=True, metadata={"description": "Minor units for each payout."})
    currency = Currency(required=True)
    approvals_needed = Whole(minimum=0, maximum=1, load_default=1)


class ApiKeyAsked(Strict):
    """A new key: what it is for, and what it may do."""

    label = Text(longest=100, required=True)
    role = Word(*KEY_ROLES, required=True)


class ApiKeyShown(Schema):
    """An API key. Send it as `Authorization: Bearer sk_…`."""

    object = Word("api_key", required=True)
    id = fields.String(required=True)
    label = fields.String(required=True)
    role = Word(*KEY_ROLES, required=True)


class ApiKeyWithSecret(ApiKeyShown):
    """A new API key with its secret."""

    secret = fields.String(required=True, allow_none=True, metadata={"description": SHOWN_ONCE})


class MerchantShown(Schema):
    """A merchant and its terms."""

    object = Word("merchant", required=True)
    id = fields.String(required=True)
    name = fields.String(required=True)
    bank_account_id = fields.String(required=True)
    fee_bps = fields.Integer(required=True)
    payout_fee = fields.Integer(required=True)
    currency = Currency(required=True)
    approvals_needed = fields.Integer(required=True)


class MerchantWithKey(MerchantShown):
    """A new merchant with its first key, an owner's."""

    api_key = fields.Nested(ApiKeyWithSecret, required=True)


class MerchantListed(MerchantShown):
    """A merchant in the list."""

    created_at = Instant(required=True)


@route(
    "POST",
    "/v1/merchants",
    roles=ADMIN,
    body=MerchantAsked,
    answer=MerchantWithKey,
    status=201,
    refuses=(InvalidAmount, UnknownCurrency, InvalidField, IdempotencyKeyReused),
)
def register_merchant(call: Call) -> Answer:
    """Register a merchant and give it its first API key."""
    if call.body["bank_account_id"] not in call.services.banks:
        raise InvalidField(f"Use one of: {', '.join(sorted(call.services.banks))}.", field="bank_account_id")
    command = RegisterMerchant(
        name=call.body["name"],
        bank_account_id=call.body["bank_account_id"],
        fee_bps=call.body["fee_bps"],
        payout_fee=Money(call.body["payout_fee"], call.body["currency"]),
        approvals_needed=call.body["approvals_needed"],
    )
    receipt = call.dispatch(command)
    merchant = call.then(Merchant, receipt)
    api_key, position = _first_key(call, merchant.id)
    answer = call.answer(receipt, {**show(merchant), "api_key": api_key})
    answer.position = position
    return answer


@route(
    "GET",
    "/v1/merchants",
    roles=OPERATORS,
    query=Paged,
    answer=MerchantListed,
    listed=True,
    reads=("merchants",),
)
def list_merchants(call: Call) -> Answer:
    """All merchants, newest first."""
    reader = call.services.reader
    return page(
        call,
        Moment,
        lambda limit, before: merchants.merchants(reader, limit=limit, before=before),
        lambda row: Moment(row.created_at, row.id),
        _listed,
    )


@route(
    "POST",
    "/v1/merchants/<merchant_id>/api-keys",
    roles=ADMIN,
    body=ApiKeyAsked,
    answer=ApiKeyWithSecret,
    status=201,
    refuses=(MerchantNotFound, InvalidField, IdempotencyKeyReused),
)
def add_merchant_api_key(call: Call) -> Answer:
    """Give a merchant another API key."""
    return _add_key(call, call.path["merchant_id"])


@route(
    "DELETE",
    "/v1/merchants/<merchant_id>/api-keys/<key_id>",
    roles=ADMIN,
    status=204,
    refuses=(MerchantNotFound, ApiKeyNotFound),
)
def revoke_merchant_api_key(call: Call) -> Answer:
    """Take a merchant's API key away: it is refused at once."""
    return _revoke_key(call, call.path["merchant_id"])


@route(
    "POST",
    "/v1/api-keys",
    roles=OWNER,
    body=ApiKeyAsked,
    answer=ApiKeyWithSecret,
    status=201,
    refuses=(InvalidField, IdempotencyKeyReused),
)
def add_api_key(call: Call) -> Answer:
    """Make another API key of one's own."""
    return _add_key(call, call.merchant_id())


@route("GET", "/v1/api-keys", roles=OWNER, answer=ApiKeyShown, listed=True)
def list_api_keys(call: Call) -> Answer:
    """One's API keys, without their secrets."""
    merchant = call.who.merchant
    return whole([_show_key(key) for key in merchant.api_keys.values()] if merchant else [])


@route("DELETE", "/v1/api-keys/<key_id>", roles=OWNER, status=204, refuses=(ApiKeyNotFound,))
def revoke_api_key(call: Call) -> Answer:
    """Take one of one's own API keys away: it is refused at once."""
    return _revoke_key(call, call.merchant_id())


def _first_key(call: Call, merchant_id: str) -> tuple[dict[str, object], int]:
    """The owner's key that comes with a new merchant, under an idempotency key of its own.

    Two commands, two insertions: when the second was never kept, the same request sent again keeps it then.
    """
    context = call.context()
    key_id = derive("ak", context.command_id)
    secret = new_merchant_key(merchant_id, call.services.token)
    command = AddApiKey(
        merchant_id=merchant_id, key_id=key_id, label="first key", role="owner", digest=digest_of(secret)
    )
    once = IdempotencyKey(scope=f"{merchant_id}/first-key", key=key_id, fingerprint=key_id)
    receipt = dispatch(call.services.ledger, command, context, once)
    key = ApiKey(key_id=key_id, label=command.label, role=command.role, digest=command.digest)
    return {**_show_key(key), "secret": None if receipt.replayed else secret}, receipt.position


def _add_key(call: Call, merchant_id: str) -> Answer:
    key_id = derive("ak", call.context().command_id)
    secret = new_merchant_key(merchant_id, call.services.token)
    command = AddApiKey(
        merchant_id=merchant_id,
        key_id=key_id,
        label=call.body["label"],
        role=call.body["role"],
        digest=digest_of(secret),
    )
    receipt = call.dispatch(command)
    key = call.then(Merchant, receipt).api_keys[key_id]
    return call.answer(receipt, {**_show_key(key), "secret": None if receipt.replayed else secret})


def _revoke_key(call: Call, merchant_id: str) -> Answer:
    key_id = call.path["key_id"]
    merchant = call.services.ledger.get(Merchant, merchant_id, MerchantNotFound)
    if key_id not in merchant.api_keys:
        raise ApiKeyNotFound(f"There is no API key {key_id!r}.", id=key_id)
    receipt = call.dispatch(RevokeApiKey(merchant_id=merchant_id, key_id=key_id))
    return Answer(body=b"", position=receipt.position)


def _show_key(key: ApiKey) -> dict[str, object]:
    return {"object": "api_key", "id": key.key_id, "label": key.label, "role": key.role}


def show(merchant: Merchant) -> dict[str, object]:
    """A merchant as it is told."""
    return {
        "object": "merchant",
        "id": merchant.id,
        "name": merchant.name,
        "bank_account_id": merchant.bank_account_id,
        "fee_bps": merchant.fee_bps,
        "payout_fee": merchant.payout_fee.units,
        "currency": merchant.payout_fee.currency,
        "approvals_needed": merchant.approvals_needed,
    }


def _listed(row: MerchantRow) -> dict[str, object]:
    return {
        "object": "merchant",
        "id": row.id,
        "name": row.name,
        "bank_account_id": row.bank_account_id,
        "fee_bps": row.fee_bps,
        "payout_fee": row.payout_fee,
        "currency": row.currency,
        "approvals_needed": row.approvals_needed,
        "created_at": row.created_at,
    }
