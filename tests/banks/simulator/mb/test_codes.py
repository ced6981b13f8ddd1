"""MB's codes."""

from __future__ import annotations

from typing import get_args

from banks.simulator.mb.codes import BARRED, refusal
from banks.simulator.refusals import Cause


def test_every_bar_of_the_order_desk_has_a_code_of_its_own() -> None:
    assert set(BARRED) == set(get_args(Cause))
    assert len(set(BARRED.values())) == len(BARRED)


def test_a_refusal_in_the_banks_words_comes_with_200() -> None:
    refused = refusal("212", "known")
    assert (refused.http, refused.code, refused.reason) == (200, "212", "known")
