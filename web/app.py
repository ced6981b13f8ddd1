"""The Flask application: every route behind the same checks, every answer under the same headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException

import web
from ledger.discovery import import_all
from ledger.errors import Problem
from projections import PROJECTIONS
from projections.places import places
from projections.tables import Place
from web import auth, idempotency, past
from web.bodies import read_body, read_query
from web.positions import HEADER as POSITION
from web.positions import SET_ASIDE, reached, wanted
from web.problems import FaultyFields, of_bug, of_http, refusal
from web.routes import ROUTES, Answer, Call, Route
from web.wiring import Services

VERSION: Final = "2026-11-23"
"""The date of the interface, told in every answer; it changes when an answer changes in a way a reader could notice."""

HEADERS: Final = {
    "Socai-Version": VERSION,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SECURE: Final = "max-age=31536000; includeSubDomains"


def create_app(services: Services) -> Flask:
    """The application over these services; every module of this package that declares routes is found by itself."""
    import_all(web)
    app = Flask("socai", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.extensions["socai"] = services
    for route in ROUTES:
        app.add_url_rule(
            route.path,
            route.name,
            _serving(services, route),
            methods=[route.method],
            provide_automatic_options=False,
        )
    app.before_request(_name_request)
    app.after_request(_add_headers)
    app.register_error_handler(Exception, _refuse)
    return app


def _serving(services: Services, route: Route) -> Callable[..., Response]:
    def serve(**path: str) -> Response:
        return _serve(services, route, path)

    return serve


def _serve(services: Services, route: Route, path: Mapping[str, str]) -> Response:
    """Who, then what, then whether the tables are there yet: in this order, so that nobody unknown learns anything."""
    caller = None
    if route.roles:
        operators = services.settings.operator_keys
        caller = auth.admit(services.ledger, operators, request.headers.get("Authorization"), route.roles)
    query = read_query(dict(request.args.lists()), route.query())
    body: Mapping[str, Any] = read_body(request, route.body) if route.keyed else {}
    key = None
    if route.keyed and caller is not None:
        header = request.headers.get(idempotency.HEADER)
        key = idempotency.key_of(header, scope=caller.scope, method=route.method, path=request.path, body=body)
    known = past.known_at(services.ledger, query)
    shown, aside = _shown(services, route, query, known)
    as_of = past.as_of(query, known, shown)
    call = Call(
        services=services,
        route=route,
        request_id=g.request_id,
        path=path,
        caller=caller,
        query=query,
        body=body,
        key=key,
        as_of=as_of,
    )
    answer = route.view(call)
    if isinstance(answer, Response):
        return answer
    response = _response(route, answer, shown)
    if aside:
        response.headers[SET_ASIDE] = str(aside)
    if as_of is not None:
        response.headers.update(past.headers(as_of))
    return response


def _shown(services: Services, route: Route, query: Mapping[str, Any], known: int | None) -> tuple[int | None, int]:
    """The log position the answer will be true for, once the tables show what the caller wants to see.

    And how many events up to there the tables lack, because they are set aside. `known`: what the past that is asked
    for needs.
    """
    if not route.reads:
        return None, 0
    least = max(wanted(request.headers.get(POSITION), query.get("position")), known or 0)
    names = route.recalls if "known_at" in query or "effective_at" in query else route.reads
    found: dict[str, Place] = {}

    def position() -> int:
        found.update(places(services.reader, [PROJECTIONS[name] for name in names]))
        return min(found[name].position if name in found else 0 for name in names)

    shown = reached(position, least, services.ledger.head)
    return shown, sum(place.aside for place in found.values())


def _response(route: Route, answer: Answer, shown: int | None) -> Response:
    said = answer.body if isinstance(answer.body, bytes) else msgspec.json.encode(answer.body)
    response = Response(said, answer.status or route.status, content_type=answer.media)
    if not said:
        del response.headers["Content-Type"]
    position = shown if answer.position is None else answer.position
    if position is not None:
        response.headers[POSITION] = str(position)
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    if answer.retry_after_s is not None:
        response.headers["Retry-After"] = str(answer.retry_after_s)
    return response


def _services() -> Services:
    services: Services = current_app.extensions["socai"]
    return services


def _name_request() -> None:
    g.request_id = f"req_{_services().token(16).hex()}"


def _add_headers(response: Response) -> Response:
    response.headers["Request-Id"] = g.request_id
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if _services().settings.public_url.startswith("https:"):
        response.headers["Strict-Transport-Security"] = SECURE
    return response


def _refuse(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        fault: Problem | FaultyFields = of_http(error)
    elif isinstance(error, Problem | FaultyFields):
        fault = error
    else:
        fault = of_bug(error, g.request_id)
    response = refusal(
        fault,
        method=request.method,
        public_url=_services().settings.public_url,
        request_id=g.request_id,
    )
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response
