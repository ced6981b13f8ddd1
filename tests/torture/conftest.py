"""Benches for the trials: a fresh log on every kind of store there is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.mysql import SqlServer, create_schema, drop_schema
from tests.torture.read_models import Store
from tests.torture.trial import Bench, MakeBench

SEED = 1
"""The short forms always run the same plan; `make torture` takes others."""


@pytest.fixture
def bench(event_log_url: str, tmp_path: Path) -> MakeBench:
    """Makes the bench of a trial, by its name, on a fresh log; a test that takes it runs on each kind of store."""

    def make(trial: str) -> Bench:
        return Bench(trial, event_log_url.partition(":")[0], event_log_url, tmp_path, SEED)

    return make


@pytest.fixture
def sqlite_tables(tmp_path: Path) -> Store:
    """Empty read tables in files."""
    return Store(f"sqlite:///{tmp_path / 'read.db'}", f"sqlite:///{tmp_path / 'other.db'}")


@pytest.fixture
def mysql_tables(mysql_server: SqlServer) -> Iterator[Store]:
    """Empty read tables on MariaDB or MySQL, removed afterwards."""
    schemas = [f"socai_{secrets.token_hex(6)}" for _ in range(2)]
    for schema in schemas:
        create_schema(mysql_server.url, schema)
    yield Store(*map(mysql_server.url_of, schemas))
    for schema in schemas:
        drop_schema(mysql_server.url, schema)


@pytest.fixture(params=["sqlite", "mysql"])
def tables(request: pytest.FixtureRequest) -> Store:
    """Empty read tables; a test that takes them runs on each kind of database, as production or a laptop has it."""
    found: Store = request.getfixturevalue(f"{request.param}_tables")
    return found


@pytest.fixture
def bench_of_tables(request: pytest.FixtureRequest, tables: Store, tmp_path: Path) -> MakeBench:
    """Makes the bench of a trial of read models, by its name: MySQL goes with a log in MongoDB, SQLite with SQLite."""
    store = tables.tables.partition(":")[0].partition("+")[0]
    url: str = request.getfixturevalue("sqlite_events_url" if store == "sqlite" else "event_store_url")

    def make(trial: str) -> Bench:
        return Bench(trial, store, url, tmp_path, SEED)

    return make


@pytest.fixture
def sqlite_bench(sqlite_events_url: str, tmp_path: Path) -> Bench:
    """A bench on an empty log in a file, for planted faults: where they are found does not matter."""
    return Bench("planted", "sqlite", sqlite_events_url, tmp_path, SEED)
