"""Banks by their CITAD codes."""

from __future__ import annotations

from banks.simulator.techcombank.bank_list import branches
from banks.simulator.techcombank.codes import BIN, OWN_CITAD


def test_the_codes_the_specification_names_are_there() -> None:
    named = {"01310001": BIN, "01201001": "970415", "79307001": "970416", "01311001": "970422", "01311003": "970422"}
    assert {citad: branches()[citad].bin for citad in named} == named
    assert branches()[OWN_CITAD].code == "TCB"


def test_of_two_numbers_of_one_bank_the_one_for_transfers_is_meant() -> None:
    assert branches()["01661001"].bin == "422589"
