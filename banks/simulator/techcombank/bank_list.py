"""The banks Techcombank sends to, by their eight-digit CITAD codes, from a list shipped as data (6.4)."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from typing import NamedTuple

from banks.simulator.napas import banks


class Branch(NamedTuple):
    """A CITAD code, the NAPAS number of its bank, the bank's letters and its name."""

    citad: str
    bin: str
    code: str
    name: str


@cache
def branches() -> dict[str, Branch]:
    """All of them by CITAD code."""
    text = resources.files("banks.simulator").joinpath("data/citad_codes.csv").read_text(encoding="utf-8")
    found = (Branch(row["citad"], row["bin"], *_named(row["bin"])) for row in csv.DictReader(text.splitlines()))
    return {branch.citad: branch for branch in found}


def _named(bin_: str) -> tuple[str, str]:
    entry = banks()[bin_]
    return entry.code, entry.name
