"""The smallest spreadsheet: every part is well-formed, texts stay texts, and the same rows give the same bytes."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

import pytest

from banks.xlsx import SHEET, workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cells(raw: bytes) -> list[list[tuple[str, str, str]]]:
    """Place, kind and value of every cell, as a reader of the format finds them."""
    with zipfile.ZipFile(io.BytesIO(raw)) as package:
        assert package.testzip() is None
        for name in package.namelist():
            ElementTree.fromstring(package.read(name))  # noqa: S314  # our own bytes
        sheet = ElementTree.fromstring(package.read(SHEET))  # noqa: S314  # as above
    found = []
    for row in sheet.iter(f"{MAIN}row"):
        line = []
        for cell in row:
            kind = cell.get("t", "n")
            value = cell.find(f"{MAIN}v") if kind == "n" else cell.find(f"{MAIN}is/{MAIN}t")
            assert value is not None
            line.append((str(cell.get("r")), kind, value.text or ""))
        found.append(line)
    return found


def test_texts_and_numbers_stand_where_they_belong() -> None:
    assert cells(workbook([("no.", "account"), (1, "0001234567890")])) == [
        [("A1", "inlineStr", "no."), ("B1", "inlineStr", "account")],
        [("A2", "n", "1"), ("B2", "inlineStr", "0001234567890")],
    ]


@pytest.mark.parametrize("text", ["<&>\"'", "Đơn hàng số 5", "", " a  b ", "=1+1", "]]>"])
def test_any_text_comes_back_as_it_went_in(text: str) -> None:
    assert cells(workbook([(text,)])) == [[("A1", "inlineStr", text)]]


@pytest.mark.parametrize("text", ["a\nb", "a\x00b", "a\x1fb", "\ud800", "\uffff"])
def test_what_no_spreadsheet_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="control"):
        workbook([(text,)])


def test_more_columns_than_letters_are_refused() -> None:
    assert len(cells(workbook([tuple(range(26))]))[0]) == 26
    with pytest.raises(ValueError, match="26"):
        workbook([tuple(range(27))])


def test_the_same_rows_give_the_same_bytes() -> None:
    assert workbook([("a", 1)]) == workbook([("a", 1)])
    assert workbook([("a", 1)]) != workbook([("a", 2)])


def test_the_parts_name_one_another() -> None:
    with zipfile.ZipFile(io.BytesIO(workbook([("a",)]))) as package:
        names = set(package.namelist())
        types = package.read("[Content_Types].xml").decode()
    assert names == {"[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", SHEET}
    assert "/xl/workbook.xml" in types
    assert f"/{SHEET}" in types
