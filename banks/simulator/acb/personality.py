"""ACB among the simulated banks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, cast

from flask import Flask

from banks.simulator.acb import enrolment, notices
from banks.simulator.acb.codes import BIN, INSUFFICIENT_FUNDS
from banks.simulator.acb.enrolment import AcbSide
from banks.simulator.acb.openapi import FAULT_TARGETS, OpenApi
from banks.simulator.acb.settings import AcbSettings
from banks.simulator.enrolment import BankSide, Enrolment
from banks.simulator.orders import OrderDesk
from banks.simulator.personality import Letter, Personality, Reply
from banks.simulator.profile import Profile
from banks.simulator.records import Notice
from banks.simulator.state import State
from banks.simulator.tokens import TokenOffice


def reference(day: date, number: int) -> str:
    """ACB's reference of a movement ([assumed]: day of the year and a number that never comes again)."""
    return f"ACB{day:%y%j}{number:08d}"


PROFILE: Final = Profile(
    code="acb",
    name="ACB",
    bin=BIN,
    reference=reference,
    answers=frozenset(FAULT_TARGETS.values()),
    decline=(INSUFFICIENT_FUNDS, f"Insufficient funds ({INSUFFICIENT_FUNDS})"),
    memo_style="acb",
    settings=AcbSettings,
)


class Acb(Personality):
    """ACB ONE CONNECT, version 2025 of the specification."""

    profile = PROFILE
    bank_side = AcbSide

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._tokens = TokenOffice(state.clock)

    @classmethod
    def enrol(cls, enrolment_: Enrolment) -> tuple[BankSide, list[dict[str, object]]]:
        return enrolment.enrol(enrolment_)

    @classmethod
    def with_webhook_key(
        cls, known: BankSide, rows: list[dict[str, object]], key: str
    ) -> tuple[BankSide, list[dict[str, object]]]:
        return enrolment.with_webhook_key(cast("AcbSide", known), rows, key)

    def app(self, desk: OrderDesk) -> Flask:
        return OpenApi(self.state, self._tokens, desk).app()

    def expire_tokens(self) -> int:
        return self._tokens.expire()

    def letter(self, notice: Notice, at: datetime) -> Letter:
        settings, side = self._settings(), self._side()
        movements = [row for row in map(self.state.books.movement, notice.references) if row is not None]
        body = notices.compose(notice, movements, side.client_id, at, settings.webhook_shape)
        return Letter(notices.headers(notice, side.webhook_key, settings.webhook_header), body)

    def reply_fault(self, notice: Notice, letter: Letter, reply: Reply) -> str | None:
        echo = notice.request_trace if self._settings().webhook_shape == "current" else None
        return notices.acknowledgement_fault(reply.http, reply.body, echo)

    def _settings(self) -> AcbSettings:
        return cast("AcbSettings", self.state.settings)

    def _side(self) -> AcbSide:
        return cast("AcbSide", self.state.bank_side)
