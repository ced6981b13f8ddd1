"""What can be turned at the bank, and within which bounds."""

from __future__ import annotations

import pytest

from banks.simulator.acb.settings import AcbSettings
from banks.simulator.refusals import Impossible
from banks.simulator.settings import changed


def test_changes_leave_the_rest_as_it_was() -> None:
    settings = changed(changed(AcbSettings(), {"answer_s": 0}), {"offline_bins": ["970422"]})
    assert (settings.answer_s, settings.offline_bins, settings.napas_max) == (0, ("970422",), 499_999_999)


@pytest.mark.parametrize(
    "change",
    [{"answer_s": -1}, {"answer_s": "1"}, {"speed": 1}, {"not_found": "500"}, {"service_charge": 0.5}, {"token_s": 0}],
)
def test_an_unknown_name_or_a_value_out_of_range_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Impossible) as refusal:
        changed(AcbSettings(), change)
    assert refusal.value.http == 400
