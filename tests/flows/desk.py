"""Our adapter and the simulated bank it speaks to over HTTP, the bank's control port, and a door for its notices."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from banks.bank import Bank, Beneficiary, Rail, StatementRow, TransferOrder
from banks.outcomes import Accepted, Executed, Outcome
from banks.simulator.simulator import Simulator
from ledger.calendar import bank_day
from ledger.money import Money
from local.conformance import Door

QUICK = {"answer_s": 0, "validate_s": 0.05, "transfer_s": 0.05, "webhook_s": 0.01}
WITHIN_S = 10.0

OPENING = 10_000_000
"""Dong that stand on our account in the beginning."""

PAYEE, PAYEE_NAME, ELSEWHERE = "0001234567890", "Trần Thị Bình", "970436"
"""An account that every bank has, and that stands at another bank as well."""


def eventually(holds: Callable[[], bool]) -> None:
    """Asks until it is so; fails after ten seconds."""
    deadline = time.monotonic() + WITHIN_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline
        pause.wait(0.02)


class Desk:
    """A bank, its control port, our adapter for it, and our line of the file of accounts."""

    def __init__(self, bank: Bank, simulator: Simulator, row: dict[str, Any]) -> None:
        self.bank, self.row, self.url = bank, row, simulator.url
        self.ours = bank.account.account_number
        self.control = httpx.Client(base_url=simulator.control_url, trust_env=False)

    def close(self) -> None:
        self.control.close()

    def do(self, path: str, **body: object) -> Any:
        answer = self.control.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def see(self, path: str) -> Any:
        return self.control.get(path).raise_for_status().json()

    def order(
        self,
        trace: str,
        amount: int = 200_000,
        rail: Rail = "napas",
        payee: str = PAYEE,
        memo: str = "Lương tháng 11 - đợt 2",
    ) -> TransferOrder:
        bin_ = self.bank.bin if rail == "internal" else ELSEWHERE
        beneficiary = Beneficiary(bin_, payee, PAYEE_NAME)
        return TransferOrder(end_to_end_id=trace, rail=rail, beneficiary=beneficiary, amount=Money(amount), memo=memo)

    def send(self, trace: str) -> Outcome:
        """What becomes of a good order."""
        return self.bank.transfer(self.order(trace))

    def status(self, trace: str) -> Outcome:
        """What the enquiry says."""
        return self.bank.transfer_status(trace, bank_day(datetime.now(UTC)))

    def ended(self, trace: str) -> Outcome:
        """What the enquiries say once the bank is through with an order, which a checker approves where one must."""
        order = self.see(f"/orders/{trace}")
        if order["unapproved"]:
            self.do(f"/bulks/{order['bulk']}", decision="approve")
        eventually(lambda: not isinstance(self.status(trace), Accepted))
        return self.status(trace)

    def received(self) -> list[str]:
        """Our ids of the orders the bank has."""
        return [order["trace"] for order in self.see("/orders")]

    def booked(self) -> list[dict[str, Any]]:
        """The movements on our account in the bank's own books."""
        rows: list[dict[str, Any]] = self.see(f"/movements?account={self.ours}")
        return rows

    def credited(self, amount: int = 150_000, memo: str = "SOCAI7K3M9Q2X") -> str:
        """Somebody pays us; the bank's reference of it."""
        reference: str = self.do("/pay", account=self.ours, amount=amount, memo=memo)["reference"]
        return reference

    def statement(self) -> list[StatementRow]:
        """Today's rows over all pages, none of them doubtful."""
        today, cursor = bank_day(datetime.now(UTC)), None
        rows: list[StatementRow] = []
        while True:
            page = self.bank.history(today, today, cursor)
            assert page.doubtful == ()
            rows += page.lines
            cursor = page.next_cursor
            if cursor is None:
                return rows

    def acknowledged(self, how_many: int) -> bool:
        """Whether the bank has this many notices for us and every one was taken as it wishes."""
        return [notice["status"] for notice in self.see("/notices")] == ["acknowledged"] * how_many


def known(outcome: Outcome) -> bool:
    """Whether an enquiry found an order that goes well."""
    return isinstance(outcome, Accepted | Executed)


class Gateway(Door):
    """A door that keeps how each notice was answered."""

    def __init__(self, bank: Bank) -> None:
        self.statuses: list[int] = []
        super().__init__(bank)

    def answer(self, bank: Bank, path: str, headers: Mapping[str, str], raw: bytes) -> Any:
        said = super().answer(bank, path, headers, raw)
        if not path.endswith("/token"):
            self.statuses.append(said.status)
        return said
