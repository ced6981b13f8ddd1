"""VietinBank transfers: what is sent, and how every answer is read.

Chapters 4.1.2, 4.1.3 and 4.1.5 of the bank wire specification. The tables stand first and hold everything the bank's
contract documents may correct; [assumed] marks what no public source tells. Whatever is not in a table is Unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from banks.accounts import BankAccount
from banks.bank import Rail, TransferOrder
from banks.bank_text import memo_with_id, plain
from banks.drift import misfits, not_read
from banks.napas import citad_code, traffic_bin
from banks.outcomes import Accepted, Declined, Executed, NotFound, Outcome, Reason, Unknown, loggable_code
from banks.strict_json import Json, NotJson
from banks.transport import Answer
from banks.vietinbank_calls import Said, said
from banks.vietinbank_credentials import VietinbankCredentials

ACCEPTED: Final = "1"
"""The order is filed, and waits for the people who approve it: no word that money went (4.1.2)."""

DECLINES: Final[Mapping[str, Reason]] = {
    "0": Reason.REFUSED,  # [assumed] 4.1.5
    "20": Reason.NOT_ALLOWED,  # wants a one-time password; known from the e-wallet family
    "27": Reason.INSUFFICIENT_FUNDS,  # [assumed] for ERP; known from the e-wallet family
    "91": Reason.BANK_AWAY,  # [assumed] 4.1.5: maintenance
}
DUPLICATES: Final = frozenset({"07"})  # [assumed] for ERP; known from the e-wallet family
"""The bank has this request already: that says nothing about whether it was paid (1.4)."""

EXECUTED_STATES: Final = frozenset({"00"})
WAITING_STATES: Final = frozenset({"01"})
REFUSED_STATES: Final[Mapping[str, Reason]] = {
    "02": Reason.REFUSED,  # [assumed] 4.1.3: failed
    "03": Reason.NOT_ALLOWED,  # [assumed]: refused by the one who approves
    "04": Reason.NOT_ALLOWED,  # [assumed]: approved by nobody until the end of the day
    "27": Reason.INSUFFICIENT_FUNDS,  # [assumed]
}
"""States of a record. 4.1.3 proposes that every other state is a failure; what nobody has listed releases no money."""

RAIL_TYPES: Final[Mapping[Rail, str]] = {"internal": "in", "napas": "np", "citad": "ci"}  # "ci" is [assumed] 4.1.2

OWN_CODE: Final = "01201001"
"""VietinBank's own number, as sender and inside the bank."""

MODEL: Final = "2"
PRIORITY: Final = "3"
FEE_TYPE: Final = "OUR"
"""We pay the fee; `BEN` would take it from what the beneficiary gets."""


# what is sent


def order_fields(order: TransferOrder, account: BankAccount, given: VietinbankCredentials) -> dict[str, object]:
    """The fields of a transfer of one record. The id of the request is our own id of the order, so that the bank itself
    refuses a second request, and an enquiry can name it. Raises InvalidBeneficiary when no CITAD code is certain.
    """
    return {
        "requestId": order.end_to_end_id,
        "model": MODEL,
        "softwareProviderId": given.software_provider_id,
        "priority": PRIORITY,
        "feeAccount": given.fee_account or account.account_number,
        "feeType": FEE_TYPE,
        "appointedApprover": given.appointed_approver,
        "scheduledDate": "",
        "approver": given.approver,
        "records": [_record(order, account, given)],
    }


def enquiry_fields(end_to_end_id: str, request_id: str) -> dict[str, object]:
    """The fields of a status enquiry."""
    return {"requestId": request_id, "originalRequestId": end_to_end_id, "transId": end_to_end_id}


def receiving_code(order: TransferOrder) -> str:
    """The number under which the rail reaches the beneficiary's bank. Raises InvalidBeneficiary."""
    match order.rail:
        case "internal":
            return OWN_CODE
        case "napas":
            return traffic_bin(order.beneficiary.bin)
        case "citad":
            return citad_code(order.beneficiary.bin)


