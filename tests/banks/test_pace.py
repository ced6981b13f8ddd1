"""Turns: how many calls go out in any stretch of time, and who waits how long."""

from __future__ import annotations

import pytest

from banks.pace import ASKED_AGAIN_MAX_S, Pace, next_turn, pace_of, turned_away
from banks.registry import bank_classes

ACB = Pace(calls=200, burst=10)
FAR = 1_000_000.0


def instants(pace: Pace, asked_at: list[float]) -> list[float]:
    """When the calls go out that were asked for at these instants."""
    held, found = None, []
    for now in asked_at:
        held, wait_s = next_turn(pace, held, now, FAR)
        found.append(now + wait_s)
    return found


def most_in(pace: Pace, sent_at: list[float]) -> int:
    """The most calls in any stretch of `per_s`."""
    return max(sum(begin <= one < begin + pace.per_s for one in sent_at) for begin in sent_at)


@pytest.mark.parametrize("pace", [ACB, Pace(), Pace(calls=11, per_s=1, burst=10)])
def test_never_more_calls_than_allowed_in_any_stretch_and_all_of_them_are_used(pace: Pace) -> None:
    # All at once, after a rest, and in bursts: the worst that callers can do.
    span = pace.per_s
    asked = [0.0] * pace.calls + [span * 1.5] * pace.calls + [span * 4 + index for index in range(50)]
    sent = instants(pace, asked)
    assert pace.calls - 1 <= most_in(pace, sent) <= pace.calls


def test_a_pace_that_let_a_burst_come_on_top_would_be_seen() -> None:
    class Careless(Pace, frozen=True):
        @property
        def apart_s(self) -> float:
            return self.per_s / self.calls

    careless = Careless(calls=200, burst=10)
    assert most_in(careless, instants(careless, [0.0] * 400)) > careless.calls


def test_a_burst_goes_out_at_once_and_the_next_waits() -> None:
    sent = instants(ACB, [0.0] * 12)
    assert sent[:10] == [0.0] * 10
    assert sent[10:] == pytest.approx([ACB.apart_s, 2 * ACB.apart_s], abs=1e-5)


def test_turns_come_in_the_order_they_were_asked_for() -> None:
    sent = instants(ACB, [0.0] * 30 + [1.0] * 5)
    assert sent == sorted(sent)


def test_a_turn_too_far_away_is_not_taken() -> None:
    held: float | None = None
    for _ in range(ACB.burst):
        held, _ = next_turn(ACB, held, 0.0, 0.0)
    refused, wait_s = next_turn(ACB, held, 0.0, 0.0)
    assert refused == held
    assert wait_s == pytest.approx(ACB.apart_s, abs=1e-5)


def test_a_bank_that_had_too_many_calls_is_left_alone_as_long_as_it_says_but_not_for_ever() -> None:
    assert next_turn(ACB, turned_away(ACB, None, 100.0, 20.0), 100.0, FAR)[1] == pytest.approx(20.0)
    assert next_turn(ACB, turned_away(ACB, None, 100.0, 1e9), 100.0, FAR)[1] == pytest.approx(ASKED_AGAIN_MAX_S)


def test_it_is_never_left_alone_shorter_than_turns_already_given() -> None:
    held = 100.0 + 60.0
    assert turned_away(ACB, held, 100.0, 1.0) == held


def test_a_clock_that_was_put_back_makes_nobody_wait() -> None:
    assert next_turn(ACB, 1e9, 100.0, FAR)[1] == 0.0


@pytest.mark.parametrize("code", sorted(bank_classes()))
def test_every_bank_states_a_pace_that_can_be_kept(code: str) -> None:
    pace = bank_classes()[code].pace
    assert 0 < pace.burst < pace.calls


def test_a_lab_may_be_given_a_pace_that_holds_nobody_up() -> None:
    assert pace_of(None) is None
    for calls in (10, 60_000, 9_999_999):
        pace = pace_of(calls)
        assert pace is not None
        assert 0 < pace.burst < pace.calls == calls


def test_acb_has_the_pace_of_its_gateway() -> None:
    assert bank_classes()["acb"].pace == Pace(calls=200, per_s=60, burst=10)
