"""Real servers for tests: started when the first test asks, shared by the tests of this process, gone at its end.

Under xdist every worker process has servers of its own, so no test can disturb a test of another worker. Fixtures that
end in `_server` start something; the others hand out a fresh database, schema or emptied Redis for one test.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from pymongo import MongoClient

from local.mongodb import ReplicaSet
from local.mysql import SqlServer, create_schema, drop_schema
from local.processes import alive
from local.redis import RedisServer

MEMORY = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it
MEMORY_MIN = 4 * 1024**3
"""Bytes that must be free there: two processes with a MongoDB and a MariaDB each take a quarter of them."""


def stage() -> Path:
    """Where the servers keep their data: in memory where it has room, else on the disk.

    Tests make and drop tables by the thousand, which a disk slows down most of all. Killing a server loses nothing more
    in memory than on a disk: what was written outlives the process on both.
    """
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_MIN:
        return MEMORY
    return Path(__file__).parents[1] / ".run" / "tests"


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Where the servers of this process keep their data; what a killed run left behind is removed."""
    place, name = stage(), "socai-tests-"
    place.mkdir(parents=True, exist_ok=True)
    for left_behind in place.glob(f"{name}*"):
        if not alive(int(left_behind.name.removeprefix(name).partition("-")[0])):
            shutil.rmtree(left_behind, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{name}{os.getpid()}-", dir=place))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def own_servers(server_directory: Path) -> Iterator[Path]:
    """An empty folder for the servers that one test starts for itself, and may hurt."""
    directory = Path(tempfile.mkdtemp(dir=server_directory))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def mongo_server(server_directory: Path) -> Iterator[ReplicaSet]:
    """A replica set of one node that also takes test commands (fail points)."""
    with ReplicaSet(server_directory / "mongodb", parameters={"enableTestCommands": "1"}) as server:
        yield server


@pytest.fixture(scope="session")
def mongo_url(mongo_server: ReplicaSet) -> str:
    """URL of the replica set, without a database name."""
    return mongo_server.url


@pytest.fixture
def event_store_url(mongo_url: str) -> Iterator[str]:
    """URL of a fresh MongoDB database, removed afterwards."""
    name = f"socai_{secrets.token_hex(6)}"
    parts = urlsplit(mongo_url)
    yield parts._replace(path=f"/{name}").geturl()
    with MongoClient[dict[str, object]](mongo_url, serverSelectionTimeoutMS=5_000) as client:
        client.drop_database(name)


@pytest.fixture
def another_store_url(mongo_url: str) -> Iterator[str]:
    """URL of a second fresh MongoDB database, for tests that move a log."""
    name = f"socai_{secrets.token_hex(6)}"
    yield urlsplit(mongo_url)._replace(path=f"/{name}").geturl()
    with MongoClient[dict[str, object]](mongo_url, serverSelectionTimeoutMS=5_000) as client:
        client.drop_database(name)


@pytest.fixture(scope="session")
def mysql_server(server_directory: Path) -> Iterator[SqlServer]:
    """MariaDB or MySQL, whichever this machine has."""
    with SqlServer(server_directory / "mysql", password=secrets.token_hex(16)) as server:
        yield server


@pytest.fixture
def mysql_url(mysql_server: SqlServer) -> Iterator[str]:
    """SQLAlchemy URL of a fresh schema, removed afterwards."""
    schema = f"socai_{secrets.token_hex(6)}"
    create_schema(mysql_server.url, schema)
    yield mysql_server.url_of(schema)
    drop_schema(mysql_server.url, schema)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """SQLAlchemy URL of a fresh SQLite file."""
    return f"sqlite:///{tmp_path / 'read.db'}"


@pytest.fixture
def mysql_events_url(mysql_server: SqlServer) -> Iterator[str]:
    """URL of an empty event store in a fresh schema, removed afterwards."""
    with fresh_events(mysql_server) as url:
        yield url


@contextmanager
def fresh_events(server: SqlServer) -> Iterator[str]:
    """URL of an event store in a fresh schema of a server, removed at the end."""
    schema = f"socai_{secrets.token_hex(6)}"
    create_schema(server.url, schema)
    yield server.url_of(schema).partition("?")[0].replace("mysql+mysqlconnector:", "mysql:")
    drop_schema(server.url, schema)


@pytest.fixture
def sqlite_events_url(tmp_path: Path) -> str:
    """URL of an empty event store in a file that is not there yet."""
    return f"sqlite:///{tmp_path / 'events.db'}"


@pytest.fixture(params=["mysql", "sqlite"])
def sql_events_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty event store in SQL tables; a test that takes it runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_events_url")
    return url


@pytest.fixture(params=["event_store_url", "mysql_events_url", "sqlite_events_url"], ids=["mongodb", "mysql", "sqlite"])
def event_log_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty event store; a test that takes it runs once on each kind: MongoDB, MySQL or MariaDB, SQLite."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture(params=["sqlite", "mysql"])
def read_tables_url(request: pytest.FixtureRequest) -> str:
    """SQLAlchemy URL of empty read tables; a test that takes it runs once on each kind of database."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


STORES = {
    "mongodb, sqlite": ("event_store_url", "sqlite_url"),
    "mongodb, mysql": ("event_store_url", "mysql_url"),
    "mysql, mysql": ("mysql_events_url", "mysql_url"),
    "sqlite, sqlite": ("sqlite_events_url", "sqlite_url"),
}


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def store_urls(request: pytest.FixtureRequest) -> tuple[str, str]:
    """URLs of an empty event store and of empty read tables; a test that takes them runs once on each such pair."""
    events, tables = request.param
    return request.getfixturevalue(events), request.getfixturevalue(tables)


@pytest.fixture(scope="session")
def redis_server(server_directory: Path) -> Iterator[RedisServer]:
    """A Redis that evicts nothing and keeps nothing on disk."""
    with RedisServer(server_directory / "redis") as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """URL of an emptied Redis."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url
