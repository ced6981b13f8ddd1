"""A circuit step by step: when it opens, who may try, and what closes it."""

from __future__ import annotations

from banks.circuits import (
    FAILURES_MAX,
    PAUSE_MAX_S,
    PAUSE_S,
    TRYING_S,
    WORKS,
    Circuit,
    answered,
    closed_by_another,
    entered,
    failed,
    kept_open_by_another,
    not_tried,
)


def broken(now: float = 0.0, circuit: Circuit = WORKS) -> Circuit:
    """The circuit after as many failures as it takes."""
    for _ in range(FAILURES_MAX):
        circuit = failed(circuit, now)
    return circuit


def test_only_failures_in_a_row_open_it() -> None:
    circuit = WORKS
    for _ in range(FAILURES_MAX - 1):
        circuit = failed(circuit, 0.0)
    assert circuit.state(0.0) == "closed"
    assert failed(answered(circuit), 0.0).state(0.0) == "closed"
    assert failed(circuit, 0.0).state(0.0) == "open"


def test_nobody_enters_until_the_pause_is_over_and_then_one() -> None:
    circuit = broken()
    assert entered(circuit, PAUSE_S - 0.1)[1] is False
    assert circuit.state(PAUSE_S) == "half_open"
    circuit, first = entered(circuit, PAUSE_S)
    circuit, second = entered(circuit, PAUSE_S + 1)
    assert (first, second) == (True, False)


def test_another_tries_when_the_one_that_tried_is_not_heard_of() -> None:
    circuit, _ = entered(broken(), PAUSE_S)
    assert entered(circuit, PAUSE_S + TRYING_S)[1] is True


def test_another_tries_when_the_one_that_was_let_in_made_no_call() -> None:
    circuit, _ = entered(broken(), PAUSE_S)
    assert entered(not_tried(circuit), PAUSE_S)[1] is True
    assert not_tried(WORKS) == WORKS


def test_the_answer_of_the_one_that_tried_closes_it() -> None:
    circuit, _ = entered(broken(), PAUSE_S)
    assert answered(circuit) == WORKS


def test_each_vain_try_doubles_the_pause_up_to_its_end() -> None:
    circuit, now, pauses = broken(), 0.0, []
    for _ in range(7):
        pauses.append(circuit.open_until - now)
        now = circuit.open_until
        circuit, _ = entered(circuit, now)
        circuit = failed(circuit, now)
    assert pauses == [15.0, 30.0, 60.0, 120.0, 240.0, 300.0, 300.0]
    assert pauses[-1] == PAUSE_MAX_S


def test_a_call_that_began_before_it_opened_changes_nothing() -> None:
    circuit = broken()
    assert failed(circuit, 1.0) == circuit


def test_a_harmless_answer_lets_calls_through_and_the_next_failure_opens_it_for_longer() -> None:
    circuit = closed_by_another(broken(), PAUSE_S)
    assert entered(circuit, PAUSE_S)[1] is True
    again = failed(circuit, PAUSE_S)
    assert again.open_until == PAUSE_S + 2 * PAUSE_S
    assert answered(circuit) == WORKS


def test_a_harmless_question_changes_nothing_before_the_pause_is_over_nor_while_closed() -> None:
    for circuit in (broken(), WORKS, failed(WORKS, 0.0)):
        assert closed_by_another(circuit, PAUSE_S - 1) == circuit
        assert kept_open_by_another(circuit, PAUSE_S - 1) == circuit


def test_a_harmless_question_without_an_answer_keeps_it_open_for_longer() -> None:
    assert kept_open_by_another(broken(), PAUSE_S).open_until == PAUSE_S + 2 * PAUSE_S
