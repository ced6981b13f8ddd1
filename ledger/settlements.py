"""Settlement: a merchant's open payments closed into fixed figures, then released to available funds.

    closed -> released

What arrives after the closing belongs to the next settlement: nothing is slipped in.
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.context import Context
from ledger.errors import SettlementEmpty, SettlementStateConflict
from ledger.money import Money

CLOSED: Final = "closed"
RELEASED: Final = "released"
PAYMENTS_MAX: Final = 500
"""Payments in one settlement: all of them are kept in one insertion with it."""


class SettlementLine(msgspec.Struct, frozen=True, gc=False):
    """What one payment brings into a settlement."""

    payment_intent_id: str
    gross: Money
    fee: Money


class Settlement(Aggregate):
    """One closing of a merchant's open payments."""

    merchant_id: str
    gross: Money
    fees: Money
    net: Money
    status: str
    lines: tuple[SettlementLine, ...]

    class Closed(Event):
        """The figures are fixed: gross, fees and net, and the payments they come from."""

        public: ClassVar[bool] = True
        merchant_id: str
        gross: Money
        fees: Money
        net: Money
        lines: tuple[SettlementLine, ...]

    class Released(Event):
        """The net is available to the merchant."""

        public: ClassVar[bool] = True
        entry_id: str

    @classmethod
    def close(
        cls, context: Context, *, settlement_id: str, merchant_id: str, lines: list[SettlementLine]
    ) -> Settlement:
        """A new settlement of these payments. Raises SettlementEmpty when they bring nothing."""
        if not lines:
            raise SettlementEmpty("No payment of this merchant is waiting to be settled.", merchant_id=merchant_id)
        zero = Money(0, lines[0].gross.currency)
        gross = sum((line.gross for line in lines), zero)
        fees = sum((line.fee for line in lines), zero)
        settlement = cls(settlement_id)
        event = cls.Closed(merchant_id=merchant_id, gross=gross, fees=fees, net=gross - fees, lines=tuple(lines))
        settlement.trigger_event(event, context)
        return settlement

    def release(self, context: Context, *, entry_id: str) -> None:
        """Let the net go to available. Raises SettlementStateConflict when that was done before."""
        if self.status != CLOSED:
            raise SettlementStateConflict(f"The settlement is {self.status}.", status=self.status)
        self.trigger_event(self.Released(entry_id=entry_id), context)

    @follows(Closed)
    def _closed(self, event: Closed, envelope: Envelope) -> None:
        self.merchant_id = event.merchant_id
        self.gross = event.gross
        self.fees = event.fees
        self.net = event.net
        self.lines = event.lines
        self.status = CLOSED

    @follows(Released)
    def _released(self, event: Released, envelope: Envelope) -> None:
        self.status = RELEASED
