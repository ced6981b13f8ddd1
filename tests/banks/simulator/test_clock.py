"""The bank's time jumps on demand, and the agenda with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from banks.simulator.clock import Agenda, VirtualClock, bank_day
from tests.banks.simulator.customer import until


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    one = VirtualClock()
    yield one
    one.close()


def test_a_bank_day_begins_at_17_hours_utc() -> None:
    assert bank_day(datetime(2025, 1, 15, 16, 59, tzinfo=UTC)) == date(2025, 1, 15)
    assert bank_day(datetime(2025, 1, 15, 17, 0, tzinfo=UTC)) == date(2025, 1, 16)


def test_the_clock_is_real_time_plus_its_offset(clock: VirtualClock) -> None:
    clock.set_offset(86_400)
    ahead = (clock.now() - datetime.now(UTC)).total_seconds()
    assert 86_399 < ahead < 86_401


def test_a_sleeper_wakes_when_the_clock_jumps_past_his_time(clock: VirtualClock) -> None:
    sleeper = threading.Thread(target=clock.sleep, args=(3600,), daemon=True)
    sleeper.start()
    clock.set_offset(3601)
    sleeper.join(10)
    assert not sleeper.is_alive()


def test_a_sleeper_wakes_when_the_clock_closes(clock: VirtualClock) -> None:
    sleeper = threading.Thread(target=clock.sleep, args=(3600,), daemon=True)
    sleeper.start()
    clock.close()
    sleeper.join(10)
    assert not sleeper.is_alive()


def test_the_agenda_works_in_order_of_time_and_not_before(clock: VirtualClock) -> None:
    agenda = Agenda(clock)
    done: list[str] = []
    for seconds, key in ((300, "c"), (100, "a"), (200, "b"), (200, "b2")):
        agenda.put(clock.later(seconds), done.append, key)
    agenda.start()
    clock.set_offset(250)
    until(lambda: len(done) == 3)
    assert done == ["a", "b", "b2"]
    clock.set_offset(400)
    until(lambda: len(done) == 4)
    assert agenda.working
    clock.close()
    agenda.join()
    assert not agenda.working
