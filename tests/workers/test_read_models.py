"""A read model that does not fit the log is found in the night, and people are told once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from ledger.alarms import READ_MODEL_DIFFERS, READ_MODELS_UNCHECKED
from ledger.calendar import ICT, bank_day
from ledger.errors import ReadTablesUnavailable
from projections import alarms, balances, merchants, payments, places, webhooks
from projections.alarms import AlarmRow
from projections.aside import STREAMS_MAX
from projections.checking import ROW_DIFFERS, Finding
from tests.projections.planted import Planted
from tests.workers.world import World
from workers.jobs import CHECKS
from workers.read_models import (
    CHECKED_AT,
    FOLLOWER,
    OVERDUE_AFTER,
    TOLD_MAX,
    check_read_models,
    nights_unchecked,
    report,
)


@pytest.fixture
def planted() -> Iterator[Planted]:
    """A projection that fails as its events say."""
    with closing(Planted()) as known:
        yield known


def _told(world: World, kind: str = READ_MODEL_DIFFERS) -> list[AlarmRow]:
    world.project()
    found = alarms.alarms(world.parts.reader, limit=100)
    return [row for row in found if row.kind == kind]


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


def _damaged(world: World) -> set[tuple[str, str]]:
    """A row is edited, another is missing, a third is one too many; (read model, what is to be told of it)."""
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
    return {
        ("balances", f"balances: row differs: {edited}: posted"),
        ("payments", f"payments: row missing: {intent.id}"),
        ("payments", "payments: row more: pi_NEVER"),
    }


def _found(world: World, damages: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of the damages the alarms tell."""
    details = {row.subject.partition("/")[0]: row.detail for row in _told(world)}
    return {(name, said) for name, said in damages if said in details.get(name, "")}


def test_an_edited_a_missing_and_an_extra_row_are_told_each_with_its_read_model(world_on_each: World) -> None:
    world = world_on_each
    damages = _damaged(world)
    _check(world)
    assert _found(world, damages) == damages
    told = {row.subject.partition("/")[0]: row.detail for row in _told(world)}
    assert told.keys() == {"balances", "payments"}
    assert "41234567" not in told["balances"].replace(",", "")
    assert "python -m projections rebuild payments" in told["payments"]


@pytest.mark.parametrize(
    ("blind", "seen"),
    [("projections.checking._rows", 0), ("projections.checking.Pair.differing", 2), ("workers.read_models.check", 0)],
)
def test_a_check_that_is_blind_is_found_out_by_the_same_damages(
    world: World, monkeypatch: pytest.MonkeyPatch, blind: str, seen: int
) -> None:
    damages = _damaged(world)
    monkeypatch.setattr(blind, lambda *arguments: [])
    _check(world)
    assert len(_found(world, damages)) == seen


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
    merchant_id = world.merchant()
    world.endpoint(merchant_id, "https://shop.example/hook")
    world.pay(world.intent(merchant_id))
    world.read_statement()
    world.project()
    outbox = select(webhooks.DELIVERIES.c.id)
    before = world.parts.reader.column(outbox)
    _hand(world, update(payments.PAYMENTS).values(received=1))
    _check(world)
    assert len(_told(world)) == 1
    assert world.parts.reader.column(outbox) == before != []


def test_a_read_model_that_cannot_be_checked_is_told_as_well(world: World) -> None:
    world.funded_merchant()
    world.project()
    _hand(world, update(balances.Balances().place).values(definition="another"))
    _check(world)
    assert [(row.subject.partition("/")[0], "another definition" in row.detail) for row in _told(world)] == [
        ("balances", True)
    ]


def test_one_whose_folds_fail_throughout_does_not_keep_the_others_from_being_checked(
    world: World, planted: Planted
) -> None:
    world.merchant()
    planted.mend()
    planted.happens(world.parts.ledger, *(("raise", f"tl_{number}") for number in range(STREAMS_MAX + 1)))
    world.project()
    planted.unmend()
    _hand(world, update(merchants.MERCHANTS).values(payout_fee=1))
    _check(world)
    told = {row.subject.partition("/")[0]: row.detail for row in _told(world)}
    assert told.keys() == {"merchants", "tallies"}
    assert "row differs" in told["merchants"]
    assert "may not set aside more" in told["tallies"]


def test_a_check_that_was_cut_short_leaves_the_night_undone_and_is_told_when_it_is_overdue(world: World) -> None:
    world.schedule()
    _night(world)
    _hand(world, text("ALTER TABLE positions__aside RENAME TO away"), text("ALTER TABLE positions RENAME TO gone"))
    with pytest.raises(ReadTablesUnavailable):
        _check(world)
    with pytest.raises(ReadTablesUnavailable):
        list(nights_unchecked(world.parts, world.clock()))
    _hand(world, text("ALTER TABLE gone RENAME TO positions"), text("ALTER TABLE away RENAME TO positions__aside"))
    assert len(list(nights_unchecked(world.parts, world.clock()))) == 1
    assert _told(world, READ_MODELS_UNCHECKED) == []
    world.advance(seconds=OVERDUE_AFTER.total_seconds())
    for _ in range(2):
        assert len(list(nights_unchecked(world.parts, world.clock()))) == 1
        assert [row.subject for row in _told(world, READ_MODELS_UNCHECKED)] == [bank_day(world.clock()).isoformat()]
    world.schedule()
    world.work(CHECKS)
    assert list(nights_unchecked(world.parts, world.clock())) == []


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
