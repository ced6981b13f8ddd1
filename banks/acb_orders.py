"""ACB payment orders: what is sent and signed, and how every answer is read.

Chapters 2.1.5 to 2.1.7 of the bank wire specification. The tables stand first and hold everything the bank's contract
documents may correct; [assumed] marks what no public source tells. Whatever is not in a table is Unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from banks.acb_credentials import Signer
from banks.bank import TransferOrder
from banks.bank_text import memo_with_id, plain
from banks.drift import misfits, not_read
from banks.napas import citad_code, traffic_bin
from banks.outcomes import (
    Accepted,
    Declined,
    Executed,
    NotFound,
    NotSent,
    Outcome,
    Reason,
    Unknown,
    loggable_code,
)
from banks.signatures import acb_authorization
from banks.strict_json import Json, NotJson, parse
from banks.transport import Answer
from ledger.calendar import ICT

SUCCESS: Final = "00000000"
DATA_NOT_FOUND: Final = "30020402"
"""Documented for the QR product; the list of codes names it without a product."""

DECLINES: Final[Mapping[str, Reason]] = {
    "01030001": Reason.BAD_FORMAT,
    "02010001": Reason.BAD_SIGNATURE,  # comes with HTTP 289
    "30010001": Reason.INSUFFICIENT_FUNDS,  # [assumed]
    "30010003": Reason.LIMIT,  # [assumed]
}
DUPLICATES: Final = frozenset({"30010002"})  # [assumed]
"""The bank has an order with this id already: that says nothing about whether it was paid (1.4)."""

DECLINING_HTTP: Final = frozenset({200, 289, 400, 404, 409, 422})
"""The HTTP statuses under which a code of DECLINES is believed; 289 is the bank's own invention."""

ACCEPTED_STATES: Final = frozenset({"ORIG", "VALD"})
EXECUTED_STATES: Final = frozenset({"TRAN"})
REFUSED_STATES: Final = frozenset({"INVA"})

REFUSAL_TEXTS: Final[tuple[tuple[str, Reason], ...]] = (
    (r"beneficiary ?name is different", Reason.BENEFICIARY_NAME),
    (r"30010001|insufficient", Reason.INSUFFICIENT_FUNDS),  # [assumed]
    (r"30010003|limit", Reason.LIMIT),  # [assumed]
    (r"account.*(not exist|not found|invalid|closed|inactive)", Reason.BENEFICIARY_ACCOUNT),  # [assumed]
    (r"bank.*(offline|unavailable|not available|maintenance)", Reason.BANK_AWAY),  # [assumed]
)
"""What the text beside INVA means, tried in order, in lower case. Any other text is REFUSED."""

DUPLICATE_TEXT: Final = r"30010002|duplicate"  # [assumed]

RAIL_TYPES: Final = {"internal": "INSIDEBANK", "napas": "IBFT", "citad": "CITAD"}


# what is sent


def order_data(order: TransferOrder, source_account: str) -> bytes:
    """`requestParameters.data` as compact JSON: the bytes that are signed and sent. All amounts are text.

    Raises InvalidBeneficiary when the CITAD rail is asked for a bank whose code is not certain.
    """
    amount = str(order.amount.units)
    data = {
        "sourceAccountNumber": source_account,
        "transaction": {
            "transactionTraceNumber": order.end_to_end_id,
            "transactionType": RAIL_TYPES[order.rail],
            "beneficiary": _beneficiary(order),
            "amount": {
                "sourceCurrency": order.amount.currency,
                "targetCurrency": order.amount.currency,
                "amount": amount,
                "exchangeRate": "1",
                "exchangeAmount": amount,
            },
            "remarks": memo_with_id(order.end_to_end_id, order.memo),
        },
    }
    return _compact(data)


def order_body(data: bytes, signers: Sequence[Signer], trace: str, at: datetime) -> bytes:
    """The whole request around `data`, which goes in byte for byte, signed by each of `signers` (maker, checker)."""
    authorizations = [
        {
            "authorizationString": acb_authorization(data, signer.private_key, signer.certificate),
            "authorizationId": signer.authorization_id,
        }
        for signer in signers
    ]
    head = _compact({"requestTrace": trace, "requestDateTime": at.astimezone(ICT).isoformat(timespec="milliseconds")})
    return b'%s,"requestParameters":{"data":%s,"authorizations":%s}}' % (head[:-1], data, _compact(authorizations))


def _beneficiary(order: TransferOrder) -> Json:
    to = order.beneficiary
    account: dict[str, Json] = {"accountNumber": to.account_number, "beneficiaryName": plain(to.name)}
    match order.rail:
        case "internal":
            return {"inside": {"account": account}}
        case "napas":
            return {"interbank": {**account, "bank": {"napasCode": traffic_bin(to.bin)}}}
        case "citad":
            return {"citad": {"bank": {"citadCode": citad_code(to.bin)}, "target": {"account": account}}}


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# how answers are read


class Said(msgspec.Struct, frozen=True):
    """A bank's JSON answer: HTTP status, its response code, its echo of our request trace, its data."""

    http: int
    code: str | None
    trace: str | None
    data: Mapping[str, Json]


