"""ACB's response codes (table 2.1.7 of the bank wire specification) and the two refusals with an HTTP status of their
own.
"""

from __future__ import annotations

from typing import Final

from banks.simulator.refusals import Cause, Refused

BIN: Final = "970416"
SUCCESS: Final = "00000000"
BAD_FORMAT: Final = "01030001"
MISMATCH_CERTIFICATE: Final = "02010001"
DATA_NOT_FOUND: Final = "30020402"
INSUFFICIENT_FUNDS: Final = "30010001"  # [assumed]
DUPLICATE_TRACE: Final = "30010002"  # [assumed]
OVER_LIMIT: Final = "30010003"  # [assumed]
MAINTENANCE: Final = "99000001"  # [assumed]

TEXTS: Final = {
    SUCCESS: "success",
    BAD_FORMAT: "Bad request format",
    MISMATCH_CERTIFICATE: "Mismatch certificate",
    DATA_NOT_FOUND: "Data not found",
    INSUFFICIENT_FUNDS: "Insufficient funds",
    DUPLICATE_TRACE: "Duplicate transaction trace number",
    OVER_LIMIT: "Amount is over the limit",
    MAINTENANCE: "System under maintenance",
}
"""Response codes of table 2.1.7 of the bank wire specification and the text the bank sends with each."""


BARRED: Final[dict[Cause, tuple[int, str | None]]] = {
    "maintenance": (503, MAINTENANCE),
    "foreign_account": (403, None),
    "duplicate": (200, DUPLICATE_TRACE),
    "over_limit": (200, OVER_LIMIT),
    "insufficient_funds": (200, INSUFFICIENT_FUNDS),
}
"""HTTP status and code for what the order desk does not take."""


def bad_format(reason: str) -> Refused:
    """HTTP 400 with 01030001, because of `reason`."""
    return Refused(400, BAD_FORMAT, reason)


def mismatch(reason: str) -> Refused:
    """HTTP 289 with 02010001: the odd status the sandbox shows for anything wrong with certificates or signatures."""
    return Refused(289, MISMATCH_CERTIFICATE, reason)
