"""Trial (b) in short, the sameness of its schedule, and the gates: each is seen to hold a writer where it says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from ledger.event_log import opened
from tests.torture import held
from tests.torture.gates import gate
from tests.torture.held import FULL, SHORT, Crowd, HeldWriter, Round, schedule
from tests.torture.records import Outcome
from tests.torture.trial import MakeBench


@pytest.mark.timeout(600)
def test_followers_see_all_events_once_and_in_order_while_a_writer_is_held(bench: MakeBench) -> None:
    report = held.run(bench(held.NAME), SHORT)
    assert report.counts["rounds"] == SHORT.rounds
    assert report.counts["held stored"] > SHORT.rounds / 2


def test_the_same_seed_gives_the_same_holds_and_another_seed_others(bench: MakeBench) -> None:
    one = bench(held.NAME)
    plan = schedule(one.dice("schedule"), one.store, FULL)
    assert plan == schedule(one.dice("schedule"), one.store, FULL)
    assert plan != schedule(one._replace(seed=2).dice("schedule"), one.store, FULL)
    assert len(plan) == 1_000
    assert sum(this.delay_s > 1 for this in plan) == FULL.long_holds


@pytest.mark.parametrize("afresh", [True, False])
def test_a_gate_holds_a_writer_whose_events_others_do_not_see_yet(bench: MakeBench, *, afresh: bool) -> None:
    one = bench(held.NAME)
    this = Round(others=20, passed=0, delay_s=0, width=2, rival=False, afresh=afresh)
    with gate(one.store, one.url) as door, opened(one.url) as log, ExitStack() as stack:
        crowd = Crowd(log, stack.enter_context(ThreadPoolExecutor(4)))
        crowd.first()
        writer = HeldWriter(door, stack)
        hold = door.arm()
        mine = writer.write(0, this)
        assert hold.held.wait(30)
        others = crowd.write(0, this)
        if one.store == "mongodb":
            assert [other.result(30).outcome for other in others] == [Outcome.STORED] * 20
            assert log.head() == 21
        assert not mine.done()
        assert log.stream("held.0") == []
        hold.go.set()
        assert mine.result(30).outcome is Outcome.STORED
        assert {other.result(30).outcome for other in others} == {Outcome.STORED}
        assert log.head() == 23
