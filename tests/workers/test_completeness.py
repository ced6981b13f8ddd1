"""A statement that lacks a movement is noticed by the bank's balance, and made whole from the bank's history."""

from __future__ import annotations

import pytest

from ledger.alarms import HOLE_STAYS_OPEN, Alarm
from ledger.completeness import Completeness, id_of_completeness
from ledger.errors import BankUnavailable
from ledger.money import Money
from ledger.statements import StatementLine
from tests.workers.world import ACCOUNT_NUMBER, ASK, BANK_ACCOUNT, World
from workers.completeness import accounts_to_check, check_completeness


def checked(world: World, count: int = 1) -> Completeness:
    """What is known after so many checks, five minutes apart."""
    for _ in range(count):
        world.advance(minutes=5)
        world.project()
        check_completeness(world.parts, BANK_ACCOUNT)
    return world.parts.ledger.get(Completeness, id_of_completeness(BANK_ACCOUNT))


def happened(world: World) -> list[str]:
    return [name for name in world.names(id_of_completeness(BANK_ACCOUNT)) if name.startswith("hole")]


def lines(world: World) -> list[StatementLine.Recorded]:
    found = [envelope.event for envelope in world.parts.ledger.follow()]
    return [event for event in found if isinstance(event, StatementLine.Recorded)]


def pays(world: World, units: int) -> None:
    """A payer pays, and the bank's push of it is lost: nobody here hears it."""
    world.control("/pay", {"account": ACCOUNT_NUMBER, "amount": units, "memo": "ung ho"})


def test_a_quiet_account_is_complete_up_to_its_last_balance_but_one(world: World) -> None:
    first = checked(world)
    assert first.complete_up_to is None
    second = checked(world)
    assert first.told is not None
    assert (second.complete_up_to, second.checkpoint) == (first.told.at, first.told)
    third = checked(world)
    assert third.complete_up_to is not None
    assert third.complete_up_to > first.told.at
    assert happened(world) == []


def test_a_lost_push_is_noticed_fetched_and_closed_by_itself(world: World) -> None:
    checked(world, 2)
    pays(world, 50_000)
    pays(world, 50_000)
    checked(world)
    assert lines(world) == []
    known = checked(world)
    assert [line.amount for line in lines(world)] == [Money(50_000)] * 2
    assert happened(world) == ["hole_noticed", "hole_closed"]
    assert known.holes == {}
    assert known.checkpoint is not None
    assert known.checkpoint.balance == Money(100_000)
    checked(world, 2)
    assert happened(world) == ["hole_noticed", "hole_closed"]


def test_lines_that_came_by_themselves_leave_no_hole(world: World) -> None:
    checked(world, 2)
    for units in (50_000, 60_000):
        pays(world, units)
        world.read_statement()
        known = checked(world, 2)
    assert happened(world) == []
    assert known.checkpoint is not None
    assert known.checkpoint.balance == Money(110_000)


def test_a_history_that_cannot_be_read_leaves_the_hole_open_for_the_next_check(world: World) -> None:
    checked(world, 2)
    pays(world, 50_000)
    checked(world)
    world.control("/next-answer", {"to": "history", "count": 2, "drop": True})
    with pytest.raises(BankUnavailable):
        checked(world)
    assert happened(world) == ["hole_noticed"]
    checked(world)
    assert happened(world) == ["hole_noticed", "hole_closed"]


def test_people_are_told_of_a_hole_that_the_history_does_not_close(world: World) -> None:
    checked(world, 2)
    world.control("/settings", {"history_s": 86_400})
    pays(world, 50_000)
    known = checked(world, 2)
    (hole,) = known.holes.values()
    assert hole.missing == Money(50_000)
    world.advance(minutes=60)
    checked(world, 2)
    raised = [envelope.event for envelope in world.parts.ledger.follow()]
    (alarm,) = [event for event in raised if isinstance(event, Alarm.Raised) and event.kind == HOLE_STAYS_OPEN]
    assert alarm.subject == hole.hole_id
    world.control("/settings", {"history_s": 0})
    assert checked(world).holes == {}


def test_what_the_read_tables_do_not_show_yet_is_no_hole(world: World) -> None:
    checked(world, 2)
    pays(world, 50_000)
    checked(world)
    world.read_statement()
    world.advance(minutes=5)
    told = world.names(id_of_completeness(BANK_ACCOUNT)).count("balance_told")
    check_completeness(world.parts, BANK_ACCOUNT)
    assert happened(world) == []
    assert world.names(id_of_completeness(BANK_ACCOUNT)).count("balance_told") == told


def test_the_timetable_checks_every_account(world_on_each: World) -> None:
    world = world_on_each
    (ring,) = accounts_to_check(world.parts, world.clock())
    assert (ring.queue, ring.ids) == (ASK, (BANK_ACCOUNT,))
    world.schedule()
    world.work(ASK)
    assert world.parts.ledger.get(Completeness, id_of_completeness(BANK_ACCOUNT)).told is not None
