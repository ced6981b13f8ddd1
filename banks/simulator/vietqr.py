"""What a payer's banking app reads in a VietQR code (chapter 7 of the bank wire specification)."""

from __future__ import annotations

from typing import Final, NamedTuple

from banks.simulator.refusals import Impossible

NAPAS_GUID: Final = "A000000727"
TRANSFER_SERVICES: Final = ("QRIBFTTA", "QRIBFTTC")


class QrTransfer(NamedTuple):
    """A transfer asked for by a code: amount in dong, or None when the payer types it; memo may be empty."""

    bin: str
    account: str
    amount: int | None
    memo: str


def crc(text: str) -> str:
    """CRC-16/CCITT-FALSE of `text` as four upper-case hex digits."""
    value = 0xFFFF
    for byte in text.encode("ascii"):
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xFFFF
    return f"{value:04X}"


def objects(text: str, where: str) -> dict[str, str]:
    """The objects of one level, id -> value; `text` must be consumed exactly and no id may come twice."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        key, length = text[at : at + 2], text[at + 2 : at + 4]
        if not (len(key) == 2 and key.isdigit() and len(length) == 2 and length.isdigit() and int(length) > 0):
            raise Impossible(400, f"vietqr: {where} has no object at character {at}")
        value = text[at + 4 : at + 4 + int(length)]
        if len(value) != int(length) or key in found:
            raise Impossible(400, f"vietqr: object {key} of {where} is cut off or comes twice")
        found[key] = value
        at += 4 + int(length)
    return found


def read(payload: str) -> QrTransfer:
    """The transfer `payload` asks for. Raises Impossible (400) naming what is wrong with the code."""
    if not payload.isascii() or len(payload) < 12:
        raise Impossible(400, "vietqr: must be ASCII text of at least 12 characters")
    top = objects(payload, "the code")
    if next(iter(top)) != "00" or top["00"] != "01" or list(top)[-1] != "63":
        raise Impossible(400, "vietqr: must begin with object 00 = 01 and end with object 63")
    if crc(payload[:-4]) != top["63"]:
        raise Impossible(400, f"vietqr: checksum is {top['63']}, must be {crc(payload[:-4])}")
    if top.get("01") not in ("11", "12") or top.get("53") != "704" or top.get("58") != "VN":
        raise Impossible(400, "vietqr: objects 01, 53 and 58 must be 11 or 12, 704 and VN")
    merchant = objects(top.get("38", ""), "object 38")
    if merchant.get("00") != NAPAS_GUID or merchant.get("02") not in TRANSFER_SERVICES:
        raise Impossible(400, "vietqr: object 38 must be a NAPAS transfer")
    receiver = objects(merchant.get("01", ""), "object 38.01")
    if set(receiver) != {"00", "01"} or len(receiver["00"]) != 6 or len(receiver["01"]) > 19:
        raise Impossible(400, "vietqr: object 38.01 must hold a six-digit bank and an account of at most 19 characters")
    amount = top.get("54")
    if amount is not None and not (amount.isdigit() and len(amount) <= 13 and int(amount) > 0):
        raise Impossible(400, "vietqr: object 54 must be whole dong")
    additional = objects(top.get("62", ""), "object 62")
    return QrTransfer(receiver["00"], receiver["01"], int(amount) if amount else None, additional.get("08", ""))
