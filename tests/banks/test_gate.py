"""The gate before a bank, shared by processes through a real Redis."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from banks.circuits import FAILURES_MAX, PAUSE_S, Operation
from banks.gate import TURNED_AWAY_S, Gate, HeldBack, states
from banks.pace import Pace
from banks.shared_state import SharedState

SLOW = Pace(calls=11, per_s=200, burst=1)
"""A turn every twenty seconds."""
FAR = 1_000_000.0


class Hands:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 26, 3, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@contextmanager
def gate_of_a_process(redis_url: str, clock: Hands, pace: Pace = SLOW) -> Iterator[Gate]:
    with Redis.from_url(redis_url) as own:
        yield Gate("acb", pace, SharedState(own, clock), clock)


@pytest.fixture
def one(redis_url: str, clock: Hands) -> Iterator[Gate]:
    with gate_of_a_process(redis_url, clock) as gate:
        yield gate


@pytest.fixture
def other(redis_url: str, clock: Hands) -> Iterator[Gate]:
    with gate_of_a_process(redis_url, clock) as gate:
        yield gate


def break_down(gate: Gate, operation: Operation) -> None:
    for _ in range(FAILURES_MAX):
        gate.tell(operation, has_answered=False)


def test_many_processes_share_the_turns_of_a_bank(redis_url: str, clock: Hands) -> None:
    waits: list[float] = []

    def take() -> None:
        with gate_of_a_process(redis_url, clock) as gate:
            waits.extend(gate.take_turn(FAR) for _ in range(4))

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [round(wait_s / 20) for wait_s in sorted(waits)] == list(range(24))


def test_a_turn_too_far_away_is_refused_and_stays_free(one: Gate, other: Gate) -> None:
    one.take_turn()
    with pytest.raises(HeldBack, match=r"(20|19) s away"):
        other.take_turn()
    assert other.next_turn_s() == pytest.approx(20, abs=5)


def test_other_banks_have_turns_of_their_own(one: Gate, redis_url: str, clock: Hands) -> None:
    one.take_turn()
    with Redis.from_url(redis_url) as own:
        assert Gate("mb", SLOW, SharedState(own, clock), clock).take_turn() == 0


@pytest.mark.parametrize(
    ("retry_after", "pause_s"), [("7", 7), (None, TURNED_AWAY_S), ("soon", TURNED_AWAY_S), ("-1", TURNED_AWAY_S)]
)
def test_a_bank_that_had_too_many_calls_is_left_alone_by_all(
    redis_url: str, clock: Hands, retry_after: str | None, pause_s: float
) -> None:
    quick = Pace(calls=1_000, burst=100)
    with gate_of_a_process(redis_url, clock, quick) as one, gate_of_a_process(redis_url, clock, quick) as other:
        one.turned_away(retry_after)
        assert other.next_turn_s() == pytest.approx(pause_s, abs=2)


def test_what_fails_for_one_process_is_held_back_for_all(one: Gate, other: Gate) -> None:
    break_down(one, "history")
    with pytest.raises(HeldBack, match="history"):
        other.enter("history")
    other.enter("balance")


def test_failures_of_several_processes_count_together(one: Gate, other: Gate) -> None:
    for gate in (one, other, one, other, one):
        gate.tell("history", has_answered=False)
    assert other.state("history") == "open"


def test_after_the_pause_one_process_tries_and_its_answer_is_good_for_all(one: Gate, other: Gate, clock: Hands) -> None:
    break_down(one, "history")
    clock.advance(PAUSE_S)
    other.enter("history")
    with pytest.raises(HeldBack):
        one.enter("history")
    other.tell("history", has_answered=True)
    one.enter("history")


def test_a_try_that_had_no_turn_is_left_to_the_next(one: Gate, other: Gate, clock: Hands) -> None:
    break_down(one, "history")
    clock.advance(PAUSE_S)
    one.enter("history")
    one.leave("history")
    other.enter("history")


def test_an_order_never_tries(one: Gate, clock: Hands) -> None:
    break_down(one, "transfer")
    clock.advance(PAUSE_S)
    assert one.state("transfer") == "half_open"
    with pytest.raises(HeldBack):
        one.enter("transfer")


@pytest.mark.parametrize("question", ["balance", "enquiry"])
@pytest.mark.parametrize("down", ["transfer", "token"])
def test_orders_go_on_once_something_harmless_was_answered(
    one: Gate, other: Gate, clock: Hands, down: Operation, question: Operation
) -> None:
    break_down(one, down)
    assert not other.may_send()
    assert not other.may_try()
    clock.advance(PAUSE_S)
    assert other.may_try()
    other.tell(question, has_answered=True)
    assert one.may_send()


def test_one_process_at_a_time_asks_for_orders(one: Gate, other: Gate, clock: Hands) -> None:
    break_down(one, "transfer")
    clock.advance(PAUSE_S)
    assert [one.may_try(), other.may_try()] == [True, False]
    one.has_tried()
    assert other.may_try()


def test_a_harmless_question_that_fails_keeps_orders_back_for_longer(one: Gate, other: Gate, clock: Hands) -> None:
    break_down(one, "transfer")
    clock.advance(PAUSE_S)
    other.tell("balance", has_answered=False)
    clock.advance(PAUSE_S)
    assert one.state("transfer") == "open"


@pytest.mark.parametrize("operation", ["history", "lookup", "token"])
def test_nothing_else_closes_the_circuit_of_orders(one: Gate, clock: Hands, operation: Operation) -> None:
    break_down(one, "transfer")
    clock.advance(PAUSE_S)
    one.tell(operation, has_answered=True)
    assert one.state("transfer") == "half_open"


def test_each_change_is_told_in_the_log_once(
    one: Gate, other: Gate, clock: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "banks.gate")
    break_down(one, "transfer")
    one.tell("transfer", has_answered=False)
    clock.advance(PAUSE_S)
    other.tell("balance", has_answered=True)
    other.tell("transfer", has_answered=True)
    assert [record.getMessage() for record in caplog.records] == [
        "transfer of acb is held for 15 s after 5 failures",
        "transfer of acb goes on",
    ]


def test_how_all_circuits_stand_can_be_seen(one: Gate, redis_url: str, clock: Hands) -> None:
    break_down(one, "transfer")
    with Redis.from_url(redis_url) as own:
        shown = states(SharedState(own, clock), ["acb", "mb"], clock())
    assert shown["acb"]["transfer"] == "open"
    assert {state for circuits in shown.values() for state in circuits.values()} == {"open", "closed"}
    assert set(shown["mb"].values()) == {"closed"}
