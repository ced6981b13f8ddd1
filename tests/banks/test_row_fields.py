"""Fields that several banks write alike, at the borders of what is taken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from banks.row_fields import RowUnreadable, amount_of, convert, instant, short
from ledger.money import Money


def test_vietnamese_time_becomes_an_instant() -> None:
    assert instant("15/01/2025", r".*", "%d/%m/%Y", "t") == datetime(2025, 1, 14, 17, 0, tzinfo=UTC)
    for text in ("30/02/2025", "x"):
        with pytest.raises(RowUnreadable, match=r"^t: "):
            instant(text, r".*", "%d/%m/%Y", "t")


def test_amounts_and_short_texts_have_borders() -> None:
    assert amount_of("1,000.00", "a") == Money(1_000)
    assert short("x" * 100, "s") == "x" * 100
    for call, value in ((amount_of, "0"), (amount_of, "-1"), (amount_of, "1.5"), (short, "x" * 101)):
        with pytest.raises(RowUnreadable, match=r"^f: "):
            call(value, "f")


def test_a_row_of_another_shape_is_refused() -> None:
    assert convert({"a": 1}, dict[str, int]) == {"a": 1}
    with pytest.raises(RowUnreadable):
        convert({"a": "x"}, dict[str, int])
