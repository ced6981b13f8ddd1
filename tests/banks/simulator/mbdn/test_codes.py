"""MBDN's codes are those that are printed."""

from __future__ import annotations

from banks.simulator.mbdn import codes


def test_every_code_of_a_row_is_printed_and_stands_for_one_thing() -> None:
    rows = [value for name, value in vars(codes).items() if name.startswith("ROW_")]
    printed = {"01", "02", "03", "04", "05", "06", "07", "08", "09", "11"} | {str(n) for n in range(111, 125)}
    assert len(set(rows)) == len(rows)
    assert {code.removeprefix("INNO_ERR_") for code in rows} <= printed


def test_what_the_desk_does_not_take_has_a_code_of_the_right_group() -> None:
    assert codes.BARRED == {
        "maintenance": "GW0201",
        "foreign_account": "GW302",
        "duplicate": "GW1017",
        "over_limit": "GW38",
        "insufficient_funds": "GW641",
    }
