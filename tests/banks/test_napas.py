"""The bank list by BIN and the codes of the CITAD rail."""

from __future__ import annotations

import pytest

from banks.napas import citad_code, listed_bank, listed_banks, traffic_bin
from ledger.errors import InvalidBeneficiary, UnknownBank


def test_the_list_has_every_bank_once_under_six_digits() -> None:
    assert len(listed_banks()) == 81
    assert all(len(bin_) == 6 and bin_.isdigit() and bank.bin == bin_ for bin_, bank in listed_banks().items())


@pytest.mark.parametrize(
    ("bin_", "name"), [("970416", "ACB"), ("970422", "MBBank"), ("970415", "VietinBank"), ("970407", "Techcombank")]
)
def test_a_bank_is_known_by_its_bin(bin_: str, name: str) -> None:
    assert listed_bank(bin_).short_name == name


def test_a_bin_not_listed_is_refused_with_its_field() -> None:
    with pytest.raises(UnknownBank) as refusal:
        listed_bank("000000", field="beneficiary.bin")
    assert refusal.value.field == "beneficiary.bin"


def test_the_number_of_the_traffic_is_itself_listed() -> None:
    assert traffic_bin("970459") == "422589"
    assert traffic_bin("970416") == "970416"
    assert all(traffic_bin(bin_) in listed_banks() for bin_ in listed_banks())


def test_only_a_certain_citad_code_is_given() -> None:
    assert citad_code("970415") == "01201001"
    for without in ("970422", "000000"):
        with pytest.raises(InvalidBeneficiary):
            citad_code(without)
