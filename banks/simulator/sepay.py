"""SePay, an aggregator that tells of the movements on a customer's account in the bank's place (9.1 of the bank wire
specification): one movement a message, proven by HMAC-SHA256 over time and body.
"""

from __future__ import annotations

import hmac
import json
import re
from datetime import datetime

from banks.simulator.clock import VIETNAM
from banks.simulator.jsonfields import parse_object
from banks.simulator.records import Movement, Notice
from banks.simulator.refusals import Malformed


def compose(movement: Movement, bank: str) -> str:
    """The message of one movement on an account at the bank with this name."""
    message = {
        "id": int(re.sub(r"\D", "", movement.reference)),
        "gateway": bank,
        "transactionDate": movement.at.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M:%S"),
        "accountNumber": movement.account,
        "code": None,
        "content": movement.memo,
        "transferType": "in" if movement.direction == "credit" else "out",
        "transferAmount": movement.amount,
        "accumulated": movement.balance_after,
        "subAccount": None,
        "referenceCode": movement.shown,
        "description": "",
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def signature(body: str, key: str, timestamp: str) -> str:
    """What X-SePay-Signature holds for a body sent at `timestamp` (Unix seconds)."""
    return "sha256=" + hmac.digest(key.encode(), f"{timestamp}.{body}".encode(), "sha256").hex()


def headers(notice: Notice, body: str, key: str, at: datetime) -> dict[str, str]:
    """The headers of a message sent at `at`; another key or none where the notice says so."""
    found = {"Content-Type": "application/json"}
    if notice.key != "missing":
        timestamp = str(int(at.timestamp()))
        proof = signature(body, key if notice.key == "right" else key[::-1], timestamp)
        found |= {"X-SePay-Timestamp": timestamp, "X-SePay-Signature": proof}
    return found


def reply_fault(http: int, text: str) -> str | None:
    """What is wrong with the customer's answer; None when it acknowledges."""
    if http not in (200, 201):
        return f"HTTP {http}"
    try:
        success = parse_object(text.encode(), "answer").get("success")
    except Malformed as fault:
        return str(fault)
    return None if success is True else "success is not true"
