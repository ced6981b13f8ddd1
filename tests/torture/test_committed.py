"""A committer that is killed, frozen and replaced costs no acknowledged event, in short."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture import committed
from tests.torture.committed import SHORT
from tests.torture.trial import Bench


@pytest.mark.timeout(600)
def test_a_committer_that_dies_freezes_and_is_replaced_costs_nothing(event_store_url: str, tmp_path: Path) -> None:
    report = committed.run(Bench(committed.NAME, "mongodb", event_store_url, tmp_path, 1), SHORT)
    assert {"kill", "freeze", "replace"} <= set(report.counts)
    assert report.counts["stored"] > 0
