"""Gaps between running balances: every lost movement is seen, and nothing is seen where none is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest

from ledger.balance_chain import APART, TRIED_MAX, Movement, amounts_to, gaps, total
from ledger.money import Money
from tests.story import START, dong

SECOND = timedelta(seconds=1)


def booked(amounts: Sequence[int], opening: int = 1_000_000, every_s: int = 60) -> list[Movement]:
    """What a bank books, one after the other, each with the balance after it."""
    found, held = [], opening
    for number, units in enumerate(amounts):
        held += units
        at = START + number * every_s * SECOND
        found.append(Movement(line_id=f"sl_{number}", amount=dong(units), booked_at=at, balance_after=dong(held)))
    return found


def silent(movement: Movement) -> Movement:
    """The same from a feed that tells no balance."""
    return Movement(line_id=movement.line_id, amount=movement.amount, booked_at=movement.booked_at)


def busy(dice: Random, count: int) -> list[Movement]:
    """A busy account: round amounts, both ways, several in a second, twins among them."""
    amounts = [dice.choice([10_000, 20_000, 50_000, 99_000, -10_000, -33_000]) for _ in range(count)]
    amounts = [units for units in amounts for _ in range(1 + (dice.random() < 0.1))]
    lines, second = booked(amounts), 0
    moved = []
    for line in lines:
        second += dice.choice([0, 0, 1, 2, 30])
        moved.append(
            Movement(
                line_id=line.line_id,
                amount=line.amount,
                booked_at=START + second * SECOND,
                balance_after=line.balance_after,
            )
        )
    return moved


@pytest.mark.parametrize("number", range(5))
def test_a_whole_statement_has_no_gap_in_whatever_order_it_comes(number: int) -> None:
    dice = Random(number)  # the plan of a test
    lines = busy(dice, 400)
    dice.shuffle(lines)
    assert gaps(lines) == []


@pytest.mark.parametrize("number", range(20))
def test_a_whole_statement_with_silent_lines_has_no_gap_that_is_certain(number: int) -> None:
    dice = Random(number)
    lines = [line if dice.randrange(3) else silent(line) for line in busy(dice, 200)]
    dice.shuffle(lines)
    assert [gap for gap in gaps(lines) if not gap.doubtful] == []


def test_a_balance_that_comes_again_joins_the_nearest() -> None:
    told = [(0, -11), (900, 150), (915, -11), (915, -11), (916, 20), (916, -40), (918, 20), (918, 10), (918, -40)]
    told += [(1818, 50), (1818, 20), (1818, -40), (1819, 20), (1819, 50)]
    lines = [
        Movement(
            line_id=one.line_id, amount=one.amount, booked_at=START + second * SECOND, balance_after=one.balance_after
        )
        for one, (second, _) in zip(booked([units for _, units in told]), told, strict=True)
    ]
    without = {1, 4, 5, 8}
    assert gaps([silent(line) if place in without else line for place, line in enumerate(lines)]) == []


@pytest.mark.parametrize("number", range(5))
def test_each_lost_movement_is_seen_with_its_amount(number: int) -> None:
    dice = Random(number)
    lines = booked([dice.choice([10_000, 25_000, -7_000]) for _ in range(200)])
    lost = sorted(dice.sample(range(1, 198, 3), 10))
    left = [line for place, line in enumerate(lines) if place not in lost]
    dice.shuffle(left)
    found = gaps(left)
    assert [(gap.after, gap.before, gap.missing) for gap in found] == [
        (lines[place - 1], lines[place + 1], lines[place].amount) for place in lost
    ]
    assert not any(gap.doubtful for gap in found)


def test_of_twins_in_one_second_the_lost_one_is_seen() -> None:
    lines = booked([50_000, 10_000, 10_000, 10_000, 20_000], every_s=0)
    assert gaps(lines) == []
    (gap,) = gaps(lines[:2] + lines[3:])
    assert gap.missing == dong(10_000)


def test_several_lost_in_a_row_are_one_gap_of_their_sum() -> None:
    lines = booked([5, 6, 7, -8, 9])
    (gap,) = gaps([lines[0], lines[4]])
    assert gap.missing == dong(6 + 7 - 8)


def test_two_lost_that_cancel_out_are_seen_when_something_was_booked_between_them() -> None:
    lines = booked([5, 100, 7, -100, 9])
    assert [gap.missing for gap in gaps([lines[0], lines[2], lines[4]])] == [dong(100), dong(-100)]


def test_the_first_and_the_last_lines_lack_nothing() -> None:
    assert gaps([]) == []
    assert gaps(booked([5])) == []
    assert gaps(booked([100, -100])) == []


def test_a_line_that_is_there_twice_is_seen_as_one_too_many() -> None:
    lines = booked([5, 6, 7])
    again = Movement(line_id="sl_x", amount=dong(6), booked_at=lines[1].booked_at, balance_after=lines[1].balance_after)
    assert sum((gap.missing.units for gap in gaps([*lines, again])), 0) == -6


def test_a_line_without_a_balance_fills_the_gap_it_fits_into_and_no_other() -> None:
    lines = booked([5, 6, 7, 8, 9])
    one_silent = [lines[0], silent(lines[1]), lines[2], lines[4]]
    (gap,) = gaps(one_silent)
    assert (gap.after, gap.missing) == (lines[2], dong(8))
    (gap,) = gaps([lines[0], silent(lines[1]), lines[3], lines[4]])
    assert gap.missing == dong(7)


def test_instants_a_little_out_of_order_make_no_gap() -> None:
    lines = booked([5, 6, 7, 8, 9], every_s=1)
    turned = [
        Movement(line_id=one.line_id, amount=one.amount, booked_at=at.booked_at, balance_after=one.balance_after)
        for one, at in zip(lines, [lines[2], lines[0], lines[1], lines[4], lines[3]], strict=True)
    ]
    assert gaps(turned) == []


def test_a_gap_among_too_many_silent_lines_is_doubtful() -> None:
    lines = booked([5, *[2] * (TRIED_MAX + 1), 9], every_s=0)
    near = [silent(line) for line in lines[1:-1]]
    assert gaps([lines[0], *near, lines[-1]]) == []
    (gap,) = gaps([lines[0], *near, booked([7_000_000], opening=1)[0]])
    assert gap.doubtful


def test_some_of_the_movements_make_up_a_difference_or_none_do_or_it_is_open() -> None:
    some = [silent(line) for line in booked([5, 7, -3])]
    for units, answer in ((0, True), (5, True), (4, True), (9, True), (2, True), (1, False), (13, False)):
        assert amounts_to(dong(units), some) is answer
    many = [silent(line) for line in booked([10] * (TRIED_MAX + 1))]
    assert amounts_to(dong(20), many) is True
    assert amounts_to(dong(25), many) is None
    assert total(some) == Money(9)
    assert timedelta(0) < APART
