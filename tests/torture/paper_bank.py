"""A bank on paper: an account whose movements are planned in advance, behind the interface that every bank has.

It has a history and a balance, both as of the moment on its clock, and takes no orders. The simulated banks would do
the same over HTTP, but show at most a few hundred movements a day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace as replace_account
from datetime import date, datetime, timedelta
from operator import attrgetter
from time import monotonic
from typing import ClassVar

from msgspec.structs import replace

from banks.acb_credentials import AcbCredentials
from banks.accounts import Credentials
from banks.bank import (
    Acknowledgement,
    Balance,
    Bank,
    BankNotice,
    Capability,
    HistoryPage,
    StatementRow,
    TransferLimits,
    TransferOrder,
)
from banks.outcomes import Outcome
from banks.transport import Transport
from ledger.calendar import bank_day
from ledger.errors import Problem
from ledger.money import Money
from tests.banks.acb.rig import account

PAGE = 100


class PaperBank(Bank):
    """One account. `rows`: everything that is ever booked, in the order of the books, each with its balance."""

    code: ClassVar[str] = "paper"
    name: ClassVar[str] = "Paper"
    bin: ClassVar[str] = "970400"
    credentials: ClassVar[type[Credentials]] = AcbCredentials
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.BALANCE, Capability.HISTORY})
    limits: ClassVar[TransferLimits] = TransferLimits(
        amount_max={}, amount_min=Money(1), end_to_end_id_max=15, name_max={}
    )

    def __init__(
        self, bank_account_id: str, rows: Sequence[StatementRow], opening: Money, clock: Callable[[], datetime]
    ) -> None:
        ours = replace_account(account("https://paper.invalid"), id=bank_account_id, bank=self.code)
        super().__init__(ours, Transport(monotonic), clock, lambda: "trace")
        self._rows = rows
        self._opening = opening
        self.asked = 0
        """How often a page of its history was asked for."""

    def balance(self) -> Balance:
        """What the last movement left."""
        now = self._clock()
        booked = bisect_right(self._rows, now, key=attrgetter("booked_at"))
        held = self._rows[booked - 1].balance_after if booked else self._opening
        current = held if held is not None else self._opening
        return Balance(current=current, available=current, as_of=now)

    def history(self, day_from: date, day_to: date, cursor: str | None = None) -> HistoryPage:
        """A page of what was booked on these days until now, oldest first, without balances."""
        self.asked += 1
        now, after = self._clock(), int(cursor or 0)
        first = bisect_right(self._rows, day_from - timedelta(days=1), key=_day)
        booked = bisect_right(self._rows, now, key=attrgetter("booked_at"))
        last = min(bisect_right(self._rows, day_to, key=_day), booked)
        shown = self._rows[first:last][after : after + PAGE]
        more = first + after + PAGE < last
        lines = tuple(replace(row, source="history", balance_after=None) for row in shown)
        return HistoryPage(lines=lines, next_cursor=str(after + PAGE) if more else None)

    def transfer(self, order: TransferOrder) -> Outcome:
        """It takes no orders."""
        raise self.lacking(Capability.TRANSFER_INTERNAL)

    def transfer_status(self, end_to_end_id: str, sent_on: date) -> Outcome:
        """It takes no orders."""
        raise self.lacking(Capability.TRANSFER_STATUS)

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        """It pushes nothing over HTTP."""
        raise self.lacking(Capability.WEBHOOK)

    def parse_webhook(self, raw_body: bytes) -> BankNotice:
        """It pushes nothing over HTTP."""
        raise self.lacking(Capability.WEBHOOK)

    def acknowledge(
        self, notice: BankNotice | None, problem: Problem | None, at: datetime, reference: str = ""
    ) -> Acknowledgement:
        """It pushes nothing over HTTP."""
        raise self.lacking(Capability.WEBHOOK)


def _day(row: StatementRow) -> date:
    return bank_day(row.booked_at)
