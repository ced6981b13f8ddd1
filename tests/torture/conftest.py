"""Benches for the trials: a fresh log on every kind of store there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.trial import Bench, MakeBench

SEED = 1
"""The short forms always run the same plan; `make torture` takes others."""


@pytest.fixture
def bench(event_log_url: str, tmp_path: Path) -> MakeBench:
    """Makes the bench of a trial, by its name, on a fresh log; a test that takes it runs on each kind of store."""

    def make(trial: str) -> Bench:
        return Bench(trial, event_log_url.partition(":")[0], event_log_url, tmp_path, SEED)

    return make