def _record(order: TransferOrder, account: BankAccount, given: VietinbankCredentials) -> dict[str, object]:
    bank = receiving_code(order)
    return {
        "transId": order.end_to_end_id,
        "approver": given.approver,
        "transType": RAIL_TYPES[order.rail],
        "amount": str(order.amount.units),
        "recvAcctId": order.beneficiary.account_number,
        "recvBankId": bank,
        "recvBranchId": bank,
        "recvBankName": bank,
        "recvAcctName": plain(order.beneficiary.name),
        "recvAddr": "",
        "remark": memo_with_id(order.end_to_end_id, order.memo),
        "currencyCode": order.amount.currency,
        "senderBankId": OWN_CODE,
        "senderBranchId": OWN_CODE,
        "senderAcctId": account.account_number,
        "senderAcctName": plain(account.holder),
        "senderAddr": plain(given.sender_address),
    }


# how answers are read


def outcome_of_order(answer: Answer, end_to_end_id: str) -> Outcome:
    """What the answer to a transfer says of it. HTTP errors say nothing: the gateway's are not told from the bank's."""
    heard = _heard(answer, end_to_end_id)
    if isinstance(heard, Unknown):
        return heard
    records = heard.body.get("records")
    if heard.code in DUPLICATES:
        return Unknown("the bank says it has this request already")
    if heard.code == ACCEPTED:
        return Accepted(None) if records in (None, []) else _outcome_of_records(records, end_to_end_id)
    if heard.code is None or heard.code not in DECLINES:
        return misfits(f"code {loggable_code(heard.code)} is not known", "status.code", "a code of our table")
    if records not in (None, []) and not isinstance(_outcome_of_records(records, end_to_end_id), Declined):
        return Unknown("the code declines and the order's state does not")
    return Declined(DECLINES[heard.code], heard.code)


def outcome_of_enquiry(answer: Answer, end_to_end_id: str, request_id: str) -> Outcome:
    """What the answer to an enquiry says of the order. A refusal of the enquiry says nothing about the order."""
    heard = _heard(answer, request_id)
    if isinstance(heard, Unknown):
        return heard
    if heard.code != ACCEPTED:
        why = f"the enquiry was answered with code {loggable_code(heard.code)}"
        known = heard.code in DECLINES or heard.code in DUPLICATES
        return Unknown(why) if known else misfits(why, "status.code", "a code of our table")
    if heard.body.get("originalRequestId") not in (None, end_to_end_id):
        return Unknown("the answer names another order")
    records = heard.body.get("records")
    return NotFound() if records == [] else _outcome_of_records(records, end_to_end_id)  # [assumed] 4.1.3


def _heard(answer: Answer, request_id: str) -> Said | Unknown:
    if answer.status != 200:
        return Unknown(f"HTTP {answer.status}")
    try:
        return said(answer, request_id)
    except NotJson as error:
        return not_read(answer, error, f"an answer that is not understood: {error}")


def _outcome_of_records(records: Json, end_to_end_id: str) -> Outcome:
    """All of `records` must be our order, and agree."""
    if not isinstance(records, list) or not records:
        return misfits("the answer holds no records", "records", "a list")
    outcomes: set[Outcome] = set()
    for record in records:
        if not isinstance(record, dict) or record.get("transId") != end_to_end_id:
            return Unknown("the answer names another order")
        outcomes.add(_outcome_of_one(record))
    if len(outcomes) != 1:
        return Unknown("the bank gives several states for one order")
    return outcomes.pop()


def _outcome_of_one(record: Mapping[str, Json]) -> Outcome:
    state = record.get("status")
    number = record.get("bankTransactionId")
    reference = loggable_code(number) if type(number) is int or (isinstance(number, str) and number) else None
    if not isinstance(state, str):
        return misfits("the order's state is missing", "records[].status", "a word")
    if state in EXECUTED_STATES:
        return Executed(reference)
    if state in WAITING_STATES:
        return Accepted(reference)
    if state in REFUSED_STATES:
        return Declined(REFUSED_STATES[state], state)
    if state in DUPLICATES:
        return Unknown("the bank says it has this request already")
    return misfits(f"order state {loggable_code(state)} is not known", "records[].status", "a state we know")
