"""What can be turned at MBDN."""

from __future__ import annotations

import pytest

from banks.simulator.mbdn.settings import MbdnSettings
from banks.simulator.refusals import Impossible
from banks.simulator.settings import changed


def test_orders_wait_for_a_checker_unless_told() -> None:
    assert MbdnSettings().approval == "by_hand"
    assert changed(MbdnSettings(), {"approval": "auto", "reading": 3}) == MbdnSettings(approval="auto", reading=3)
    with pytest.raises(Impossible):
        changed(MbdnSettings(), {"reading": -1})
