"""The closed set of outcomes: told apart, compared by value, and safe to log."""

from __future__ import annotations

from typing import assert_never

import msgspec
import pytest

from banks.outcomes import (
    Accepted,
    Declined,
    Executed,
    NotFound,
    NotSent,
    Outcome,
    Reason,
    Unknown,
    loggable_code,
)

ALL: list[Outcome] = [
    Accepted(None),
    Executed("4711"),
    Declined(Reason.LIMIT, "30010003"),
    NotSent("no connection"),
    NotFound(),
    Unknown("HTTP 500"),
]


def word(outcome: Outcome) -> str:
    """Fails type checking when a kind of outcome is added and forgotten here."""
    match outcome:
        case Accepted() | Executed():
            return "taken"
        case Declined() | NotSent():
            return "certainly not"
        case NotFound() | Unknown():
            return "ask again"
        case _:
            assert_never(outcome)


def test_each_outcome_is_one_of_six() -> None:
    assert [word(outcome) for outcome in ALL] == [
        "taken",
        "taken",
        "certainly not",
        "certainly not",
        "ask again",
        "ask again",
    ]


@pytest.mark.parametrize("outcome", ALL, ids=lambda outcome: type(outcome).__name__)
def test_an_outcome_survives_being_stored(outcome: Outcome) -> None:
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome


def test_no_reason_is_called_duplicate() -> None:
    assert not [reason for reason in Reason if "duplicate" in reason]


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("INVA", "INVA"),
        (4711, "4711"),
        ("GW-1", "GW-1"),
        ("a b", "unreadable"),
        ("", "unreadable"),
        ("x" * 25, "unreadable"),
    ],
)
def test_a_bank_code_is_shown_only_when_it_is_one(code: object, shown: str) -> None:
    assert loggable_code(code) == shown
