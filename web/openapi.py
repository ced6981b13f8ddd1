"""The OpenAPI 3.1 document, made from the declarations of the routes and from the public events of the ledger."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from ledger.aggregate import EVENTS
from ledger.errors import (
    ApiKeyInvalid,
    BodyTooLarge,
    EventStoreUnavailable,
    IdempotencyKeyInvalid,
    IdempotencyKeyMissing,
    InvalidCursor,
    InvalidField,
    KeyUnavailable,
    LogDamaged,
    LostRace,
    MerchantNotFound,
    Problem,
    ReadTablesUnavailable,
    RoleMissing,
    UnreadableBody,
)
from web.fields import Nothing
from web.past import EFFECTIVE_AT, KNOWN_AT
from web.positions import ReadTablesBehind
from web.problems import PROBLEM_JSON, UnsupportedMediaType, address, status_of
from web.routes import JSON, Route

VERSION: Final = "1.0.0"
ABOUT: Final = """Payments in and payouts out through Vietnamese banks.

Amounts are whole numbers of minor units (for VND: dong). Times are ISO 8601 in UTC. Ids are opaque text.

Every POST needs an `Idempotency-Key`: sent again with the same content it gives the same answer, byte for byte, for
ever, and `Idempotent-Replayed: true`; a secret is shown in the first answer only and is null afterwards.

Commands tell in `Socai-Position` which log position shows them; a query that names it (`?position=` or the same header)
never answers from before it. While events that could not be read are set aside, answers that may lack them say how
many, of all merchants together, in `Socai-Set-Aside`; nothing is lost, and answers are whole again once it is mended.

Where a query takes `known_at` and `effective_at`, it may be about the past on both axes of time: what was recorded up
to a log position or an instant, and what of it was in effect by a value date. `Socai-Known-At` and `Socai-Effective-At`
of the answer say as of what it is true: asked for again by them, it is the same for ever, but for persons forgotten.

Refusals are problem details (RFC 9457)."""


class ErrorShown(Schema):
    """One fault. One of `pointer` (into the body), `parameter` or `header` says where."""

    pointer = fields.String()
    parameter = fields.String()
    header = fields.String()
    detail = fields.String(required=True)
    code = fields.String(required=True)


class ProblemShown(Schema):
    """Problem details (RFC 9457). `type` is an address that serves what the kind means; `code` is its short name."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "What is wrong and what to do."})
    code = fields.String(required=True)
    errors = fields.List(fields.Nested(ErrorShown), required=True)
    request_id = fields.String(required=True)
    facts = fields.Dict(required=True, metadata={"description": "What a program may want to know."})


def document(routes: Iterable[Route], public_url: str) -> dict[str, Any]:
    """The whole document."""
    plugin = MarshmallowPlugin(schema_name_resolver=_schema_name)
    spec = APISpec(
        title="Socai",
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"description": ABOUT},
        servers=[{"url": public_url.rstrip("/")}],
        webhooks=_webhooks(),
    )
    spec.components.schema("Problem", schema=ProblemShown)
    for name, scheme in _SECURITY.items():
        spec.components.security_scheme(name, scheme)
    for route in routes:
        path = re.sub(r"<(\w+)>", r"{\1}", route.path)
        spec.path(path, operations={route.method.lower(): _operation(route, public_url)})
    return spec.to_dict()


_SECURITY: Final[dict[str, dict[str, str]]] = {
    "merchant": {"type": "http", "scheme": "bearer", "description": "A merchant's API key: sk_…"},
    "operator": {"type": "http", "scheme": "bearer", "description": "An operator's API key."},
}


def _schema_name(schema: type[Schema] | Schema | str) -> str:
    """A name for each schema class; two of one name in two files are told apart by the file's noun."""
    kind = schema if inspect.isclass(schema) else type(schema)
    noun = kind.__module__.rpartition(".")[2].title().replace("_", "")
    return kind.__name__ if kind.__name__ not in _SHARED_NAMES else f"{noun}{kind.__name__}"


_SHARED_NAMES: Final = ("OfMerchantWithStatus",)


def _operation(route: Route, public_url: str) -> dict[str, Any]:
    summary, _, more = inspect.cleandoc(route.view.__doc__ or "").partition("\n")
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": summary,
        "tags": [route.view.__module__.rpartition(".")[2]],
        "parameters": _parameters(route),
        "responses": _responses(route, public_url),
    }
    description = f"{more.strip()}\n\n{_who(route)}".strip()
    if description:
        operation["description"] = description
    if route.roles:
        kinds = sorted({role.partition(":")[0] for role in route.roles})
        operation["security"] = [{kind: []} for kind in kinds]
    if route.keyed:
        needed = route.body is not Nothing and any(one.required for one in route.body().fields.values())
        operation["requestBody"] = {"required": needed, "content": {JSON: {"schema": route.body}}}
    return operation


def _who(route: Route) -> str:
    return f"Roles: {', '.join(sorted(route.roles))}." if route.roles else ""


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"<(\w+)>", route.path)
    ]
    if route.query is not Nothing:
        found.append({"in": "query", "schema": route.query})
    if route.keyed:
        found.append(
            {
                "in": "header",
                "name": "Idempotency-Key",
                "required": True,
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            }
        )
    if route.reads:
        found.append({"in": "header", "name": "Socai-Position", "schema": {"type": "string", "pattern": "^[0-9]+$"}})
    return found


