"""The reactor rings at once what an event leads to, at least once, and old news never."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from threading import Event as Flag
from threading import Thread

import pytest
import redis
from eventsourcing.persistence import StoredEvent

from ledger.aggregate import Envelope
from ledger.errors import EventStoreUnavailable, LogCutShort, QueueUnavailable
from ledger.payouts import Payout
from local.processes import free_port
from projections.aside import Retried
from projections.places import heads, move, piles
from tests.workers.world import PAY, World, eventually, waiting
from workers.jobs import Ring
from workers.parts import Parts
from workers.reactor import NAME, REACTIONS, Reactor


def test_an_approved_payout_is_rung_at_once(world: World) -> None:
    merchant_id = world.funded_merchant()
    reactor = Reactor(world.parts)
    assert reactor.step() == 0
    payout_id = world.request_payout(merchant_id)
    assert reactor.step() > 0
    assert len(waiting(world, PAY)) == 1
    world.work(PAY)
    assert world.payout(payout_id).status == "accepted"


def test_a_reactor_begins_at_the_end_of_the_log(world: World) -> None:
    world.request_payout(world.funded_merchant())
    assert Reactor(world.parts).step() == 0
    assert not waiting(world, PAY)


def test_a_reactor_that_began_on_an_empty_log_reacts_to_the_first_events(world_on_each: World) -> None:
    world = world_on_each
    reactor = Reactor(world.parts)
    assert (world.parts.ledger.head(), reactor.step()) == (0, 0)
    world.request_payout(world.funded_merchant())
    assert reactor.step() > 0
    assert len(waiting(world, PAY)) == 1


def test_a_reactor_goes_on_where_the_last_one_stopped(world_on_each: World) -> None:
    world = world_on_each
    merchant_id = world.funded_merchant()
    Reactor(world.parts).step()
    world.request_payout(merchant_id)
    assert Reactor(world.parts).step() > 0
    assert len(waiting(world, PAY)) == 1
    assert Reactor(world.parts).step() == 0


def test_a_log_that_ends_before_the_position_is_named_with_the_cure(world: World) -> None:
    world.funded_merchant()
    reactor = Reactor(world.parts)
    head = reactor.position()
    assert move(world.parts.database, NAME, after=head, upto=head + 7)
    with pytest.raises(LogCutShort, match="restore the newest log") as refusal:
        reactor.step()
    assert refusal.value.facts == {"head": head, "position": head + 7}
    assert reactor.position() == head + 7


def test_old_news_is_left_to_the_timetable(world: World) -> None:
    merchant_id = world.funded_merchant()
    reactor = Reactor(world.parts)
    reactor.step()
    payout_id = world.request_payout(merchant_id)
    world.advance(minutes=11)
    assert reactor.step() > 0
    assert not waiting(world, PAY)
    world.round()
    assert world.payout(payout_id).status == "accepted"


def test_a_payout_out_of_an_account_that_left_our_file_waits_for_people_and_holds_up_nobody(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    gone, known = world.funded_merchant(bank_account_id="ba_acb_gone"), world.funded_merchant()
    reactor = Reactor(world.parts)
    reactor.step()
    lost_id = world.request_payout(gone)
    payout_id = world.request_payout(known)
    assert reactor.step() > 0
    assert reactor.step() == 0
    (entry,) = heads(world.parts.reader, 10)
    assert (entry.follower, entry.stream, entry.attempts) == ("reactor", lost_id, 1)
    assert entry.cause is not None
    assert "UnknownBankAccount" in entry.cause
    assert "reactor has set aside payout.approved" in caplog.text
    world.work(PAY)
    assert world.payout(payout_id).status == "accepted"


def test_a_reaction_that_fails_is_set_aside_and_retried_in_order(world_on_each: World) -> None:
    world = world_on_each
    merchant_id = world.funded_merchant()
    reactor = Reactor(world.parts)
    reactor.step()
    world.request_payout(merchant_id)
    broken = True

    def fails(parts: Parts, envelope: Envelope) -> Iterable[Ring]:
        if broken:
            raise LookupError("a secret value")
        return ()

    REACTIONS[Payout.Approved].insert(0, fails)
    try:
        assert reactor.step() > 0
        assert not waiting(world, PAY)
        assert reactor.retry() == Retried(taken=0, left=1)
        (entry,) = heads(world.parts.reader, 10)
        assert entry.attempts == 2
        assert (entry.cause or "").startswith("LookupError in fails")
        broken = False
        assert reactor.retry(entry.stream) == Retried(taken=1, left=0)
    finally:
        REACTIONS[Payout.Approved].remove(fails)
    assert len(waiting(world, PAY)) == 1
    assert piles(world.parts.reader) == {}


def test_an_event_of_a_newer_release_does_not_stop_the_reactor(world: World) -> None:
    merchant_id = world.funded_merchant()
    reactor = Reactor(world.parts)
    reactor.step()
    world.parts.ledger.recorder.insert_events([StoredEvent("po_new", 1, "payout.levitated", b"{}")])
    world.request_payout(merchant_id)
    assert reactor.step() > 0
    assert len(waiting(world, PAY)) == 1
    assert "EventUnknown" in (heads(world.parts.reader, 10)[0].cause or "")


def test_a_part_that_is_away_stops_the_reactor_where_it_stands(world: World) -> None:
    merchant_id = world.funded_merchant()
    reactor = Reactor(world.parts)
    reactor.step()
    position = reactor.position()
    world.request_payout(merchant_id)

    def is_away(parts: Parts, envelope: Envelope) -> Iterable[Ring]:
        raise EventStoreUnavailable("The event store is away.")

    REACTIONS[Payout.Approved].append(is_away)
    try:
        with pytest.raises(EventStoreUnavailable):
            reactor.step()
    finally:
        REACTIONS[Payout.Approved].remove(is_away)
    assert reactor.position() == position
    assert reactor.step() > 0


def without_redis(world: World) -> Reactor:
    return Reactor(replace(world.parts, redis=redis.Redis(port=free_port(), socket_connect_timeout=1)))


def test_while_redis_is_away_the_reactor_stands_and_rings_when_it_is_back(world: World) -> None:
    merchant_id = world.funded_merchant()
    reactor = without_redis(world)
    assert reactor.step() == 0
    position = reactor.position()
    payout_id = world.request_payout(merchant_id)
    with pytest.raises(QueueUnavailable):
        reactor.step()
    assert reactor.position() == position
    assert piles(world.parts.reader) == {}
    assert Reactor(world.parts).step() > 0
    world.work(PAY)
    assert world.payout(payout_id).status == "accepted"


def test_a_reactor_waits_for_redis_and_says_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    merchant_id = world.funded_merchant()
    reactor, stop = without_redis(world), Flag()
    reactor.step()
    position = reactor.position()
    world.request_payout(merchant_id)
    waiting_for_redis = Thread(target=reactor.run, args=(stop,))
    with caplog.at_level(logging.WARNING, logger="workers.reactor"):
        waiting_for_redis.start()
        try:
            eventually(lambda: "waiting: queue-unavailable" in caplog.text)
        finally:
            stop.set()
            waiting_for_redis.join()
    assert reactor.position() == position


def test_what_is_retried_is_rung_however_old_it_is(world: World) -> None:
    merchant_id = world.funded_merchant()
    reactor = Reactor(world.parts)
    reactor.step()
    payout_id = world.request_payout(merchant_id)

    def fails(parts: Parts, envelope: Envelope) -> Iterable[Ring]:
        raise LookupError

    REACTIONS[Payout.Approved].insert(0, fails)
    try:
        assert reactor.step() > 0
    finally:
        REACTIONS[Payout.Approved].remove(fails)
    world.advance(minutes=11)
    left = without_redis(world)
    with pytest.raises(QueueUnavailable):
        left.retry(payout_id)
    assert not waiting(world, PAY)
    assert reactor.retry(payout_id).taken > 0
    assert len(waiting(world, PAY)) == 1


def test_the_reactor_and_the_timetable_ring_one_job(world: World) -> None:
    merchant_id = world.funded_merchant()
    reactor = Reactor(world.parts)
    reactor.step()
    world.request_payout(merchant_id)
    reactor.step()
    world.schedule()
    assert len(waiting(world, PAY)) == 1


def test_reactions_are_found_by_the_event_they_follow() -> None:
    assert [reaction.__name__ for reaction in REACTIONS[Payout.Approved]] == ["when_a_payout_is_approved"]
