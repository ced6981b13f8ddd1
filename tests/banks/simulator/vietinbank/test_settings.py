"""What can be turned at VietinBank."""

from __future__ import annotations

import pytest

from banks.simulator.refusals import Impossible
from banks.simulator.settings import changed
from banks.simulator.vietinbank.settings import VietinSettings


def test_the_list_of_addresses_is_turned_beside_what_all_banks_have() -> None:
    settings = changed(VietinSettings(), {"listed": False, "approval": "by_hand"})
    assert (settings, settings.answer_s) == (VietinSettings(listed=False, approval="by_hand"), 0.05)
    with pytest.raises(Impossible):
        changed(settings, {"approval": "by_nobody"})
