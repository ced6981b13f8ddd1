"""The shapes of MB's wire that can be turned."""

from __future__ import annotations

import pytest

from banks.simulator.mb.settings import MbSettings
from banks.simulator.refusals import Impossible
from banks.simulator.settings import changed


def test_a_feed_is_clean_and_the_other_wrapped_unless_told() -> None:
    settings = changed(MbSettings(), {"answer_s": 0})
    assert isinstance(settings, MbSettings)
    assert (settings.history_memos, settings.push_memos, settings.webhook_timeout_s) == ("wrapped", "clean", 15)


@pytest.mark.parametrize("change", [{"push_memos": "folded"}, {"reference_tail": "BNK"}, {"id_tail_max": 7}])
def test_a_shape_that_does_not_exist_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Impossible):
        changed(MbSettings(), change)
