"""MB's response codes (3.1.3 and 3.1.4 of the bank wire specification).

[assumed]: that the Open API uses these numbers at all, which one it uses for what, and that every refusal in the bank's
own codes comes with HTTP 200.
"""

from __future__ import annotations

from typing import Final

from banks.simulator.refusals import Cause, Refused

BIN: Final = "970422"
CITAD_BANK: Final = "311"
"""MB's own number inside the codes of CITAD (6.4)."""

SUCCESS: Final = "000"
INTERRUPTED: Final = "001"
AUTHENTICATION: Final = "100"
ACCESS: Final = "101"
BAD_ACCOUNT: Final = "201"
BAD_DATA: Final = "205"
BAD_AMOUNT: Final = "209"
DUPLICATE: Final = "212"
WRONG_NAME: Final = "215"
INSUFFICIENT_FUNDS: Final = "400"
OVER_LIMIT: Final = "411"
NO_SUCH_BANK: Final = "412"
NOT_FOUND: Final = "51173"
QR_WRONG_AMOUNT: Final = "4857"
QR_NOT_FOUND: Final = "4863"

BARRED: Final[dict[Cause, str]] = {
    "maintenance": INTERRUPTED,
    "foreign_account": ACCESS,
    "duplicate": DUPLICATE,
    "over_limit": OVER_LIMIT,
    "insufficient_funds": INSUFFICIENT_FUNDS,
}
"""The code for what the order desk does not take."""


def refusal(code: str, reason: str) -> Refused:
    """A refusal in MB's own words, because of `reason`."""
    return Refused(200, code, reason)
