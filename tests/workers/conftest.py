"""The world of the worker tests, on SQLite read tables; the flows run on both kinds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers.world import Enrolled, World, enrolled, open_world


@pytest.fixture(scope="session")
def customer(tmp_path_factory: pytest.TempPathFactory) -> Enrolled:
    """Our enrolment at the simulated bank."""
    return enrolled(tmp_path_factory.mktemp("bank"))


@pytest.fixture
def world(customer: Enrolled, event_store_url: str, sqlite_url: str, redis_url: str) -> Iterator[World]:
    """Real MongoDB, Redis and SQLite, and the simulated bank."""
    with open_world(customer, event_store_url, sqlite_url, redis_url) as opened:
        yield opened


@pytest.fixture
def world_on_each(customer: Enrolled, store_urls: tuple[str, str], redis_url: str) -> Iterator[World]:
    """The same on each pair of event store and read tables."""
    with open_world(customer, *store_urls, redis_url) as opened:
        yield opened
