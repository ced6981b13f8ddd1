"""Names and memos in the letters banks take."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banks.bank_text import MEMO_MAX, memo_with_id, plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nguyễn Văn Anh", "NGUYEN VAN ANH"),
        ("Đặng  thị\tđào", "DANG THI DAO"),
        ("Đơn hàng #10025 (A/B)", "DON HANG 10025 A B"),
        ("CTY TNHH A.B-C", "CTY TNHH A.B-C"),
        ("漢字", ""),
    ],
)
def test_text_loses_accents_and_odd_signs(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text())
def test_any_text_comes_out_in_the_safe_subset_and_stays_so(text: str) -> None:
    found = plain(text)
    assert re.fullmatch(r"([A-Z0-9.-]+( [A-Z0-9.-]+)*)?", found)
    assert plain(found) == found


def test_our_id_stands_first_and_once() -> None:
    assert memo_with_id("SOCAI1", "Chi trả SOCAI1 tháng 1") == "SOCAI1 CHI TRA THANG 1"
    assert memo_with_id("SOCAI1", "") == "SOCAI1"


@given(st.text(max_size=300))
def test_a_long_memo_is_cut_behind_our_id(memo: str) -> None:
    found = memo_with_id("SOCAI000000001", memo)
    assert found.startswith("SOCAI000000001")
    assert len(found) <= MEMO_MAX
    assert found == found.strip()
