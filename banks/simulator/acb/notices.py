"""The text of a webhook, and whether the customer's answer to it is an acknowledgement (2.1.9 of the specification).

The checksum's algorithm is not public: this bank sends a digest nobody can check, so that nobody relies on it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from banks.simulator.acb.codes import BIN, SUCCESS
from banks.simulator.clock import VIETNAM
from banks.simulator.jsonfields import Fields, parse_object
from banks.simulator.napas import banks
from banks.simulator.records import Movement, Notice
from banks.simulator.refusals import Malformed

MOMENT: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+0700"
CODES: Final = {"movement": "TRANSACTION_UPDATE", "list": "TRANSACTION_HISTORY"}


def compose(
    notice: Notice,
    movements: Sequence[Movement],
    client_id: str,
    at: datetime,
    shape: Literal["current", "older"],
) -> str:
    """The body of `notice` sent at `at`."""
    meta = {"requestType": "NOTIFICATION", "requestCode": CODES[notice.kind]}
    pagination = {"page": notice.page, "pageSize": notice.page_size, "totalPage": notice.pages}
    rows = [row(movement) for movement in movements]
    master = {
        "clientId": client_id,
        "clientRequestId": notice.request_trace,
        "checksum": hashlib.sha256(f"{client_id}{notice.request_trace}".encode()).hexdigest(),
    }
    body: dict[str, object]
    if shape == "older":
        body = {**master, "requestMeta": meta, "pagination": pagination, "requests": rows}
    else:
        parameters = {"pagination": pagination, "transactions": rows}
        body = {
            "requestTrace": notice.request_trace,
            "requestDateTime": at.astimezone(VIETNAM).strftime("%Y-%m-%dT%H:%M:%S.000+0700"),
            "requestParameters": {
                "masterMeta": master,
                "request": {"requestMeta": meta, "requestParams": parameters},
            },
        }
    return json.dumps(body, ensure_ascii=False)


def row(movement: Movement) -> dict[str, object]:
    """One transaction of a webhook. The six-digit trace number is the same as in the history."""
    party = movement.party
    name, account = (party.name, party.account) if party is not None else (None, None)
    bank = bank_name(party.bin) if party is not None else None
    credit = movement.direction == "credit"
    own = bank_name(BIN)
    return {
        "transactionStatus": movement.status,
        "transactionChannel": movement.product.upper(),
        "transactionCode": movement.product.upper(),
        "accountNumber": movement.account,
        "transactionDate": movement.at.astimezone(VIETNAM).isoformat(timespec="seconds"),
        "effectiveDate": movement.effective_on.isoformat(),
        "debitOrCredit": movement.direction,
        "amount": movement.amount,
        "transactionContent": movement.memo,
        "virtualAccountInfo": {"vaPrefiexId": "", "vaNbr": ""},
        "transactionEntityAttribute": {
            "traceNumber": movement.trace,
            "referenceNumber": movement.shown,
            "virtualAccount": None,
            "remitterName": name if credit else None,
            "remitterAccountNumber": account if credit else None,
            "issuerBankName": bank if credit else own,
            "receiverBankName": own if credit else bank,
            "beneficiaryName": None if credit else name,
            "custom1": "",
            "custom2": "",
            "custom3": "",
            "custom4": "",
        },
    }


def bank_name(bin_: str | None) -> str | None:
    """The short name of the bank with this number, None when the list has none."""
    entry = banks().get(bin_ or "")
    return entry.short_name if entry is not None else None


def headers(notice: Notice, key: str, name: Literal["x-api-key", "authorization"]) -> dict[str, str]:
    """The headers of `notice`; the key the customer gave us stands alone in `name`, without a scheme."""
    found = {"Content-Type": "application/json"}
    if notice.key != "missing":
        found[name] = key if notice.key == "right" else f"not-{key[::-1]}"
    return found


def acknowledgement_fault(http: int, text: str, request_trace: str | None) -> str | None:
    """What is wrong with the customer's answer, None when it acknowledges. `request_trace` None: no echo expected."""
    if http != 200:
        return f"HTTP {http}"
    try:
        body = parse_object(text.encode("utf-8"), "answer")
        answer = Fields(body, "answer", ("requestTrace", "responseDateTime", "responseStatus", "responseBody"))
        answer.text("requestTrace", re.escape(request_trace) if request_trace else ".*", "the request's requestTrace")
        answer.text("responseDateTime", MOMENT, "date and time with +0700")
        status = answer.within("responseStatus", ("responseCode", "responseMessage"))
        status.text("responseCode", SUCCESS, SUCCESS)
        status.text("responseMessage", ".+", "a text")
        receipt = answer.within("responseBody", ("index", "referenceCode"))
        receipt.whole("index", 1)
        receipt.text("referenceCode", ".+", "the receiver's id")
    except Malformed as fault:
        return str(fault)
    return None
