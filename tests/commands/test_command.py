"""Commands are values that show nothing personal, and each has exactly one handler."""

from __future__ import annotations

from typing import Any

import pytest

import commands
from commands.command import HANDLERS, Command, Decided, Receipt
from ledger.alarms import Alarm
from ledger.discovery import import_all
from tests.story import Story

OURS = [kind for kind in Command.__subclasses__() if kind.__module__.startswith("commands.")]


def test_every_command_has_a_handler_named_after_it() -> None:
    assert import_all(commands)
    assert len(OURS) > 15
    for kind in OURS:
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)
        assert HANDLERS[kind].__name__ == words.removeprefix("_")


def test_a_command_cannot_be_changed() -> None:
    command: Any = Story().row(5, "memo")
    with pytest.raises(AttributeError):
        command.amount = None


def test_a_decision_is_its_subject_and_all_that_is_kept_with_it() -> None:
    alarms = [Alarm(f"al_{number}") for number in range(3)]
    decided = Decided(*alarms)
    assert (decided.subject, decided.aggregates) == (alarms[0], tuple(alarms))


def test_a_receipt_is_of_now_unless_it_says_otherwise() -> None:
    assert Receipt(subject="po_1", version=1, position=7).replayed is False
