"""MBDN among the simulated banks: MB with a corporate customer, a maker and a checker."""

from __future__ import annotations

from typing import Final

from flask import Flask
from msgspec.structs import replace

from banks.simulator.enrolment import BankSide, Enrolment
from banks.simulator.mb import personality as mb
from banks.simulator.mbdn.codes import INSUFFICIENT_FUNDS
from banks.simulator.mbdn.corporate import FAULT_TARGETS, Corporate
from banks.simulator.mbdn.settings import MbdnSettings
from banks.simulator.orders import OrderDesk
from banks.simulator.records import Order

PROFILE: Final = replace(
    mb.PROFILE,
    code="mbdn",
    name="MBDN",
    answers=frozenset(FAULT_TARGETS.values()),
    decline=(INSUFFICIENT_FUNDS, "Insufficient funds"),
    account="0009990005678",
    tells_of_orders=False,
    settings=MbdnSettings,
)


class Mbdn(mb.Mb):
    """BIZ MBBank over MB's transport."""

    profile = PROFILE

    @classmethod
    def enrol(cls, enrolment_: Enrolment) -> tuple[BankSide, list[dict[str, object]]]:
        side, rows = super().enrol(enrolment_)
        return side, [row | {"bank": cls.profile.code} for row in rows]

    def app(self, desk: OrderDesk) -> Flask:
        return Corporate(self.state, self._tokens, desk).app()

    def tells_of(self, order: Order) -> bool:
        """Nobody is called about a file: its maker asks."""
        del order
        return False
