"""What the bank says about orders and movements: `responseData` of 2.1.3, 2.1.5 and 2.1.6 of the specification.

[assumed]: the history is newest first, so a new row shifts the pages; within one day the newest 500 rows can be read,
over several days the newest 100. The misspelt `sourceAcocuntNumber` is the bank's own.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import UTC, date
from typing import TYPE_CHECKING, Final, cast

from banks.simulator.acb.codes import INSUFFICIENT_FUNDS
from banks.simulator.acb.notices import bank_name
from banks.simulator.clock import VIETNAM
from banks.simulator.napas import banks
from banks.simulator.records import Movement, Order
from banks.simulator.state import State

if TYPE_CHECKING:
    from banks.simulator.acb.settings import AcbSettings

SIZE_MAX: Final = 100
ROWS_OF_A_DAY_MAX: Final = 500
ROWS_MAX: Final = 100
WORDS: Final = {"waiting": "ORIG", "checked": "VALD", "executed": "TRAN", "refused": "INVA"}
MESSAGES: Final = {
    "waiting": "Waiting for processed",
    "checked": "Transaction is valid",
    "executed": "Success transfer transaction",
}
"""Words of 2.1.6."""
TYPES: Final = {"inside": "INSIDEBANK", "napas": "IBFT", "citad": "CITAD"}


def page(state: State, account: str, first: date, last: date, number: int, size: int) -> dict[str, object]:
    """Page `number` (from 1) of an account's rows from bank day `first` to `last`."""
    rows = state.visible(account, first, last)[::-1][: ROWS_OF_A_DAY_MAX if first == last else ROWS_MAX]
    shown = rows[(number - 1) * size : number * size]
    pagination = {
        "page": number,
        "size": size,
        "totalPage": max(-(-len(rows) // size), 1),
        "totalRecord": len(rows),
    }
    plain = cast("AcbSettings", state.settings).history_dates == "plain"
    return {"transactions": [_row(row, plain) for row in shown], "pagination": pagination}


def _row(movement: Movement, plain: bool) -> dict[str, object]:
    at = movement.at.astimezone(VIETNAM)
    party = movement.party
    name, account = (party.name, party.account) if party is not None else (None, None)
    bank = bank_name(party.bin) if party is not None else None
    credit = movement.direction == "credit"
    return {
        "account": movement.account,
        "transactionDate": at.strftime("%Y-%m-%d %H:%M:%S") if plain else at.isoformat(timespec="seconds"),
        "transactionAmount": movement.amount,
        "debitOrCredit": movement.direction,
        "transactionDescription": movement.memo,
        "transactionCode": movement.product.upper(),
        "transactionType": "TRANSFER",
        "transactionSource": movement.product.upper(),
        "transactionStatus": movement.status,
        "traceNumber": movement.trace,
        "transactionTraceNumber": None,
        "virtualAccount": None,
        "remitterName": name if credit else None,
        "remitterAccountNumber": account if credit else None,
        "issuerBankName": bank if credit else None,
        "beneficiaryName": None if credit else name,
        "beneficiaryBankName": None if credit else bank,
        "beneficiaryAccount": None if credit else account,
        "partnerCustomerCode": None,
    }


def created(order: Order, trace: str | None = None) -> dict[str, object]:
    """The answer to a stored order; `trace` to name another one. An accepted order is ORIG here, whatever it is now."""
    line = {
        "transactionTraceNumber": trace or order.trace,
        "status": "ORIG",
        "statusMessage": MESSAGES["waiting"],
        "createdDateTime": order.created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return {"transaction": line}


def bulk_created(bulk: str, orders: Sequence[Order]) -> dict[str, object]:
    """The answer to a stored bulk; statistics in snake case here and in camel case in the enquiry."""
    statistics = {"total_item": len(orders), "total_amount": sum(order.amount for order in orders)}
    lines = [created(order)["transaction"] for order in orders]
    return {"bulkTraceNumber": bulk, "bulkStatus": "ORIG", "statistics": statistics, "transactions": lines}


def status(orders: Sequence[Order]) -> dict[str, object]:
    """Where these orders stand."""
    count = len(orders)
    pagination = {"totalRows": count, "totalPages": 1, "page": 1, "size": max(count, 20)}
    return {"transactions": [_line(order) for order in orders], "pagination": pagination}


def _line(order: Order) -> dict[str, object]:
    return {
        "transactionTraceNumber": order.trace,
        "status": order.shown_status or WORDS[order.status],
        "statusMessage": _message(order),
        "serviceChargeAmount": order.charge,
        "sourceAcocuntNumber": order.source,
        "transactionNumber": None if order.shown_status else order.transaction_number,
        "amount": order.document["amount"],
        "remarks": order.remarks,
        "transactionType": TYPES[order.rail],
        "beneficiary": _beneficiary(order),
    }


def _message(order: Order) -> str:
    if order.shown_status is not None:
        return f"Status {order.shown_status}"
    if order.cause == "insufficient_funds":
        return f"{order.reason} ({INSUFFICIENT_FUNDS})"
    return order.reason if order.status == "refused" else MESSAGES[order.status]


def _beneficiary(order: Order) -> object:
    """The beneficiary as it was sent; its bank has an additional `code`."""
    beneficiary = copy.deepcopy(order.document["beneficiary"])
    if isinstance(beneficiary, dict) and order.rail != "inside":
        entry = banks().get(order.beneficiary.bin or "")
        beneficiary["interbank" if order.rail == "napas" else "citad"]["bank"]["code"] = entry.code if entry else None
    return beneficiary


def bulk_status(bulk: str, orders: Sequence[Order]) -> dict[str, object]:
    """Where a bulk stands: COMP once every line has ended, which says nothing about how."""
    done = [order for order in orders if order.status == "executed" and order.shown_status is None]
    ended = all(order.status in ("executed", "refused") and order.shown_status is None for order in orders)
    statistics = {
        "totalItem": len(orders),
        "totalAmount": sum(order.amount for order in orders),
        "totalServiceChargeAmount": sum(order.charge for order in orders),
        "totalAmountTransfer": sum(order.amount for order in done),
        "totalServiceChargeAmountTransfer": sum(order.charge for order in done),
    }
    head = {"bulkTraceNumber": bulk, "bulkStatus": "COMP" if ended else "ORIG", "statistics": statistics}
    return head | status(orders)
