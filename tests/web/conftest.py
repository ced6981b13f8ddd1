"""Stages for the tests of the web: real event store, real read tables, the whole application."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.web.stage import Clock, Shop, Stage, services, settings


@pytest.fixture
def stage(event_store_url: str, sqlite_url: str) -> Iterator[Stage]:
    """A stage with read tables in SQLite."""
    yield from staged(event_store_url, sqlite_url)


@pytest.fixture
def stage_on_each_database(store_urls: tuple[str, str]) -> Iterator[Stage]:
    """A stage on each pair of event store and read tables."""
    yield from staged(*store_urls)


@pytest.fixture(scope="session")
def shared_stage(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for tests that hurt nobody else's: refusals, and things of merchants of their own."""
    store = urlsplit(mongo_url)._replace(path=f"/socai_{secrets.token_hex(6)}").geturl()
    yield from staged(store, f"sqlite:///{tmp_path_factory.mktemp('shared') / 'read.db'}")


@pytest.fixture(scope="session")
def shared_shop(shared_stage: Stage) -> Shop:
    """A merchant on the shared stage with 1,485,000 VND available."""
    shop = shared_stage.shop()
    shared_stage.funds(shop)
    shared_stage.project()
    return shop


def staged(event_store_url: str, read_tables_url: str) -> Iterator[Stage]:
    clock = Clock()
    stage = Stage(services(settings(event_store_url, read_tables_url), clock), clock)
    stage.project()
    yield stage
    stage.database.close()
    stage.services.reader.close()
    stage.services.redis.close()
    stage.services.ledger.close()
