"""VietinBank's statement rows, names and balances, and what it tells unasked.

Chapters 4.1.1 and 4.1.4 to 4.1.6 of the bank wire specification; [assumed] marks what no public source tells.

The signature under a notice covers values written together without separators: amount and balance touch, a reference
touches free text, and the direction is not signed at all. One signature thus fits many movements, and nothing in the
text tells which of them is meant. So a notice is proven to come from the bank and is acknowledged, but no movement is
taken from it: the statement shows the movement, under the same reference, and the statement is read every minute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

import msgspec

from banks.bank import Acknowledgement, BankNotice, Direction, DoubtfulRow, FoundName, StatementRow
from banks.drift import misfitting_row, unreadable
from banks.row_fields import RowContradicts, RowUnreadable, amount_of, convert, instant, short
from banks.signatures import is_rsa_signature, rsa_signature
from banks.strict_json import Json, NotJson, parse
from banks.vietinbank_calls import STATEMENT_CHANNEL, compact, stamp
from banks.vietinbank_credentials import VietinbankCredentials
from ledger.calendar import bank_day
from ledger.errors import Invalid, InvalidAmount, Malformed, Problem, Unauthenticated, WebhookUnreadable
from ledger.money import Money, balance_from_bank

COLLECTIONS: Final[tuple[tuple[str, Direction], ...]] = (("c", "credit"), ("d", "debit"))
"""A day's statement comes in two calls, by direction, in this order."""
DIRECTIONS: Final[Mapping[str, Direction]] = {"C": "credit", "D": "debit"}
BOOKED: Final = "00"  # [assumed] 4.1.4: the status of a row, where it has one

ACTIVE: Final[Mapping[object, bool]] = {"true": True, "false": False}

NOTICE: Final = "1200"
ACKNOWLEDGED: Final = "1210"
NOTICE_ROWS_MAX: Final = 1000
NOTICE_SIGNED: Final = (
    "transId",
    "originalId",
    "transTime",
    "custCode",
    "custName",
    "custAcct",
    "amount",
    "balance",
    "status",
    "bankTransId",
    "remark",
)
ANSWER_SIGNED: Final = ("transId", "originalId", "transTime", "custCode", "custName", "custAcct", "amount", "status")
"""What is signed of each record of a notice and, after the code, of our answer. Of `status` it is the code."""

HEADER_REPEATED: Final = (
    "msgId",
    "channelId",
    "providerId",
    "merchantId",
    "productId",
    "recordNum",
    "encrypt",
    "gatewayId",
    "username",
)
"""What our answer repeats of a notice's header. That it repeats the records too is [assumed]: a partner's does."""

TAKEN: Final = ("00", "Received")
REFUSALS: Final[tuple[tuple[type[Problem], tuple[str, str]], ...]] = (
    (Unauthenticated, ("01", "The signature does not fit")),
    (Malformed, ("03", "Not understood")),
    (Invalid, ("03", "Not understood")),
)
COME_AGAIN: Final = ("99", "Not recorded, send again")
"""Code and words of an acknowledgement; its HTTP status is always 200 (4.1.6)."""


class _Status(msgspec.Struct):
    code: str | None = None


class _Row(msgspec.Struct, rename="camel"):
    trans_time: str
    trans_type: str
    amount: int | str
    bank_trans_id: int | str
    balance: int | str | None = None
    remark: str | None = None
    currency_code: str | None = None
    status: _Status | None = None
    cust_acct: str | None = None
    send_acct_id: str | None = None
    send_acct_name: str | None = None
    send_bank_id: str | None = None
    recv_acct_id: str | None = None
    recv_acct_name: str | None = None
    recv_bank_id: str | None = None
    recv_virtual_acct_id: str | None = None


# statement


def statement_fields(account_number: str, day: date, collection: str, request_id: str) -> dict[str, object]:
    """The fields of a question for the movements of one bank day in one direction."""
    return {
        "requestId": request_id,
        "model": "1",
        "account": account_number,
        "fromDate": day.strftime("%d/%m/%Y"),
        "accountType": "D",
        "collectionType": collection,
        "agencyType": "a",
        "channel": STATEMENT_CHANNEL,
    }


