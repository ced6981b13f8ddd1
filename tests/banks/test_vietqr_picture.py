"""The picture of a VietQR payload: read back by a scanner that is not ours, and equal in both forms."""

from __future__ import annotations

import re
import struct
import zlib
from itertools import pairwise
from xml.etree import ElementTree

import msgspec
import pytest
import zxingcpp

from banks import lettering
from banks.vietqr import VietQR, write
from banks.vietqr_picture import BLUE, MODULE, QUIET, RED, Picture, compose, png, svg
from ledger.errors import InvalidVietQR
from ledger.money import Money

DYNAMIC = VietQR(bin="970422", number="0001234567890", once=True, amount=Money(1_500_000), memo="SOCAI7K3M9Q2X")
CODES = {
    "dynamic": DYNAMIC,
    "static": VietQR(bin="970416", number="12345678"),
    "card": VietQR(bin="970422", number="9704220123456789", service="QRIBFTTC"),
    "the longest": msgspec.structs.replace(
        DYNAMIC, number="9" * 19, amount=Money(10**13 - 1), memo="A" * 25, bill="B" * 25, reference="C" * 25
    ),
    "a bank not listed": VietQR(bin="123456", number="1"),
}
NS = "{http://www.w3.org/2000/svg}"

Pixels = list[list[tuple[int, ...]]]


def pixels(picture: bytes) -> Pixels:
    """Rows of colours of an unfiltered PNG with a palette; every chunk's length and checksum must be right."""
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        kind, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        assert picture[at + 8 + length : at + 12 + length] == struct.pack(">I", zlib.crc32(kind + content))
        assert kind not in chunks
        chunks[kind] = content
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    wide, high, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert form == [8, 3, 0, 0, 0]
    palette = list(zip(*[iter(chunks[b"PLTE"])] * 3, strict=True))
    raw = zlib.decompress(chunks[b"IDAT"])
    assert len(raw) == high * (wide + 1)
    rows = [raw[y * (wide + 1) : (y + 1) * (wide + 1)] for y in range(high)]
    assert all(row[0] == 0 for row in rows)
    return [[palette[index] for index in row[1:]] for row in rows]


