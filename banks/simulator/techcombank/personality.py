"""Techcombank among the simulated banks."""

from __future__ import annotations

import itertools
import ssl
from datetime import date, datetime
from typing import Final, cast

from flask import Flask

from banks.simulator import keys, tls
from banks.simulator.enrolment import BankSide, Enrolment
from banks.simulator.orders import OrderDesk
from banks.simulator.personality import Letter, Personality, Reply
from banks.simulator.profile import Profile
from banks.simulator.records import Movement, Notice, NoticeKind
from banks.simulator.state import State
from banks.simulator.techcombank import answers, callbacks, enrolment, movements, soap
from banks.simulator.techcombank.codes import BIN, INSUFFICIENT_FUNDS, TEXTS
from banks.simulator.techcombank.enrolment import TechcombankSide
from banks.simulator.techcombank.gateway import FAULT_TARGETS, Gateway
from banks.simulator.techcombank.settings import TechcombankSettings

CALLBACK_LADDER_S: Final = (300, 300, 300)
"""[assumed] in 5.1.6: three repeats, five minutes apart."""


def reference(day: date, number: int) -> str:
    """Techcombank's reference of a movement: FT and 14 digits (5.2)."""
    return f"FT{day:%y%j}{number:09d}"


PROFILE: Final = Profile(
    code="techcombank",
    name="Techcombank",
    bin=BIN,
    reference=reference,
    answers=frozenset(FAULT_TARGETS.values()),
    decline=(INSUFFICIENT_FUNDS, TEXTS[INSUFFICIENT_FUNDS]),
    account="19012345678901",
    tells_of_orders=True,
    order_ladder_s=CALLBACK_LADDER_S,
    sends_lists=False,
    aggregated=True,
    settings=TechcombankSettings,
)


class Techcombank(Personality):
    """Host to host, "Partner2TCB"."""

    profile = PROFILE
    bank_side = TechcombankSide

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._turns = itertools.count()

    @classmethod
    def enrol(cls, enrolment_: Enrolment) -> tuple[BankSide, list[dict[str, object]]]:
        return enrolment.enrol(enrolment_)

    def app(self, desk: OrderDesk) -> Flask:
        return Gateway(self.state, desk).app()

    def expire_tokens(self) -> int:
        return 0

    def tls(self) -> ssl.SSLContext | None:
        side = self._side()
        if not side.over_tls:
            return None
        return tls.context(side.server_key_pem, side.server_certificate_pem, side.client_certificate_pem)

    def notices_of(self, movement: Movement) -> tuple[NoticeKind, ...]:
        return super().notices_of(movement) if self._settings().pushes else ()

    def letter(self, notice: Notice, at: datetime) -> Letter:
        key = self._side().signing_key_pem if notice.key == "right" else keys.stranger_pem()
        if notice.order is not None:
            return Letter(callbacks.HEADERS, self._callback(notice, at, key))
        rows = [row for row in map(self.state.books.movement, notice.references) if row is not None]
        body = movements.pushed(notice.request_trace, rows)
        headers = {"Content-Type": "application/json"}
        if notice.key != "missing":
            headers[movements.SIGNATURE_HEADER] = movements.signature(body, key)
        return Letter(headers, body.replace("VND", "USD") if notice.body == "tampered" else body)

    def _callback(self, notice: Notice, at: datetime, key: str) -> str:
        side, settings = self._side(), self._settings()
        order = self.state.orders[notice.order or ""]
        told = answers.standing(self.state, order, side.partner, side.channel, settings.status_words)
        look = callbacks.Look(
            prefixes=soap.style(settings.prefixes, next(self._turns)),
            sealed=settings.envelope if settings.sealed_callbacks else None,
        )
        return callbacks.compose(notice, order, told, side, at, look, key)

    def reply_fault(self, notice: Notice, letter: Letter, reply: Reply) -> str | None:
        if notice.order is not None:
            return callbacks.answer_fault(reply.http, reply.body, callbacks.number(notice))
        return movements.acknowledgement_fault(reply.http, reply.body)

    def _settings(self) -> TechcombankSettings:
        return cast("TechcombankSettings", self.state.settings)

    def _side(self) -> TechcombankSide:
        return cast("TechcombankSide", self.state.bank_side)
