"""What MBDN says of files: those read in, and orders where they stand (3.3.5 and 3.3.6 of the specification).

[assumed]: the names of the fields of a row, beside the printed `errorCodes` and `warningCodes`; a file that was not
saved yet is `draft`; lines that go different ways make a file `inprogress` until all have ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from banks.simulator.mb.statements import booked
from banks.simulator.mbdn.rows import Row
from banks.simulator.records import Movement, Order
from banks.simulator.state import State

DRAFT: Final = "draft"
ENDED: Final = ("executed", "refused")


class Draft(NamedTuple):
    """A file as it was read: `stem` is its name without .xlsx, the customer's id of it; `source` pays."""

    bulk: str
    stem: str
    source: str
    rows: tuple[Row, ...]

    @property
    def traces(self) -> tuple[str, ...]:
        """The customer's ids of the orders: the file's where there is one only."""
        if len(self.rows) == 1:
            return (self.stem,)
        return tuple(f"{self.stem}-{row.number}" for row in self.rows)

    @property
    def total(self) -> int:
        """The sum of rows without errors, in dong."""
        return sum(int(row.cells["amount"]) for row in self.rows)

    @property
    def sound(self) -> bool:
        """Whether no row has an error."""
        return not any(row.errors for row in self.rows)


def read_in(draft: Draft) -> dict[str, object]:
    """What is said of a file before it is saved."""
    return {
        "bulkId": draft.bulk,
        "fileName": f"{draft.stem}.xlsx",
        "status": DRAFT,
        "transactions": [_unsaved(row) for row in draft.rows],
    }


def _unsaved(row: Row) -> dict[str, object]:
    cells = row.cells
    return {
        "no": row.number,
        "account": cells["account"],
        "amount": cells["amount"],
        "description": cells["description"],
        "errorCodes": _coded(row.errors),
        "warningCodes": _coded(row.warnings),
        "status": "",
        "bookingStatus": "",
        "ft": "",
    }


def _coded(found: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{column}:{code};" for column, code in found)


def standing(state: State, orders: Sequence[Order]) -> dict[str, object]:
    """Where the orders of one saved file stand."""
    first = orders[0]
    return {
        "bulkId": first.bulk,
        "fileName": first.document["file"],
        "status": word(state, orders),
        "transactions": [_line(state, order) for order in orders],
    }


def word(state: State, orders: Sequence[Order]) -> str:
    """The state of a file, from those of its orders."""
    words = {_word(state, order) for order in orders}
    if len(words) == 1:
        return words.pop()
    if any(order.status not in ENDED for order in orders):
        return "inprogress"
    if any(order.status == "executed" for order in orders):
        return "executedwithpartialsuccess"
    return "executionfail"


def _word(state: State, order: Order) -> str:
    if order.shown_status is not None:
        return order.shown_status
    match order.status:
        case "waiting":
            return "pendingapproval" if order.unapproved else "pendingexecute"
        case "checked":
            return "inprogress"
        case "executed":
            return "executedsuccesfully" if refund(state, order) is None else "executionfail"
        case "refused":
            if order.cause == "expired":
                return "expired"
            return "rejected" if order.unapproved and order.cause == "arranged" else "executionfail"


def refund(state: State, order: Order) -> Movement | None:
    """The credit by which the money of `order` came back."""
    cause = f"return of {order.trace}"
    entry = next((one for one in state.books.entries if one.cause == cause), None)
    return entry.movements[0] if entry is not None else None


def _line(state: State, order: Order) -> dict[str, object]:
    movement, back = booked(state, order), refund(state, order)
    status, booking = _axes(order, back)
    shown = order.shown_status is not None
    return {
        "no": order.document["no"],
        "account": order.beneficiary.account,
        "amount": str(order.amount),
        "description": order.remarks,
        "errorCodes": "",
        "warningCodes": "",
        "status": "UNDEFINED" if shown else status,
        "bookingStatus": "UNDEFINED" if shown else booking,
        "ft": movement.reference if movement is not None and not shown else "",
        "refundTransactionFt": back.reference if back is not None and not shown else "",
    }


def _axes(order: Order, back: Movement | None) -> tuple[str, str]:
    """What became of the order, and whether it was booked."""
    match order.status:
        case "executed":
            return ("SUCCESS" if back is None else "FAILED"), "DEDUCTED"
        case "refused":
            return "FAILED", "NOT_DEDUCTED"
        case _:
            return "NOT_FINISHED", "NOT_DEDUCTED"
