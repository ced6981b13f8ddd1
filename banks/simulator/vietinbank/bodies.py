"""The fields of VietinBank's requests (4.1.1 to 4.1.5), read strictly, and the plain text each of them signs.

[assumed] where the specification is silent: ids are 1-40 letters, digits, `-` and `_`; names 1-140, remarks 1-100 and
addresses up to 140 printable unaccented characters without brackets; a request has 1-100 records; every printed field
is there, and no other.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from banks.simulator.clock import VIETNAM
from banks.simulator.jsonfields import Fields
from banks.simulator.napas import banks
from banks.simulator.orders import Instruction
from banks.simulator.records import Party
from banks.simulator.refusals import Malformed
from banks.simulator.vietinbank.codes import BIN, CITAD
from banks.simulator.vietinbank.enrolment import VietinSide
from banks.simulator.vietinbank.signing import plain

ID: Final = (r"[A-Za-z0-9_-]{1,40}", "1-40 letters, digits, - and _")
TRANS_ID: Final = (r"[A-Za-z0-9]{1,30}", "1-30 letters and digits")
ACCOUNT: Final = (r"[A-Za-z0-9]{1,19}", "1-19 letters and digits")
PRINTABLE: Final = r"[\x20-\x27\x2a-\x3b\x3d\x3f-\x5a\x5c\x5e-\x7a\x7c\x7e]"
NAME: Final = (PRINTABLE + "{1,140}", "1-140 characters without diacritics and brackets")
REMARK: Final = (PRINTABLE + "{1,100}", "1-100 characters without diacritics and brackets")
ADDRESS: Final = (PRINTABLE + "{0,140}", "at most 140 characters without diacritics and brackets")
RAILS: Final = {"in": "inside", "np": "napas", "ci": "citad"}
"""`ci` is [assumed]."""
RECORDS_MAX: Final = 100


class Request(NamedTuple):
    """A readable request: its id, what it signs, its signature, and the fields themselves."""

    id: str
    plain: str
    signature: str
    fields: dict[str, str]


class Transfer(NamedTuple):
    """A readable transfer: the request, the account the money comes from, and what is asked for."""

    request: Request
    source: str
    instructions: tuple[Instruction, ...]


def read(
    body: dict[str, object], side: VietinSide, own: dict[str, tuple[str, str]], signed: tuple[str, ...], channel: str
) -> Request:
    """A request with the fields every request has and its `own` (name -> pattern, meaning). `signed` names the fields
    that its signature covers, in order. Raises Malformed.
    """
    shapes = common(side, channel) | own
    given = Fields(body, "body", tuple(shapes))
    values = {name: given.text(name, *shape) for name, shape in shapes.items()}
    instant(values["transTime"], "body.transTime")
    return Request(values["requestId"], plain(*(values[name] for name in signed)), values["signature"], values)


def common(side: VietinSide, channel: str) -> dict[str, tuple[str, str]]:
    """The shapes of the fields every request has."""
    return {
        "requestId": ID,
        "merchantId": ("", "empty: no merchant is registered"),
        "providerId": (side.provider_id, "the registered provider"),
        "version": (r"1\.0", "1.0"),
        "channel": (channel, channel),
        "language": ("vi|en", "vi or en"),
        "transTime": (r"\d{14}", "yyyyMMddHHmmss"),
        "signature": (r"[A-Za-z0-9+/=]{1,1000}", "Base64"),
    }


def client_ip(side: VietinSide) -> tuple[str, str]:
    """The shape of clientIP."""
    return side.client_ip.replace(".", r"\."), "the listed address"


def instant(text: str, path: str) -> datetime:
    """A time as VietinBank writes it, +07:00. Raises Malformed."""
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=VIETNAM).astimezone(UTC)
    except ValueError as fault:
        raise Malformed(f"{path} is no time: {fault}") from fault


def day(text: str, path: str) -> date:
    """A day as the statement names it, dd/MM/yyyy. Raises Malformed."""
    try:
        return datetime.strptime(text, "%d/%m/%Y").replace(tzinfo=VIETNAM).date()
    except ValueError as fault:
        raise Malformed(f"{path} is no day: {fault}") from fault


LOOKUP: Final = (
    *("requestId", "providerId", "merchantId", "account", "bankId", "clientIP", "channel", "version", "language"),
)
ENQUIRY: Final = ("requestId", "providerId", "merchantId", "originalRequestId", "transId")
STATEMENT: Final = ("requestId", "providerId", "merchantId", "account")
BALANCE: Final = (
    *("requestId", "providerId", "merchantId", "accountId", "transTime", "channel", "version", "language"),
)
HEAD: Final = (
    *("requestId", "providerId", "merchantId", "model", "priority", "softwareProviderId", "appointedApprover"),
    *("feeAccount", "feeType", "scheduledDate", "approver"),
)
TAIL: Final = ("transTime", "channel", "version", "clientIP", "language")
"""What the signatures of 4.1.1, 4.1.3, 4.1.4, 4.1.5 and 4.1.2 (before and behind the records) cover, in order."""


def transfer(body: dict[str, object], side: VietinSide) -> Transfer:
    """A transfer with its records. Raises Malformed."""
    head = common(side, "WEB") | {
        "model": ("2", "2"),
        "softwareProviderId": (side.software_provider_id, "the registered software"),
        "priority": ("3", "3"),
        "feeAccount": ACCOUNT,
        "feeType": ("OUR|BEN", "OUR or BEN"),
        "appointedApprover": (side.appointed_approver, "the registered user"),
        "scheduledDate": ("", "empty: at once"),
        "approver": (side.approver, "the registered user"),
        "clientIP": client_ip(side),
    }
    given = Fields(body, "body", (*head, "records"))
    values = {name: given.text(name, *shape) for name, shape in head.items()}
    instant(values["transTime"], "body.transTime")
    records = [_record(value, place, side) for place, value in enumerate(given.items("records", 1, RECORDS_MAX))]
    if len({record["transId"] for record in records}) != len(records):
        raise Malformed("a transId comes twice in one request")
    if len({record["senderAcctId"] for record in records}) != 1:
        raise Malformed("all records of a request must leave one account")
    covered = [values[name] for name in HEAD]
    for record in records:
        covered += [record[name] for name in ("transId", "senderAcctId", "recvAcctId", "amount")]
    covered += [values[name] for name in TAIL]
    request = Request(values["requestId"], plain(*covered), values["signature"], values)
    return Transfer(request, records[0]["senderAcctId"], tuple(_instruction(record) for record in records))


def _record(value: object, place: int, side: VietinSide) -> dict[str, str]:
    shapes = {
        "transId": TRANS_ID,
        "approver": (side.approver, "the registered user"),
        "transType": ("in|np|ci", "in, np or ci"),
        "amount": (r"[1-9][0-9]{0,14}", "whole dong, digits only"),
        "recvAcctId": ACCOUNT,
        "recvBankId": (r"[0-9]{6}|[0-9]{8}", "six or eight digits"),
        "recvBranchId": (r"[0-9]{6}|[0-9]{8}", "six or eight digits"),
        "recvBankName": REMARK,
        "recvAcctName": NAME,
        "recvAddr": ADDRESS,
        "remark": REMARK,
        "currencyCode": ("VND", "VND"),
        "senderBankId": (CITAD, CITAD),
        "senderBranchId": (CITAD, CITAD),
        "senderAcctId": ACCOUNT,
        "senderAcctName": NAME,
        "senderAddr": ADDRESS,
    }
    fields = Fields(value, f"records[{place}]", tuple(shapes))
    values = {name: fields.text(name, *shape) for name, shape in shapes.items()}
    _check_bank(values, place)
    return values


def _check_bank(record: dict[str, str], place: int) -> None:
    kind, bank = record["transType"], record["recvBankId"]
    right = {
        "in": bank == CITAD,
        "np": bank in banks() and bank != BIN,
        "ci": len(bank) == 8 and bank != CITAD,
    }
    if not right[kind]:
        raise Malformed(f"records[{place}].recvBankId {bank} does not fit transType {kind}")


def _instruction(record: dict[str, str]) -> Instruction:
    rail = RAILS[record["transType"]]
    bank = BIN if rail == "inside" else record["recvBankId"]
    return Instruction(
        trace=record["transId"],
        rail=rail,
        amount=int(record["amount"]),
        beneficiary=Party(record["recvAcctName"], record["recvAcctId"], bank),
        remarks=record["remark"],
        document=dict(record),
    )
