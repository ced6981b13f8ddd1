"""The trial of killed rebuilds in short, the sameness of its schedule, and a rebuild with a fault that it finds."""

from __future__ import annotations

import pytest

from tests.torture import rebuild_kills
from tests.torture.judge import Kind
from tests.torture.read_models import Store
from tests.torture.rebuild_kills import FULL, PHASES, SHORT, Kill, schedule
from tests.torture.rebuilds import EXCHANGE
from tests.torture.trial import Bench, MakeBench, Violated


@pytest.mark.timeout(300)
def test_rebuilds_killed_anywhere_leave_tables_that_serve_and_nothing_else(
    bench_of_tables: MakeBench, tables: Store
) -> None:
    report = rebuild_kills.run(bench_of_tables(rebuild_kills.NAME), tables, SHORT)
    assert report.counts["kills"] > 0
    assert report.counts["left in peace"] > 0


@pytest.mark.timeout(300)
def test_an_exchange_in_several_steps_is_found_when_it_is_killed_between_them(
    sqlite_bench: Bench, mysql_tables: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_kills, "schedule", lambda dice, size: [Kill(EXCHANGE, 0, folder=False)])
    with pytest.raises(Violated) as found:
        rebuild_kills.run(sqlite_bench, mysql_tables, SHORT, rebuild_from="tests.torture.careless_exchange")
    assert Kind.HALF_TABLE in found.value.kinds


def test_the_same_seed_gives_the_same_kills_and_another_seed_others(sqlite_bench: Bench) -> None:
    plan = schedule(sqlite_bench.dice("schedule"), FULL)
    assert len(plan) == FULL.kills
    assert plan == schedule(sqlite_bench.dice("schedule"), FULL)
    assert plan != schedule(sqlite_bench._replace(seed=2).dice("schedule"), FULL)
    assert {kill.phase for kill in plan} == set(PHASES)
    assert {kill.folder for kill in plan} == {True, False}
