"""The trial of killed projectors in short, the sameness of its schedule, and a careless projector that it finds."""

from __future__ import annotations

import pytest

from projections.projection import PROJECTIONS
from tests.torture import projector_kills
from tests.torture.judge import Kind
from tests.torture.projector_kills import AHEAD, FULL, SHORT, Size, schedule
from tests.torture.read_models import Store
from tests.torture.trial import Bench, MakeBench, Violated

FEW = Size(kills=3, events=AHEAD + 500)


@pytest.mark.timeout(300)
def test_a_projector_killed_again_and_again_ends_with_the_tables_of_a_rebuild_from_scratch(
    bench_of_tables: MakeBench, tables: Store
) -> None:
    report = projector_kills.run(bench_of_tables(projector_kills.NAME), tables, SHORT)
    assert report.counts["kills"] == SHORT.kills
    assert report.counts["of these in a transaction"] > 0


@pytest.mark.timeout(300)
def test_a_projector_that_commits_its_position_before_its_rows_is_found(
    sqlite_bench: Bench, sqlite_tables: Store
) -> None:
    with pytest.raises(Violated) as found:
        projector_kills.run(sqlite_bench, sqlite_tables, FEW, projector_from="tests.torture.careless_projector")
    assert set(found.value.kinds) == {Kind.FOLD}
    tables = {one.where.partition(" ")[0] for one in found.value.violations}
    ours = (PROJECTIONS["balances"], PROJECTIONS["journal"])
    assert tables <= {table.name for projection in ours for table in projection.tables}


def test_the_same_seed_gives_the_same_lives_and_another_seed_others(sqlite_bench: Bench) -> None:
    plan = schedule(sqlite_bench.dice("schedule"), FULL)
    assert len(plan) == 200
    assert plan == schedule(sqlite_bench.dice("schedule"), FULL)
    assert plan != schedule(sqlite_bench._replace(seed=2).dice("schedule"), FULL)
    assert {life.limit for life in plan} == set(projector_kills.LIMITS)
