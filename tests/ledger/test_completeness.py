"""Completeness: the mark moves by proofs only, holes are noticed and closed, a wrong running balance is overruled."""

from __future__ import annotations

from datetime import timedelta

from ledger.aggregate import Snapshot
from ledger.balance_chain import Movement
from ledger.completeness import BY_ENQUIRY, BY_RUNNING_BALANCE, Checkpoint, Completeness, Judgement, Proof
from tests.ledger.test_balance_chain import booked, silent
from tests.story import START, Story, dong

STORY = Story()
NOW = STORY.context()
MINUTE = timedelta(minutes=1)
FOREVER = START + timedelta(days=9)


def watched() -> Completeness:
    return Completeness.begin(NOW, bank_account_id="ba_1")


def asked(completeness: Completeness, units: int, minute: float) -> None:
    completeness.tell_balance(NOW, balance=dong(units), as_of=START + minute * MINUTE)


def judged(completeness: Completeness, movements: list[Movement]) -> Judgement:
    """Judges, and takes what was judged."""
    judgement = completeness.judge(movements, FOREVER)
    completeness.take(NOW, judgement)
    return judgement


def names(completeness: Completeness) -> list[str]:
    return [envelope.name.partition(".")[2] for envelope in completeness.collect_events()]


def test_running_balances_that_join_move_the_mark_to_the_last_line() -> None:
    completeness, lines = watched(), booked([5, 6, 7, 8])
    judged(completeness, lines[:3])
    assert completeness.complete_up_to == lines[2].booked_at
    judged(completeness, lines)
    assert completeness.complete_up_to == lines[3].booked_at
    judged(completeness, lines)
    assert names(completeness) == ["begun", "proved", "proved"]


def test_a_hole_is_noticed_once_stops_the_mark_and_is_closed_when_the_line_comes() -> None:
    completeness, lines = watched(), booked([5, 6, 4, 7, 8, 9])
    holed = [*lines[:3], *lines[4:]]
    for _ in range(2):
        judged(completeness, holed)
    (hole,) = completeness.holes.values()
    assert (hole.missing, hole.seen_by) == (dong(7), BY_RUNNING_BALANCE)
    assert (hole.after_line_id, hole.before_line_id) == ("sl_2", "sl_4")
    assert (hole.since, hole.until) == (lines[1].booked_at, lines[5].booked_at)
    assert completeness.complete_up_to == lines[1].booked_at
    judged(completeness, lines)
    assert completeness.holes == {}
    assert completeness.complete_up_to == lines[5].booked_at
    assert names(completeness) == ["begun", "proved", "hole_noticed", "proved", "hole_closed"]


def test_what_was_booked_last_is_left_for_the_next_time() -> None:
    completeness, lines = watched(), booked([5, 6, 7])
    judgement = completeness.judge([lines[0], lines[2]], lines[1].booked_at)
    assert judgement.holes == ()


def test_a_balance_asked_for_proves_every_line_since_the_last_one() -> None:
    completeness, lines = watched(), [silent(line) for line in booked([5, 6, 7])]
    asked(completeness, 1_000_000, -1)
    judged(completeness, lines)
    assert completeness.checkpoint == Checkpoint(START - MINUTE, dong(1_000_000))
    asked(completeness, 1_000_018, 5)
    judged(completeness, lines)
    assert completeness.complete_up_to is not None
    assert completeness.complete_up_to > lines[-1].booked_at
    assert completeness.checkpoint.balance == dong(1_000_018)


def test_a_balance_asked_for_in_the_middle_of_movements_counts_some_of_them() -> None:
    for counted in range(4):
        completeness, lines = watched(), [silent(line) for line in booked([5, 6, 7], every_s=1)]
        asked(completeness, 1_000_000, -1)
        judged(completeness, lines)
        asked(completeness, 1_000_000 + sum((5, 6, 7)[:counted]), 0.02)
        assert judged(completeness, lines).holes == ()
        asked(completeness, 1_000_018, 5)
        judged(completeness, lines)
        assert completeness.checkpoint is not None
        assert completeness.checkpoint.balance == dong(1_000_018)


def test_a_balance_no_choice_of_lines_explains_is_a_hole_that_a_later_balance_closes() -> None:
    completeness, lines = watched(), [silent(line) for line in booked([5, 6, 7])]
    asked(completeness, 1_000_000, -1)
    judged(completeness, lines)
    asked(completeness, 1_000_018, 5)
    for _ in range(2):
        judged(completeness, [lines[0], lines[2]])
    (hole,) = completeness.holes.values()
    assert (hole.missing, hole.seen_by, hole.after_line_id) == (dong(6), BY_ENQUIRY, None)
    asked(completeness, 1_000_018, 9)
    judged(completeness, [lines[0], lines[2]])
    assert list(completeness.holes.values()) == [hole]
    judged(completeness, lines)
    assert completeness.holes == {}
    assert names(completeness).count("hole_noticed") == 1


