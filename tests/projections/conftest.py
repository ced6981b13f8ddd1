"""A ledger on a real MongoDB and read tables on a real MariaDB or SQLite, for the tests of the read models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from local.mysql import SqlServer
from projections.database import Database, open_database
from projections.follower import run_round
from tests.projections.planted import Planted
from tests.projections.tale import Tale, tell
from tests.story import MASTER_KEY, START, Story, counted_bytes


@pytest.fixture
def ledger(event_store_url: str) -> Iterator[Ledger]:
    """An empty ledger."""
    opened = Ledger.at(event_store_url, MASTER_KEY, counted_bytes(), keys=KeysInMemory())
    yield opened
    opened.close()


@pytest.fixture
def database(read_tables_url: str) -> Iterator[Database]:
    """Read tables without tables; once on each kind of database."""
    opened = open_database(read_tables_url)
    yield opened
    opened.close()


@pytest.fixture
def story(ledger: Ledger) -> Story:
    """A story on the real event store."""
    return Story(ledger)


@pytest.fixture
def planted() -> Iterator[Planted]:
    """A projection that fails as its events say."""
    known = Planted()
    yield known
    known.close()


@pytest.fixture
def follow(ledger: Ledger, database: Database) -> Callable[[], None]:
    """Lets all projections come to the end of the log."""

    def to_the_end() -> None:
        while run_round(ledger, database, START).applied:
            pass

    return to_the_end


@pytest.fixture(scope="session")
def tale(mongo_url: str) -> Iterator[Tale]:
    """The story of everything that can happen, told once: tests read it and add nothing."""
    url = urlsplit(mongo_url)._replace(path="/socai_tale").geturl()
    opened = Ledger.at(url, MASTER_KEY, counted_bytes(), keys=KeysInMemory())
    yield tell(Story(opened))
    opened.close()
    with MongoClient[dict[str, object]](mongo_url) as client:
        client.drop_database("socai_tale")


@pytest.fixture(scope="session")
def tables_on_sqlite(tale: Tale, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The read tables of that story on SQLite: tests read them and change nothing."""
    yield from _followed(tale, f"sqlite:///{tmp_path_factory.mktemp('tale') / 'read.db'}")


@pytest.fixture(scope="session")
def tables_on_mysql(tale: Tale, mysql_server: SqlServer) -> Iterator[Database]:
    """The same on MariaDB or MySQL."""
    yield from _followed(tale, mysql_server.create_schema("socai_tale"))


@pytest.fixture(scope="session", params=["sqlite", "mysql"])
def tables(request: pytest.FixtureRequest) -> Database:
    """The same; a test that takes it runs once on each kind of database."""
    found: Database = request.getfixturevalue(f"tables_on_{request.param}")
    return found


def _followed(tale: Tale, url: str) -> Iterator[Database]:
    database = open_database(url)
    while run_round(tale.story.ledger, database, START).applied:
        pass
    yield database
    database.close()
