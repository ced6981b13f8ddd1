"""The pages around the interface: what is where, and what each kind of problem means."""

from __future__ import annotations

from functools import cache

from marshmallow import Schema, fields

from web import problems
from web.openapi import document
from web.problems import NoSuchAddress
from web.routes import ROUTES, Answer, Call, route


class Index(Schema):
    """Where to go from here."""

    name = fields.String(required=True)
    openapi = fields.String(required=True)
    problems = fields.String(required=True)
    ready = fields.String(required=True)


class ProblemKind(Schema):
    """One kind of problem. `type` is what stands in its answers."""

    type = fields.String(required=True)
    code = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    description = fields.String(required=True)


@route("GET", "/", answer=Index)
def index(call: Call) -> Answer:
    """What is where."""
    url = call.services.settings.public_url.rstrip("/")
    return Answer(
        body={
            "name": "Socai",
            "openapi": f"{url}/openapi.json",
            "problems": f"{url}/problems",
            "ready": f"{url}/ready",
        }
    )


@route("GET", "/openapi.json")
def openapi(call: Call) -> Answer:
    """This interface as an OpenAPI 3.1 document."""
    return Answer(body=_document(call.services.settings.public_url))


@route("GET", "/problems", answer=ProblemKind, listed=True)
def list_problem_kinds(call: Call) -> Answer:
    """Every kind of problem there is."""
    url = call.services.settings.public_url
    data = [problems.described(kind, url) for kind in problems.kinds().values()]
    return Answer(body={"object": "list", "data": data, "has_more": False, "next_cursor": None})


@route("GET", "/problems/<slug>", answer=ProblemKind, refuses=(NoSuchAddress,))
def read_problem_kind(call: Call) -> Answer:
    """What one kind of problem means: the address in `type` leads here."""
    kind = problems.kinds().get(call.path["slug"])
    if kind is None:
        raise NoSuchAddress("There is no such kind of problem; /problems lists them.")
    return Answer(body=problems.described(kind, call.services.settings.public_url))


@cache
def _document(public_url: str) -> dict[str, object]:
    return document(ROUTES, public_url)
