"""The projector brings the read tables up to date, with copies of itself about and with stores that come and go."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime

import pytest
from eventsourcing.persistence import StoredEvent

from ledger.accounts import available
from projections import PROJECTIONS, positions
from projections.balances import balance
from projections.database import open_database
from projections.payouts import payout
from tests.workers.world import Enrolled, World, eventually, open_world
from workers.projector import project, run


def test_every_projection_follows_to_the_end_of_the_log(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    world.project()
    assert positions(world.parts.reader) == dict.fromkeys(PROJECTIONS, world.parts.ledger.head())
    row = payout(world.parts.reader, payout_id)
    assert row is not None
    assert row.status == "approved"


def test_two_projectors_at_once_count_nothing_twice(world: World) -> None:
    stop = threading.Event()
    copies = [threading.Thread(target=run, args=(world.parts, stop)) for _ in range(2)]
    for copy in copies:
        copy.start()
    merchant_id = world.funded_merchant()
    for _ in range(3):
        world.request_payout(merchant_id)
    head = world.parts.ledger.head()
    eventually(lambda: set(positions(world.parts.reader).values()) == {head})
    stop.set()
    for copy in copies:
        copy.join()
    row = balance(world.parts.reader, available(merchant_id))
    account = world.available(merchant_id)
    assert row is not None
    assert (row.posted, row.held) == (account.posted.units, account.held.units)


def test_a_projector_whose_tables_are_away_waits_and_says_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    nowhere = open_database("sqlite:////nowhere/read.db")
    stop = threading.Event()
    waiting = threading.Thread(target=run, args=(replace(world.parts, database=nowhere), stop))
    with caplog.at_level(logging.WARNING, logger="workers.projector"):
        waiting.start()
        eventually(lambda: "waiting: read-tables-unavailable" in caplog.text)
        stop.set()
        waiting.join()
    nowhere.close()


def test_a_projector_says_at_its_start_who_has_something_set_aside(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.parts.ledger.recorder.insert_events([StoredEvent("po_new", 1, "payout.levitated", b"{}")])
    with caplog.at_level(logging.ERROR, logger="projections.follower"):
        world.project()
    assert "payouts has set aside payout.levitated po_new@1 at position 1: EventUnknown" in caplog.text
    stop = threading.Event()
    running = threading.Thread(target=run, args=(world.parts, stop))
    with caplog.at_level(logging.ERROR, logger="workers.projector"):
        running.start()
        eventually(lambda: "payouts has 1 events of 1 streams set aside since" in caplog.text)
        stop.set()
        running.join()


def test_a_projector_held_up_by_a_rebuild_pauses_between_its_rounds(
    customer: Enrolled, event_store_url: str, mysql_url: str, redis_url: str
) -> None:
    with open_world(customer, event_store_url, mysql_url, redis_url) as world, ExitStack() as rebuild:
        world.merchant()
        rebuild.enter_context(world.parts.database.fenced("merchants"))
        world.project()
        assert project(world.parts).held_up
        rounds: list[datetime] = []
        pauses: list[int] = []

        class Stop(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                pauses.append(len(rounds))
                rebuild.close()
                return False

        stop = Stop()

        def clock() -> datetime:
            rounds.append(world.clock())
            if len(rounds) == 3:
                stop.set()
            return rounds[-1]

        run(replace(world.parts, clock=clock), stop)
        assert pauses == [1]
        assert set(positions(world.parts.reader).values()) == {world.parts.ledger.head()}


def test_a_round_without_news_applies_nothing(world: World) -> None:
    world.project()
    done = project(world.parts)
    assert (done.applied, done.held_up) == (0, False)
