"""Trial (c) in short, the sameness of its schedule, and a log without a majority behind it, seen to lose events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.mongodb import ReplicaSet
from tests.torture import disturbed, failover
from tests.torture.disturbed import Size, schedule
from tests.torture.failover import FULL, SHORT, faults_of
from tests.torture.judge import Kind
from tests.torture.trial import Bench, Violated

pytestmark = pytest.mark.timeout(600)

ONE = Size(faults=1)


@pytest.fixture
def mongo(own_servers: Path) -> Iterator[ReplicaSet]:
    """Three nodes of this test's own, as it kills them."""
    with ReplicaSet(own_servers, nodes=3, election_ms=failover.ELECTION_MS) as servers:
        yield servers


def bench_at(url: str, directory: Path, seed: int = 1) -> Bench:
    return Bench(failover.NAME, "mongodb", url, directory, seed)


def elections(mongo: ReplicaSet) -> int:
    """How many terms of a primary there were."""
    term: int = mongo.wait_for_primary().ask("replSetGetStatus")["term"]
    return term


def test_nothing_acknowledged_is_lost_when_primaries_die_freeze_or_step_down(mongo: ReplicaSet, tmp_path: Path) -> None:
    before = elections(mongo)
    report = disturbed.run(bench_at(mongo.url_of("torture"), tmp_path), faults_of(mongo), SHORT)
    assert elections(mongo) - before >= SHORT.faults
    assert report.counts["faults"] == SHORT.faults
    assert {"kill", "pause", "depose", "cut off", "isolate"} <= set(report.counts)
    assert report.counts["stored"] > 0


def test_a_log_that_does_not_wait_for_a_majority_is_caught_losing_events(mongo: ReplicaSet, tmp_path: Path) -> None:
    """A single cut may fall where nobody was writing, on a machine that is busy; five of them do not."""
    only = {"cut off": faults_of(mongo)["cut off"]}
    kinds: Counter[Kind] = Counter()
    told = ""
    for turn in range(5):
        directory = tmp_path / str(turn)
        directory.mkdir()
        try:
            careless = "tests.torture.careless_writer"
            disturbed.run(bench_at(mongo.url_of(f"torture{turn}"), directory), only, ONE, writers_from=careless)
        except Violated as caught:
            kinds += caught.kinds
            told = str(caught)
        if kinds[Kind.LOST]:
            break
    assert kinds[Kind.LOST] > 0, kinds
    assert f"make torture SEED=1 NAME={failover.NAME} STORE=mongodb" in told


def test_the_same_seed_gives_the_same_faults_and_another_seed_others(tmp_path: Path) -> None:
    kinds = ["kill", "pause", "depose"]
    plan = schedule(bench_at("", tmp_path).dice("schedule"), kinds, FULL)
    assert plan == schedule(bench_at("", tmp_path).dice("schedule"), kinds, FULL)
    assert plan != schedule(bench_at("", tmp_path, seed=2).dice("schedule"), kinds, FULL)
    assert min(sum(fault.kind == kind for fault in plan) for kind in kinds) >= FULL.faults // len(kinds)
