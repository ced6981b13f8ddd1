"""ACB's statement rows and notices: what the history and the webhook say, brought into one shape.

Chapters 2.1.3 and 2.1.9 of the bank wire specification. The reference of a movement is `traceNumber`, because it is the
only number both feeds carry: the webhook's `referenceNumber` has no counterpart in the history, and the history's
`transactionTraceNumber` is the id of our own order, empty for a credit. A row without it gets no substitute, since one
feed would then give the same money another key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final, Literal, TypeVar

import msgspec

from banks.bank import Acknowledgement, BankNotice, Direction, DoubtfulRow, StatementRow
from banks.drift import misfitting_row, unreadable
from banks.strict_json import Json, NotJson, parse
from ledger.calendar import ICT, bank_day
from ledger.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidAmount,
    Malformed,
    NotFound,
    Problem,
    Unauthenticated,
)
from ledger.money import from_bank, positive

STATUSES: Final = {"COMPLETED": False, "ERRORCORRECTED": True}
"""Status of a row and whether it takes an earlier movement back. A row in another state has not happened (yet)."""

KINDS: Final[Mapping[str, Literal["movement", "list"]]] = {
    "TRANSACTION_UPDATE": "movement",
    "TRANSACTION_HISTORY": "list",
}
NOTICE_ROWS_MAX: Final = 1000

TAKEN: Final = (200, "00000000", "success")
REFUSALS: Final[tuple[tuple[type[Problem], tuple[int, str, str]], ...]] = (
    (Unauthenticated, (401, "40100001", "wrong key")),
    (Forbidden, (403, "40300001", "not allowed")),
    (Malformed, (400, "40000001", "bad request")),
    (Invalid, (400, "40000001", "bad request")),
    (NotFound, (400, "40000001", "bad request")),
    (Conflict, (409, "40900001", "conflicting duplicate")),  # the code is [assumed]
)
COME_AGAIN: Final = (503, "50300001", "try again later")
"""For everything else: the bank sends again after a 503. The code is [assumed]."""

T = TypeVar("T")


class RowUnreadable(Exception):
    """A row that gives no StatementRow. The message names the field and quotes nothing."""


class _HistoryRow(msgspec.Struct, rename="camel"):
    account: str
    transaction_date: str
    transaction_amount: int | str
    debit_or_credit: str
    transaction_status: str
    trace_number: int | str | None = None
    transaction_description: str | None = None
    transaction_trace_number: str | None = None
    virtual_account: str | None = None
    remitter_name: str | None = None
    remitter_account_number: str | None = None
    issuer_bank_name: str | None = None
    beneficiary_name: str | None = None
    beneficiary_account: str | None = None
    beneficiary_bank_name: str | None = None


class _Entity(msgspec.Struct, rename="camel"):
    trace_number: int | str | None = None
    virtual_account: str | None = None
    remitter_name: str | None = None
    remitter_account_number: str | None = None
    issuer_bank_name: str | None = None
    receiver_bank_name: str | None = None
    beneficiary_name: str | None = None


class _VirtualAccount(msgspec.Struct, rename="camel"):
    va_nbr: str | None = None


class _NoticeRow(msgspec.Struct, rename="camel"):
    transaction_status: str
    account_number: str
    transaction_date: str
    debit_or_credit: str
    amount: int | str
    transaction_entity_attribute: _Entity
    effective_date: str | None = None
    transaction_content: str | None = None
    virtual_account_info: _VirtualAccount | None = None


class _Pagination(msgspec.Struct, rename="camel"):
    total_page: int
    page: int = 1


class _Meta(msgspec.Struct, rename="camel"):
    request_code: str


class _Notice(msgspec.Struct):
    meta: _Meta
    transactions: list[object]
    pagination: _Pagination | None = None


class _HistoryData(msgspec.Struct):
    transactions: list[object]
    pagination: _Pagination


# history


def read_history(data: Mapping[str, object], account_number: str) -> tuple[list[StatementRow], list[DoubtfulRow], int]:
    """Rows, doubtful rows and the number of pages of one history answer (`responseData`).

    The same row twice is one; a row that shares its key with a different row is doubtful, because only one of the two
    could be recorded, and so is a row of another account. Raises NotJson when the page as a whole cannot be read.
    """
    try:
        page = msgspec.convert(data, _HistoryData)
    except msgspec.ValidationError as error:
        raise NotJson(str(error)) from None
    rows: dict[tuple[str | int, ...], StatementRow] = {}
    doubtful: list[DoubtfulRow] = []
    for position, item in enumerate(page.transactions, start=1):
        try:
            row = history_row(item)
        except RowUnreadable as error:
            doubtful.append(misfitting_row(position, error, item))
            continue
        if row.account_number != account_number:
            doubtful.append(DoubtfulRow(position, "account: the row belongs to another account"))
        elif rows.setdefault(row.key, row) != row:
            why = "traceNumber: another row of this page has the same reference, day and amount"
            doubtful.append(DoubtfulRow(position, why))
    return list(rows.values()), doubtful, page.pagination.total_page


def history_row(item: object) -> StatementRow:
    """One row of the history. Raises RowUnreadable."""
    row = _convert(item, _HistoryRow)
    direction = _direction(row.debit_or_credit)
    credit = direction == "credit"
    booked_at = bank_instant(row.transaction_date)
    try:
        amount = positive(from_bank(row.transaction_amount))
    except InvalidAmount:
        raise RowUnreadable("transactionAmount: not a whole amount above zero") from None
    return StatementRow(
        account_number=_account(row.account),
        bank_reference=_reference(row.trace_number),
        direction=direction,
        amount=amount,
        booked_at=booked_at,
        bank_time=row.transaction_date,
        value_date=bank_day(booked_at),
        source="history",
        memo=row.transaction_description or "",
        counterparty_name=(row.remitter_name if credit else row.beneficiary_name) or None,
        counterparty_account=(row.remitter_account_number if credit else row.beneficiary_account) or None,
        counterparty_bank=(row.issuer_bank_name if credit else row.beneficiary_bank_name) or None,
        virtual_account=row.virtual_account or None,
        end_to_end_id=row.transaction_trace_number or None,
        reversal=_reversal(row.transaction_status),
    )


# webhook


def read_notice(raw_body: bytes) -> BankNotice:
    """What a webhook body says, in the shape with `masterMeta` or the older one. Raises WebhookUnreadable."""
    try:
        body = parse(raw_body)
        if not isinstance(body, dict):
            raise NotJson("not an object")
        trace, notice = _notice(body)
        kind = KINDS.get(notice.meta.request_code)
        if kind is None:
            raise NotJson("requestMeta.requestCode: not one we know")
        if len(notice.transactions) > NOTICE_ROWS_MAX:
            raise NotJson(f"more than {NOTICE_ROWS_MAX} transactions")
    except (NotJson, msgspec.ValidationError) as error:
        raise unreadable("The notice cannot be understood", error) from None
    lines = []
    for index, item in enumerate(notice.transactions):
        try:
            lines.append(notice_row(item))
        except RowUnreadable as error:
            raise unreadable(f"Transaction {index + 1} of the notice", error, field="transactions") from None
    pages = notice.pagination or _Pagination(total_page=1)
    return BankNotice(lines=tuple(lines), trace=trace, kind=kind, page=pages.page, pages=pages.total_page)


def notice_row(item: object) -> StatementRow:
    """One transaction of a notice. Raises RowUnreadable."""
    row = _convert(item, _NoticeRow)
    entity = row.transaction_entity_attribute
    direction = _direction(row.debit_or_credit)
    credit = direction == "credit"
    booked_at = bank_instant(row.transaction_date)
    try:
        amount = positive(from_bank(row.amount))
    except InvalidAmount:
        raise RowUnreadable("amount: not a whole amount above zero") from None
    virtual = row.virtual_account_info.va_nbr if row.virtual_account_info else None
    return StatementRow(
        account_number=_account(row.account_number),
        bank_reference=_reference(entity.trace_number),
        direction=direction,
        amount=amount,
        booked_at=booked_at,
        bank_time=row.transaction_date,
        value_date=_day(row.effective_date) if row.effective_date else bank_day(booked_at),
        source="webhook",
        memo=row.transaction_content or "",
        counterparty_name=(entity.remitter_name if credit else entity.beneficiary_name) or None,
        counterparty_account=(entity.remitter_account_number if credit else None) or None,
        counterparty_bank=(entity.issuer_bank_name if credit else entity.receiver_bank_name) or None,
        virtual_account=entity.virtual_account or virtual or None,
        reversal=_reversal(row.transaction_status),
    )


def acknowledgement(
    notice: BankNotice | None, problem: Problem | None, at: datetime, reference: str
) -> Acknowledgement:
    """The answer ACB reads. A problem is told by its family only; its detail stays with us."""
    status, code, message = TAKEN
    if problem is not None:
        status, code, message = next((said for family, said in REFUSALS if isinstance(problem, family)), COME_AGAIN)
    stamp = at.astimezone(ICT).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0700"
    body: dict[str, object] = {
        "requestTrace": notice.trace if notice else None,
        "responseDateTime": stamp,
        "responseStatus": {"responseCode": code, "responseMessage": message},
    }
    if problem is None:
        body["responseBody"] = {"index": 1, "referenceCode": reference}
    return Acknowledgement(status, json.dumps(body, separators=(",", ":")).encode())


def _notice(body: Mapping[str, Json]) -> tuple[str, _Notice]:
    """The bank's id of the call, and the notice, from either shape."""
    inner = body.get("requestParameters", body)
    inner = inner if isinstance(inner, dict) else {}
    master = inner.get("masterMeta")
    master = master if isinstance(master, dict) else inner
    trace = body.get("requestTrace") or master.get("clientRequestId") or ""
    request = inner.get("request")
    if isinstance(request, dict):
        params = request.get("requestParams")
        params = params if isinstance(params, dict) else {}
        shape: dict[str, Json] = {**params, "meta": request.get("requestMeta")}
    else:
        shape = {
            "meta": inner.get("requestMeta"),
            "transactions": inner.get("requests"),
            "pagination": inner.get("pagination"),
        }
    if not isinstance(trace, str) or len(trace) > 100:
        raise NotJson("requestTrace: not a text of at most 100 characters")
    return trace, msgspec.convert(shape, _Notice)


