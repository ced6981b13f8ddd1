"""VietinBank's codes (4.1.2, 4.1.5, 4.1.6 of the bank wire specification); what is not printed there is [assumed]."""

from __future__ import annotations

from typing import Final

from banks.simulator.records import EndCause, Order
from banks.simulator.refusals import Cause

BIN: Final = "970415"
CITAD: Final = "01201001"
"""How a transfer inside VietinBank names the bank of both sides."""

DONE: Final = "1"
DISBURSEMENT_DONE: Final = "00"
REFUSED: Final = "0"  # [assumed]
DUPLICATE: Final = "07"  # [assumed] for the ERP family
INSUFFICIENT_FUNDS: Final = "27"  # [assumed] for the ERP family
MAINTENANCE: Final = "91"  # [assumed]

BARRED: Final[dict[Cause, str]] = {
    "maintenance": MAINTENANCE,
    "foreign_account": REFUSED,
    "duplicate": DUPLICATE,
    "over_limit": REFUSED,
    "insufficient_funds": INSUFFICIENT_FUNDS,
}

RECORD_DONE: Final = "00"
RECORD_PENDING: Final = "01"
RECORD_FAILED: Final[dict[EndCause, str]] = {
    "no_account": "02",
    "own_account": "02",
    "wrong_name": "02",
    "bank_offline": "03",
    "expired": "04",
    "arranged": "04",
    "insufficient_funds": INSUFFICIENT_FUNDS,
}
"""[assumed]: the specification says of a failed record only that its status is another one."""


def record_status(order: Order) -> str:
    """The status of an order's record in an enquiry."""
    if order.shown_status is not None:
        return order.shown_status
    if order.status == "executed":
        return RECORD_DONE
    return RECORD_FAILED[order.cause] if order.cause is not None else RECORD_PENDING
