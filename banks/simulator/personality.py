"""What a simulated bank must be able to do in its own words; everything else is the same for all of them.

A bank is one sub-package of this one with a subclass of Personality; `personalities()` finds it.
"""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import ClassVar, Final, NamedTuple

import httpx
from flask import Flask

import banks.simulator
from banks.simulator import sepay
from banks.simulator.enrolment import BankSide, Enrolment
from banks.simulator.orders import OrderDesk
from banks.simulator.profile import Profile
from banks.simulator.records import Movement, Notice, NoticeKind, Order
from banks.simulator.refusals import Unusable
from banks.simulator.state import State

ANSWER_MAX: Final = 100_000


class Letter(NamedTuple):
    """One webhook as it goes out: headers and body."""

    headers: Mapping[str, str]
    body: str


class Reply(NamedTuple):
    """What the customer answered to a letter."""

    http: int
    body: str


class Personality(ABC):
    """One bank's side of the wire, over the books and orders of `state`."""

    profile: ClassVar[Profile]
    bank_side: ClassVar[type[BankSide]]

    def __init__(self, state: State) -> None:
        self.state = state

    @classmethod
    @abstractmethod
    def enrol(cls, enrolment: Enrolment) -> tuple[BankSide, list[dict[str, object]]]:
        """Take a customer on: what the bank keeps, and a row of the customer's account file for every account."""

    @classmethod
    def with_webhook_key(
        cls, known: BankSide, rows: list[dict[str, object]], key: str
    ) -> tuple[BankSide, list[dict[str, object]]]:
        """An enrolment with another key for webhooks. Raises Unusable where the bank proves its webhooks otherwise."""
        raise Unusable(f"{cls.profile.name} sends no key with its webhooks")

    @abstractmethod
    def app(self, desk: OrderDesk) -> Flask:
        """The bank's HTTP interface."""

    @abstractmethod
    def expire_tokens(self) -> int:
        """Let every access token expire now; how many there were, 0 at a bank that gives none."""

    @abstractmethod
    def letter(self, notice: Notice, at: datetime) -> Letter:
        """The webhook for `notice`, sent at `at`; a wrong or missing key or signature where the notice says so."""

    @abstractmethod
    def reply_fault(self, notice: Notice, letter: Letter, reply: Reply) -> str | None:
        """What is wrong with the customer's answer; None when it acknowledges the notice."""

    def tells_of(self, order: Order) -> bool:
        """Whether the customer gets a webhook about this order, which has ended just now."""
        del order
        return self.profile.tells_of_orders

    def notices_of(self, movement: Movement) -> tuple[NoticeKind, ...]:
        """The webhooks about this movement on an enrolled account, in the order they are sent."""
        del movement
        return ("movement",)

    def deliver(self, http: httpx.Client, url: str, letter: Letter, timeout_s: float) -> Reply:
        """Post `letter` to `url`. Raises httpx.HTTPError or httpx.InvalidURL."""
        answer = http.post(url, content=letter.body.encode(), headers=dict(letter.headers), timeout=timeout_s)
        return Reply(answer.status_code, answer.content[:ANSWER_MAX].decode("utf-8", "replace"))

    def written(self, notice: Notice, at: datetime) -> Letter:
        """The letter for `notice`: the bank's own, or the aggregator's."""
        if notice.kind != "feed":
            return self.letter(notice, at)
        (movement,) = (row for row in map(self.state.books.movement, notice.references) if row is not None)
        body = sepay.compose(movement, self.profile.name)
        return Letter(sepay.headers(notice, body, self.state.bank_side.feed_key or "", at), body)

    def sent(self, notice: Notice, http: httpx.Client, url: str, letter: Letter, timeout_s: float) -> Reply:
        """Deliver it, the bank's way or the aggregator's. Raises as `deliver`."""
        if notice.kind == "feed":
            return Personality.deliver(self, http, url, letter, timeout_s)
        return self.deliver(http, url, letter, timeout_s)

    def answered(self, notice: Notice, letter: Letter, reply: Reply) -> str | None:
        """What is wrong with the customer's answer, by the bank's rules or the aggregator's."""
        if notice.kind == "feed":
            return sepay.reply_fault(reply.http, reply.body)
        return self.reply_fault(notice, letter, reply)

    def tls(self) -> ssl.SSLContext | None:
        """How the bank's interface is served: None for plain HTTP."""
        return None


@cache
def personalities() -> dict[str, type[Personality]]:
    """Every simulated bank by its code."""
    found: dict[str, type[Personality]] = {}
    for module in iter_modules(banks.simulator.__path__):
        if module.ispkg:
            import_module(f"banks.simulator.{module.name}.personality")
    waiting = list(Personality.__subclasses__())
    while waiting:
        kind = waiting.pop()
        found[kind.profile.code] = kind
        waiting += kind.__subclasses__()
    return dict(sorted(found.items()))


def personality(code: str) -> type[Personality]:
    """The bank with this code. Raises Unusable."""
    if code not in personalities():
        raise Unusable(f"no bank {code!r} is simulated; there are {', '.join(personalities())}")
    return personalities()[code]