# fields of both


def bank_instant(text: str) -> datetime:
    """An aware UTC instant from ISO 8601 with offset or `yyyy-MM-dd HH:mm:ss`, which is Vietnamese time (1.2).

    Raises RowUnreadable for anything else and for years outside 2000 to 2099.
    """
    shape = r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?"
    try:
        if re.fullmatch(shape, text, re.ASCII) is None:
            raise ValueError
        found = datetime.fromisoformat(text)
    except ValueError:
        raise RowUnreadable("transactionDate: neither ISO 8601 with offset nor yyyy-MM-dd HH:mm:ss") from None
    aware = found if found.tzinfo else found.replace(tzinfo=ICT)
    return aware.astimezone(UTC)


def _convert(item: object, shape: type[T]) -> T:
    try:
        return msgspec.convert(item, shape)
    except msgspec.ValidationError as error:
        raise RowUnreadable(str(error)) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise RowUnreadable("effectiveDate: not yyyy-MM-dd") from None


def _direction(word: str) -> Direction:
    match word.lower():
        case "credit":
            return "credit"
        case "debit":
            return "debit"
    raise RowUnreadable("debitOrCredit: neither debit nor credit")


def _reversal(status: str) -> bool:
    if status not in STATUSES:
        raise RowUnreadable("transactionStatus: neither COMPLETED nor ERRORCORRECTED")
    return STATUSES[status]


def _reference(number: int | str | None) -> str:
    text = "" if number is None else str(number).strip()
    if not re.fullmatch(r"[!-~]{1,64}", text):
        raise RowUnreadable("traceNumber: missing, so the row cannot be told from others")
    return text


def _account(number: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z]{1,19}", number):
        raise RowUnreadable("account: not an account number")
    return number
