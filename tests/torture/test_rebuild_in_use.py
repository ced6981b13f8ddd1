"""The trial of rebuilds in use in short, and an exchange in several steps that its readers notice."""

from __future__ import annotations

import pytest

from tests.torture import rebuild_in_use
from tests.torture.judge import Kind
from tests.torture.read_models import Store
from tests.torture.rebuild_in_use import READ, SHORT, STOOD, slow
from tests.torture.trial import Bench, MakeBench, Violated


@pytest.mark.timeout(300)
def test_nobody_who_reads_or_appends_notices_a_rebuild(bench_of_tables: MakeBench, tables: Store) -> None:
    report = rebuild_in_use.run(bench_of_tables(rebuild_in_use.NAME), tables, SHORT)
    assert report.counts["reads"] > 0
    assert report.counts["commands"] > 0
    assert report.counts["exchanges seen"] > 0


@pytest.mark.timeout(300)
def test_an_exchange_that_removes_the_old_tables_first_fails_reads(sqlite_bench: Bench, mysql_tables: Store) -> None:
    with pytest.raises(Violated) as found:
        rebuild_in_use.run(sqlite_bench, mysql_tables, SHORT, rebuild_from="tests.torture.careless_exchange")
    # Reads fail, or a projector was quick to make empty tables, which stand at an earlier position.
    assert found.value.kinds.keys() & {Kind.UNREAD, Kind.BACKWARDS}


def test_a_second_is_too_long() -> None:
    assert slow({READ: 999, STOOD: 999}) == []
    for late in ({READ: 1_000, STOOD: 0}, {READ: 0, STOOD: 1_000}):
        (violation,) = slow(late)
        assert violation.kind is Kind.SLOW
