"""The picture of a VietQR payload as payers know it: the name on top, the code in its frame, and below it in letters
whose account it is, how much, and the payment code, for those who cannot scan and type it.

What is printed is read from the payload itself, so picture and code cannot disagree. SVG and PNG are two ways to write
one composition. The middle of the code stays free of emblems: they cost error correction where a worn print needs it.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from itertools import pairwise
from math import isqrt
from typing import Final, NamedTuple

import segno

from banks import lettering
from banks.bank_text import plain
from banks.napas import listed_banks
from banks.vietqr import VietQR, read

MODULE: Final = 12
"""Units of length of the composition in one module (dot) of the code."""
QUIET: Final = 4 * MODULE
"""White around the code, as the standard asks."""
MARGIN: Final = 2 * MODULE
PIXELS: Final = 8
"""Pixels a module, unless something else is asked for."""
PIXELS_MAX: Final = 40

BLACK, BLUE, RED = (0, 0, 0), (0, 75, 141), (226, 28, 36)
INKS: Final = (BLACK, BLUE, RED)

_LEVELS: Final = 15
"""Steps from white to the full ink at the edge of a stroke."""
_FINE: Final = 16
"""Parts of a pixel in which strokes are measured."""


class Words(NamedTuple):
    """A text, upper left corner at (x, y): `size` units for a step of the letters' grid, strokes `weight` wide."""

    text: str
    x: int
    y: int
    size: int
    weight: int
    ink: tuple[int, int, int]


class Box(NamedTuple):
    """A filled rectangle."""

    x: int
    y: int
    width: int
    height: int
    ink: tuple[int, int, int]


class Picture(NamedTuple):
    """The composition, in units. `code` holds the dark modules as runs."""

    width: int
    height: int
    code: tuple[Box, ...]
    frame: tuple[Box, ...]
    words: tuple[Words, ...]
    title: str


def png(payload: str, *, holder: str = "", scale: int = PIXELS) -> bytes:
    """The picture as PNG, `scale` pixels a module (1 to PIXELS_MAX). `holder`, if given, is printed above the account.

    Raises InvalidVietQR for a payload that cannot be read, ValueError for another scale.
    """
    if not 1 <= scale <= PIXELS_MAX:
        raise ValueError(f"A module has 1 to {PIXELS_MAX} pixels.")
    picture = compose(payload, holder)
    wide, high = _pixels(picture.width, scale), _pixels(picture.height, scale)
    rows = [bytearray(wide) for _ in range(high)]
    for box in (*picture.code, *picture.frame):
        left, right = _pixels(box.x, scale), _pixels(box.x + box.width, scale)
        ink = bytes([INKS.index(box.ink) * (_LEVELS + 1) + _LEVELS]) * (right - left)
        for row in rows[_pixels(box.y, scale) : _pixels(box.y + box.height, scale)]:
            row[left:right] = ink
    for words in picture.words:
        _print(rows, words, scale)
    return _png(wide, high, rows)


def svg(payload: str, *, holder: str = "") -> bytes:
    """The picture as SVG (UTF-8), without typefaces or anything else from outside. Raises InvalidVietQR as `png`."""
    picture = compose(payload, holder)
    parts = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_pixels(picture.width, PIXELS)}"'
        f' height="{_pixels(picture.height, PIXELS)}" viewBox="0 0 {picture.width} {picture.height}" role="img">',
        f"<title>{picture.title}</title>",
        f'<path d="M0 0h{picture.width}v{picture.height}h-{picture.width}z" fill="#ffffff"/>',
        f'<path id="code" d="{_path(picture.code)}" fill="{_hex(BLACK)}" shape-rendering="crispEdges"/>',
        f'<path id="frame" d="{_path(picture.frame)}" fill="{_hex(BLUE)}"/>',
        *(_lettered(words) for words in picture.words),
        "</svg>",
    ]
    return ("\n".join(parts) + "\n").encode()


# the composition


def compose(payload: str, holder: str = "") -> Picture:
    """What the picture shows and where. Raises InvalidVietQR for a payload that cannot be read."""
    said = read(payload)
    matrix = [bytes(row) for row in segno.make_qr(payload, error="m").matrix]
    side = len(matrix) * MODULE + 2 * QUIET
    left = MARGIN + MODULE
    width = side + 2 * left
    name = _name(width)
    top = name[0].y + lettering.HEIGHT * name[0].size + 2 * MODULE + MODULE
    below = _below(said, holder, width, top + side + 3 * MODULE)
    last = below[-1]
    return Picture(
        width=width,
        height=last.y + lettering.HEIGHT * last.size + MARGIN,
        code=tuple(_runs(matrix, left + QUIET, top + QUIET)),
        frame=_corners(left - MODULE, top - MODULE, side + 2 * MODULE),
        words=(*name, *below),
        title=" ".join(("VietQR", plain(said.memo or ""), said.number)).replace("  ", " "),
    )


def _name(width: int) -> tuple[Words, Words]:
    """The name of the scheme in its two colours, in the middle."""
    size = 4
    at = (width - lettering.width("VIETQR") * size) // 2
    after = at + lettering.ADVANCE * len("VIET") * size
    weight = 2 * size
    return Words("VIET", at, MARGIN, size, weight, RED), Words("QR", after, MARGIN, size, weight, BLUE)


