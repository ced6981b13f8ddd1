"""Techcombank's response codes (table 5.1.3 of the bank wire specification) and which of them says what.

[assumed], as the specification is silent:

    PA-020 insufficient funds, PA-021 over the limit, SOA-090 maintenance (so marked there)
    SOA-001  another partner or channel than the enrolled one
    SOA-002  a field that is missing, unknown, doubled, out of order or of the wrong shape; an account not enrolled
    SOA-009  a signature that is missing, or of a user who is not enrolled in that place
    SOA-011  a ReqInf that cannot be opened
    AI-001   an account that does not exist (the code the bank's own business application shows)
    PA-006, PA-007, PA-010  late refusals: no such account, another owner, the source account itself
"""

from __future__ import annotations

from typing import Final

from banks.simulator.records import EndCause
from banks.simulator.refusals import Cause, Refused

BIN: Final = "970407"
OWN_CITAD: Final = "01310001"

SUCCESS: Final = "000"
OTHER: Final = "001"
CONFIGURATION: Final = "SOA-001"
VALIDATION: Final = "SOA-002"
SIGNATURE: Final = "SOA-008"
SIGNATURE_SETUP: Final = "SOA-009"
SEALING: Final = "SOA-011"
MAINTENANCE: Final = "SOA-090"
BANK_INACTIVE: Final = "PA-004"
BANK_UNKNOWN: Final = "PA-005"
BENEFICIARY_SIGN: Final = "PA-008"
DESCRIPTION_SIGN: Final = "PA-009"
SENDER_SIGN: Final = "PA-013"
DUPLICATE: Final = "PA-017"
INSUFFICIENT_FUNDS: Final = "PA-020"
OVER_LIMIT: Final = "PA-021"
NO_ACCOUNT: Final = "AI-001"

TEXTS: Final = {
    SUCCESS: "Success",
    OTHER: "Other error",
    CONFIGURATION: "Configuration error",
    VALIDATION: "Validation error",
    SIGNATURE: "Signature verification failed",
    SIGNATURE_SETUP: "Signature configuration error",
    SEALING: "Cannot decrypt message",
    MAINTENANCE: "System maintenance",
    BANK_INACTIVE: "Beneficiary bank is inactive",
    BANK_UNKNOWN: "Beneficiary bank not found",
    BENEFICIARY_SIGN: "Invalid character in beneficiary name",
    DESCRIPTION_SIGN: "Invalid character in description",
    SENDER_SIGN: "Invalid character in sender name",
    DUPLICATE: "Duplicate transaction",
    INSUFFICIENT_FUNDS: "Insufficient funds",
    OVER_LIMIT: "Amount is over the limit",
    NO_ACCOUNT: "Account not found",
}
"""The text the bank sends with each code."""

BARRED: Final[dict[Cause, str]] = {
    "maintenance": MAINTENANCE,
    "foreign_account": VALIDATION,
    "duplicate": DUPLICATE,
    "over_limit": OVER_LIMIT,
    "insufficient_funds": INSUFFICIENT_FUNDS,
}
"""The code for what the order desk does not take."""

LATE: Final[dict[EndCause, str]] = {
    "no_account": "PA-006",
    "wrong_name": "PA-007",
    "own_account": "PA-010",
    "bank_offline": BANK_INACTIVE,
    "insufficient_funds": INSUFFICIENT_FUNDS,
    "expired": OTHER,
    "arranged": OTHER,
}
"""TxnStsRemark of an order that was refused after it had been taken."""


def refused(code: str, reason: str) -> Refused:
    """A refusal in the bank's own words: HTTP 200 with `code`, because of `reason`."""
    return Refused(200, code, reason)
