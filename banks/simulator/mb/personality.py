"""MB among the simulated banks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, cast

import httpx
from flask import Flask

from banks.simulator.enrolment import BankSide, Enrolment
from banks.simulator.mb import enrolment, notices
from banks.simulator.mb.codes import BIN, INSUFFICIENT_FUNDS
from banks.simulator.mb.enrolment import MbSide
from banks.simulator.mb.openapi import FAULT_TARGETS, OpenApi
from banks.simulator.mb.settings import MbSettings
from banks.simulator.orders import OrderDesk
from banks.simulator.personality import ANSWER_MAX, Letter, Personality, Reply
from banks.simulator.profile import Profile
from banks.simulator.records import Movement, Notice, NoticeKind, Order
from banks.simulator.state import State
from banks.simulator.tokens import TokenOffice

RESENT_S: Final = (60, 300, 1800)
"""A push goes out again after 1, 5 and 30 minutes ([assumed], 3.1.6)."""


def reference(day: date, number: int) -> str:
    """MB's FT number of a movement: two digits of the year, day of the year, nine digits that never come again."""
    return f"FT{day:%y%j}{number:09d}"


def interest_reference(account: str, day: date) -> str:
    """MB's reference of interest, which is no FT number: `<account>-<yyyymmdd>` (1.4)."""
    return f"{account}-{day:%Y%m%d}"


PROFILE: Final = Profile(
    code="mb",
    name="MB",
    bin=BIN,
    reference=reference,
    answers=frozenset(FAULT_TARGETS.values()),
    decline=(INSUFFICIENT_FUNDS, "Insufficient funds"),
    account="0009990001234",
    memo_style="mb",
    tells_of_orders=True,
    ladder_s=RESENT_S,
    order_ladder_s=RESENT_S,
    sends_lists=False,
    interest_reference=interest_reference,
    settings=MbSettings,
)


class Mb(Personality):
    """MB Open API."""

    profile = PROFILE
    bank_side = MbSide

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
        return enrolment.with_password(cast("MbSide", known), rows, key)

    def app(self, desk: OrderDesk) -> Flask:
        return OpenApi(self.state, self._tokens, desk).app()

    def expire_tokens(self) -> int:
        return self._tokens.expire()

    def letter(self, notice: Notice, at: datetime) -> Letter:
        side, settings = cast("MbSide", self.state.bank_side), self._settings()
        return Letter(notices.headers(notice, side, settings), notices.compose(self.state, notice))

    def deliver(self, http: httpx.Client, url: str, letter: Letter, timeout_s: float) -> Reply:
        """First the customer's token, by what the letter has for it; without one, his refusal is the reply."""
        given = letter.headers.get("Authorization", "")
        if given.startswith("Basic "):
            answer = http.post(f"{url.rstrip('/')}/token", headers={"Authorization": given}, timeout=timeout_s)
            text = answer.content[:ANSWER_MAX].decode("utf-8", "replace")
            if (token := notices.token(answer.status_code, text)) is None:
                return Reply(answer.status_code, text)
            letter = letter._replace(headers=dict(letter.headers) | {"Authorization": f"Bearer {token}"})
        return super().deliver(http, url, letter, timeout_s)

    def reply_fault(self, notice: Notice, letter: Letter, reply: Reply) -> str | None:
        return notices.acknowledgement_fault(notice.kind, reply.http, reply.body)

    def notices_of(self, movement: Movement) -> tuple[NoticeKind, ...]:
        """A push if it is subscribed to; what was paid by a merchant's code is told of a second time."""
        side = "C" if movement.direction == "credit" else "D"
        pushed: tuple[NoticeKind, ...] = ("movement",) if side in self._settings().pushes else ()
        return (*pushed, "merchant") if movement.via is not None else pushed

    def tells_of(self, order: Order) -> bool:
        """Results are told of transfers that were asked for asynchronously."""
        return order.document["way"] == "async"

    def _settings(self) -> MbSettings:
        return cast("MbSettings", self.state.settings)