def _below(said: VietQR, holder: str, width: int, top: int) -> list[Words]:
    """The lines under the code, the payment code last and largest."""
    bank = listed_banks().get(said.bin)
    amount = "" if said.amount is None else f"{said.amount.units:,} {said.amount.currency}".replace(",", ".")
    lines = [
        (f"NAPAS 247 - {plain(bank.short_name) if bank else said.bin}", 2, 3, BLUE),
        (plain(holder), 2, 3, BLACK),
        (plain(said.number), 2, 3, BLACK),
        (amount, 3, 5, RED),
        (plain(said.memo or ""), 3, 6, BLACK),
    ]
    words = []
    for whole, largest, weight, ink in lines:
        text = _cut(whole, width - 2 * MARGIN)
        if text:
            wide = lettering.width(text)
            size = max(1, min(largest, (width - 2 * MARGIN) // wide))
            words.append(Words(text, (width - wide * size) // 2, top, size, min(weight, 2 * size), ink))
            top += lettering.HEIGHT * size + 2 * MODULE + MODULE // 2
    return words


def _cut(text: str, room: int) -> str:
    """A text that is too long even in the smallest letters ends in points; only the holder's name can be."""
    most = room // lettering.ADVANCE
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _corners(left: int, top: int, side: int) -> tuple[Box, ...]:
    """Four angles around the quiet zone."""
    thick, long = MODULE // 2, 6 * MODULE
    right, bottom = left + side, top + side
    flat = [Box(x, y, long, thick, BLUE) for x in (left, right - long) for y in (top, bottom - thick)]
    upright = [Box(x, y, thick, long, BLUE) for x in (left, right - thick) for y in (top, bottom - long)]
    return (*flat, *upright)


def _runs(matrix: list[bytes], left: int, top: int) -> list[Box]:
    """The dark modules of each row, neighbours together."""
    boxes = []
    for number, row in enumerate(matrix):
        at = 0
        for run in row.replace(b"\x00", b" ").decode().split(" "):
            if run:
                boxes.append(Box(left + at * MODULE, top + number * MODULE, len(run) * MODULE, MODULE, BLACK))
            at += len(run) + 1
    return boxes


# writing SVG


def _path(boxes: tuple[Box, ...]) -> str:
    return "".join(f"M{box.x} {box.y}h{box.width}v{box.height}h-{box.width}z" for box in boxes)


def _lettered(words: Words) -> str:
    lines = []
    for number, letter in enumerate(words.text):
        left = words.x + number * lettering.ADVANCE * words.size
        for stroke in lettering.strokes(letter):
            lines.append("M" + "L".join(f"{left + x * words.size} {words.y + y * words.size}" for x, y in stroke))
    return (
        f'<path d="{"".join(lines)}" fill="none" stroke="{_hex(words.ink)}" stroke-width="{words.weight}"'
        ' stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _hex(ink: tuple[int, int, int]) -> str:
    return "#" + bytes(ink).hex()


# writing PNG


def _pixels(units: int, scale: int) -> int:
    return units * scale // MODULE


def _print(rows: list[bytearray], words: Words, scale: int) -> None:
    base = INKS.index(words.ink) * (_LEVELS + 1)
    fine = _FINE * scale
    for number, letter in enumerate(words.text):
        x = words.x + number * lettering.ADVANCE * words.size
        drawn = _letter(letter, words.size * fine // MODULE, words.weight * fine // MODULE)
        left, top = _pixels(x, scale) - drawn.reach, _pixels(words.y, scale) - drawn.reach
        for down, levels in enumerate(drawn.rows):
            for across, level in levels:
                rows[top + down][left + across] = base + level


class _Letter(NamedTuple):
    """A letter in pixels: for each row its (column, level) pairs; `reach` pixels stand out on every side."""

    reach: int
    rows: tuple[tuple[tuple[int, int], ...], ...]


@lru_cache(maxsize=1024)
def _letter(letter: str, step: int, weight: int) -> _Letter:
    """One letter with `step` a step of the grid and strokes `weight` wide, both in fine parts of a pixel."""
    reach = weight // 2 // _FINE + 2
    ends = [
        (ax * step, ay * step, bx * step, by * step)
        for stroke in lettering.strokes(letter)
        for (ax, ay), (bx, by) in pairwise(stroke)
    ]
    rows = []
    for y in range(-reach, lettering.HEIGHT * step // _FINE + reach + 1):
        row = []
        for x in range(-reach, lettering.WIDTH * step // _FINE + reach + 1):
            here = x * _FINE + _FINE // 2, y * _FINE + _FINE // 2
            near = min((_distance(here, end) for end in ends), default=weight + _FINE)
            level = min(_LEVELS, max(0, weight // 2 + _FINE // 2 - near))
            if level:
                row.append((x + reach, level))
        rows.append(tuple(row))
    return _Letter(reach, tuple(rows))


def _distance(here: tuple[int, int], ends: tuple[int, int, int, int]) -> int:
    """From a point to a straight line between two others."""
    ax, ay, bx, by = ends
    along, down = bx - ax, by - ay
    x, y = here[0] - ax, here[1] - ay
    past = x * along + y * down
    length = along * along + down * down
    if past <= 0:
        return isqrt(x * x + y * y)
    if past >= length:
        return isqrt((here[0] - bx) ** 2 + (here[1] - by) ** 2)
    return abs(x * down - y * along) // isqrt(length)


def _png(wide: int, high: int, rows: list[bytearray]) -> bytes:
    """Indexed colour, eight bits a pixel, no filter (PNG specification, W3C 2003)."""
    palette = b"".join(
        bytes(255 - (255 - part) * level // _LEVELS for part in ink) for ink in INKS for level in range(_LEVELS + 1)
    )
    pixels = zlib.compress(b"".join(b"\x00" + row for row in rows), 9)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette),
            _chunk(b"IDAT", pixels),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
