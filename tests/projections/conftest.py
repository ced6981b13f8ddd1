"""A ledger on a real MongoDB and read tables on a real MariaDB or SQLite, for the tests of the read models."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from projections.database import Database, open_database
from projections.follower import run_round
from tests.projections.tale import Tale, tell
from tests.story import MASTER_KEY, Story, counted_bytes


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
def tale(story: Story) -> Tale:
    """The story of everything that can happen."""
    return tell(story)


@pytest.fixture
def follow(ledger: Ledger, database: Database) -> Callable[[], None]:
    """Lets all projections come to the end of the log."""

    def to_the_end() -> None:
        while run_round(ledger, database).applied:
            pass

    return to_the_end
