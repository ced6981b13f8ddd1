"""A history read to its end, told to people as a table and to programs as JSON.

Texts of banks and payers lose what a terminal would obey before they are shown in the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

import msgspec

from banks.bank import Bank, Capability, DoubtfulRow, StatementRow
from ledger.calendar import ICT

PAGES_MAX: Final = 1000
"""Our own bound on one history."""
AMOUNT_WIDTH: Final = 19


class PlacedDoubt(msgspec.Struct, frozen=True):
    """A row that was not understood: its page and its place there, both from 1, and why."""

    page: int
    position: int
    why: str


class WholeHistory(msgspec.Struct, frozen=True):
    """What moved in some days, in the order the bank told it. Not `whole`: there were more pages than we read."""

    rows: list[StatementRow]
    doubtful: list[PlacedDoubt]
    whole: bool


def read_history(bank: Bank, day_from: date, day_to: date) -> WholeHistory:
    """All pages of these days, both included; a row that came on two pages once. Raises CapabilityMissing,
    BankUnavailable, InvalidField.
    """
    bank.require(Capability.HISTORY)
    rows: dict[tuple[str | int, ...], StatementRow] = {}
    doubtful: list[PlacedDoubt] = []
    cursor: str | None = None
    for number in range(1, PAGES_MAX + 1):
        page = bank.history(day_from, day_to, cursor)
        for row in page.lines:
            # One movement may come on two pages, but the same key with another content is no such thing.
            if rows.setdefault(row.key, row) != row:
                doubtful.append(_clash(number, page.lines.index(row)))
        doubtful.extend(_placed(number, row) for row in page.doubtful)
        cursor = page.next_cursor
        if cursor is None:
            break
    return WholeHistory(list(rows.values()), doubtful, cursor is None)


def as_json(found: WholeHistory) -> str:
    """Every field of every row; amounts as minor units and currency."""
    return msgspec.json.format(msgspec.json.encode(found)).decode() + "\n"


def as_table(found: WholeHistory) -> str:
    """A line for each row, then what was not understood, and a warning when there was more."""
    return "".join(f"{line}\n" for line in _lines(found))


def shown(text: str) -> str:
    """A text from outside without what a terminal would obey: letters that do not print become blanks."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def _lines(found: WholeHistory) -> Iterator[str]:
    table = [_cells(row) for row in found.rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
    yield f"{len(found.rows)} rows, {len(found.doubtful)} not understood"
    for doubt in found.doubtful:
        yield f"  row {doubt.position} of page {doubt.page}: {shown(doubt.why)}"
    if not found.whole:
        yield f"NOT WHOLE: only {PAGES_MAX} pages were read; ask for fewer days"


def _cells(row: StatementRow) -> tuple[str, ...]:
    return (
        f"{row.booked_at.astimezone(ICT):%Y-%m-%d %H:%M:%S}",
        f"{row.direction}, taken back" if row.reversal else row.direction,
        str(row.amount).rjust(AMOUNT_WIDTH),
        shown(row.bank_reference),
        shown(" ".join(filter(None, (row.counterparty_name, row.counterparty_account)))),
        shown(row.memo),
    )


def _placed(page: int, row: DoubtfulRow) -> PlacedDoubt:
    return PlacedDoubt(page, row.position, row.why)


def _clash(page: int, index: int) -> PlacedDoubt:
    return PlacedDoubt(page, index + 1, "another row has the same reference, day and amount")
