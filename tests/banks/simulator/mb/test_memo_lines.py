"""The 35-column rule, on texts of 3.4 and 8.1 of the bank wire specification."""

from __future__ import annotations

import pytest

from banks.simulator.mb.memo_lines import Lines, shown

LONG = "MBVCB.4125261053.047334.SOCAI7K3M9Q2X.CT tu 1012345678 NGUYEN VAN ANH toi 0001234567"
WRAPPED = "MBVCB.4125261053.047334.SOCAI7K3M9Q 2X.CT tu 1012345678 NGUYEN VAN ANH  toi 0001234567"
EDGE = "A" * 34 + " " + "B" * 5


@pytest.mark.parametrize(
    ("memo", "lines", "seen"),
    [
        (LONG, "wrapped", WRAPPED),
        (f"CUSTOMER {LONG}", "wrapped", f"CUSTOMER {WRAPPED}"),
        (f"NGUYEN VAN ANH {LONG}", "wrapped", f"NGUYEN VAN ANH {WRAPPED}"),
        (LONG, "clean", LONG),
        (EDGE, "glued", "A" * 34 + "B" * 5),
        (EDGE, "wrapped", "A" * 34 + "  " + "B" * 5),
        ("A" * 35, "wrapped", "A" * 35),
        ("A" * 71, "wrapped", f"{'A' * 35} {'A' * 35} A"),
        ("POSRETAIL-" + "A" * 25, "wrapped", "POSRETAIL-" + "A" * 24 + " A"),
        ("MB " + "A" * 40 + ". TU: NGUYEN VAN ANH", "wrapped", "MB " + "A" * 40 + ". TU: NGUYEN VAN ANH"),
        ("", "wrapped", ""),
    ],
)
def test_lines_of_35_columns_are_joined_as_the_feed_does(memo: str, lines: Lines, seen: str) -> None:
    assert shown(memo, lines, "NGUYEN VAN ANH") == seen
