"""One memory for everything, rebuilt from the journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from banks.simulator.enrolment import load
from banks.simulator.journal import Journal
from banks.simulator.personality import personality
from banks.simulator.refusals import Barred, Impossible, Refused
from banks.simulator.state import REFUSALS_MAX, Line, State

ACB = personality("acb")


def test_opening_balances_are_booked_once(keys: Path, tmp_path: Path) -> None:
    for _ in range(2):
        state = State(ACB.profile, load(keys, ACB), Journal(tmp_path))
        assert state.books.trial_balance == {"12345678": 100_000_000, "capital": -100_000_000}
        state.close()


def test_traces_count_up_within_a_day_and_go_on_after_a_restart(keys: Path, tmp_path: Path) -> None:
    state = State(ACB.profile, load(keys, ACB), Journal(tmp_path))
    lines = [Line("12345678", 5, "x", "napas"), Line("12345678", -3, "y", "napas")]
    first = state.book("test", lines, {"napas": -2})
    state.close()
    again = State(ACB.profile, load(keys, ACB), Journal(tmp_path))
    (third,) = again.book("test", [lines[0]], {"napas": -5})
    again.close()
    rows = [*first, third]
    assert [row.trace for row in rows] == ["100001", "100002", "100003"]
    assert len({row.reference for row in rows}) == 3
    assert [row.balance_after for row in rows] == [100_000_005, 100_000_002, 100_000_007]


def test_a_memo_style_that_does_not_exist_books_nothing(keys: Path) -> None:
    state = State(ACB.profile, load(keys, ACB), Journal(None))
    with pytest.raises(Impossible):
        state.book("test", [Line("12345678", 5, "x", "napas", style="poem")], {"napas": -5})
    assert state.books.balance("12345678") == 100_000_000


def test_only_enrolled_accounts_are_the_clients(keys: Path) -> None:
    state = State(ACB.profile, load(keys, ACB), Journal(None))
    assert state.client_account("12345678").name == "CONG TY SOCAI"
    with pytest.raises(Barred):
        state.client_account("napas")


def test_the_number_of_remembered_refusals_is_bounded(keys: Path) -> None:
    state = State(ACB.profile, load(keys, ACB), Journal(None))
    for number in range(REFUSALS_MAX + 5):
        state.note_refusal("/x", Refused(400, None, str(number)))
    assert len(state.refusals) == REFUSALS_MAX
    assert state.refusals[0]["reason"] == "5"
