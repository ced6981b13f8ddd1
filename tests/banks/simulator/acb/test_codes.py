"""The codes of table 2.1.7 and what travels with a refusal."""

from __future__ import annotations

import pytest

from banks.simulator.acb.codes import TEXTS, bad_format, mismatch
from banks.simulator.refusals import Refused


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("00000000", "success"),
        ("01030001", "Bad request format"),
        ("02010001", "Mismatch certificate"),
        ("30020402", "Data not found"),
    ],
)
def test_documented_codes_have_their_documented_texts(code: str, text: str) -> None:
    assert TEXTS[code] == text


def test_a_refusal_says_why_and_with_which_status() -> None:
    for refusal, http, code in ((bad_format("why"), 400, "01030001"), (mismatch("why"), 289, "02010001")):
        assert isinstance(refusal, Refused)
        assert (refusal.http, refusal.code, refusal.reason, str(refusal)) == (http, code, "why", "why")
