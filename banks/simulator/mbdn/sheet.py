"""An XLSX file as rows of cells, read strictly: a ZIP archive with one worksheet, and what is not needed is refused.

Of ISO/IEC 29500 this reads what any spreadsheet program writes for a plain table: texts inline or shared, and numbers.
Formulas, several worksheets and empty lines between lines are not taken.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from typing import Final, NamedTuple

from banks.simulator.refusals import Malformed
from banks.simulator.xml_elements import Node, parse

MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PARTS_MAX: Final = 50
PART_BYTES_MAX: Final = 2_000_000
ROWS_MAX: Final = 1_001
COLUMNS: Final = "ABCDEF"
WORKBOOK: Final = "xl/workbook.xml"
SHARED: Final = "xl/sharedStrings.xml"


class Cell(NamedTuple):
    """What stands in a cell; a number as it is written."""

    text: str
    number: bool = False


Line = tuple[Cell, ...]


def read(raw: bytes) -> list[Line]:
    """The lines of the worksheet in `raw`, six cells each, the first line among them. Raises Malformed."""
    parts = _parts(raw)
    shared = [_words(one) for one in _children(_root(parts, SHARED), "si")] if SHARED in parts else []
    (data,) = _just(_root(parts, _worksheet(parts)), "sheetData", 1)
    rows = _children(data, "row")
    if len(rows) > ROWS_MAX:
        raise Malformed(f"more than {ROWS_MAX} rows")
    return [_line(row, number, shared) for number, row in enumerate(rows, start=1)]


def _parts(raw: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            if len(entries) > PARTS_MAX or len(names) != len(entries):
                raise Malformed("the file has too many parts, or one of them twice")
            if sum(entry.file_size for entry in entries) > PART_BYTES_MAX:
                raise Malformed("the file is too large")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as fault:
        raise Malformed(f"not an XLSX file: {fault}") from fault


def _root(parts: dict[str, bytes], name: str) -> Node:
    if name not in parts:
        raise Malformed(f"the file has no part {name}")
    # The declaration may say standalone, which the parser of messages takes as well.
    return parse(parts[name])


def _worksheet(parts: dict[str, bytes]) -> str:
    """The name of the only worksheet's part."""
    (sheets,) = _just(_root(parts, WORKBOOK), "sheets", 1)
    (sheet,) = _just(sheets, "sheet", 1)
    wanted = sheet.attributes.get(f"{RELATED} id")
    for relation in _root(parts, "xl/_rels/workbook.xml.rels").children:
        if relation.attributes.get("Id") == wanted:
            return posixpath.normpath(posixpath.join("/xl", relation.attributes.get("Target", ""))).lstrip("/")
    raise Malformed("the workbook names a worksheet that is not there")


def _children(node: Node, name: str) -> list[Node]:
    return [child for child in node.children if (child.namespace, child.name) == (MAIN, name)]


def _just(node: Node, name: str, count: int) -> list[Node]:
    found = _children(node, name)
    if len(found) != count:
        raise Malformed(f"{node.name} must have {count} {name}")
    return found


def _line(row: Node, number: int, shared: list[str]) -> Line:
    if row.attributes.get("r", str(number)) != str(number):
        raise Malformed(f"row {number} is not where it belongs")
    found = {column: Cell("") for column in COLUMNS}
    for place, cell in enumerate(_children(row, "c")):
        at = cell.attributes.get("r", f"{COLUMNS[min(place, len(COLUMNS) - 1)]}{number}")
        column = at.removesuffix(str(number))
        if column not in found or found[column].text:
            raise Malformed(f"cell {at} is outside of the table or comes twice")
        found[column] = _cell(cell, shared)
    return tuple(found.values())


def _cell(cell: Node, shared: list[str]) -> Cell:
    if _children(cell, "f"):
        raise Malformed("a formula is not taken")
    kind = cell.attributes.get("t", "n")
    if kind == "inlineStr":
        return Cell("".join(_words(one) for one in _just(cell, "is", 1)))
    value = "".join(one.text for one in _children(cell, "v"))
    match kind:
        case "s" if re.fullmatch("[0-9]{1,6}", value) and int(value) < len(shared):
            return Cell(shared[int(value)])
        case "str":
            return Cell(value)
        case "n":
            return Cell(value, number=bool(value))
        case _:
            raise Malformed(f"a cell of type {kind} is not taken")


def _words(node: Node) -> str:
    """The text of a string, which may be in runs of their own fonts."""
    runs = _children(node, "r")
    return "".join(text.text for one in runs or [node] for text in _children(one, "t"))
