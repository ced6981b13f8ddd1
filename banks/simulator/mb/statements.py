"""What MB says about balances, orders and movements (3.1.2-3.1.4 and 3.1.8 of the bank wire specification).

[assumed]: everything of 3.1.8; the history is newest first, so a new row shifts the pages, of 1-100 rows; a window
is at most 90 days and begins at most 180 days back (6.2); `ftNumber` and `rrn` are empty until the order is executed,
`rrn` inside MB always; `actionTime` is written like the time of the result callback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from banks.simulator.clock import VIETNAM
from banks.simulator.mb import memo_lines
from banks.simulator.mb.codes import BIN
from banks.simulator.napas import banks
from banks.simulator.records import Movement, Order
from banks.simulator.state import State

if TYPE_CHECKING:
    from datetime import date, datetime

    from banks.simulator.mb.settings import MbSettings

WORDS: Final = {"waiting": "PROCESSING", "checked": "PROCESSING", "executed": "SUCCESS", "refused": "FAILED"}
SIZE_MAX: Final = 100
WINDOW_DAYS: Final = 90
BACK_DAYS: Final = 180


def instant(at: datetime) -> str:
    """`yyyy-MM-dd HH:mm:ss` in Vietnam."""
    return at.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M:%S")


def booked(state: State, order: Order) -> Movement | None:
    """The movement that executed `order`, None before."""
    return next((row for row in state.books.movements(order.source) if row.order == order.trace), None)


def retrieval_reference(movement: Movement) -> str:
    """The twelve digits NAPAS knows a transfer by: last digit of the year, day of the year, hour, trace (8.1)."""
    at = movement.at.astimezone(VIETNAM)
    return f"{at:%Y}"[-1] + f"{at:%j%H}{movement.trace}"


def _numbers(state: State, order: Order) -> tuple[str, str, str]:
    """Reference, retrieval reference and trace number of the booking."""
    row = booked(state, order)
    if row is None:
        return "", "", ""
    return row.reference, retrieval_reference(row) if order.rail == "napas" else "", row.trace


def made(state: State, order: Order) -> dict[str, object]:
    """`data` of the answer to a transfer."""
    reference, retrieval, trace = _numbers(state, order)
    word = order.shown_status or WORDS[order.status]
    return {"status": word, "ftNumber": reference, "rrn": retrieval, "traceNumber": trace}


def standing(state: State, order: Order) -> dict[str, object]:
    """`data` of the answer to a status enquiry."""
    reference, retrieval, _ = _numbers(state, order)
    return {
        "transStatus": order.shown_status or WORDS[order.status],
        "ft": reference,
        "retRefNumber": retrieval,
        "actionTime": instant(order.ended_at or order.created_at),
    }


def balance(state: State, account: str) -> dict[str, object]:
    """`data` of the answer to a balance enquiry; what accepted orders will take is blocked."""
    current, blocked = state.books.balance(account), state.pending(account)
    return {
        "currentBalance": str(current),
        "availableBalance": str(current - blocked),
        "blockedAmount": str(blocked),
        "currency": "VND",
    }


def page(state: State, account: str, first: date, last: date, number: int, size: int) -> dict[str, object]:
    """Page `number` (from 1) of an account's rows from bank day `first` to `last`."""
    rows = state.visible(account, first, last)[::-1]
    shown = rows[(number - 1) * size : number * size]
    settings = cast("MbSettings", state.settings)
    return {
        "transactionHistoryList": [_row(row, settings) for row in shown],
        "totalPage": max(-(-len(rows) // size), 1),
    }


def _row(row: Movement, settings: MbSettings) -> dict[str, object]:
    credit, party = row.direction == "credit", row.party
    entry = banks().get(party.bin or "") if party is not None else None
    at = row.at.astimezone(VIETNAM)
    return {
        "postingDate": f"{row.effective_on:%d/%m/%Y} 00:00:00",
        "transactionDate": f"{at:%d/%m/%Y %H:%M:%S}",
        "accountNo": row.account,
        "creditAmount": str(row.amount) if credit else "0",
        "debitAmount": "0" if credit else str(row.amount),
        "currency": "VND",
        "description": memo_lines.shown(row.memo, settings.history_memos, party.name if party is not None else ""),
        "addDescription": "",
        "availableBalance": str(row.balance_after),
        "refNo": row.shown + settings.reference_tail,
        "benAccountName": party.name if party is not None else "",
        "bankName": entry.short_name if entry is not None else "",
        "benAccountNo": party.account if party is not None else "",
        "beneficiaryAccount": party.account if party is not None else "",
        "dueDate": "",
        "docId": "",
        "transactionType": row.product.upper(),
        "pos": "",
        "tracingType": "",
    }


def owner(state: State, number: str, bin_: str) -> str | None:
    """The name an account stands in, at this bank or (where the control port made it known) at another one."""
    account = state.books.account(number, None if bin_ == BIN else bin_)
    return account.name if account is not None else None
