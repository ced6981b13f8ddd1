"""Single fields of MB's rows and notices, at the borders of what is taken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from banks.mb_fields import account_of, epoch, reference_of
from banks.row_fields import RowUnreadable


def test_an_epoch_is_read_to_the_millisecond() -> None:
    assert epoch(1_736_911_800_001, "t") == datetime(2025, 1, 15, 3, 30, 0, 1_000, tzinfo=UTC)
    assert epoch("1736911800000", "t") == datetime(2025, 1, 15, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", 0, -1, 1_736_911_800, 17_369_118_000_000, "1736911800000.0", "١" * 13])
def test_what_is_no_epoch_is_refused(value: int | str | None) -> None:
    with pytest.raises(RowUnreadable, match=r"^t: "):
        epoch(value, "t")


def test_a_reference_is_cut_at_the_backslash() -> None:
    assert reference_of("FT1\\BNK\\x", "r") == "FT1"
    assert reference_of(" FT1 ", "r") == "FT1"
    for text in ("", " ", "\\BNK", "FT 1", "FTế", "F" * 65):
        with pytest.raises(RowUnreadable, match=r"^r: "):
            reference_of(text, "r")


def test_account_numbers_have_borders() -> None:
    assert account_of("VQRSOCAI000001", "n") == "VQRSOCAI000001"
    for number in ("1" * 20, ""):
        with pytest.raises(RowUnreadable):
            account_of(number, "n")
