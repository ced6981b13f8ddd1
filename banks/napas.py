"""Which banks there are: the bank list by BIN, and the codes of the CITAD rail.

`data/napas_banks.csv` is the list of chapter 6.4 of the bank wire specification (`code,bin,short_name,name`);
`data/citad_codes.csv` holds the eight-digit centralised codes on which the banks' own lists agree. Letters differ from
list to list, so a bank is known by its BIN.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from ledger.errors import InvalidBeneficiary, UnknownBank

TRAFFIC_BIN: Final = {"970459": "422589", "970468": "977777"}
"""Two banks carry one number in the State Bank's list and another in NAPAS traffic (6.4, traps): the second is sent."""


class ListedBank(msgspec.Struct, frozen=True):
    """A bank of the list: BIN (6 digits), letters, short and full name (Vietnamese)."""

    bin: str
    code: str
    short_name: str
    name: str


@cache
def listed_banks() -> dict[str, ListedBank]:
    """All banks by BIN."""
    return {
        row["bin"]: ListedBank(bin=row["bin"], code=row["code"], short_name=row["short_name"], name=row["name"])
        for row in _rows("napas_banks.csv")
    }


def listed_bank(bin_: str, *, field: str = "bin") -> ListedBank:
    """The bank with this BIN. Raises UnknownBank naming `field`."""
    found = listed_banks().get(bin_)
    if found is None:
        raise UnknownBank(
            "No bank of the NAPAS list has this BIN; it is six digits, such as 970416 for ACB.", field=field
        )
    return found


def traffic_bin(bin_: str) -> str:
    """The BIN under which NAPAS reaches this bank."""
    return TRAFFIC_BIN.get(bin_, bin_)


def citad_code(bin_: str, *, field: str = "beneficiary.bin") -> str:
    """The eight-digit CITAD code of a bank. Raises InvalidBeneficiary when none is certain."""
    code = _citad_codes().get(bin_)
    if code is None:
        raise InvalidBeneficiary("No certain CITAD code is known for this bank; send by napas instead.", field=field)
    return code


def has_citad_code(bin_: str) -> bool:
    """Whether a CITAD code is certain for this bank."""
    return bin_ in _citad_codes()


@cache
def _citad_codes() -> dict[str, str]:
    return {row["bin"]: row["citad_code"] for row in _rows("citad_codes.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    text = files("banks").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
