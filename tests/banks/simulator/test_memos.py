"""What the bank makes of the payer's text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from banks.simulator.memos import STYLES, delivered, flattened, folded
from banks.simulator.refusals import Impossible

AT = datetime(2025, 1, 15, 3, 30, tzinfo=UTC)
CODE = "SOCAI7K3M9Q2X"


@pytest.mark.parametrize(
    ("style", "text", "shown"),
    [
        ("acb", CODE, "SOCAI7K3M9Q2X GD 112233-011525 10:30:00"),
        ("acb", "Thanh toán đơn hàng (10025)", "THANH TOAN DON HANG 10025 GD 112233-011525 10:30:00"),
        ("glued", CODE, "SOCAI7K3M9Q2XGD 112233-011525 10:30:00"),
        ("plain", "SOCAI7K3M9Q2X!", "SOCAI7K3M9Q2X!"),
        ("split", CODE, "SOCAI7 K3M9Q2X GD 112233-011525 10:30:00"),
        ("lower", CODE, "socai7k3m9q2x GD 112233-011525 10:30:00"),
        ("two_codes", CODE, "SOCAI7K3M9Q2X SOCAI8AAAA22Y GD 112233-011525 10:30:00"),
        ("none", CODE, "NGUYEN VAN ANH chuyen khoan GD 112233-011525 10:30:00"),
        ("inside", CODE, "IB NGUYEN VAN ANH SOCAI7K3M9Q2X"),
        ("mb", "SOCAI7K3M9Q2X  Cảm ơn!", "CUSTOMER SOCAI7K3M9Q2X  Cam on  Trace 112233"),
        ("acb", "", "GD 112233-011525 10:30:00"),
    ],
)
def test_a_memo_is_delivered_in_its_style(style: str, text: str, shown: str) -> None:
    found = delivered(text, style=style, trace="112233", at=AT, name="Nguyễn Văn Anh", second="SOCAI8AAAA22Y")
    assert found == shown


def test_an_unknown_style_names_those_there_are() -> None:
    with pytest.raises(Impossible, match="two_codes") as refusal:
        delivered("x", style="poem", trace="1", at=AT)
    assert refusal.value.http == 400


def test_every_style_but_none_lets_the_code_be_found() -> None:
    for style in STYLES:
        shown = delivered(CODE, style=style, trace="112233", at=AT, name="A", second="X")
        assert (CODE in shown.upper().replace(" ", "")) == (style != "none"), style


def test_names_are_compared_without_case_diacritics_and_repeated_blanks() -> None:
    assert folded("  Đỗ  Văn Ý ") == folded("DO VAN Y")
    assert folded("DO VAN Y") != folded("DO VAN")


def test_only_letters_digits_dots_and_hyphens_stay() -> None:
    assert flattened("a_b/c.d-e\n(f)") == "A B C.D-E F"
