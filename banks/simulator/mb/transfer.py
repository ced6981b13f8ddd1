"""The fields of a transfer and its signature (3.1.3 of the bank wire specification): read strictly, nothing guessed.

[assumed] where the specification is silent: `serviceType`, `customerType` and `customerLevel` have the printed values
and no others; orders are paid from accounts (`debitType` ACCOUNT) to accounts or, by NAPAS, to cards; names have the
letters of the safe common subset (1.5) and single spaces; the fee field is digits; at most 20 additional items.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from banks.simulator.jsonfields import Fields
from banks.simulator.mb.codes import (
    AUTHENTICATION,
    BAD_ACCOUNT,
    BAD_AMOUNT,
    BAD_DATA,
    BIN,
    CITAD_BANK,
    NO_SUCH_BANK,
    refusal,
)
from banks.simulator.napas import banks
from banks.simulator.records import Party
from banks.simulator.refusals import Malformed

LEAST: Final = 2_000
"""The smallest transfer in dong (6.2)."""
AMOUNT_DIGITS_MAX: Final = 15
REMARK_MAX: Final = 140
RAILS: Final = {"INHOUSE": "inside", "FAST": "napas", "IBPS": "citad"}
NAME_MAX: Final = {"inside": 173, "napas": 70, "citad": 69}
REMARK: Final = {"inside": r"[A-Za-z0-9 +()./:?^'-]", "napas": r"[A-Za-z0-9 +()./-]", "citad": r"[A-Za-z0-9 +()./-]"}
"""What 1.5 says of names and memos on each rail."""
ACCOUNT: Final = r"[A-Z0-9]{1,19}"
FIXED: Final = {"serviceType": "CHI_HO", "customerType": "DOANH_NGHIEP", "customerLevel": "1", "debitType": "ACCOUNT"}
NAMES: Final = (
    *FIXED,
    *("debitResourceNumber", "debitName", "creditType", "creditResourceNumber", "creditName"),
    *("transferType", "bankCode", "transferAmount", "transferFee", "remark", "addInfoList"),
)
ITEMS_MAX: Final = 20


class Transfer(NamedTuple):
    """A readable transfer: amount in dong, rail inside, napas or citad; `signed` is the text its signature covers."""

    source: str
    source_name: str
    rail: str
    amount: int
    beneficiary: Party
    remark: str
    signed: str


def read(body: dict[str, object]) -> Transfer:
    """Read the body of a transfer. Raises Malformed, or Refused with the code of a wrong account, bank or amount."""
    fields = Fields(body, "body", NAMES)
    for name, value in FIXED.items():
        fields.text(name, value, value)
    rail = RAILS[fields.text("transferType", "|".join(RAILS), "INHOUSE, FAST or IBPS")]
    fields.text("creditType", "ACCOUNT|CARD" if rail == "napas" else "ACCOUNT", "what the rail pays to")
    fields.text("transferFee", "[0-9]{1,15}", "a string of digits")
    for number, item in enumerate(fields.items("addInfoList", 0, ITEMS_MAX)):
        entry = Fields(item, f"body.addInfoList[{number}]", ("name", "type", "value"))
        for name in ("name", "type", "value"):
            entry.text(name, ".{0,200}", "at most 200 characters")
    source_name = fields.text("debitName", *_name(173))
    source, account = _coded(fields, "debitResourceNumber"), _coded(fields, "creditResourceNumber")
    beneficiary = Party(fields.text("creditName", *_name(NAME_MAX[rail])), account, _bank(fields, rail))
    amount = _amount(fields)
    return Transfer(
        source=source,
        source_name=source_name,
        rail=rail,
        amount=amount,
        beneficiary=beneficiary,
        remark=fields.text("remark", REMARK[rail] + rf"{{1,{REMARK_MAX}}}", f"1-{REMARK_MAX} characters of 1.5"),
        signed=f"{source}{source_name}{account}{beneficiary.name}{amount}",
    )


def _name(most: int) -> tuple[str, str]:
    return rf"(?=.{{1,{most}}}\Z)[A-Z0-9.-]+( [A-Z0-9.-]+)*", f"1-{most} of A-Z 0-9 . - and single spaces"


def _coded(fields: Fields, name: str) -> str:
    try:
        return fields.text(name, ACCOUNT, "1-19 digits or capital letters")
    except Malformed as fault:
        raise refusal(BAD_ACCOUNT, str(fault)) from fault


def _amount(fields: Fields) -> int:
    try:
        text = fields.text("transferAmount", rf"[1-9][0-9]{{0,{AMOUNT_DIGITS_MAX - 1}}}", "whole dong, digits only")
    except Malformed as fault:
        raise refusal(BAD_AMOUNT, str(fault)) from fault
    if int(text) < LEAST:
        raise refusal(BAD_AMOUNT, f"transferAmount {text} is below {LEAST}")
    return int(text)


def _bank(fields: Fields, rail: str) -> str:
    """The number (BIN) or CITAD code of the receiving bank."""
    if rail == "inside":
        fields.text("bankCode", "", "empty inside MB")
        return BIN
    if rail == "napas":
        code = fields.text("bankCode", "[0-9]{6}", "a six-digit bank number")
        if code not in banks() or code == BIN:
            raise refusal(NO_SUCH_BANK, f"{code} is not another bank on the NAPAS list")
        return code
    code = fields.text("bankCode", "[0-9]{8}", "an eight-digit CITAD code")
    if code[2:5] == CITAD_BANK:
        raise refusal(NO_SUCH_BANK, f"{code} is MB itself")
    return code


def check_signature(transfer: Transfer, signature: str, key: RSAPublicKey) -> None:
    """The header `signature` must be SHA256withRSA (PKCS #1 v1.5) of the customer over five fields. Raises Refused."""
    try:
        raw = base64.b64decode(signature, validate=True)
        if base64.b64encode(raw).decode() != signature:
            raise refusal(AUTHENTICATION, "signature is not in its one Base64 form")
        key.verify(raw, transfer.signed.encode(), PKCS1v15(), SHA256())
    except (binascii.Error, ValueError) as fault:
        raise refusal(BAD_DATA, "signature is not Base64") from fault
    except InvalidSignature as fault:
        raise refusal(AUTHENTICATION, f"signature is not the customer's over {transfer.signed!r}") from fault
