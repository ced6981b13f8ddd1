"""Stages for the tests of the web: real event store, real read tables, the whole application."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.stage import Clock, Stage, services, settings


@pytest.fixture
def stage(event_store_url: str, sqlite_url: str) -> Iterator[Stage]:
    """A stage with read tables in SQLite."""
    yield from staged(event_store_url, sqlite_url)


@pytest.fixture
def stage_on_each_database(event_store_url: str, read_tables_url: str) -> Iterator[Stage]:
    """A stage with read tables in SQLite, and one with read tables in MariaDB or MySQL."""
    yield from staged(event_store_url, read_tables_url)


def staged(event_store_url: str, read_tables_url: str) -> Iterator[Stage]:
    clock = Clock()
    stage = Stage(services(settings(event_store_url, read_tables_url), clock), clock)
    stage.project()
    yield stage
    stage.services.redis.close()
    stage.services.ledger.close()
