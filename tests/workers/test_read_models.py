"""A read model that does not fit the log is found in the night, and people are told once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from ledger.alarms import READ_MODEL_DIFFERS
from ledger.calendar import ICT, bank_day
from ledger.errors import ReadTablesUnavailable
from projections import alarms, balances, payments, places
from projections.alarms import AlarmRow
from projections.checking import ROW_DIFFERS, Finding
from tests.workers.world import WEBHOOKS, World
from workers.jobs import CHECKS
from workers.read_models import CHECKED_AT, FOLLOWER, TOLD_MAX, check_read_models, nights_unchecked, report


def _told(world: World) -> list[AlarmRow]:
    world.project()
    found = alarms.alarms(world.parts.reader, limit=100)
    return [row for row in found if row.kind == READ_MODEL_DIFFERS]


def _night(world: World, days: int = 1) -> None:
    """The clock goes on to a minute past the hour of the check."""
    day = bank_day(world.clock()) + timedelta(days=days)
    wanted = datetime.combine(day, CHECKED_AT, ICT) + timedelta(minutes=1)
    world.advance(seconds=(wanted - world.clock()).total_seconds())


def _check(world: World) -> None:
    check_read_models(world.parts, bank_day(world.clock()).isoformat())


def _hand(world: World, *statements: Any) -> None:
    """What somebody does to the tables by hand."""
    world.parts.database.write(lambda connection: [connection.execute(statement) for statement in statements])


def test_the_night_after_the_first_start_is_checked_once(world: World) -> None:
    world.funded_merchant()
    assert world.schedule() >= 0
    world.work(CHECKS)
    begun = places.position_of(world.parts.reader, FOLLOWER)
    assert list(nights_unchecked(world.parts, world.clock())) == []
    _night(world)
    rung = [ring for ring in nights_unchecked(world.parts, world.clock()) if ring.queue == CHECKS]
    assert [ring.ids for ring in rung] == [(bank_day(world.clock()).isoformat(),)]
    world.parts.redis.flushall()
    world.schedule()
    world.work(CHECKS)
    assert places.position_of(world.parts.reader, FOLLOWER) == bank_day(world.clock()).toordinal() != begun
    assert list(nights_unchecked(world.parts, world.clock())) == []
    assert _told(world) == []


def test_a_job_that_was_lost_is_rung_again_until_the_night_is_done(world: World) -> None:
    world.project()
    world.schedule()
    _night(world)
    world.schedule()
    world.parts.redis.flushall()
    assert len(list(nights_unchecked(world.parts, world.clock()))) == 1
    world.schedule()
    world.work(CHECKS)
    assert list(nights_unchecked(world.parts, world.clock())) == []


def test_an_edited_a_missing_and_an_extra_row_are_told_each_with_its_read_model(world: World) -> None:
    merchant_id = world.funded_merchant()
    intent = world.intent(merchant_id)
    world.project()
    table, edited = balances.BALANCES, f"merchant:{merchant_id}:available"
    copied = dict(world.parts.reader.rows(select(payments.PAYMENTS).where(payments.PAYMENTS.c.id == intent.id))[0])
    _hand(
        world,
        update(table).where(table.c.account == edited).values(posted=table.c.posted + 41_234_567),
        delete(payments.PAYMENTS).where(payments.PAYMENTS.c.id == intent.id),
        insert(payments.PAYMENTS).values(copied | {"id": "pi_NEVER"}),
    )
    _check(world)
    told = {row.subject.partition("/")[0]: row.detail for row in _told(world)}
    assert told.keys() == {"balances", "payments"}
    assert edited in told["balances"]
    assert "posted" in told["balances"]
    assert "41234567" not in told["balances"].replace(",", "")
    assert "row missing" in told["payments"]
    assert "pi_NEVER" in told["payments"]
    assert "python -m projections rebuild payments" in told["payments"]


def test_the_same_fault_is_told_once_a_day_and_another_at_once(world: World) -> None:
    world.funded_merchant()
    world.project()
    _hand(world, update(balances.BALANCES).values(held=balances.BALANCES.c.held + 1))
    for _ in range(2):
        _check(world)
        assert len(_told(world)) == 1
    _hand(world, delete(payments.PAYMENTS))
    _check(world)
    assert len(_told(world)) == 2
    _night(world)
    _check(world)
    assert len(_told(world)) == 4


def test_no_merchant_is_told_of_such_an_alarm(world: World) -> None:
    merchant_id = world.funded_merchant()
    world.endpoint(merchant_id, "https://shop.example/hook")
    world.project()
    _hand(world, update(balances.BALANCES).values(held=balances.BALANCES.c.held + 1))
    before = world.parts.redis.llen(f"rq:queue:{WEBHOOKS}")
    _check(world)
    world.project()
    assert len(_told(world)) == 1
    assert world.parts.redis.llen(f"rq:queue:{WEBHOOKS}") == before


def test_a_read_model_that_cannot_be_checked_is_told_as_well(world: World) -> None:
    world.funded_merchant()
    world.project()
    _hand(world, update(balances.Balances().place).values(definition="another"))
    _check(world)
    assert [(row.subject.partition("/")[0], "another definition" in row.detail) for row in _told(world)] == [
        ("balances", True)
    ]


def test_a_check_that_was_cut_short_leaves_the_night_undone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.project()
    world.schedule()
    _night(world)
    _hand(world, text("DROP TABLE positions"))
    with pytest.raises(ReadTablesUnavailable):
        _check(world)
    with pytest.raises(ReadTablesUnavailable):
        list(nights_unchecked(world.parts, world.clock()))


def test_a_report_names_the_first_findings_and_counts_the_others() -> None:
    def found(keys: Sequence[int]) -> list[Finding]:
        return [Finding(projection="payments", kind=ROW_DIFFERS, table="payments", key=f"k{key}") for key in keys]

    night = date(2026, 11, 26)
    told = report("payments", night, found(range(TOLD_MAX + 3)))
    assert f"k{TOLD_MAX - 1}" in told.detail
    assert f"k{TOLD_MAX}" not in told.detail
    assert "and 3 more" in told.detail
    assert report("payments", night, found([1, 2])).digest == report("payments", night, found([2, 1])).digest
    assert report("payments", night, found([1, 2])).digest != report("payments", night, found([1, 3])).digest


def test_the_hour_of_the_check_is_one_of_the_night() -> None:
    assert time(1) < CHECKED_AT < time(6)
