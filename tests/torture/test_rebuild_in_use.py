"""The trial of a rebuild in use, in short, and a careless exchange that its readers find."""

from __future__ import annotations

import pytest

from tests.torture import rebuild_in_use
from tests.torture.judge import Kind
from tests.torture.read_models import Store
from tests.torture.rebuild_in_use import SHORT
from tests.torture.trial import Bench, MakeBench, Violated


@pytest.mark.timeout(300)
def test_read_models_are_rebuilt_while_they_are_read_and_written(bench_of_tables: MakeBench, tables: Store) -> None:
    report = rebuild_in_use.run(bench_of_tables(rebuild_in_use.NAME), tables, SHORT)
    assert report.counts["rebuilds"] == SHORT.rebuilds
    assert report.counts["reads"] > 20
    assert report.counts["events meanwhile"] > 20


@pytest.mark.timeout(300)
def test_an_exchange_that_drops_first_is_found_by_those_who_read(sqlite_bench: Bench, mysql_tables: Store) -> None:
    with pytest.raises(Violated) as found:
        rebuild_in_use.run(sqlite_bench, mysql_tables, SHORT, rebuild_from="tests.torture.careless_rebuild")
    assert Kind.UNREAD in found.value.kinds