def read_statement(
    body: Mapping[str, Json], account_number: str, day: date, direction: Direction
) -> tuple[list[StatementRow], list[DoubtfulRow]]:
    """Rows and doubtful rows of the answer to a question for `day` and `direction`.

    The same row twice is one; a row that shares its key with a different row is doubtful, because only one of the two
    could be recorded. Only an empty list says that nothing moved. Raises NotJson when the whole cannot be read.
    """
    records = body.get("records")
    if not isinstance(records, list):
        raise NotJson("records: not a list")
    rows: dict[tuple[str | int, ...], StatementRow] = {}
    doubtful: list[DoubtfulRow] = []
    for position, item in enumerate(records, start=1):
        try:
            row = statement_row(item, account_number, day)
            if row.direction != direction:
                raise RowContradicts("transType: another direction than was asked for")
            if rows.setdefault(row.key, row) != row:
                raise RowContradicts("bankTransId: another row of this day has the same reference and amount")
        except RowContradicts as error:
            doubtful.append(DoubtfulRow(position, str(error)))
        except RowUnreadable as error:
            doubtful.append(misfitting_row(position, error, item))
    return list(rows.values()), doubtful


def statement_row(item: object, account_number: str, day: date) -> StatementRow:
    """One row of the statement of `day`, which is its value date. Raises RowUnreadable."""
    row = convert(item, _Row)
    direction = DIRECTIONS.get(row.trans_type)
    if direction is None:
        raise RowUnreadable("transType: neither C nor D")
    _check_whose(row, account_number, direction)
    if row.currency_code not in (None, "", "VND"):
        raise RowUnreadable("currencyCode: not VND")
    if row.status is not None and row.status.code != BOOKED:
        raise RowUnreadable("status: not a movement that is done")
    booked_at = instant(row.trans_time, r"20\d{12}", "%Y%m%d%H%M%S", "transTime")
    if bank_day(booked_at) > day:
        raise RowContradicts("transTime: later than the day that was asked for")
    credit = direction == "credit"
    return StatementRow(
        account_number=account_number,
        bank_reference=_reference(row.bank_trans_id),
        direction=direction,
        amount=amount_of(row.amount, "amount"),
        booked_at=booked_at,
        bank_time=row.trans_time,
        value_date=day,
        source="history",
        memo=row.remark or "",
        counterparty_name=(row.send_acct_name if credit else row.recv_acct_name) or None,
        counterparty_account=(row.send_acct_id if credit else row.recv_acct_id) or None,
        counterparty_bank=(row.send_bank_id if credit else row.recv_bank_id) or None,
        virtual_account=(row.recv_virtual_acct_id if credit else None) or None,
        balance_after=_balance_after(row.balance),
    )


def _check_whose(row: _Row, account_number: str, direction: Direction) -> None:
    """Whether the accounts a row names agree with its direction. Raises RowUnreadable."""
    if row.cust_acct not in (None, "", account_number):
        raise RowContradicts("custAcct: the row belongs to another account")
    ours, other = row.send_acct_id, row.recv_acct_id
    if direction == "credit":
        ours, other = other, ours
    if ours not in (None, "", account_number) or other == account_number:
        raise RowContradicts("sendAcctId, recvAcctId: they tell another direction than transType")


def _reference(number: int | str) -> str:
    text = str(number).strip()
    if not re.fullmatch(r"[!-~]{1,64}", text):
        raise RowUnreadable("bankTransId: missing, so the row cannot be told from others")
    return text


def _balance_after(value: int | str | None) -> Money | None:
    if value in (None, ""):
        return None
    try:
        return balance_from_bank(value)
    except InvalidAmount:
        raise RowUnreadable("balance: not a whole amount") from None


# names and balances


def read_name(body: Mapping[str, Json]) -> FoundName:
    """The name an account stands in and whether it takes money. Raises NotJson."""
    name, active = body.get("accountName"), body.get("active")
    if not isinstance(active, str) or active not in ACTIVE:
        raise NotJson("active: neither true nor false")
    if not isinstance(name, str) or (ACTIVE[active] and not name.strip()):
        raise NotJson("accountName: missing")
    return FoundName(name.strip(), active=ACTIVE[active])


def read_balance(body: Mapping[str, Json], account_number: str) -> Money:
    """What the account holds; the bank tells one figure. Raises NotJson."""
    balances = body.get("balances")
    if not isinstance(balances, dict):
        raise NotJson("balances: missing")
    if balances.get("accId") != account_number:
        raise NotJson("balances.accId: another account")
    amount = balances.get("amount")
    if balances.get("currencyCode") != "VND":
        raise NotJson("balances.currencyCode: not VND")
    try:
        if isinstance(amount, bool) or not isinstance(amount, int | str):
            raise InvalidAmount("no number")
        return balance_from_bank(amount)
    except InvalidAmount:
        raise NotJson("balances.amount: not a whole amount") from None


