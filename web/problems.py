"""Refusals as RFC 9457 problem details, and the one place where a refusal meets an HTTP status.

Each kind of problem has an address, `/problems/<slug>`, which stands in `type` and serves what the kind means. Anything
that is no refusal is a bug: 500, without detail, with the id of the request.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from flask import Response
from werkzeug.exceptions import HTTPException

from ledger.errors import (
    BodyTooLarge,
    Conflict,
    EventStoreUnavailable,
    Forbidden,
    Invalid,
    LostRace,
    Malformed,
    NotFound,
    Problem,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnreadableBody,
)

PROBLEM_JSON: Final = "application/problem+json"

log = logging.getLogger(__name__)


class NoSuchAddress(NotFound):
    """No route has this path; `/openapi.json` lists those there are."""

    title = "There is nothing at this address"


class MethodNotAllowed(Malformed):
    """The path exists and takes other methods, which stand in `Allow`."""

    title = "This address does not take this method"


class UnsupportedMediaType(Malformed):
    """Bodies are `application/json` in UTF-8, sent as they are: not compressed."""

    title = "The body is in a form this address does not take"


class InternalError(Problem):
    """A fault on our side. Tell us the `request_id`; the request may be sent again with the same Idempotency-Key."""

    title = "Something went wrong on our side"


class FaultyFields(Exception):
    """Several faults of one message, each a Problem with its field. All are told; the first kind gives the status.

    `place`: where the fields are: `pointer` for a body, `parameter` for a query string.
    """

    def __init__(self, faults: Sequence[Problem], *, place: str = "pointer") -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = tuple(faults)
        self.place = place


_FAMILIES: Final[Mapping[type[Problem], int]] = {
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    MethodNotAllowed: 405,
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Invalid: 422,
    TooMany: 429,
    Unavailable: 503,
}
"""Three kinds with a status of their own in HTTP, then the eight families."""

_HTTP: Final[Mapping[int, type[Problem]]] = {
    404: NoSuchAddress,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: UnsupportedMediaType,
}
_WAYS_OUT: Final[Mapping[int, str]] = {
    404: "Look the address up in /openapi.json.",
    405: "Look the method up in /openapi.json, or in Allow.",
    413: "Send less at once; 64 KiB are taken.",
}
_HEADERS: Final = ("Authorization", "Idempotency-Key", "Socai-Position", "Content-Type", "Content-Encoding")


def status_of(kind: type[Problem]) -> int:
    """The HTTP status of a kind of problem; 500 for a kind of no family."""
    return next((status for family, status in _FAMILIES.items() if issubclass(kind, family)), 500)


def kinds() -> dict[str, type[Problem]]:
    """Every kind of problem by slug, families left out."""
    found: dict[str, type[Problem]] = {}
    waiting = list(Problem.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.__base__ is not Problem or kind is InternalError:
            found[kind.slug] = kind
    return dict(sorted(found.items()))


def described(kind: type[Problem], public_url: str) -> dict[str, object]:
    """What `/problems/<slug>` serves."""
    own = kind.__dict__.get("__doc__")
    return {
        "type": address(kind, public_url),
        "code": kind.slug,
        "title": kind.title,
        "status": status_of(kind),
        "description": inspect.cleandoc(own or kind.__mro__[1].__doc__ or kind.title),
    }


def address(kind: type[Problem], public_url: str) -> str:
    """The `type` of a kind of problem."""
    return f"{public_url.rstrip('/')}/problems/{kind.slug}"


def refusal(fault: Problem | FaultyFields, *, method: str, public_url: str, request_id: str) -> Response:
    """The problem details of a refusal. `method` tells whether a field is one of the body or of the query."""
    if isinstance(fault, Problem):
        fault = FaultyFields([fault], place="pointer" if method in ("POST", "PUT", "PATCH") else "parameter")
    faults = fault.faults
    problem = faults[0]
    body: dict[str, Any] = {
        "type": address(type(problem), public_url),
        "title": problem.title,
        "status": status_of(type(problem)),
        "detail": _told(problem, request_id),
        "code": problem.slug,
        "errors": list(_errors(faults, fault.place)),
        "request_id": request_id,
        "facts": problem.facts,
    }
    response = Response(msgspec.json.encode(body), body["status"], content_type=PROBLEM_JSON)
    if isinstance(problem, Unauthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="socai"'
    if isinstance(problem, Unavailable):
        response.headers["Retry-After"] = str(problem.retry_after_s)
    if isinstance(problem, LostRace | TooMany):
        response.headers["Retry-After"] = "1"
    return response


def _told(problem: Problem, request_id: str) -> str:
    """What a caller reads. What is wrong with the event store, and the cure, is for operators: it goes to the log."""
    if not isinstance(problem, EventStoreUnavailable):
        return problem.detail
    log.warning("request %s: %s: %s", request_id, problem.slug, problem.detail)
    return "The event store did not answer; nothing accepted is lost. Try again."


def of_http(error: HTTPException) -> Problem:
    """What the web framework refuses (no such path, wrong method, body too large ...), in our words."""
    status = error.code or 500
    kind = _HTTP.get(status, UnreadableBody if 400 <= status < 500 else InternalError)
    return kind(_WAYS_OUT.get(status, "Send it again, whole and as /openapi.json says."))


def of_bug(error: Exception, request_id: str) -> Problem:
    """A bug: told without detail, and logged under the id of the request; `ledger.json_lines` leaves its words out."""
    log.error("request %s failed", request_id, exc_info=error)
    return InternalError("Nothing can be said about it here; tell us the request_id.")


def _errors(faults: Iterable[Problem], place: str) -> Iterable[dict[str, str]]:
    for fault in faults:
        if fault.field is None:
            continue
        if fault.field in _HEADERS:
            where = {"header": fault.field}
        elif place == "parameter":
            where = {"parameter": fault.field}
        else:
            where = {"pointer": "".join(f"/{part}" for part in fault.field.split(".") if part)}
        yield {**where, "detail": fault.detail, "code": fault.slug}
