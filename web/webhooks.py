"""Where a merchant is told of events: its webhook endpoints, and what came of each delivery. Workers send."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

from marshmallow import Schema, fields

from commands.merchants import AddWebhookEndpoint, RemoveWebhookEndpoint
from ledger import addresses
from ledger.errors import (
    IdempotencyKeyReused,
    InvalidField,
    MerchantNotFound,
    WebhookEndpointNotFound,
    WebhookUrlInvalid,
)
from ledger.ids import derive
from ledger.merchants import Merchant, WebhookEndpoint
from ledger.privacy import Personal
from projections import webhooks
from projections.webhooks import DeliveryRow
from web.auth import MERCHANTS, OPERATORS, OWNER
from web.fields import Instant, Strict, Text, Word
from web.merchants import SHOWN_ONCE
from web.pages import Moment, OfMerchant, page, whole
from web.routes import Answer, Call, route

SECRET_BYTES: Final = 32
"""Within the 24 to 64 bytes of the Standard Webhooks specification."""


class EndpointAsked(Strict):
    """Where public events are to be told."""

    url = Text(longest=500, required=True, metadata={"description": "https, to a public host, without a user in it."})


class MerchantNamed(Strict):
    """Whose, for operators."""

    merchant_id = Text(longest=64, metadata={"description": "For operators: whose. A merchant sees its own."})


class EndpointShown(Schema):
    """A webhook endpoint."""

    object = Word("webhook_endpoint", required=True)
    id = fields.String(required=True)
    url = fields.String(required=True)


class EndpointWithSecret(EndpointShown):
    """A new webhook endpoint with the secret its messages are signed with (Standard Webhooks)."""

    secret = fields.String(required=True, allow_none=True, metadata={"description": SHOWN_ONCE})


class DeliveryShown(Schema):
    """One event on its way to one endpoint. `next_at`: when it is tried (again); null once it ended."""

    object = Word("webhook_delivery", required=True)
    id = fields.String(required=True)
    event_id = fields.String(required=True)
    event = fields.String(required=True)
    endpoint_id = fields.String(required=True)
    status = Word("pending", "delivered", "given_up", required=True)
    attempts = fields.Integer(required=True)
    happened_at = Instant(required=True)
    next_at = Instant(required=True, allow_none=True)
    last_why = fields.String(required=True, allow_none=True)


@route(
    "POST",
    "/v1/webhook-endpoints",
    roles=OWNER,
    body=EndpointAsked,
    answer=EndpointWithSecret,
    status=201,
    refuses=(WebhookUrlInvalid, InvalidField, IdempotencyKeyReused),
)
def add_webhook_endpoint(call: Call) -> Answer:
    """Be told of events that happen from now on."""
    url = call.body["url"]
    addresses.check(url, allow_private=call.services.settings.webhook_allow_private)
    secret = f"whsec_{b64encode(call.services.token(SECRET_BYTES)).decode()}"
    command = AddWebhookEndpoint(merchant_id=call.merchant_id(), url=url, secret=Personal(secret))
    receipt = call.dispatch(command)
    endpoint = call.then(Merchant, receipt).endpoints[derive("we", call.context().command_id)]
    return call.answer(receipt, {**_show(endpoint), "secret": None if receipt.replayed else secret})


@route(
    "GET",
    "/v1/webhook-endpoints",
    roles=MERCHANTS | OPERATORS,
    query=MerchantNamed,
    answer=EndpointShown,
    listed=True,
    refuses=(MerchantNotFound,),
)
def list_webhook_endpoints(call: Call) -> Answer:
    """A merchant's webhook endpoints."""
    merchant = call.services.ledger.get(Merchant, call.merchant_id(), MerchantNotFound)
    return whole([_show(endpoint) for endpoint in merchant.endpoints.values()])


@route(
    "DELETE",
    "/v1/webhook-endpoints/<endpoint_id>",
    roles=OWNER,
    status=204,
    refuses=(WebhookEndpointNotFound,),
)
def remove_webhook_endpoint(call: Call) -> Answer:
    """Tell nothing more there."""
    endpoint_id = call.path["endpoint_id"]
    merchant = call.services.ledger.get(Merchant, call.merchant_id(), MerchantNotFound)
    if endpoint_id not in merchant.endpoints:
        raise WebhookEndpointNotFound(f"There is no webhook endpoint {endpoint_id!r}.", id=endpoint_id)
    receipt = call.dispatch(RemoveWebhookEndpoint(merchant_id=merchant.id, endpoint_id=endpoint_id))
    return Answer(body=b"", position=receipt.position)


@route(
    "GET",
    "/v1/webhook-deliveries",
    roles=MERCHANTS | OPERATORS,
    query=OfMerchant,
    answer=DeliveryShown,
    listed=True,
    reads=("webhooks",),
    refuses=(MerchantNotFound,),
)
def list_webhook_deliveries(call: Call) -> Answer:
    """What was told, is being told, or was given up, newest first."""
    reader, merchant_id = call.services.reader, call.merchant_id()
    return page(
        call,
        Moment,
        lambda limit, before: webhooks.deliveries(reader, merchant_id=merchant_id, limit=limit, before=before),
        lambda row: Moment(row.happened_at, row.id),
        _show_delivery,
    )


def _show(endpoint: WebhookEndpoint) -> dict[str, object]:
    return {"object": "webhook_endpoint", "id": endpoint.endpoint_id, "url": endpoint.url}


def _show_delivery(row: DeliveryRow) -> dict[str, object]:
    return {
        "object": "webhook_delivery",
        "id": row.id,
        "event_id": row.event_id,
        "event": row.event_name,
        "endpoint_id": row.endpoint_id,
        "status": row.status,
        "attempts": row.attempts,
        "happened_at": row.happened_at,
        "next_at": row.next_at,
        "last_why": row.last_why,
    }
