"""VietinBank among the simulated banks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, cast

from flask import Flask

from banks.simulator.enrolment import BankSide, Enrolment
from banks.simulator.orders import OrderDesk
from banks.simulator.personality import Letter, Personality, Reply
from banks.simulator.profile import Profile
from banks.simulator.records import Notice
from banks.simulator.vietinbank import enrolment, notices, rows
from banks.simulator.vietinbank.codes import BIN, INSUFFICIENT_FUNDS
from banks.simulator.vietinbank.enrolment import VietinSide
from banks.simulator.vietinbank.gateway import FAULT_TARGETS, Gateway
from banks.simulator.vietinbank.settings import VietinSettings


def reference(day: date, number: int) -> str:
    """VietinBank's bankTransId of a movement ([assumed]: digits only, never the same again)."""
    return f"{day:%y%j}{number:09d}"


PROFILE: Final = Profile(
    code="vietinbank",
    name="VietinBank",
    bin=BIN,
    reference=reference,
    answers=frozenset(FAULT_TARGETS.values()),
    decline=(INSUFFICIENT_FUNDS, "Insufficient funds"),
    account="110000000001",
    memo_style="vietinbank",
    settings=VietinSettings,
)


class Vietinbank(Personality):
    """VietinBank Open API, ERP family."""

    profile = PROFILE
    bank_side = VietinSide

    @classmethod
    def enrol(cls, enrolment_: Enrolment) -> tuple[BankSide, list[dict[str, object]]]:
        return enrolment.enrol(enrolment_)

    def app(self, desk: OrderDesk) -> Flask:
        return Gateway(self.state, desk).app()

    def expire_tokens(self) -> int:
        return 0

    def letter(self, notice: Notice, at: datetime) -> Letter:
        body = notices.compose(notice, self._records(notice), self._side(), at)
        return Letter({"Content-Type": "application/json; charset=utf-8"}, body)

    def reply_fault(self, notice: Notice, letter: Letter, reply: Reply) -> str | None:
        msg_id = notice.request_trace.replace("-", "")
        return notices.answer_fault(reply.http, reply.body, msg_id, self._records(notice), self._side())

    def _records(self, notice: Notice) -> list[rows.Row]:
        found = [row for row in map(self.state.books.movement, notice.references) if row is not None]
        return [rows.record(self.state, row, place) for place, row in enumerate(found, start=1)]

    def _side(self) -> VietinSide:
        return cast("VietinSide", self.state.bank_side)
