"""What stands in a file of orders, looked at row by row (3.3.5 of the bank wire specification).

[assumed]: the first line is a heading; a receiving bank is its six-digit number, MB's own inside MB; names have the
letters of the safe common subset (1.5) and are at most as long as the rail allows, memos at most 140 of the letters
MB lets through; amounts are whole dong; account, name, bank and memo are texts, so that no zero in front is lost; the
name is compared where the account is known, and cannot be verified now where it is not, which is a warning.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from banks.simulator.mb.codes import BIN
from banks.simulator.mb.transfer import ACCOUNT, NAME_MAX, REMARK
from banks.simulator.mbdn import codes
from banks.simulator.mbdn.sheet import Line
from banks.simulator.memos import folded
from banks.simulator.napas import banks
from banks.simulator.orders import Instruction
from banks.simulator.records import Party
from banks.simulator.refusals import Malformed
from banks.simulator.state import State

COLUMNS: Final = ("no", "account", "name", "bank", "amount", "description")
NAME: Final = r"[A-Z0-9.-]+( [A-Z0-9.-]+)*"
MEMO_MAX: Final = 140
AMOUNT_MAX: Final = 10_000_000_000_000


class Row(NamedTuple):
    """One order of a file, as written; `errors` and `warnings` are (column, code)."""

    number: int
    cells: dict[str, str]
    errors: tuple[tuple[str, str], ...]
    warnings: tuple[tuple[str, str], ...]

    @property
    def rail(self) -> str:
        """How it would go."""
        return "inside" if self.cells["bank"] == BIN else "napas"

    def instruction(self, trace: str, file: str) -> Instruction:
        """The order, of a row without errors."""
        beneficiary = Party(self.cells["name"], self.cells["account"], self.cells["bank"])
        document: dict[str, object] = {"file": file, "no": self.number}
        amount = int(self.cells["amount"])
        return Instruction(trace, self.rail, amount, beneficiary, self.cells["description"], document)


def read(state: State, source: str, lines: Sequence[Line]) -> tuple[Row, ...]:
    """The rows under the heading, to be paid from the account `source`. Raises Malformed where there is no table."""
    if len(lines) < 2 or not all(cell.text and not cell.number for cell in lines[0]):
        raise Malformed("the file must have a heading of six names and at least one row")
    times = Counter((line[3].text, line[1].text) for line in lines[1:])
    return tuple(
        _row(state, source, line, number, repeated=times[line[3].text, line[1].text] > 1)
        for number, line in enumerate(lines[1:], start=1)
    )


def _row(state: State, source: str, line: Line, number: int, *, repeated: bool) -> Row:
    cells = {column: cell.text for column, cell in zip(COLUMNS, line, strict=True)}
    errors = [(column, codes.ROW_INCOMPLETE) for column, text in cells.items() if not text]
    numbers = {column for column, cell in zip(COLUMNS, line, strict=True) if cell.number}
    errors += [(column, codes.ROW_FORMAT) for column in sorted(numbers - {"no", "amount"})]
    if cells["no"] and cells["no"] != str(number):
        errors.append(("no", codes.ROW_FORMAT))
    row = Row(number, cells, (), ())
    if not errors:
        errors = _written(row) + _amount(state, row)
    warnings: list[tuple[str, str]] = []
    if not errors:
        errors, warnings = _beneficiary(state, source, row, repeated=repeated)
    return row._replace(errors=tuple(errors), warnings=tuple(warnings))


def _written(row: Row) -> list[tuple[str, str]]:
    """What is wrong with the letters of the row."""
    cells, found = row.cells, []
    if cells["bank"] not in banks():
        found.append(("bank", codes.ROW_BANK))
    if not re.fullmatch(ACCOUNT, cells["account"]):
        found.append(("account", codes.ROW_FORMAT))
    for column, pattern, most in (
        ("name", NAME, NAME_MAX[row.rail]),
        ("description", REMARK[row.rail] + "+", MEMO_MAX),
    ):
        if len(cells[column]) > most:
            found.append((column, codes.ROW_LONG))
        elif not re.fullmatch(pattern, cells[column]):
            found.append((column, codes.ROW_FORMAT))
    return found


def _amount(state: State, row: Row) -> list[tuple[str, str]]:
    text = row.cells["amount"]
    if re.fullmatch("-[0-9]+", text):
        return [("amount", codes.ROW_NEGATIVE)]
    if not re.fullmatch("0|[1-9][0-9]{0,20}", text):
        return [("amount", codes.ROW_FORMAT)]
    units = int(text)
    if units < 1:
        return [("amount", codes.ROW_LITTLE)]
    if units > AMOUNT_MAX:
        return [("amount", codes.ROW_MUCH)]
    over = row.rail == "napas" and units > state.settings.napas_max
    return [("amount", codes.ROW_LIMIT)] if over else []


def _beneficiary(
    state: State, source: str, row: Row, *, repeated: bool
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Errors and warnings about who is to be paid."""
    inside, account = row.rail == "inside", row.cells["account"]
    if repeated:
        return [("account", codes.ROW_REPEATED)], []
    if inside and account == source:
        return [("account", codes.ROW_SOURCE)], []
    owner = state.books.account(account, None if inside else row.cells["bank"])
    if owner is None:
        return ([("account", codes.ROW_NO_ACCOUNT)], []) if inside else ([], [("name", codes.ROW_UNVERIFIED)])
    differs = folded(owner.name) != folded(row.cells["name"])
    return ([("name", codes.ROW_NAME)] if differs else []), []
