"""The trial of a hurt server of read tables, in short, and a rebuild without a sentence that it finds."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from local.mysql import SqlServer
from tests.torture import read_tables_outages
from tests.torture.judge import Kind
from tests.torture.read_tables_outages import FULL, SHORT, Size, schedule
from tests.torture.trial import Bench, Violated


@pytest.fixture
def hurt_bench(event_store_url: str, tmp_path: Path) -> Bench:
    """A bench on an empty log in MongoDB."""
    return Bench(read_tables_outages.NAME, "mongodb", event_store_url, tmp_path, 1)


@pytest.mark.timeout(300)
def test_tables_are_whole_and_right_whatever_became_of_their_server(hurt_bench: Bench, tmp_path: Path) -> None:
    with SqlServer(tmp_path / "mysql", password=secrets.token_hex(16)) as sql:
        report = read_tables_outages.run(hurt_bench, sql, SHORT)
    assert report.counts["while rebuilding"] > 0
    assert report.counts["ended well"] == 1


@pytest.mark.timeout(300)
def test_a_rebuild_that_ends_without_a_sentence_is_found(hurt_bench: Bench, tmp_path: Path) -> None:
    few = Size(events=500, following=0, rebuilding=1, calm_s=(2.0, 3.0))
    with SqlServer(tmp_path / "mysql", password=secrets.token_hex(16)) as sql, pytest.raises(Violated) as found:
        read_tables_outages.run(hurt_bench, sql, few, rebuild_from="tests.torture.speechless_rebuild")
    assert Kind.UNEXPLAINED in found.value.kinds


def test_the_same_seed_hurts_in_the_same_way(hurt_bench: Bench) -> None:
    kinds = ["kill", "freeze", "hang up"]
    plan = schedule(hurt_bench.dice("schedule"), kinds, FULL)
    assert plan == schedule(hurt_bench.dice("schedule"), kinds, FULL)
    assert {fault.kind for fault in plan} == set(kinds)