# notices


def is_genuine(raw_body: bytes, given: VietinbankCredentials) -> bool:
    """Whether VietinBank signed the records of this body."""
    try:
        header, records = _parts(raw_body)
    except NotJson:
        return False
    signature = header.get("signature")
    text = _signed_text(records, NOTICE_SIGNED)
    return isinstance(signature, str) and is_rsa_signature(signature, text.encode(), given.bank_keys, "sha256")


def read_notice(raw_body: bytes, account_number: str) -> BankNotice:
    """That something moved, and what our answer must repeat. Raises WebhookUnreadable."""
    try:
        header, records = _parts(raw_body)
        if header.get("msgType") != NOTICE:
            raise NotJson(f"header.msgType: not {NOTICE}")
        number = header.get("msgId")
        if not isinstance(number, str) or not number:
            raise NotJson("header.msgId: missing")
        if len(records) > NOTICE_ROWS_MAX:
            raise NotJson(f"more than {NOTICE_ROWS_MAX} records")
        if any(record.get("custAcct") != account_number for record in records):
            raise RowContradicts("custAcct: a movement of another account")
        return BankNotice(
            lines=(),
            trace=short(number, "msgId"),
            kind="hint",
            echo=_echo(header, records),
            proof=str(header.get("signature", "")),
        )
    except RowContradicts as error:
        raise WebhookUnreadable(f"The notice cannot be true: {error}.", field="body") from None
    except (NotJson, RowUnreadable) as error:
        raise unreadable("The notice cannot be understood", error) from None


def acknowledgement(
    notice: BankNotice | None, problem: Problem | None, given: VietinbankCredentials, at: datetime
) -> Acknowledgement:
    """The answer, signed by us. A notice taken is repeated in it, and a refusal repeats nothing."""
    taken = notice is not None and problem is None
    code, words = TAKEN if taken else next((said for kind, said in REFUSALS if isinstance(problem, kind)), COME_AGAIN)
    repeated, records = _parts(notice.echo.encode()) if notice is not None and taken else ({}, [])
    text = code + _signed_text(records, ANSWER_SIGNED)
    header: dict[str, Json] = {
        "msgId": "",
        "providerId": given.provider_id,
        "merchantId": given.merchant_id,
        **repeated,
        "msgType": ACKNOWLEDGED,
        "timestamp": stamp(at),
        "signature": rsa_signature(text.encode(), given.private_key, "sha256"),
    }
    data = {"records": records, "errors": {"errorCode": code, "errorDesc": words}}
    return Acknowledgement(200, compact({"header": header, "data": data}))


def _parts(raw_body: bytes) -> tuple[dict[str, Json], list[dict[str, Json]]]:
    """Header and records, of which there is one at least. Raises NotJson."""
    body = parse(raw_body)
    header = body.get("header") if isinstance(body, dict) else None
    data = body.get("data") if isinstance(body, dict) else None
    records = _records(data.get("records")) if isinstance(data, dict) else []
    if not isinstance(header, dict) or not records:
        raise NotJson("no header, or no records")
    return header, records


def _records(value: Json) -> list[dict[str, Json]]:
    found = [record for record in value if isinstance(record, dict)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(found) != len(value):
        raise NotJson("the records are not a list of objects")
    return found


def _signed_text(records: Sequence[Mapping[str, Json]], names: Sequence[str]) -> str:
    """The values in order, record after record, nothing between them, null as empty."""
    return "".join(_text(record, name) for record in records for name in names)


def _text(record: Mapping[str, Json], name: str) -> str:
    value = record.get(name)
    if name == "status":
        value = value.get("code") if isinstance(value, dict) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _echo(header: Mapping[str, Json], records: Sequence[Mapping[str, Json]]) -> str:
    """What our answer repeats of a notice: of each record what is signed, with our own status for it."""
    status: Json = {"code": BOOKED, "message": "Received"}
    repeated = [{name: record.get(name) for name in ANSWER_SIGNED} | {"status": status} for record in records]
    whole = {"header": {name: header.get(name, "") for name in HEADER_REPEATED}, "data": {"records": repeated}}
    return compact(whole).decode()
