"""The bank list that comes with the simulator."""

from __future__ import annotations

import pytest

from banks.simulator.napas import banks


def test_the_list_has_every_bank_of_the_specification_once() -> None:
    assert len(banks()) == 81


@pytest.mark.parametrize(
    ("bin_", "code"),
    [("970416", "ACB"), ("970422", "MB"), ("970415", "ICB"), ("970407", "TCB"), ("546034", "CAKE")],
)
def test_a_bank_is_found_by_its_number(bin_: str, code: str) -> None:
    assert banks()[bin_].code == code
