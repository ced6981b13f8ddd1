"""StatementLine: a movement stands for ever; it gets one owner, and is taken back once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from ledger.errors import InvalidAmount, ReasonMissing, StatementLineOwned
from ledger.statements import StatementLine, id_of_line
from tests.story import Story, dong

STORY = Story()
NOW = STORY.context()
ON = date(2026, 11, 20)


def recorded(units: int = 150_000) -> StatementLine:
    return StatementLine.record(
        NOW,
        line_id=id_of_line("ba_1", "FT1|150000|credit"),
        bank_account_id="ba_1",
        bank_reference="FT1",
        direction="credit",
        amount=dong(units),
        booked_at=NOW.at,
        bank_time="2026-11-23 09:00:00",
        value_date=ON,
        memo=None,
        counterparty_name=None,
        counterparty_account=None,
        counterparty_bank="970422",
        source="webhook",
        is_reversal=False,
        balance_after=None,
    )


Act = Callable[[StatementLine], object]
ACTS: dict[str, Act] = {
    "match": lambda line: line.match(NOW, owner_id="pi_1", entry_id="je_2"),
    "match_by_hand": lambda line: line.match_by_hand(NOW, owner_id="pi_1", entry_id="je_2", reason="the payer called"),
    "reverse": lambda line: line.reverse(NOW, by_line_id="sl_2", entry_id="je_3", on=date(2026, 11, 25)),
}
WAYS: dict[str, tuple[Act, ...]] = {
    "recorded": (),
    "unmatched": (lambda line: line.leave_unmatched(NOW, reason="no_code", entry_id="je_1"),),
    "matched": (ACTS["match"],),
    "reversed": (ACTS["match"], ACTS["reverse"]),
}
NEXT = {
    ("recorded", "match"): "matched",
    ("recorded", "match_by_hand"): "matched",
    ("recorded", "reverse"): "reversed",
    ("unmatched", "match"): "matched",
    ("unmatched", "match_by_hand"): "matched",
    ("unmatched", "reverse"): "reversed",
    ("matched", "reverse"): "reversed",
}


def came_to(status: str) -> StatementLine:
    line = recorded()
    for act in WAYS[status]:
        act(line)
    assert line.status == status
    return line


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("status", WAYS)
def test_only_declared_transitions_happen(status: str, act: str) -> None:
    line = came_to(status)
    if (status, act) in NEXT:
        ACTS[act](line)
    else:
        with pytest.raises(StatementLineOwned):
            ACTS[act](line)
    assert line.status == NEXT.get((status, act), status)


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_match_by_hand_needs_a_reason(reason: str) -> None:
    line = came_to("unmatched")
    with pytest.raises(ReasonMissing):
        line.match_by_hand(NOW, owner_id="pi_1", entry_id="je_2", reason=reason)
    assert line.status == "unmatched"


def test_a_line_says_whose_it_is_by_which_entry_and_why() -> None:
    line = came_to("unmatched")
    assert (line.owner_id, line.entry_id, line.reason) == (None, "je_1", "no_code")
    ACTS["match_by_hand"](line)
    assert (line.owner_id, line.entry_id, line.reason) == ("pi_1", "je_2", "the payer called")


def test_all_that_happens_to_a_line_bears_its_value_date_and_a_reversal_its_own() -> None:
    line = came_to("reversed")
    assert [envelope.effective_on for envelope in line.collect_events()] == [ON, ON, date(2026, 11, 25)]
    assert line.value_date == ON


@pytest.mark.parametrize("units", [0, -1])
def test_a_movement_of_nothing_is_no_movement(units: int) -> None:
    with pytest.raises(InvalidAmount):
        recorded(units)


def test_the_same_movement_always_has_the_same_stream() -> None:
    assert id_of_line("ba_1", "FT1|5|credit") == id_of_line("ba_1", "FT1|5|credit")
    assert len({id_of_line("ba_1", "FT1|5|credit"), id_of_line("ba_1", "FT1|5|debit"), id_of_line("ba_2", "x")}) == 3


def test_the_first_balance_that_is_told_stands() -> None:
    line = recorded()
    for told in (None, dong(900_000), dong(900_000), dong(1)):
        line.tell_balance(NOW, balance_after=told)
    assert line.balance_after == dong(900_000)
    assert [envelope.name for envelope in line.collect_events()][1:] == ["statement_line.balance_told"]
