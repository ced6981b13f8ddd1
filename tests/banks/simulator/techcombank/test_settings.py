"""Techcombank's own settings."""

from __future__ import annotations

import pytest

from banks.simulator.refusals import Impossible
from banks.simulator.settings import changed
from banks.simulator.techcombank.settings import TechcombankSettings


def test_shapes_are_chosen_by_word() -> None:
    settings = TechcombankSettings()
    assert settings.webhook_timeout_s == 30
    turned = changed(settings, {"envelope": "cbc", "prefixes": "ns", "sealed_callbacks": True, "tls": "other_ca"})
    assert isinstance(turned, TechcombankSettings)
    assert (turned.envelope, turned.prefixes, turned.tls) == ("cbc", "ns", "other_ca")
    wrongs: tuple[dict[str, object], ...] = ({"envelope": "ctr"}, {"prefixes": "x"}, {"status_words": 1})
    for wrong in wrongs:
        with pytest.raises(Impossible):
            changed(settings, wrong)
