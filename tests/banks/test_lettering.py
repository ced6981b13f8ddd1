"""Letters as strokes: every letter that bank texts have, each different, all within the grid."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import pytest

from banks.lettering import ADVANCE, HEIGHT, LETTERS, WIDTH, strokes, width


def test_every_letter_of_a_bank_text_can_be_drawn() -> None:
    assert {letter for letter in map(chr, range(128)) if re.fullmatch("[A-Z0-9 .-]", letter)} == LETTERS


@pytest.mark.parametrize("letter", sorted(LETTERS - {" "}))
def test_a_letter_stays_within_its_grid_and_has_no_stroke_of_one_point(letter: str) -> None:
    drawn = strokes(letter)
    assert drawn
    for line in drawn:
        assert len(set(line)) >= 2
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in line)


def _inked(letter: str) -> set[tuple[int, int]]:
    """The points of a grid twice as fine through which the letter's strokes run."""
    inked = set()
    for line in strokes(letter):
        for (ax, ay), (bx, by) in pairwise(line):
            parts = 2 * max(abs(bx - ax), abs(by - ay))
            for at in range(parts + 1):
                inked.add((round(2 * (ax + (bx - ax) * at / parts)), round(2 * (ay + (by - ay) * at / parts))))
    return inked


def test_no_two_letters_look_alike() -> None:
    """They differ in a tenth of their ink at least."""
    for one, other in combinations(sorted(LETTERS - {" "}), 2):
        first, second = _inked(one), _inked(other)
        assert len(first ^ second) * 10 > len(first | second), (one, other)


def test_a_width_has_no_gap_behind_the_last_letter() -> None:
    assert (width(""), width("A"), width("AB")) == (0, WIDTH, ADVANCE + WIDTH)


def test_a_letter_that_is_not_drawn_is_named() -> None:
    with pytest.raises(KeyError):
        strokes("Đ")
