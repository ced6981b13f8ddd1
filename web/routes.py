"""Every route in one declaration: who may, what it takes, what it gives, how it refuses.

The declaration is the only place where these things are said: the request is checked by it (`web/app.py`),
`/openapi.json` is made from it, and the test of who may do what runs over it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from flask import Response
from marshmallow import Schema

from commands import Command, IdempotencyKey, Receipt, dispatch
from ledger.aggregate import Aggregate
from ledger.context import Context
from ledger.errors import InvalidField, MerchantNotFound, Problem
from ledger.merchants import Merchant
from projections.as_of import AsOf
from web.auth import Caller
from web.context import context
from web.fields import Nothing
from web.wiring import Services

A = TypeVar("A", bound=Aggregate)

JSON = "application/json"


class Answer(msgspec.Struct, kw_only=True):
    """What a route answers. `body`: what becomes JSON, or bytes of another `media` type.

    `position`: the log position that shows what was done. `replayed`: answered before, nothing was done now.
    `retry_after_s`: when to ask again.
    """

    body: object
    status: int | None = None
    media: str = JSON
    position: int | None = None
    replayed: bool = False
    retry_after_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, checked: who asks (None on open routes), for what, and as of when (None: now)."""

    services: Services
    route: Route
    request_id: str
    path: Mapping[str, str]
    caller: Caller | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    key: IdempotencyKey | None = None
    as_of: AsOf | None = None

    @property
    def who(self) -> Caller:
        """The caller of a route that is not open."""
        if self.caller is None:
            raise LookupError(f"{self.route.path} is open: nobody is known")
        return self.caller

    @property
    def natural_key(self) -> tuple[str, ...]:
        """What names this request for ever: its idempotency key, or its method and path."""
        if self.key is not None:
            return (self.key.scope, self.key.key)
        return (self.who.scope, self.route.method, self.route.path, *self.path.values())

    def context(self) -> Context:
        """The circumstances of the command this request asks for."""
        return context(self.services, actor=self.who.actor, request_id=self.request_id, natural_key=self.natural_key)

    def dispatch(self, command: Command) -> Receipt:
        """Decide and keep, under this request's idempotency key."""
        return dispatch(self.services.ledger, command, self.context(), self.key)

    def then(self, kind: type[A], receipt: Receipt) -> A:
        """The subject of a receipt as it was right after the command: a replayed request sees it so for ever."""
        found = self.services.ledger.find(kind, receipt.subject, receipt.version)
        if found is None:
            raise LookupError(f"{receipt.subject} has no version {receipt.version}")
        return found

    def answer(self, receipt: Receipt, body: object) -> Answer:
        """What a command route answers."""
        return Answer(body=body, position=receipt.position, replayed=receipt.replayed)

    def may_see(self, merchant_id: str | None) -> bool:
        """Whether a thing of this merchant may be shown: to the merchant itself, and to operators."""
        return self.who.merchant is None or self.who.merchant.id == merchant_id

    def merchant_id(self) -> str:
        """Whose things this is about: a merchant's own, or those of the merchant an operator names in `merchant_id`.

        Raises MerchantNotFound for another merchant's and for none's alike, InvalidField when an operator names nobody.
        """
        merchant_id = self.merchant_id_or_all()
        if merchant_id is None:
            raise InvalidField("Say which merchant: merchant_id=mer_…", field="merchant_id")
        return merchant_id

    def merchant_id_or_all(self) -> str | None:
        """The same, and None when an operator means everybody."""
        named: str | None = self.query.get("merchant_id")
        own = self.who.merchant.id if self.who.merchant else None
        if own is not None and named in (None, own):
            return own
        if named is not None and (own is not None or self.services.ledger.find(Merchant, named) is None):
            raise MerchantNotFound(f"There is no merchant {named!r}.", field="merchant_id")
        return named


View = Callable[[Call], Answer | Response]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method of one path. `roles`: who may; empty for everybody. `answer`: schema of what is given.

    `listed`: a page of those. `reads`: the projections the answer stands in; `recalls`: those an answer about the past
    stands in. `refuses`: problems of its own.
    """

    method: str
    path: str
    view: View
    roles: frozenset[str]
    body: type[Schema]
    query: type[Schema]
    answer: type[Schema] | None
    status: int
    listed: bool
    media: str
    reads: tuple[str, ...]
    recalls: tuple[str, ...]
    refuses: tuple[type[Problem], ...]

    @property
    def name(self) -> str:
        """Unique, and stable: the operation id."""
        return self.view.__name__

    @property
    def keyed(self) -> bool:
        """Whether an Idempotency-Key is needed: every command of a caller we know."""
        return self.method == "POST" and bool(self.roles)


ROUTES: list[Route] = []


def route(
    method: str,
    path: str,
    *,
    roles: frozenset[str] = frozenset(),
    body: type[Schema] = Nothing,
    query: type[Schema] = Nothing,
    answer: type[Schema] | None = None,
    status: int = 200,
    listed: bool = False,
    media: str = JSON,
    reads: tuple[str, ...] = (),
    recalls: tuple[str, ...] = (),
    refuses: tuple[type[Problem], ...] = (),
) -> Callable[[View], View]:
    """Marks the function that answers this method of this path."""

    def register(view: View) -> View:
        ROUTES.append(
            Route(
                method=method,
                path=path,
                view=view,
                roles=roles,
                body=body,
                query=query,
                answer=answer,
                status=status,
                listed=listed,
                media=media,
                reads=reads,
                recalls=recalls,
                refuses=refuses,
            )
        )
        return view

    return register