def scanned(rows: Pixels) -> str:
    """What the scanner reads in a picture; there must be exactly one code."""
    grey = bytes((299 * red + 587 * green + 114 * blue) // 1000 for row in rows for red, green, blue in row)
    image = memoryview(grey).cast("B", shape=[len(rows), len(rows[0])])
    found = zxingcpp.read_barcodes(image)
    assert len(found) == 1
    assert found[0].format == zxingcpp.BarcodeFormat.QRCode
    return found[0].text


def drawing_of(text: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - we wrote it ourselves a moment ago


def painted(drawing: bytes) -> Pixels:
    """The code of an SVG as pixels, four a module, nothing but what its `code` path says on white."""
    root = drawing_of(drawing)
    wide, high = (int(part) * 4 // MODULE for part in root.attrib["viewBox"].split()[2:])
    rows: Pixels = [[(255, 255, 255)] * wide for _ in range(high)]
    path = root.find(f"{NS}path[@id='code']")
    assert path is not None
    box = re.compile(r"M(\d+) (\d+)h(\d+)v(\d+)h-(\d+)z")
    assert box.sub("", path.attrib["d"]) == ""
    for x, y, width, height, back in (map(int, one) for one in box.findall(path.attrib["d"])):
        assert width == back
        for row in rows[y * 4 // MODULE : (y + height) * 4 // MODULE]:
            row[x * 4 // MODULE : (x + width) * 4 // MODULE] = [(0, 0, 0)] * (width * 4 // MODULE)
    return rows


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("scale", [2, 3, 8, 13])
def test_a_scanner_reads_the_payload_in_the_png(name: str, scale: int) -> None:
    payload = write(CODES[name])
    assert scanned(pixels(png(payload, holder="Công ty Sổ Cái", scale=scale))) == payload


@pytest.mark.parametrize("name", CODES)
def test_a_scanner_reads_the_payload_in_the_svg(name: str) -> None:
    payload = write(CODES[name])
    assert scanned(painted(svg(payload))) == payload


def test_the_scanner_would_see_another_payload() -> None:
    other = write(msgspec.structs.replace(DYNAMIC, amount=Money(1_500_001)))
    assert scanned(pixels(png(other))) != write(DYNAMIC)


def test_a_code_with_a_blot_is_still_read() -> None:
    """Error correction is there for prints: two blots of three modules by three."""
    payload = write(DYNAMIC)
    rows = pixels(png(payload))
    middle, blot = len(rows[0]) // 2, 24
    for left, top in ((middle, 260), (middle - 90, 330)):
        for row in rows[top : top + blot]:
            row[left : left + blot] = [(0, 0, 0)] * blot
    assert scanned(rows) == payload


@pytest.mark.parametrize("name", CODES)
def test_nothing_stands_in_the_quiet_zone_and_nothing_on_anything_else(name: str) -> None:
    picture = compose(write(CODES[name]), "Nguyễn Thị Một Cái Tên Rất Dài Công Ty Trách Nhiệm Hữu Hạn Sài Gòn")
    left, top, right, bottom = edges(picture)
    for box in picture.frame:
        across = box.x < right + QUIET and box.x + box.width > left - QUIET
        down = box.y < bottom + QUIET and box.y + box.height > top - QUIET
        assert not (across and down)
    for words in picture.words:
        reach = words.weight // 2
        assert words.x >= reach
        assert words.x + lettering.width(words.text) * words.size + reach <= picture.width
    tops = sorted({(words.y, words.y + lettering.HEIGHT * words.size, words.weight) for words in picture.words})
    for (_, end, weight), (start, _, other) in pairwise(tops):
        assert end + weight // 2 < start - other // 2
    assert tops[-1][1] + tops[-1][2] // 2 < picture.height


def test_a_name_that_is_too_long_is_cut_and_shows_it() -> None:
    shown = compose(write(DYNAMIC), "A" * 200).words[3]
    assert (shown.size, shown.text[-4:]) == (1, "A...")


def edges(picture: Picture) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the dark modules."""
    lefts, tops = [box.x for box in picture.code], [box.y for box in picture.code]
    return min(lefts), min(tops), max(box.x + box.width for box in picture.code), max(tops) + MODULE


def test_the_name_stands_above_and_account_amount_and_code_stand_below() -> None:
    picture = compose(write(DYNAMIC), "Công ty Sổ Cái")
    said = [words.text for words in picture.words]
    assert said == [
        "VIET", "QR", "NAPAS 247 - MBBANK", "CONG TY SO CAI", "0001234567890", "1.500.000 VND", "SOCAI7K3M9Q2X",
    ]  # fmt: skip
    assert [words.ink for words in picture.words[:2]] == [RED, BLUE]
    _, top, _, bottom = edges(picture)
    assert all(words.y < top for words in picture.words[:2])
    assert all(words.y > bottom for words in picture.words[2:])


def test_what_is_not_said_is_not_printed() -> None:
    said = [words.text for words in compose(write(CODES["static"])).words]
    assert said == ["VIET", "QR", "NAPAS 247 - ACB", "12345678"]
    said = [words.text for words in compose(write(CODES["a bank not listed"])).words]
    assert said == ["VIET", "QR", "NAPAS 247 - 123456", "1"]


def test_both_forms_print_the_same_letters_in_the_same_places() -> None:
    """Every stroke of the SVG runs through dark pixels of the PNG, and far from it the paper is white."""
    payload = write(DYNAMIC)
    rows, root = pixels(png(payload, scale=MODULE)), drawing_of(svg(payload))
    picture = compose(payload)
    strokes = [path for path in root.iter(f"{NS}path") if "stroke" in path.attrib]
    assert len(strokes) == len(picture.words)
    for path, words in zip(strokes, picture.words, strict=True):
        points = [tuple(map(int, point)) for point in re.findall(r"(\d+) (\d+)", path.attrib["d"])]
        assert len(points) > 4
        assert all(rows[y][x] == words.ink for x, y in points)
        end = words.x + lettering.width(words.text) * words.size + words.weight
        beside = [row[end:] for row in rows[words.y : words.y + 12 * words.size] if words.text != "VIET"]
        assert {pixel for row in beside for pixel in row} <= {(255, 255, 255)}


def test_letters_have_soft_edges() -> None:
    rows = pixels(png(write(DYNAMIC)))
    assert len({pixel for row in rows for pixel in row}) > 30


def test_the_pictures_are_always_the_same_and_as_large_as_asked() -> None:
    payload = write(DYNAMIC)
    assert (png(payload), svg(payload)) == (png(payload), svg(payload))
    assert len(pixels(png(payload, scale=4))[0]) * 2 == len(pixels(png(payload, scale=8))[0])


@pytest.mark.parametrize("scale", [0, -1, 41])
def test_a_scale_beyond_reason_is_refused(scale: int) -> None:
    with pytest.raises(ValueError, match="pixels"):
        png(write(DYNAMIC), scale=scale)


def test_a_payload_that_cannot_be_read_has_no_picture() -> None:
    for draw in (png, svg):
        with pytest.raises(InvalidVietQR):
            draw("nonsense")


def test_the_svg_asks_for_nothing_from_outside_and_its_title_says_what_it_is() -> None:
    drawing = svg(write(msgspec.structs.replace(DYNAMIC, memo="<ck> & 'co'")), holder="<script>")
    root = drawing_of(drawing)
    assert {element.tag for element in root.iter()} == {f"{NS}svg", f"{NS}title", f"{NS}path"}
    assert b"href" not in drawing
    title = root.find(f"{NS}title")
    assert title is not None
    assert title.text == "VietQR CK CO 0001234567890"
