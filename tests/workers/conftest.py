"""The world of the worker tests, on SQLite read tables unless a test asks for both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.world import World, open_world


@pytest.fixture
def world(tmp_path: Path, event_store_url: str, sqlite_url: str, redis_url: str) -> Iterator[World]:
    """Real MongoDB, Redis and SQLite, and the simulated bank."""
    with open_world(tmp_path, event_store_url, sqlite_url, redis_url) as opened:
        yield opened
