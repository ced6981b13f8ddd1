"""Which banks are simulated."""

from __future__ import annotations

import pytest

from banks.simulator.personality import personalities, personality
from banks.simulator.refusals import Unusable


def test_every_bank_is_found_by_the_code_of_its_package() -> None:
    assert "acb" in personalities()
    for code, kind in personalities().items():
        assert kind.__module__ == f"banks.simulator.{code}.personality"
        assert kind.profile.code == code


def test_a_bank_that_is_not_simulated_is_refused_with_those_that_are() -> None:
    with pytest.raises(Unusable, match="acb"):
        personality("bank-of-nowhere")
