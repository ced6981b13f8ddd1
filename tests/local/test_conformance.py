"""The sheet of a bank and our adapter: it passes as both are, and sees what is planted in either."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import httpx
import pytest

from banks.acb import Acb
from banks.bank import Bank, TransferOrder
from banks.outcomes import Accepted, Declined, Executed, NotFound, Outcome, Reason, Unknown
from banks.transport import Limits, Transport
from local.conformance import CHAPTERS, ORDERS, SLOW_S, Examination, Line, agreed, as_json, main, opened, written


class Hopeful(Acb):
    """An adapter that takes what it does not understand for done."""

    def transfer_status(self, end_to_end_id: str, sent_on: date) -> Outcome:
        outcome = super().transfer_status(end_to_end_id, sent_on)
        return Executed(None) if isinstance(outcome, Unknown) else outcome


class Trusting(Acb):
    """An adapter that asks no webhook for its key."""

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        """Whoever calls is the bank."""


class Hasty(Acb):
    """An adapter that takes an answer it does not understand for an order that never was."""

    def transfer(self, order: TransferOrder) -> Outcome:
        outcome = super().transfer(order)
        return NotFound() if isinstance(outcome, Unknown) else outcome


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tuple[Bank, httpx.Client]]:
    with opened("acb", tmp_path) as both:
        yield both


def failed(adapter: type[Bank], lab: tuple[Bank, httpx.Client], called: str) -> list[str]:
    """What fails of the order that is `called` so when `adapter` meets the lab's bank."""
    transport = Transport(time.monotonic, limits=Limits(read_s=SLOW_S))
    bank = adapter(lab[0].account, transport, lambda: datetime.now(UTC), lambda: str(uuid.uuid4()))
    examination = Examination(bank, lab[1])
    if called == "webhook":
        examination.webhooks()
    else:
        examination.order(next(order for order in ORDERS if order.called == called))
    transport.close()
    return [line.called.strip() for line in examination.lines if not line.passed]


@pytest.mark.parametrize("code", sorted(CHAPTERS))
def test_every_line_passes_and_says_what_was_called_and_where_it_is_specified(tmp_path: Path, code: str) -> None:
    with opened(code, tmp_path) as (bank, control):
        lines = Examination(bank, control).run()
    assert [line for line in lines if not line.passed] == []
    assert len(lines) > 40
    assert [line.called for line in lines if not line.chapter] == []
    assert f"0 of {len(lines)} failed" in written(lines)
    assert [one["number"] for one in json.loads(as_json(lines))] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize(
    ("adapter", "called", "fails"),
    [
        (Hopeful, "in a state nobody listed", ["enquiry"]),
        (Trusting, "webhook", ["webhook forged", "webhook without a proof"]),
        (Hasty, "HTTP 500 after it was executed", ["order: HTTP 500 after it was executed"]),
    ],
    ids=["hopeful", "trusting", "hasty"],
)
def test_a_fault_planted_in_the_adapter_is_seen(
    lab: tuple[Bank, httpx.Client], adapter: type[Bank], called: str, fails: list[str]
) -> None:
    assert failed(adapter, lab, called) == fails


def test_a_bank_whose_history_shows_nothing_yet_is_seen(lab: tuple[Bank, httpx.Client]) -> None:
    examination = Examination(*lab)
    lab[1].post("/settings", json={"history_s": 3600}).raise_for_status()
    examination.history()
    assert [line.called for line in examination.lines if not line.passed] == ["history of a day, page by page"]


@pytest.mark.parametrize(
    ("outcome", "debits", "agree"),
    [
        (Executed(None), 1, True),
        (Executed(None), 0, False),
        (Executed(None), 2, False),
        (Declined(Reason.REFUSED, "X"), 1, False),
        (NotFound(), 1, False),
        (Accepted(None), 2, False),
        (Unknown("why"), 1, True),
    ],
    ids=str,
)
def test_books_that_show_something_else_than_was_said_fail_a_line(outcome: Outcome, debits: int, agree: bool) -> None:
    assert agreed(outcome, debits, (type(outcome),)) is agree


def test_a_line_that_failed_stands_out() -> None:
    text = written([Line("balance", "2.1.2", "what the books say", "BankUnavailable", passed=False)])
    assert "FAIL" in text
    assert "1 of 1 failed" in text


def test_an_unknown_bank_is_no_command_line() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["moon"], StringIO())
    assert stopped.value.code == 2
