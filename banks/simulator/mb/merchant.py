"""The VietQR merchant product, MMS (3.1.7 of the bank wire specification): codes for one bill, and sales told with a
checksum.

A code names a virtual account; what is paid to it lands on the merchant's account and is told of twice, as a movement
and as a sale. [assumed]: `userName` is the client's id and `secretKey` the access key; "BLC" stands for every partner;
the texts of a code are 1-25 characters; the data of `checkOrder` are those of the push; `traceTransfer` and `ftCode`
are the reference of the movement; every value of the push is a string; a refund goes back to the payer by NAPAS.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from banks.simulator.clock import VIETNAM
from banks.simulator.jsonfields import Fields
from banks.simulator.mb.codes import BIN
from banks.simulator.refusals import Malformed
from banks.simulator.vietqr import NAPAS_GUID, crc

if TYPE_CHECKING:
    from banks.simulator.mb.enrolment import MbSide
    from banks.simulator.records import Account, Movement, Notice
    from banks.simulator.state import State

PARTNER: Final = "BLC"
TEXT: Final = (r"[A-Za-z0-9 ._/-]{1,25}", "1-25 letters, digits, spaces and ._/-")
CODE_NAMES: Final = (
    *("terminalID", "qrcodeType", "partnerType", "initMethod", "transactionAmount", "billNumber", "additionalAddress"),
    *("additionalMobile", "additionalEmail", "referenceLabelCode", "transactionPurpose"),
)
FIXED: Final = {"partnerType": 2, "additionalAddress": 0, "additionalMobile": 0, "additionalEmail": 0}
LABELS_MAX: Final = 99
"""Characters in object 62 of a code (7.1)."""
VIRTUAL: Final = "VQRSOCAI"


class Bill(NamedTuple):
    """What a code is wanted for; amount in dong."""

    terminal: str
    amount: int
    number: str
    reference: str
    purpose: str


def read(body: dict[str, object]) -> Bill:
    """Read the body of `createqr`. Raises Malformed."""
    fields = Fields(body, "body", CODE_NAMES)
    for name, value in FIXED.items():
        fields.exactly(name, value)
    fields.whole("qrcodeType", 0)
    fields.whole("initMethod", 0)
    bill = Bill(
        terminal=fields.text("terminalID", *TEXT),
        amount=int(fields.text("transactionAmount", "[1-9][0-9]{0,12}", "whole dong")),
        number=fields.text("billNumber", *TEXT),
        reference=fields.text("referenceLabelCode", *TEXT),
        purpose=fields.text("transactionPurpose", *TEXT),
    )
    if len(_labels(bill)) > LABELS_MAX:
        raise Malformed(f"the texts of a code may be {LABELS_MAX} characters in all, four for each of them included")
    return bill


def _labels(bill: Bill) -> str:
    labels = (("01", bill.number), ("05", bill.reference), ("07", bill.terminal), ("08", bill.purpose))
    return "".join(_object(key, value) for key, value in labels)


def _object(key: str, value: str) -> str:
    return f"{key}{len(value):02d}{value}"


def qr(bill: Bill, virtual: str) -> str:
    """The VietQR text that asks for `bill` to be paid to the account `virtual` (chapter 7)."""
    receiver = _object("00", BIN) + _object("01", virtual)
    transfer = _object("00", NAPAS_GUID) + _object("01", receiver) + _object("02", "QRIBFTTA")
    text = "".join(
        (
            *(_object("00", "01"), _object("01", "12"), _object("38", transfer), _object("53", "704")),
            *(_object("54", str(bill.amount)), _object("58", "VN")),
            _object("62", _labels(bill)),
            "6304",
        )
    )
    return text + crc(text)


def details(bill: Bill) -> dict[str, str]:
    """What is kept of `bill` with its virtual account."""
    return {"terminal": bill.terminal, "bill": bill.number, "reference": bill.reference}


def checksum(*parts: str) -> str:
    """MD5 of the joined texts, lower-case hex; not proof of anything but the partner's own key among them."""
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


def order_checksum(trace: str, bill: str, reference: str, key: str) -> str:
    """`checkSum` of `checkOrder`."""
    return checksum(trace, bill, reference, PARTNER, key)


def sale_checksum(trace: str, bill: str, paid_at: str, amount: str, key: str) -> str:
    """`checkSum` of the push of a sale."""
    return checksum(trace, bill, paid_at, amount, key)


def sale(state: State, row: Movement, notice: Notice | None = None) -> dict[str, object]:
    """The push of the sale paid by `row`, spoilt where `notice` says so: its key, or its amount behind the checksum."""
    side = cast("MbSide", state.bank_side)
    code = cast("Account", state.books.account(row.via or "")).details
    amount, paid_at = str(row.amount), row.at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")
    key = side.mms_access_key if notice is None or notice.key != "wrong" else side.mms_access_key[::-1]
    proof = sale_checksum(row.shown, code["bill"], paid_at, amount, key)
    shown = amount if notice is None or notice.body != "tampered" else str(row.amount + 1)
    return {
        "traceTransfer": row.shown,
        "storeLabel": code["terminal"],
        "terminalLabel": code["terminal"],
        "debitAmount": shown,
        "realAmount": shown,
        "payDate": paid_at,
        "respCode": "00",
        "respDesc": "Success",
        "checkSum": "" if notice is not None and notice.key == "missing" else proof,
        "rate": "1",
        "billNumber": code["bill"],
        "consumerLabelTerm": "",
        "referenceLabelCode": code["reference"],
        "userName": side.client_id,
        "ftCode": row.shown,
        "endPointUrl": "",
    }
