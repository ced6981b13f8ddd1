"""The shapes of ACB's wire that can be turned."""

from __future__ import annotations

import pytest

from banks.simulator.acb.settings import AcbSettings
from banks.simulator.refusals import Impossible
from banks.simulator.settings import changed


def test_shapes_are_turned_beside_what_all_banks_have() -> None:
    settings = changed(AcbSettings(), {"not_found": "404", "answer_s": 0})
    assert isinstance(settings, AcbSettings)
    assert (settings.not_found, settings.answer_s, settings.history_dates) == ("404", 0, "iso")


def test_a_shape_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Impossible):
        changed(AcbSettings(), {"webhook_shape": "round"})