def said(answer: Answer) -> Said:
    """The answer taken apart. Raises NotJson when it is not a JSON object."""
    body = parse(answer.body)
    if not isinstance(body, dict):
        raise NotJson("not an object")
    status = body.get("responseStatus")
    code = status.get("responseCode") if isinstance(status, dict) else None
    trace = body.get("requestTrace")
    data = body.get("responseData")
    return Said(
        answer.status,
        code if isinstance(code, str) else None,
        trace if isinstance(trace, str) else None,
        data if isinstance(data, dict) else {},
    )


def outcome_of_order(answer: Answer, end_to_end_id: str, trace: str) -> Outcome:
    """What the answer to a payment order says of it."""
    if answer.status == 401:
        return NotSent("the bank refused our access token; nothing was processed")
    if answer.status == 429:
        return NotSent("the bank's gateway turned the order away for too many calls; nothing was processed")
    if answer.status >= 500:
        return Unknown(f"HTTP {answer.status}")
    try:
        heard = said(answer)
    except NotJson as error:
        return not_read(answer, error, f"HTTP {answer.status} with an answer that is not the bank's JSON")
    if heard.trace not in (None, trace):
        return Unknown("the answer belongs to another call")
    if answer.status == 403:
        return Declined(Reason.NOT_ALLOWED, "HTTP-403")
    if heard.code in DUPLICATES:
        return Unknown("the bank says it has an order with this id already")
    transaction = heard.data.get("transaction")
    if heard.code == SUCCESS and answer.status == 200:
        return _outcome_of_state([transaction], end_to_end_id)
    if heard.code is not None and heard.code in DECLINES and answer.status in DECLINING_HTTP:
        return _declined_by_code(heard.code, transaction)
    return _of_no_table(heard, f"HTTP {answer.status} with code {loggable_code(heard.code)}")


def outcome_of_enquiry(answer: Answer, end_to_end_id: str, source_account: str) -> Outcome:
    """What the answer to a status enquiry says of the order. A refusal of the enquiry says nothing about the order."""
    try:
        heard = said(answer)
    except NotJson as error:
        return not_read(answer, error, f"HTTP {answer.status} with an answer that is not the bank's JSON")
    if heard.code == DATA_NOT_FOUND and answer.status in (200, 404):
        return NotFound()
    transactions = heard.data.get("transactions")
    if answer.status != 200 or heard.code != SUCCESS:
        why = f"the enquiry was answered with HTTP {answer.status}, code {loggable_code(heard.code)}"
        return _of_no_table(heard, why)
    if not isinstance(transactions, list):
        return misfits("the enquiry was answered without a list of orders", "responseData.transactions", "a list")
    if not transactions:
        return NotFound()
    for transaction in transactions:
        # The bank misspells the name; a corrected one is read too.
        for name in ("sourceAcocuntNumber", "sourceAccountNumber"):
            if isinstance(transaction, dict) and transaction.get(name) not in (None, source_account):
                return Unknown("the answer names another account")
    return _outcome_of_state(transactions, end_to_end_id)


def _of_no_table(heard: Said, why: str) -> Unknown:
    """A code that decides nothing. One of no table is news to us, where the bank answers under this HTTP status."""
    known = {SUCCESS, DATA_NOT_FOUND, *DECLINES, *DUPLICATES}
    if heard.http in DECLINING_HTTP and heard.code not in known:
        return misfits(why, "responseStatus.responseCode", "a code of our table")
    return Unknown(why)


def _declined_by_code(code: str, transaction: Json) -> Outcome:
    state = transaction.get("status") if isinstance(transaction, dict) else None
    if state is not None and _word(state) not in REFUSED_STATES:
        return Unknown("the code declines and the order's state does not")
    return Declined(DECLINES[code], code)


def _outcome_of_state(transactions: Sequence[Json], end_to_end_id: str) -> Outcome:
    """All of `transactions` must be our order, and agree."""
    outcomes: set[Outcome] = set()
    for transaction in transactions:
        if not isinstance(transaction, dict) or not isinstance(transaction.get("transactionTraceNumber"), str):
            return misfits("the answer names no order", "transaction.transactionTraceNumber", "the id of an order")
        if transaction["transactionTraceNumber"] != end_to_end_id:
            return Unknown("the answer names another order")
        outcomes.add(_outcome_of_one(transaction))
    if len(outcomes) != 1:
        return Unknown("the bank gives several states for one order")
    return outcomes.pop()


def _outcome_of_one(transaction: Mapping[str, Json]) -> Outcome:
    state = _word(transaction.get("status"))
    number = transaction.get("transactionNumber")
    reference = loggable_code(number) if type(number) is int or (isinstance(number, str) and number) else None
    if state in ACCEPTED_STATES:
        return Accepted(reference)
    if state in EXECUTED_STATES:
        return Executed(reference)
    if state in REFUSED_STATES:
        return _refused(transaction.get("statusMessage"))
    return misfits(f"order state {loggable_code(state)} is not known", "transaction.status", "a state we know")


def _word(state: Json) -> str:
    return state if isinstance(state, str) else ""


def _refused(message: Json) -> Outcome:
    text = message.lower() if isinstance(message, str) else ""
    if re.search(DUPLICATE_TEXT, text):
        return Unknown("the bank says it has an order with this id already")
    reason = next((reason for pattern, reason in REFUSAL_TEXTS if re.search(pattern, text)), Reason.REFUSED)
    return Declined(reason, "INVA")
