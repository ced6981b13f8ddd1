"""MB transfer orders: what is sent and signed, and how every answer is read (3.1.2 to 3.1.4 of the specification).

The tables stand first and hold everything the bank's contract documents may correct; [assumed] marks what no public
source tells. The codes are those of the bank's core; that the Open API returns exactly these is inferred (3.1.3).
Whatever is not in a table is Unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from banks.bank import TransferOrder
from banks.bank_text import memo_with_id, plain
from banks.drift import misfits, not_read
from banks.napas import citad_code, traffic_bin
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown, loggable_code
from banks.signatures import rsa_signature
from banks.strict_json import Json, NotJson, parse
from banks.transport import Answer

SUCCESS: Final = frozenset({"000", "00"})
"""One partner document writes 00, running code compares with 000 (3.1.3)."""

TRANSACTION_NOT_FOUND: Final = "51173"

TOKEN_REFUSED: Final = frozenset({"207"})
"""The gateway turned the call away before anybody looked at it: a new token is due (10)."""

DECLINES: Final[Mapping[str, Reason]] = {
    "100": Reason.NOT_ALLOWED,
    "101": Reason.NOT_ALLOWED,
    "200": Reason.BENEFICIARY_ACCOUNT,
    "201": Reason.BENEFICIARY_ACCOUNT,
    "202": Reason.BAD_FORMAT,
    "203": Reason.BAD_FORMAT,
    "205": Reason.BAD_FORMAT,
    "209": Reason.BAD_FORMAT,
    "211": Reason.BENEFICIARY_ACCOUNT,
    "215": Reason.BENEFICIARY_NAME,
    "400": Reason.INSUFFICIENT_FUNDS,
    "411": Reason.LIMIT,
    "412": Reason.BANK_AWAY,
    "416": Reason.INSUFFICIENT_FUNDS,
}
UNDECIDED: Final[Mapping[str, str]] = {
    "001": "the bank's system was interrupted",
    "002": "the receiving bank's system does not answer",
    "405": "the bank's system is busy",
    "406": "the bank's system is busy",
    "408": "the receiving bank is away for a time",
    "500": "the bank reports a fault of its own",
}
"""Reads may be repeated after these; a transfer is asked about (1.3, 3.3.6)."""

DUPLICATES: Final = frozenset({"212", "401", "404"})
"""The bank has an order with this id already: that says nothing about whether it was paid (1.4)."""

DECLINING_HTTP: Final = frozenset({200, 400, 422})  # [assumed] 3.1.3
"""The HTTP statuses under which a code of DECLINES is believed."""

PARTNER_WORDS: Final = {
    "serviceType": "CHI_HO",
    "customerType": "DOANH_NGHIEP",
    "customerLevel": "1",
    "debitType": "ACCOUNT",
    "creditType": "ACCOUNT",
    "transferFee": "0",
}
END_TO_END_ID_MAX: Final = 15  # [assumed] 3.1.1: the sample has eight characters behind the two codes
RAIL_TYPES: Final = {"internal": "INHOUSE", "napas": "FAST", "citad": "IBPS"}


# what is sent


def transaction_id(prefix: str, end_to_end_id: str) -> str:
    """The bank's name for our order: the two codes it gave us (`prefix`) and our id, whole.

    The sample ends in eight random characters (3.1.1). Eight are too few to be unique for ever, and an id that stands
    for two orders would let an enquiry answer for the wrong one. [assumed]: the bank takes fifteen.
    """
    return prefix + end_to_end_id


def end_to_end_id_of(prefix: str, transaction: str) -> str | None:
    """Our id out of a transaction id; None for one that is not ours."""
    ours = re.fullmatch(rf"{re.escape(prefix)}([A-Z0-9]{{1,{END_TO_END_ID_MAX}}})", transaction)
    return ours[1] if ours else None


def order_data(order: TransferOrder, source_account: str, holder: str) -> dict[str, Json]:
    """The body of a transfer. Raises InvalidBeneficiary when CITAD is asked for a bank whose code is not certain."""
    to = order.beneficiary
    bank = {"internal": lambda _: "", "napas": traffic_bin, "citad": citad_code}[order.rail](to.bin)
    return {
        **PARTNER_WORDS,
        "debitResourceNumber": source_account,
        "debitName": plain(holder),
        "creditResourceNumber": to.account_number,
        "creditName": plain(to.name),
        "transferType": RAIL_TYPES[order.rail],
        "bankCode": bank,
        "transferAmount": str(order.amount.units),
        "remark": memo_with_id(order.end_to_end_id, order.memo),
        "addInfoList": [],
    }


def signed_text(data: Mapping[str, Json]) -> bytes:
    """What the signature covers: bank, memo and id are not in it (3.1.3)."""
    names = ("debitResourceNumber", "debitName", "creditResourceNumber", "creditName", "transferAmount")
    return "".join(str(data[name]) for name in names).encode()


def signature(data: Mapping[str, Json], key: RSAPrivateKey) -> str:
    """The `signature` header of a transfer."""
    return rsa_signature(signed_text(data), key, "sha256")


def compact(value: object) -> bytes:
    """JSON as it is sent."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# how answers are read


