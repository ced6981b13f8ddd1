"""VietinBank's calls: which family serves what, the fields each signature covers, and an answer taken apart.

Chapters 4.1.1 to 4.1.5 of the bank wire specification. The tables hold what the bank's contract documents may correct;
[assumed] marks what no public source tells. Two families lie side by side. Everything about orders goes through ERP:
its signature covers accounts and amount and is SHA-256, while that of a disbursement order is SHA-1 and covers neither.
An order is asked about in the family that took it. Only the balance has no call but that of the disbursement family.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from banks.circuits import Operation
from banks.signatures import Digest, is_rsa_signature, rsa_signature
from banks.strict_json import Json, NotJson, parse
from banks.transport import Answer, Limits, TimeLimits
from banks.vietinbank_credentials import VietinbankCredentials
from ledger.calendar import ICT

DISBURSEMENT_CARRIES: Final = ("merchantId", "providerId", "channel", "version", "language", "transTime")
ERP_CARRIES: Final = (*DISBURSEMENT_CARRIES, "clientIP")
"""What every call of a family carries beside its own fields."""


class Call(msgspec.Struct, frozen=True):
    """One call: what it is for, its path below the base address, the digest of its signature, the fields signed, in
    order, and what it carries as all calls of its family do. `answer_max` is set where the answer is a list that the
    bank gives whole.
    """

    operation: Operation
    path: str
    digest: Digest
    signed: tuple[str, ...]
    carries: tuple[str, ...] = ERP_CARRIES
    answer_max: int | None = None


NAME: Final = Call(
    "lookup",
    "/erp/v1/account/benAcctInq",
    "sha256",
    ("requestId", "providerId", "merchantId", "account", "bankId", "clientIP", "channel", "version", "language"),
)
TRANSFER: Final = Call(
    "transfer",
    "/erp/v1/payment/transfer",
    "sha256",
    (
        "requestId",
        "providerId",
        "merchantId",
        "model",
        "priority",
        "softwareProviderId",
        "appointedApprover",
        "feeAccount",
        "feeType",
        "scheduledDate",
        "approver",
        "records",
        "transTime",
        "channel",
        "version",
        "clientIP",
        "language",
    ),
)
ENQUIRY: Final = Call(  # [assumed] 4.1.3
    "enquiry",
    "/erp/v1/payment/inquiry",
    "sha256",
    ("requestId", "providerId", "merchantId", "originalRequestId", "transId"),
)
STATEMENT_MAX: Final = 32 * 1024 * 1024
"""In bytes: some 25,000 movements of one day in one direction, which the bank does not divide into pages (4.1.4)."""
STATEMENT: Final = Call(
    "history",
    "/erp/v1/statement/inquiry",
    "sha256",
    ("requestId", "providerId", "merchantId", "account"),
    answer_max=STATEMENT_MAX,
)
BALANCE: Final = Call(
    "balance",
    "/disbursement/merchantAccountInfo",
    "sha1",
    ("requestId", "providerId", "merchantId", "accountId", "transTime", "channel", "version", "language"),
    DISBURSEMENT_CARRIES,
)

RECORD_SIGNED: Final = ("transId", "senderAcctId", "recvAcctId", "amount")
"""What of each record of a transfer is signed, in the place of `records`."""

TIME_LIMITS: Final = TimeLimits(usual=Limits(read_s=60, call_s=75))  # [assumed] 11.2

ANSWER_SIGNED: Final = ("requestId", "providerId", "merchantId")
"""What the signature under an answer of the disbursement family covers, before the code (4.1.5)."""

VERSION: Final = "1.0"
LANGUAGE: Final = "vi"
CHANNEL: Final = "WEB"
STATEMENT_CHANNEL: Final = "ERP"


class Said(msgspec.Struct, frozen=True):
    """The bank's JSON answer: HTTP status, its code (None where there is none), the body, and the answer itself."""

    http: int
    code: str | None
    body: Mapping[str, Json]
    answer: Answer


def plain_text(fields: Mapping[str, object], signed: Sequence[str]) -> str:
    """The text a signature covers: the values in order, nothing between them, empty ones skipped."""
    parts: list[str] = []
    for name in signed:
        value = fields.get(name, "")
        if isinstance(value, list):
            parts.extend(plain_text(record, RECORD_SIGNED) for record in value)
        else:
            parts.append(str(value))
    return "".join(parts)


def signed_body(call: Call, fields: Mapping[str, object], given: VietinbankCredentials, at: datetime) -> bytes:
    """The JSON of a call: its own `fields`, what its family carries, and the signature. We send it at `at`."""
    common: dict[str, object] = {
        "merchantId": given.merchant_id,
        "providerId": given.provider_id,
        "channel": CHANNEL,
        "version": VERSION,
        "clientIP": given.client_ip,
        "language": LANGUAGE,
        "transTime": stamp(at),
    }
    whole = {name: common[name] for name in call.carries} | dict(fields)
    signature = rsa_signature(plain_text(whole, call.signed).encode(), given.private_key, call.digest)
    return compact(whole | {"signature": signature})


def stamp(at: datetime) -> str:
    """An instant as VietinBank writes it: `yyyyMMddHHmmss`, Vietnamese time."""
    return at.astimezone(ICT).strftime("%Y%m%d%H%M%S")


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def said(answer: Answer, request_id: str) -> Said:
    """The answer taken apart. Raises NotJson when it is no JSON object, or belongs to another request."""
    body = parse(answer.body, size_max=STATEMENT_MAX)
    if not isinstance(body, dict):
        raise NotJson("not an object")
    if body.get("requestId") not in (None, request_id):
        raise NotJson("it belongs to another request")
    status = body.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    return Said(answer.status, code if isinstance(code, str) else None, body, answer)


def is_signed(heard: Said, request_id: str, given: VietinbankCredentials) -> bool:
    """Whether the bank signed this answer of the disbursement family, as the answer to this request."""
    known: dict[str, object] = {
        "requestId": request_id,
        "providerId": given.provider_id,
        "merchantId": given.merchant_id,
    }
    text = plain_text(known, ANSWER_SIGNED) + (heard.code or "")
    signature = heard.body.get("signature")
    return isinstance(signature, str) and is_rsa_signature(signature, text.encode(), given.bank_keys, BALANCE.digest)
