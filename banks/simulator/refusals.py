"""What the simulated bank refuses: on the wire with the bank's own codes, on the control port with plain words."""

from __future__ import annotations

from typing import Final

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


class Refused(Exception):
    """A request the bank does not accept. `http` and `code` go out; `reason` is told on the control port only.

    Gateway refusals (401, 403, 429) have no response code of the bank: `code` is then None.
    """

    def __init__(self, http: int, code: str | None, reason: str) -> None:
        super().__init__(reason)
        self.http = http
        self.code = code
        self.reason = reason


def bad_format(reason: str) -> Refused:
    """HTTP 400 with 01030001, because of `reason`."""
    return Refused(400, BAD_FORMAT, reason)


def mismatch(reason: str) -> Refused:
    """HTTP 289 with 02010001: the odd status the sandbox shows for anything wrong with certificates or signatures."""
    return Refused(289, MISMATCH_CERTIFICATE, reason)


class Impossible(Exception):
    """A control request that cannot be done. `http` is 400 (unreadable), 404 (unknown) or 409 (not in this state)."""

    def __init__(self, http: int, reason: str) -> None:
        super().__init__(reason)
        self.http = http
        self.reason = reason


class Unusable(Exception):
    """The simulator cannot start: enrolment or journal missing or unreadable. Says which file and what to do."""
