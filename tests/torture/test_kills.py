"""Trial (d) in short, and the sameness of its schedule."""

from __future__ import annotations

import pytest

from tests.torture import kills
from tests.torture.kills import FULL, SHORT, schedule
from tests.torture.trial import MakeBench

NAMES = ["writer0", "follower0", "projector"]


@pytest.mark.timeout(600)
def test_killed_writers_followers_and_projectors_leave_log_and_rows_right(bench: MakeBench) -> None:
    report = kills.run(bench(kills.NAME), SHORT)
    assert report.counts["kills"] == SHORT.kills
    assert report.counts["of writers"] > 0
    assert report.counts["of projectors"] > 0


def test_the_same_seed_gives_the_same_kills_and_another_seed_others(bench: MakeBench) -> None:
    one = bench(kills.NAME)
    plan = schedule(one.dice("schedule"), NAMES, FULL)
    assert len(plan) == 200
    assert plan == schedule(one.dice("schedule"), NAMES, FULL)
    assert plan != schedule(one._replace(seed=2).dice("schedule"), NAMES, FULL)
