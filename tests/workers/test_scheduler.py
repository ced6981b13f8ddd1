"""The timetable: one scheduler rings, whatever was lost is found again, and Redis may be emptied at any time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from ledger.errors import PayoutNotFound, ReadTablesUnavailable
from local.redis import RedisServer
from tests.workers.world import ASK, PAY, World, waiting
from workers.jobs import Ring
from workers.parts import Parts, connect
from workers.scheduler import LOCK, TIMETABLE, Entry, Scheduler, daily

POLL = Ring(queue=ASK, job="poll_statement", ids=("ba_acb_main", "2026-11-23"))


def polls(parts: Parts, now: datetime) -> Iterable[Ring]:
    yield POLL


def refuses(parts: Parts, now: datetime) -> Iterable[Ring]:
    raise PayoutNotFound("There is no payout.")


def is_away(parts: Parts, now: datetime) -> Iterable[Ring]:
    raise ReadTablesUnavailable("The read tables are away.")


EVERY_TEN = Entry(due=polls, interval=timedelta(seconds=10))


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    """Vietnam time, as UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=7)


def test_the_timetable_holds_the_entries_of_every_file_of_this_package() -> None:
    assert {entry.due.__name__ for entry in TIMETABLE} >= {
        "accounts_to_check",
        "payment_intents_to_expire",
        "payouts_to_ask_about",
        "payouts_to_send",
        "statements_left_unread",
        "statements_of_today",
        "statements_of_yesterday",
        "webhooks_to_deliver",
    }


def test_an_entry_is_due_once_an_interval(world: World) -> None:
    scheduler = Scheduler(world.parts, [EVERY_TEN])
    assert [scheduler.tick(), scheduler.tick()] == [1, 0]
    world.parts.redis.flushall()
    assert scheduler.tick() == 0
    world.clock.offset += timedelta(seconds=10)
    assert scheduler.tick() == 1


def test_a_daily_entry_changes_its_occasion_at_its_time_in_vietnam() -> None:
    entry = Entry(due=polls, interval=timedelta(days=1), offset=timedelta(hours=1, minutes=30))
    assert entry.occasion(at(1, 29)) == entry.occasion(at(1, 30, day=22))
    assert entry.occasion(at(1, 30)) == entry.occasion(at(1, 29)) + 1
    assert entry.occasion(at(23, 59)) == entry.occasion(at(1, 30))


def test_daily_puts_one_entry_for_each_time_on_the_timetable() -> None:
    before = len(TIMETABLE)
    daily(time(1, 30), time(6, 0))(polls)
    added = [TIMETABLE.pop() for _ in range(len(TIMETABLE) - before)]
    assert [entry.offset for entry in reversed(added)] == [timedelta(hours=1, minutes=30), timedelta(hours=6)]


def test_of_two_schedulers_one_rings(world: World) -> None:
    first, second = Scheduler(world.parts, [EVERY_TEN]), Scheduler(world.parts, [EVERY_TEN])
    assert [first.tick(), second.tick()] == [1, 0]
    for _ in range(3):
        world.clock.offset += timedelta(seconds=10)
        world.parts.redis.delete(f"rq:job:{POLL.job_id}")
        assert [second.tick(), first.tick()] == [0, 1]
    first.give_up_lock()
    world.clock.offset += timedelta(seconds=10)
    world.parts.redis.delete(f"rq:job:{POLL.job_id}")
    assert [second.tick(), first.tick()] == [1, 0]


def test_the_lock_ends_by_itself(world: World) -> None:
    scheduler = Scheduler(world.parts, [EVERY_TEN])
    scheduler.tick()
    assert 0 < world.parts.redis.pttl(LOCK) <= 15_000


def test_a_scheduler_that_lost_the_lock_rings_nothing_and_leaves_the_lock_alone(world: World) -> None:
    scheduler = Scheduler(world.parts, [EVERY_TEN])
    scheduler.tick()
    world.parts.redis.set(LOCK, "another")
    world.clock.offset += timedelta(seconds=10)
    assert scheduler.tick() == 0
    scheduler.give_up_lock()
    assert world.parts.redis.get(LOCK) == b"another"


def test_an_entry_that_refuses_or_is_away_does_not_stop_the_others(world: World) -> None:
    table = [Entry(due=refuses, interval=timedelta(days=1)), Entry(due=is_away, interval=timedelta(days=1)), EVERY_TEN]
    assert Scheduler(world.parts, table).tick() == 1


def test_an_entry_whose_parts_were_away_is_tried_again_at_the_next_tick(world: World) -> None:
    asked: list[datetime] = []

    def away_at_first(parts: Parts, now: datetime) -> Iterable[Ring]:
        asked.append(now)
        if len(asked) == 1:
            raise ReadTablesUnavailable("The read tables are away.")
        yield POLL

    scheduler = Scheduler(world.parts, [Entry(due=away_at_first, interval=timedelta(days=1))])
    assert [scheduler.tick(), scheduler.tick(), scheduler.tick()] == [0, 1, 0]


def test_a_redis_that_was_away_is_rung_as_soon_as_it_is_back(world: World, tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        parts = replace(world.parts, redis=connect(server.url))
        scheduler = Scheduler(parts, [Entry(due=polls, interval=timedelta(days=1))])
        server.stop()
        assert scheduler.tick() == 0
        server.start()
        assert scheduler.tick() == 1
        parts.redis.close()


@pytest.mark.parametrize("moment", range(6))
def test_an_emptied_redis_loses_nothing(world: World, moment: int) -> None:
    merchant_id = world.funded_merchant(20_000_000)
    payouts = [world.request_payout(merchant_id) for _ in range(3)]
    world.control("/next-order", {"fault": "lose_answer"})
    steps = [
        world.schedule,
        lambda: world.work(PAY),
        lambda: world.advance(seconds=61),
        world.schedule,
        lambda: world.work(ASK),
        world.schedule,
    ]
    for number, step in enumerate(steps):
        if number == moment:
            world.parts.redis.flushall()
        step()
    world.round()
    for payout_id in payouts:
        world.booked(payout_id)
    world.advance(seconds=61)
    world.round()
    assert [world.payout(payout_id).status for payout_id in payouts] == ["confirmed"] * 3
    assert [world.received(payout_id) for payout_id in payouts] == [1, 1, 1]


def test_jobs_do_not_pile_up_while_no_worker_is_there(world: World) -> None:
    world.request_payout(world.funded_merchant())
    for _ in range(5):
        world.schedule()
        world.clock.offset += timedelta(seconds=60)
    assert len(waiting(world, PAY)) == 1
    assert len(waiting(world, ASK)) == 3  # today, yesterday, and whether they are complete
