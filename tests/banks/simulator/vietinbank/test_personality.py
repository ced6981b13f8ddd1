"""VietinBank as one of the simulated banks."""

from __future__ import annotations

from datetime import date

from banks.simulator.vietinbank.personality import PROFILE, reference
from tests.banks.simulator.customer import ControlPort


def test_references_are_digits_and_never_come_again() -> None:
    days = (date(2025, 1, 15), date(2025, 1, 16))
    found = {reference(day, number) for day in days for number in (1, 2)}
    assert len(found) == 4
    assert all(one.isdigit() for one in found)


def test_it_gives_no_tokens_and_tells_nobody_of_orders(control: ControlPort) -> None:
    assert control.post("/tokens/expire") == {"expired": 0}
    assert not PROFILE.tells_of_orders
