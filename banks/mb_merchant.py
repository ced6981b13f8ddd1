"""The push of MB's VietQR merchant product, which is proven by a checksum and by nothing else (3.1.7).

The checksum is taken over four fields written together without separators, so that it knows no borders: digits could
move from one field to the next under the same checksum, and make another payment of it. So the reference has a fixed
length, times and amounts a strict shape, and a text that reads as two payments is left to people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from banks.bank import BankNotice, StatementRow
from banks.row_fields import RowContradicts, RowUnreadable, amount_of, convert, instant
from banks.strict_json import Json, NotJson, parse
from ledger.calendar import bank_day

PAID: Final = "00"  # [assumed] 3.1.7: the sample names no value of respCode
REFERENCE: Final = r"FT[0-9A-Z]{14}"  # [assumed] 3.1.7: the length of every sample
AMOUNT_MAX: Final = 15
AMOUNT: Final = rf"[1-9]\d{{0,{AMOUNT_MAX - 1}}}"
TIME_LENGTH: Final = 14

MMS_TRACE: Final = "mms "
"""Begins the trace of a merchant push, which is acknowledged in words of its own."""

CHECKSUM_FIELDS: Final = ("traceTransfer", "billNumber", "payDate", "debitAmount")
"""What the checksum covers, in this order."""


class _MerchantPush(msgspec.Struct, rename="camel"):
    trace_transfer: str
    bill_number: str
    pay_date: str
    debit_amount: str
    resp_code: str
    real_amount: int | str | None = None
    ft_code: str | None = None


def is_merchant_push(body: Mapping[str, Json]) -> bool:
    """Whether a notice is of this product: it alone has a checksum."""
    return body.get("checkSum") is not None


def checksum_of(raw_body: bytes) -> tuple[str, tuple[str, ...]] | None:
    """The checksum of a merchant push, and the texts it covers; None for a body that is none. Decides nothing."""
    try:
        body = parse(raw_body)
    except NotJson:
        return None
    given = body.get("checkSum") if isinstance(body, dict) else None
    if not isinstance(body, dict) or given is None:
        return None
    parts = [body.get(name) for name in CHECKSUM_FIELDS]
    if not isinstance(given, str) or not all(isinstance(part, str | int) for part in parts):
        return "", ()
    return given, tuple(str(part) for part in parts)


def read_merchant_push(body: Mapping[str, Json], account_number: str) -> BankNotice:
    """A payment to one of our QR codes. Only what the checksum covers becomes the row. Raises RowUnreadable."""
    texts = {name: str(body[name]) for name in CHECKSUM_FIELDS if isinstance(body.get(name), int)}
    push = convert({**body, **texts}, _MerchantPush)
    if not re.fullmatch(REFERENCE, push.trace_transfer, re.ASCII):
        raise RowUnreadable("traceTransfer: not an FT number")
    if push.ft_code not in (None, "", push.trace_transfer):
        raise RowContradicts("ftCode: another reference than traceTransfer")
    if push.resp_code != PAID:
        raise RowUnreadable("respCode: not a payment")
    if not re.fullmatch(AMOUNT, push.debit_amount, re.ASCII):
        raise RowUnreadable("debitAmount: not plain digits")
    amount = amount_of(push.debit_amount, "debitAmount")
    if push.real_amount is not None and amount_of(push.real_amount, "realAmount") != amount:
        raise RowContradicts("realAmount: another amount than debitAmount")
    paid_at = _paid_at(push.pay_date)
    if _readings(push.bill_number + push.pay_date + push.debit_amount) != 1:
        raise RowContradicts(
            "billNumber, payDate, debitAmount: under the checksum they read as another payment as well"
        )
    row = StatementRow(
        account_number=account_number,
        bank_reference=push.trace_transfer,
        direction="credit",
        amount=amount,
        booked_at=paid_at,
        bank_time=push.pay_date,
        value_date=bank_day(paid_at),
        source="webhook",
        memo=push.bill_number,
    )
    return BankNotice(lines=(row,), trace=MMS_TRACE + push.trace_transfer, kind="movement")


def _readings(whole: str) -> int:
    """In how many ways bill number, time and amount, written together, can be parted again."""
    found = 0
    for digits in range(1, AMOUNT_MAX + 1):
        rest, amount = whole[:-digits], whole[-digits:]
        try:
            _paid_at(rest[-TIME_LENGTH:])
        except RowUnreadable:
            continue
        found += re.fullmatch(AMOUNT, amount, re.ASCII) is not None
    return found


def _paid_at(text: str) -> datetime:
    return instant(text, r"20\d{12}", "%Y%m%d%H%M%S", "payDate")
