"""Benches for the trials: a fresh log on every kind of store there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.servers import STORES
from tests.torture.trial import Bench, MakeBench

SEED = 1
"""The short forms always run the same plan; `make torture` takes others."""


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store; a test that takes it, or `bench`, runs once on each."""
    kind: str = request.param
    return kind


@pytest.fixture
def bench(request: pytest.FixtureRequest, store: str, tmp_path: Path) -> MakeBench:
    """Makes the bench of a trial, by its name, with a fresh log."""

    def make(trial: str) -> Bench:
        fixtures = {"mongodb": "event_store_url", "mysql": "mysql_url", "sqlite": "sqlite_url"}
        url: str = request.getfixturevalue(fixtures[store])
        return Bench(trial, store, url, tmp_path, SEED)

    return make