class Said(msgspec.Struct, frozen=True):
    """A bank's JSON answer: HTTP status, its code, its echo of our message id, its data, whether the gateway failed,
    and the answer itself.
    """

    http: int
    code: str | None
    message_id: str | None
    data: Mapping[str, Json]
    gateway_fault: bool
    answer: Answer


def said(answer: Answer) -> Said:
    """The answer taken apart. Raises NotJson when it is not a JSON object."""
    body = parse(answer.body)
    if not isinstance(body, dict):
        raise NotJson("not an object")
    code, message_id, data = body.get("errorCode"), body.get("clientMessageId"), body.get("data")
    return Said(
        answer.status,
        code if isinstance(code, str) else None,
        message_id if isinstance(message_id, str) else None,
        data if isinstance(data, dict) else {},
        "soaErrorCode" in body or "error" in body,
        answer,
    )


def outcome_of_order(answer: Answer, message_id: str, rail: str) -> Outcome:
    """What the answer to a transfer says of it."""
    if answer.status == 401:
        return NotSent("the bank refused our access token; nothing was processed")
    heard = _heard(answer, message_id)
    if isinstance(heard, Unknown):
        return heard
    state = heard.data.get("status")
    if heard.code in SUCCESS and answer.status == 200:
        outcome = _outcome_of_state(state, heard.data.get("ftNumber"), "data.status")
        if isinstance(outcome, Executed) and rail != "internal":
            # Other banks' answers come later: the bank is asked before this counts as done (3.1.3, [assumed]).
            return Accepted(outcome.bank_reference)
        return outcome
    if state is not None:
        return Unknown(f"code {loggable_code(heard.code)} beside a state of the order")
    return _outcome_of_code(heard)


def outcome_of_enquiry(answer: Answer, message_id: str) -> Outcome:
    """What the answer to an enquiry says of the order. A refusal of the enquiry says nothing about the order."""
    heard = _heard(answer, message_id)
    if isinstance(heard, Unknown):
        return heard
    state = heard.data.get("transStatus")
    if heard.code == TRANSACTION_NOT_FOUND and answer.status in (200, 400, 404) and state is None:
        return NotFound()
    if heard.code in SUCCESS and answer.status == 200:
        return _outcome_of_state(state, heard.data.get("ft"), "data.transStatus")
    return _of_no_table(heard, f"the enquiry was answered with HTTP {answer.status}, code {loggable_code(heard.code)}")


def _heard(answer: Answer, message_id: str) -> Said | Unknown:
    """The answer to our own call, unless what came is no answer of the bank's to it."""
    if answer.status >= 500:
        return Unknown(f"HTTP {answer.status}")
    try:
        heard = said(answer)
    except NotJson as error:
        return not_read(answer, error, f"HTTP {answer.status} with an answer that is not the bank's JSON")
    if heard.message_id not in (None, message_id):
        return Unknown("the answer belongs to another call")
    if heard.gateway_fault:
        return Unknown("the bank's gateway reports a fault")
    return heard


def _of_no_table(heard: Said, why: str) -> Unknown:
    """A code that decides nothing. One of no table is news to us, where the bank answers under this HTTP status."""
    known = {TRANSACTION_NOT_FOUND, *SUCCESS, *TOKEN_REFUSED, *DECLINES, *UNDECIDED, *DUPLICATES}
    if heard.http in DECLINING_HTTP and heard.code not in known:
        return misfits(why, "errorCode", "a code of our table")
    return Unknown(why)


def _outcome_of_state(state: Json, reference: Json, place: str) -> Outcome:
    number = reference if isinstance(reference, str) and reference else None
    bank_reference = loggable_code(number) if number is not None else None
    match state:
        case "SUCCESS":
            return Executed(bank_reference)
        case "PROCESSING":
            return Accepted(bank_reference)
        case "FAILED":
            return Declined(Reason.REFUSED, "FAILED")
    return misfits(f"order state {loggable_code(state)} is not known", place, "a state we know")


def _outcome_of_code(heard: Said) -> Outcome:
    code = heard.code or ""
    if code in TOKEN_REFUSED and heard.http in DECLINING_HTTP:
        return NotSent("the bank refused our access token; nothing was processed")
    if code in DUPLICATES:
        return Unknown("the bank says it has an order with this id already")
    if code in UNDECIDED:
        return Unknown(f"code {code}: {UNDECIDED[code]}")
    if code in DECLINES and heard.http in DECLINING_HTTP:
        return Declined(DECLINES[code], code)
    return _of_no_table(heard, f"HTTP {heard.http} with code {loggable_code(heard.code)}")
