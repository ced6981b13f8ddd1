"""Letters as strokes, for pictures that say something: capitals, digits, point and hyphen on a grid of 8 by 12.

A picture that printed its words with whatever typeface a viewer has would look different everywhere, and a PNG needs no
library of typefaces for the few letters a VietQR picture shows. The letters are those of `bank_text.plain`.
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeAlias

Point: TypeAlias = tuple[int, int]
Line: TypeAlias = tuple[Point, ...]

WIDTH: Final = 8
HEIGHT: Final = 12
ADVANCE: Final = 11
"""From the left edge of a letter to that of the next."""

_DRAWN: Final = {
    "A": "0c 40 8c,19 79",
    "B": "56 06 00 50 71 75 56 77 88 8a 7b 5c 0c 06",
    "C": "82 71 50 30 11 03 09 1b 3c 5c 7b 8a",
    "D": "00 40 61 83 89 6b 4c 0c 00",
    "E": "80 00 0c 8c,06 66",
    "F": "80 00 0c,06 66",
    "G": "82 71 50 30 11 03 09 1b 3c 5c 7b 89 87 57",
    "H": "00 0c,80 8c,06 86",
    "I": "20 60,40 4c,2c 6c",
    "J": "80 89 7b 5c 3c 1b 09",
    "K": "00 0c,80 07,34 8c",
    "L": "00 0c 8c",
    "M": "0c 00 47 80 8c",
    "N": "0c 00 8c 80",
    "O": "30 50 71 83 89 7b 5c 3c 1b 09 03 11 30",
    "P": "0c 00 50 71 83 84 76 57 07",
    "Q": "30 50 71 83 89 7b 5c 3c 1b 09 03 11 30,48 8c",
    "R": "0c 00 50 71 83 84 76 57 07,47 8c",
    "S": "82 71 50 30 11 03 15 36 56 77 89 7b 5c 3c 1b 0a",
    "T": "00 80,40 4c",
    "U": "00 09 1b 3c 5c 7b 89 80",
    "V": "00 4c 80",
    "W": "00 2c 44 6c 80",
    "X": "00 8c,80 0c",
    "Y": "00 46 80,46 4c",
    "Z": "00 80 0c 8c",
    "0": "30 50 61 73 79 6b 5c 3c 2b 19 13 21 30",
    "1": "13 40 4c,1c 7c",
    "2": "03 11 30 50 71 83 84 76 0c 8c",
    "3": "02 11 30 50 71 74 56 36,56 77 89 7b 5c 3c 1b 0a",
    "4": "6c 60 08 88",
    "5": "70 10 06 25 55 76 88 89 7b 5c 3c 1b 0a",
    "6": "82 71 50 30 11 03 09 1b 3c 5c 7b 89 88 76 55 35 16 08",
    "7": "00 80 3c",
    "8": "30 50 71 74 56 36 14 11 30,36 17 09 1b 3c 5c 7b 89 77 56",
    "9": "0a 1b 3c 5c 7b 89 83 71 50 30 11 03 04 16 37 57 76 84",
    ".": "4b 4c",
    "-": "26 66",
    " ": "",
}
"""Strokes parted by commas, points by blanks; a point is its column and row as hexadecimal digits, row 0 on top."""

LETTERS: Final = frozenset(_DRAWN)


@cache
def strokes(letter: str) -> tuple[Line, ...]:
    """The strokes of one of LETTERS, each a line through two points or more. Raises KeyError for any other."""
    drawn = [stroke for stroke in _DRAWN[letter].split(",") if stroke]
    return tuple(tuple((int(point[0], 16), int(point[1], 16)) for point in stroke.split()) for stroke in drawn)


def width(text: str) -> int:
    """How many steps of the grid a text is wide."""
    return max(0, ADVANCE * len(text) - (ADVANCE - WIDTH))
