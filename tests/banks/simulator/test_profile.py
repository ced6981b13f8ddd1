"""Facts of the simulated banks that must fit together."""

from __future__ import annotations

import pytest

from banks.simulator.memos import STYLES
from banks.simulator.napas import banks
from banks.simulator.personality import personalities


@pytest.mark.parametrize("code", sorted(personalities()))
def test_a_bank_is_on_the_list_and_its_texts_have_a_style(code: str) -> None:
    profile = personalities()[code].profile
    assert profile.bin in banks()
    assert profile.memo_style in STYLES
    assert profile.answers
    assert profile.settings() == profile.settings()
