"""MB as one of the simulated banks."""

from __future__ import annotations

import re
from datetime import date

from banks.simulator.mb.personality import PROFILE, reference
from tests.banks.simulator.customer import ControlPort
from tests.banks.simulator.mb.conftest import ACCOUNT


def test_references_are_ft_numbers_that_never_come_again() -> None:
    days = (date(2025, 1, 15), date(2025, 1, 16), date(2026, 1, 15))
    assert len({reference(day, number) for day in days for number in (1, 2)}) == 6
    assert PROFILE.reference(days[0], 123_456_789) == "FT25015123456789"


def test_interest_has_a_reference_that_is_no_ft_number_and_comes_once_a_day(control: ControlPort) -> None:
    paid = control.post("/interest", account=ACCOUNT, amount=7)
    assert re.fullmatch(rf"{ACCOUNT}-20\d{{6}}", paid["reference"])
    assert control.refused("/interest", account=ACCOUNT, amount=7)[0] == 409
    assert control.balance(ACCOUNT) == 100_000_007


def test_a_payers_text_is_written_mbs_way_unless_told(control: ControlPort) -> None:
    paid = control.post("/pay", account=ACCOUNT, amount=5, memo="Trả tiền")
    assert paid["memo"] == f"CUSTOMER Tra tien Trace {paid['trace']}"
    assert control.post("/pay", account=ACCOUNT, amount=5, memo="x", memo_style="plain")["memo"] == "x"