def test_a_line_too_many_is_a_hole_below_zero() -> None:
    completeness, lines = watched(), [silent(line) for line in booked([5, 6])]
    asked(completeness, 1_000_000, -1)
    judged(completeness, lines)
    asked(completeness, 1_000_005, 5)
    assert [hole.missing for hole in judged(completeness, lines).holes] == [dong(-6)]


def test_the_first_balance_serves_only_at_a_quiet_moment() -> None:
    completeness, lines = watched(), [silent(line) for line in booked([5, 6])]
    asked(completeness, 1_000_005, 0.01)
    assert judged(completeness, lines) == Judgement()
    asked(completeness, 1_000_011, 3)
    judged(completeness, lines)
    assert completeness.checkpoint == Checkpoint(START + 3 * MINUTE, dong(1_000_011))


def test_a_gap_that_the_banks_balance_contradicts_is_none_once_its_history_was_read() -> None:
    completeness, lines = watched(), booked([5, 6, 7, 8])
    wrong = Movement(line_id="sl_2", amount=dong(7), booked_at=lines[2].booked_at, balance_after=dong(77))
    asked(completeness, 1_000_005, 0.5)
    judged(completeness, lines[:1])
    asked(completeness, 1_000_026, 9)
    judgement = judged(completeness, [lines[0], lines[1], wrong, lines[3]])
    assert sum((hole.missing for hole in judgement.holes), dong(0)) == dong(0)
    assert len(judgement.holes) == 2
    assert completeness.complete_up_to == START + 0.5 * MINUTE
    completeness.take(NOW, judgement.by_whole_history())
    assert completeness.holes == {}
    assert completeness.complete_up_to > lines[3].booked_at


def test_without_a_proof_by_enquiry_the_whole_history_closes_nothing() -> None:
    lines = booked([5, 6, 7])
    judgement = watched().judge([lines[0], lines[2]], FOREVER)
    assert judgement.by_whole_history() == judgement
    assert len(judgement.holes) == 1


def test_both_proofs_go_together_and_silent_lines_are_left_to_the_enquiry() -> None:
    completeness, lines = watched(), booked([5, 6, 7, 8, 9])
    mixed = [lines[0], silent(lines[1]), lines[2], lines[3], silent(lines[4])]
    asked(completeness, 1_000_005, 0.5)
    judged(completeness, mixed[:1])
    judged(completeness, mixed)
    assert completeness.complete_up_to == lines[3].booked_at
    asked(completeness, 1_000_035, 9)
    judged(completeness, mixed)
    assert completeness.complete_up_to > lines[4].booked_at


def test_the_mark_never_goes_back_and_an_older_balance_is_not_taken() -> None:
    completeness, lines = watched(), booked([5, 6])
    judged(completeness, lines)
    completeness.take(NOW, Judgement(proof=Proof(START - MINUTE, START - MINUTE, None)))
    assert completeness.complete_up_to == lines[1].booked_at
    asked(completeness, 1, 5)
    asked(completeness, 2, 4)
    assert completeness.told == Checkpoint(START + 5 * MINUTE, dong(1))


def test_the_first_balance_asked_for_must_fit_what_running_balances_proved() -> None:
    lines = booked([5, 6, 7])
    for units, held in ((1_000_011, dong(1_000_018)), (1_000_018, dong(1_000_018))):
        completeness = watched()
        judged(completeness, lines[:2])
        asked(completeness, units, 9)
        judged(completeness, [*lines[:2], silent(lines[2])])
        fits = dong(units) == held
        assert completeness.checkpoint == (Checkpoint(START + 9 * MINUTE, held) if fits else None)
        assert completeness.complete_up_to == (START + 9 * MINUTE if fits else lines[1].booked_at)


def test_the_first_balance_asked_for_closes_no_hole() -> None:
    completeness, lines = watched(), booked([5, 6, 7, 8])
    asked(completeness, 1_000_026, 9)
    judgement = judged(completeness, [lines[0], lines[1], lines[3]])
    assert len(judgement.holes) == 1
    assert judgement.by_whole_history() == judgement
    assert completeness.checkpoint is None


def test_the_same_judgement_again_adds_nothing() -> None:
    completeness, lines = watched(), booked([5, 6, 7, 8])
    asked(completeness, 1_000_005, 0.5)
    for holed in (lines[:1], [*lines[:2], lines[3]]):
        judgement = judged(completeness, holed)
        completeness.collect_events()
        completeness.take(NOW, judgement)
        assert names(completeness) == []


def test_a_snapshot_holds_all_of_it() -> None:
    completeness, lines = watched(), booked([5, 6, 7, 8])
    asked(completeness, 1_000_005, 0.5)
    judged(completeness, lines[:1])
    judged(completeness, [*lines[:2], lines[3]])
    completeness.collect_events()
    again = Snapshot.take(completeness).mutate(None)
    assert vars(again) == vars(completeness)
    assert completeness.holes


def test_lines_with_balances_that_begin_behind_the_mark_prove_nothing_by_themselves() -> None:
    completeness, lines = watched(), booked([5, 6])
    asked(completeness, 999_000, -5)
    judged(completeness, [])
    mark = completeness.complete_up_to
    judged(completeness, lines)
    assert completeness.complete_up_to == mark