def _responses(route: Route, public_url: str) -> dict[str, Any]:
    success: dict[str, Any] = {"description": _SUCCESS.get(route.status, "As asked."), "headers": _headers(route)}
    if route.status != 204:
        success["content"] = {route.media: {"schema": _given(route)}}
    responses: dict[str, Any] = {str(route.status): success}
    if route.name == "ready":
        headers = {**success["headers"], "Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}}
        responses["503"] = {"description": "A part is away.", "headers": headers, "content": success["content"]}
        return responses
    if route.name in _ACKNOWLEDGED:
        media = _ACKNOWLEDGED[route.name]
        success["content"] = media
        responses |= {code: {"description": said, "content": media} for code, said in _REFUSED.items()}
    for status, kinds in _problems(route).items():
        told = ", ".join(f"[`{kind.slug}`]({address(kind, public_url)})" for kind in kinds)
        response = {"description": f"One of: {told}.", "content": {PROBLEM_JSON: {"schema": "Problem"}}}
        responses.setdefault(str(status), response)
    return responses


_SUCCESS: Final = {200: "As asked.", 201: "Done.", 204: "Gone."}
_OWN_JSON: Final = {JSON: {"schema": {"type": "object"}}}
_ACKNOWLEDGED: Final = {
    "take_bank_webhook": {**_OWN_JSON, "text/xml": {"schema": {"type": "string"}}},
    "grant_bank_token": _OWN_JSON,
    "take_bank_feed": _OWN_JSON,
}
"""Routes that answer in the form of the bank or aggregator that calls them, and what that may be."""
_REFUSED: Final = {
    "400": "Not understood, in the caller's own form; a bank's message was kept.",
    "401": "The key is wrong, in the caller's own form.",
    "503": "Not recorded, in the caller's own form; send it again.",
}


def _headers(route: Route) -> dict[str, Any]:
    text, number = {"schema": {"type": "string"}}, {"schema": {"type": "string", "pattern": "^[0-9]+$"}}
    headers: dict[str, Any] = {"Request-Id": text, "Socai-Version": text}
    if route.reads or route.keyed:
        headers["Socai-Position"] = number
    if route.reads:
        headers["Socai-Set-Aside"] = number
    if route.recalls:
        headers |= {KNOWN_AT: number, EFFECTIVE_AT: {"schema": {"type": "string", "format": "date"}}}
    if route.keyed:
        headers["Idempotent-Replayed"] = text
    return headers


def _given(route: Route) -> object:
    if route.media != JSON:
        return {"type": "string", "contentEncoding": "binary"}
    if route.answer is None:
        return {"type": "object"}
    if not route.listed:
        return route.answer
    return {
        "type": "object",
        "required": ["object", "data", "has_more", "next_cursor"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": route.answer},
            "has_more": {"type": "boolean"},
            "next_cursor": {"type": ["string", "null"]},
        },
    }


def _problems(route: Route) -> dict[int, list[type[Problem]]]:
    """Every kind of problem the route may give, by status: its own, and those that come with what it takes."""
    kinds: list[type[Problem]] = [InvalidField, *route.refuses]
    if route.roles:
        kinds += [ApiKeyInvalid, RoleMissing, EventStoreUnavailable, KeyUnavailable]
    if route.keyed:
        kinds += [
            UnreadableBody,
            BodyTooLarge,
            UnsupportedMediaType,
            IdempotencyKeyMissing,
            IdempotencyKeyInvalid,
            LostRace,
            MerchantNotFound,
        ]
    if route.reads:
        kinds += [ReadTablesUnavailable, ReadTablesBehind]
    if route.recalls:
        kinds.append(LogDamaged)
    if "cursor" in route.query().fields:
        kinds.append(InvalidCursor)
    if "merchant_id" in route.query().fields:
        kinds.append(MerchantNotFound)
    found: dict[int, list[type[Problem]]] = {}
    for kind in dict.fromkeys(kinds):
        found.setdefault(status_of(kind), []).append(kind)
    return found


def _webhooks() -> dict[str, Any]:
    """What merchants are told: every public event, signed by the Standard Webhooks specification."""
    text: dict[str, Any] = {"schema": {"type": "string"}, "required": True, "in": "header"}
    headers: Sequence[dict[str, Any]] = [
        {**text, "name": "webhook-id", "description": "The same whenever this event is told to this endpoint."},
        {**text, "name": "webhook-timestamp", "description": "Seconds since 1970."},
        {**text, "name": "webhook-signature", "description": "v1, and the HMAC-SHA256 of id.timestamp.body in base64."},
    ]
    return {
        name: {
            "post": {
                "operationId": f"told_{name.replace('.', '_')}",
                "summary": inspect.cleandoc(kind.__doc__ or name).partition("\n")[0],
                "parameters": headers,
                "requestBody": {"required": True, "content": {JSON: {"schema": _told(name)}}},
                "responses": {"200": {"description": "Any 2xx: taken. Anything else is told again, for three days."}},
            }
        }
        for name, kind in sorted(EVENTS.items())
        if kind.public
    }


def _told(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": name},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"type": "object", "description": f"The {name.partition('.')[0]} as of this event."},
        },
    }
