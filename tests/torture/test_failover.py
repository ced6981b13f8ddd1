"""Trial (c) in short, the sameness of its schedule, and a log without a majority behind it, seen to lose events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.mongodb import ReplicaSet
from tests.torture import failover
from tests.torture.failover import FULL, SHORT, Size, schedule
from tests.torture.judge import Kind
from tests.torture.trial import Bench, Violated

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[ReplicaSet]:
    """Three nodes of this test's own, as it kills them."""
    with ReplicaSet(tmp_path / "mongodb", nodes=3, election_ms=failover.ELECTION_MS) as servers:
        yield servers


@pytest.fixture
def bench(mongo: ReplicaSet, tmp_path: Path) -> Bench:
    """A fresh log on the three nodes."""
    return Bench(failover.NAME, "mongodb", mongo.url_of("torture"), tmp_path, 1)


def test_nothing_acknowledged_is_lost_when_primaries_die_freeze_or_step_down(bench: Bench, mongo: ReplicaSet) -> None:
    report = failover.run(bench, mongo, SHORT)
    assert report.counts["faults"] == SHORT.faults
    assert report.counts["stored"] > 0


def test_a_log_that_does_not_wait_for_a_majority_is_caught_losing_events(bench: Bench, mongo: ReplicaSet) -> None:
    with pytest.raises(Violated) as caught:
        failover.run(bench, mongo, Size(faults=1, kinds=("cut off",)), writers_from="tests.torture.careless_writer")
    assert caught.value.kinds[Kind.LOST] > 0
    assert f"make torture SEED=1 NAME={failover.NAME} STORE=mongodb" in str(caught.value)


def test_the_same_seed_gives_the_same_faults_and_another_seed_others(bench: Bench) -> None:
    assert schedule(bench.dice("schedule"), FULL) == schedule(bench.dice("schedule"), FULL)
    other = bench._replace(seed=2)
    assert schedule(bench.dice("schedule"), FULL) != schedule(other.dice("schedule"), FULL)
