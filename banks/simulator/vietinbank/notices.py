"""The notification webhook and what answers it (4.1.6): both are signed, and the answer is always HTTP 200."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from banks.simulator import keys
from banks.simulator.clock import VIETNAM
from banks.simulator.jsonfields import Fields, parse_object
from banks.simulator.records import Notice
from banks.simulator.refusals import Malformed
from banks.simulator.vietinbank import signing
from banks.simulator.vietinbank.enrolment import VietinSide
from banks.simulator.vietinbank.rows import SIGNED, Row

HEADER = (
    *("msgId", "msgType", "channelId", "providerId", "merchantId", "productId", "timestamp", "recordNum"),
    *("signature", "encrypt", "gatewayId", "username"),
)


def compose(notice: Notice, records: Sequence[Row], side: VietinSide, at: datetime) -> str:
    """The body of `notice` sent at `at`. A wrong key is a stranger's, a missing one leaves the signature empty; of a
    tampered one the direction, which the signature does not cover, was turned on the way.
    """
    text = "".join(_covered(record, balance=True) for record in records)
    pem = side.bank_private_pem if notice.key == "right" else keys.stranger_pem()
    rows = [record | ({"transType": _turned(record)} if notice.body == "tampered" else {}) for record in records]
    header = {
        "msgId": notice.request_trace.replace("-", ""),
        "msgType": "1200",
        "channelId": "VTB",
        "providerId": side.provider_id,
        "merchantId": "",
        "productId": "NOTIFY",
        "timestamp": at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S"),
        "recordNum": str(len(rows)),
        "signature": "" if notice.key == "missing" else signing.sign(text, pem),
        "encrypt": "",
        "gatewayId": "",
        "username": "",
    }
    return json.dumps({"header": header, "data": {"records": rows}}, ensure_ascii=False)


def _turned(record: Row) -> str:
    return "D" if record["transType"] == "C" else "C"


def _covered(record: Row, *, balance: bool) -> str:
    """What the notice (with the balance and more) or the answer to it signs of one record."""
    status = record["status"]
    code = str(status["code"]) if isinstance(status, dict) else ""
    if balance:
        behind = (code, record["bankTransId"], record["remark"])
        return signing.plain(*(str(value) for value in (*(record[name] for name in SIGNED), *behind)))
    return signing.plain(*(str(record[name]) for name in SIGNED if name != "balance"), code)


def answer_fault(http: int, text: str, msg_id: str, records: Sequence[Row], side: VietinSide) -> str | None:
    """What is wrong with the customer's answer; None when it says 00 and is signed by the customer."""
    if http != 200:
        return f"HTTP {http}"
    try:
        answer = Fields(parse_object(text.encode(), "answer"), "answer", ("header", "data"))
        header = answer.within("header", HEADER)
        header.text("msgId", msg_id, "the msgId of the notice")
        header.text("msgType", "1210", "1210")
        signature = header.text("signature", r"[A-Za-z0-9+/=]{1,1000}", "Base64")
        # Whether the answer repeats the records is not said: what it is signed over are those of the notice anyhow.
        errors = Fields(answer.document("data").get("errors"), "answer.data.errors", ("errorCode", "errorDesc"))
        code = errors.text("errorCode", r"[0-9]{2}", "two digits")
        errors.text("errorDesc", ".*", "a text")
    except Malformed as fault:
        return str(fault)
    covered = code + "".join(_covered(record, balance=False) for record in records)
    if not signing.holds(signature, covered, side.customer_public_pem):
        return "the signature of the answer does not hold"
    return None if code == "00" else f"errorCode {code}"
