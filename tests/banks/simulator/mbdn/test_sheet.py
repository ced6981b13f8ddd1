"""XLSX files as the bank reads them."""

from __future__ import annotations

import pytest

from banks.simulator.mbdn.sheet import Cell, read
from banks.simulator.refusals import Malformed
from tests.banks.simulator.mbdn.customer import HEADING, LINE, MAIN, table, workbook


def sheet(rows: str) -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def test_a_plain_table_is_read() -> None:
    heading, row = read(workbook(table([LINE])))
    assert [cell.text for cell in heading] == list(HEADING)
    assert row[:2] == (Cell("1", number=True), Cell("12345678"))
    assert row[4] == Cell("200000", number=True)


def test_shared_texts_and_left_out_cells_are_read() -> None:
    shared = f'<sst xmlns="{MAIN}"><si><t>A</t></si><si><r><t>B</t></r><r><t>C</t></r></si></sst>'
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="F1" t="s"><v>1</v></c></row>'
    (line,) = read(workbook(sheet(rows), {"xl/sharedStrings.xml": shared}))
    assert [cell.text for cell in line] == ["A", "", "", "", "", "BC"]


WRONG = [
    "<row><c><f>1+1</f><v>2</v></c></row>",
    '<row r="2"><c><v>2</v></c></row>',
    '<row><c r="G1"><v>2</v></c></row>',
    '<row><c r="A1"><v>2</v></c><c r="A1"><v>3</v></c></row>',
    '<row><c t="b"><v>1</v></c></row>',
    '<row><c t="s"><v>9</v></c></row>',
    "<row><c>",
]


@pytest.mark.parametrize("rows", WRONG)
def test_what_is_no_plain_table_is_refused(rows: str) -> None:
    with pytest.raises(Malformed):
        read(workbook(sheet(rows)))


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml"])
@pytest.mark.parametrize("text", ["<!DOCTYPE x><x/>", "<x/>", ""])
def test_what_is_no_workbook_is_refused(part: str, text: str) -> None:
    with pytest.raises(Malformed):
        read(workbook(table([LINE]), {part: text}))


def test_what_is_no_archive_or_too_large_is_refused() -> None:
    for raw in (b"", b"no archive", workbook(table([LINE]))[:-30], workbook(table([LINE]), {"x": "0" * 2_000_001})):
        with pytest.raises(Malformed):
            read(raw)
