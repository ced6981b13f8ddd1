"""A follower whose effect lies elsewhere takes every event at least once, in order, and poison holds up one stream."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import event

from ledger.aggregate import Envelope
from ledger.errors import NothingSetAside, QueueUnavailable, TooManySetAside
from ledger.store import Ledger
from projections.aside import STREAMS_MAX, Retried
from projections.database import Database, open_database
from projections.places import heads, piles
from projections.subscription import Subscription
from tests.projections.planted import Planted, Tally
from tests.story import START


class Taker:
    """Remembers what it took; fails as the events say while it is broken, and always while it is away."""

    def __init__(self) -> None:
        self.took: list[str] = []
        self.broken = True
        self.away = False

    def __call__(self, envelope: Envelope) -> None:
        assert isinstance(envelope.event, Tally.Happened)
        if self.away:
            raise QueueUnavailable("The queue is away.")
        if self.broken and envelope.event.what == "raise":
            raise ValueError("a secret value")
        self.took.append(envelope.id)


@pytest.fixture
def taker() -> Taker:
    """A broken one."""
    return Taker()


def follows(name: str) -> bool:
    return name.startswith("tally.")


@pytest.fixture
def subscription(database: Database, planted: Planted) -> Subscription:
    """The place of a follower; nothing is made yet."""
    return Subscription(database, "taker", follows)


def test_a_new_follower_makes_its_tables_and_takes_the_log_in_order(
    ledger: Ledger, planted: Planted, subscription: Subscription, taker: Taker, database: Database
) -> None:
    assert subscription.step(ledger, taker, START) == 0
    planted.happens(ledger, ("add", "tl_a"), ("add", "tl_b"), ("add", "tl_a"))
    assert subscription.step(ledger, taker, START, limit=2) == 2
    assert subscription.step(ledger, taker, START, limit=2) == 1
    assert subscription.step(ledger, taker, START) == 0
    assert taker.took == ["tl_a@1", "tl_b@1", "tl_a@2"]
    assert subscription.position() == 3
    assert piles(database) == {}


def test_poison_holds_up_its_stream_alone_and_is_retried_in_order(
    ledger: Ledger, planted: Planted, subscription: Subscription, taker: Taker, database: Database
) -> None:
    planted.happens(ledger, ("raise", "tl_a"), ("add", "tl_b"), ("add", "tl_a"))
    assert subscription.step(ledger, taker, START) == 3
    planted.happens(ledger, ("add", "tl_a"), ("raise", "tl_b"))
    assert subscription.step(ledger, taker, START) == 2
    assert taker.took == ["tl_b@1"]
    pile = piles(database)["taker"]
    assert (pile.events, pile.streams, pile.oldest_at) == (4, 2, START)
    assert subscription.retry(ledger, taker) == Retried(taken=0, left=4)
    entries = heads(database, 9)
    assert [entry.attempts for entry in entries] == [2, 2]
    assert all((entry.cause or "").startswith("ValueError") for entry in entries)
    assert not any("secret" in (entry.cause or "") for entry in entries)
    taker.broken = False
    assert subscription.retry(ledger, taker, "tl_b") == Retried(taken=1, left=3)
    assert subscription.retry(ledger, taker) == Retried(taken=3, left=0)
    assert taker.took == ["tl_b@1", "tl_b@2", "tl_a@1", "tl_a@2", "tl_a@3"]
    with pytest.raises(NothingSetAside):
        subscription.retry(ledger, taker, "tl_a")


def test_a_part_that_is_away_is_no_poison_and_the_same_events_come_again(
    ledger: Ledger, planted: Planted, subscription: Subscription, taker: Taker, database: Database
) -> None:
    planted.happens(ledger, ("add", "tl_a"), ("raise", "tl_b"))
    taker.away = True
    with pytest.raises(QueueUnavailable):
        subscription.step(ledger, taker, START)
    assert subscription.position() is None
    assert piles(database) == {}
    taker.away = False
    subscription.step(ledger, taker, START)
    taker.away = True
    with pytest.raises(QueueUnavailable):
        subscription.retry(ledger, taker)
    assert heads(database, 9)[0].attempts == 1


def test_a_retry_keeps_what_was_taken_when_a_part_goes_away_in_the_middle(
    ledger: Ledger, planted: Planted, subscription: Subscription, taker: Taker
) -> None:
    planted.happens(ledger, ("raise", "tl_a"), *[("add", "tl_a")] * 4)
    subscription.step(ledger, taker, START)
    taker.broken = False

    def goes_away(envelope: Envelope) -> None:
        taker.away = envelope.version == 4
        taker(envelope)

    with pytest.raises(QueueUnavailable):
        subscription.retry(ledger, goes_away)
    taker.away = False
    assert subscription.retry(ledger, taker) == Retried(taken=2, left=0)
    assert taker.took == [f"tl_a@{version}" for version in range(1, 6)]


def test_a_long_stream_is_retried_in_few_transactions(
    ledger: Ledger, planted: Planted, subscription: Subscription, taker: Taker, database: Database
) -> None:
    planted.happens(ledger, ("raise", "tl_a"), *[("add", "tl_a")] * 100)
    subscription.step(ledger, taker, START)
    taker.broken = False
    statements: list[str] = []

    def count(connection: object, cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    assert subscription.retry(ledger, taker) == Retried(taken=101, left=0)
    event.remove(database.engine, "before_cursor_execute", count)
    assert len(statements) < 20


def test_more_poison_than_may_be_set_aside_stops_it_where_it_stands(
    ledger: Ledger, planted: Planted, subscription: Subscription, taker: Taker, database: Database
) -> None:
    planted.happens(ledger, *(("raise", f"tl_{number}") for number in range(STREAMS_MAX + 1)))
    assert subscription.step(ledger, taker, START, limit=STREAMS_MAX) == STREAMS_MAX
    with pytest.raises(TooManySetAside, match="taker"):
        subscription.step(ledger, taker, START)
    assert subscription.position() == STREAMS_MAX
    taker.broken = False
    assert subscription.retry(ledger, taker).left == 0
    assert subscription.step(ledger, taker, START) == 1


def test_a_follower_may_begin_elsewhere_than_at_the_beginning(
    ledger: Ledger, planted: Planted, subscription: Subscription, taker: Taker
) -> None:
    planted.happens(ledger, ("add", "tl_a"), ("add", "tl_b"))
    subscription.begin(1)
    subscription.begin(2)
    subscription.step(ledger, taker, START)
    assert taker.took == ["tl_b@1"]


def test_a_follower_that_began_on_an_empty_log_misses_nothing(
    ledger: Ledger, planted: Planted, subscription: Subscription, taker: Taker
) -> None:
    assert subscription.position() is None
    subscription.begin(ledger.head())
    assert subscription.position() == 0
    planted.happens(ledger, ("add", "tl_a"))
    subscription.begin(ledger.head())
    subscription.step(ledger, taker, START)
    assert taker.took == ["tl_a@1"]


def test_copies_and_retries_at_once_lose_nothing(
    ledger: Ledger, planted: Planted, database: Database, read_tables_url: str
) -> None:
    chance = random.Random(3)
    planted.happens(ledger, *((chance.choice(("add", "raise")), f"tl_{chance.randrange(6)}") for _ in range(80)))
    Subscription(database, "taker", follows).step(ledger, Taker(), START, limit=40)
    over = Event()

    def work(retries: bool) -> Taker:
        own, taker = open_database(read_tables_url), Taker()
        taker.broken = not retries
        mine = Subscription(own, "taker", follows)
        while not over.is_set():
            if retries:
                mine.retry(ledger, taker)
            else:
                mine.step(ledger, taker, START, limit=5)
        own.close()
        return taker

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(work, retries) for retries in (False, False, True, True)]
        deadline = time.monotonic() + 60
        followed = Subscription(database, "taker", follows)
        try:
            while (followed.position() or 0) < ledger.head() or piles(database):
                assert time.monotonic() < deadline
        finally:
            over.set()
        took = set(_all(done.result().took for done in running))
    first = {f"{row.stream}@{row.version}" for row in _recorded(ledger)[40:]}
    assert first <= took


def _all(lists: Iterable[list[str]]) -> Iterable[str]:
    return (one for some in lists for one in some)


def _recorded(ledger: Ledger) -> list[Envelope]:
    return ledger.read(0, 1_000)


def test_a_retry_in_the_middle_of_a_step_leaves_nothing_waiting_behind_nobody(
    ledger: Ledger, planted: Planted, subscription: Subscription, taker: Taker, database: Database
) -> None:
    planted.happens(ledger, ("raise", "tl_a"))
    subscription.step(ledger, taker, START)
    planted.happens(ledger, ("add", "tl_a"), ("add", "tl_b"))
    taker.broken = False

    def take(envelope: Envelope) -> None:
        if envelope.stream == "tl_b":
            subscription.retry(ledger, taker)
        taker(envelope)

    subscription.step(ledger, take, START)
    assert subscription.position() == 1
    assert subscription.step(ledger, taker, START) == 2
    assert taker.took == ["tl_a@1", "tl_b@1", "tl_a@2", "tl_b@1"]
    assert piles(database) == {}
