"""History and push of movements (5.1.7 and 5.2 of the bank wire specification).

No official interface for either is public: all of this is the specification's own [assumed] contract, in the field
names of the bank's applications. [assumed] besides: arrangementId is the account number, both days of a history are
included, it is newest first, and it is asked for with the same HTTP Basic as everything else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import date
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from banks.simulator import keys
from banks.simulator.clock import VIETNAM
from banks.simulator.jsonfields import Fields, parse_object
from banks.simulator.napas import banks
from banks.simulator.records import Movement
from banks.simulator.refusals import Malformed
from banks.simulator.state import State
from banks.simulator.techcombank.codes import SUCCESS

SIZE_MAX: Final = 500
PUSHED_SUFFIX: Final = "\\BNK"
"""Stands behind the reference of a credit."""
SIGNATURE_HEADER: Final = "X-TCB-Signature"
INDICATORS: Final = {"credit": "CRDT", "debit": "DBIT"}


def page(state: State, account: str, first: date, last: date, number: int, size: int) -> list[dict[str, object]]:
    """Rows of page `number` (from 0) of an account's bookings from `first` to `last`."""
    shown = [row for row in state.visible(account, date.min, date.max) if first <= row.effective_on <= last][::-1]
    return [_row(row) for row in shown[number * size : (number + 1) * size]]


def reference(movement: Movement) -> str:
    """The reference as the bank shows it."""
    return movement.shown + (PUSHED_SUFFIX if movement.direction == "credit" else "")


def _row(movement: Movement) -> dict[str, object]:
    party = movement.party
    name, account = (party.name, party.account) if party is not None else (None, None)
    credit = movement.direction == "credit"
    return {
        "id": movement.reference,
        "arrangementId": movement.account,
        "reference": reference(movement),
        "description": movement.memo,
        "typeGroup": "TRANSFER",
        "type": movement.product.upper(),
        "category": movement.product.upper(),
        "bookingDate": movement.effective_on.isoformat(),
        "valueDate": movement.effective_on.isoformat(),
        "creditDebitIndicator": INDICATORS[movement.direction],
        "transactionAmountCurrency": {"amount": str(movement.amount), "currencyCode": "VND"},
        "counterPartyName": name,
        "counterPartyAccountNumber": account,
        "counterPartyBankName": None if credit else _bank(movement),
        "runningBalance": str(movement.balance_after),
        "additions": {
            "creditBank": None if credit else _bank(movement),
            "creditAcctNo": movement.account if credit else account,
            "creditAcctName": None if credit else name,
            "debitBank": _bank(movement) if credit else None,
            "debitAcctNo": account if credit else movement.account,
            "debitAcctName": name if credit else None,
        },
        "creationTime": _time(movement),
        "state": "COMPLETED",
    }


def _bank(movement: Movement) -> str | None:
    entry = banks().get((movement.party.bin if movement.party is not None else None) or "")
    return entry.short_name if entry is not None else None


def _time(movement: Movement) -> str:
    return movement.at.astimezone(VIETNAM).isoformat(timespec="seconds")


def pushed(id_: str, rows: Sequence[Movement]) -> str:
    """The body that announces the one movement in `rows`."""
    (movement,) = rows
    party = movement.party
    body = {
        "notificationId": id_,
        "accountNumber": movement.account,
        "transactionRef": reference(movement),
        "bookingDate": movement.effective_on.isoformat(),
        "creationTime": _time(movement),
        "creditDebitIndicator": INDICATORS[movement.direction],
        "amount": str(movement.amount),
        "currencyCode": "VND",
        "description": movement.memo,
        "counterParty": {
            "name": party.name if party is not None else None,
            "accountNumber": party.account if party is not None else None,
            "bankName": _bank(movement),
        },
        "runningBalance": str(movement.balance_after),
    }
    return json.dumps(body, ensure_ascii=False)


def signature(body: str, private_pem: str) -> str:
    """X-TCB-Signature of `body`: hashed once, unlike the bank's SOAP."""
    signed = keys.private_key(private_pem).sign(body.encode("utf-8"), PKCS1v15(), SHA256())
    return base64.b64encode(signed).decode("ascii")


def acknowledgement_fault(http: int, answer: str) -> str | None:
    """What is wrong with the customer's answer, None when it acknowledges."""
    if http != 200:
        return f"HTTP {http}"
    try:
        fields = Fields(parse_object(answer.encode("utf-8"), "answer"), "answer", ("code", "message"))
        fields.text("code", SUCCESS, SUCCESS)
        fields.text("message", "Success", "Success")
    except Malformed as fault:
        return str(fault)
    return None
