"""The banks that can be reached: number (BIN) -> letters and name, from the list shipped as data."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from typing import NamedTuple


class BankEntry(NamedTuple):
    """A line of the bank list: letters, six-digit number, short name, full Vietnamese name."""

    code: str
    bin: str
    short_name: str
    name: str


@cache
def banks() -> dict[str, BankEntry]:
    """All banks by their number; the number is the key, letters differ between lists (6.4 of the specification)."""
    text = resources.files("banks.simulator").joinpath("data/napas_banks.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["bin"]: BankEntry(row["code"], row["bin"], row["short_name"], row["name"]) for row in rows}
