"""Plans follow from the seed alone, and what they make can be told apart by its bytes."""

from __future__ import annotations

from itertools import islice

from tests.torture.plan import Style, events, stale_events, steps
from tests.torture.records import claim_of

STYLE = Style(pause_ms=40, entries=True)


def test_the_same_seed_gives_the_same_steps_and_another_seed_or_name_others() -> None:
    plan = list(islice(steps(1, "w0.0", STYLE), 500))
    assert plan == list(islice(steps(1, "w0.0", STYLE), 500))
    assert plan != list(islice(steps(2, "w0.0", STYLE), 500))
    others = islice(steps(1, "w0.1", STYLE), 500)
    assert [one.stream for one in plan] != [one.stream for one in others]


def test_a_fifth_of_the_steps_forces_a_conflict_and_all_streams_are_used() -> None:
    plan = list(islice(steps(1, "w0.0", STYLE), 5_000))
    assert 0.18 < sum(one.stale is not None for one in plan) / len(plan) < 0.22
    assert {one.stream for one in plan} == {f"st_{number}" for number in range(200)}
    assert {one.width for one in plan} == {1, 2, 3}
    assert {one.again for one in plan} == {True, False}


def test_events_of_one_key_are_equal_each_time_and_those_of_two_keys_never() -> None:
    [step] = islice(steps(1, "w0.0", STYLE), 1)
    assert events(step, "k1", 3) == events(step, "k1", 3)
    one, other = ({claim_of(event).digest for event in events(step, key, 3)} for key in ("k1", "k2"))
    assert one.isdisjoint(other)
    stale = stale_events(step, "k1.stale", 2)
    assert (stale[-1].originator_id, stale[-1].originator_version) == (step.stream, 2)
    assert one.isdisjoint({claim_of(event).digest for event in stale})
