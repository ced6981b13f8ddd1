"""MB's statement rows and notices: the history, the balance push, the merchant push and the result callback.

Chapters 3.1.5 to 3.1.8 and 3.2.3 of the bank wire specification. One movement carries one reference, its FT number, in
every feed: `refNo` (which the history may follow with a backslash and more), `referencenumber`, `traceTransfer`. Memos
differ from feed to feed (3.4): whoever looks for a code ignores blanks.

Money that comes back after a failed transfer is a credit with a reference of its own (1.3), so no row is a reversal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from banks.bank import Acknowledgement, BankNotice, Direction, DoubtfulRow, OrderNews, StatementRow
from banks.mb_orders import compact, end_to_end_id_of
from banks.outcomes import Accepted, Outcome, Unknown, loggable_code
from banks.strict_json import Json, NotJson, parse
from ledger.calendar import ICT, bank_day
from ledger.errors import Forbidden, InvalidAmount, Malformed, NotFound, Problem, Unauthenticated, WebhookUnreadable
from ledger.errors import Invalid as InvalidProblem
from ledger.money import Money, from_bank, positive

DIRECTIONS: Final[Mapping[str, Direction]] = {"C": "credit", "D": "debit"}
CALLBACK_STATES: Final = frozenset({"SUCCESS", "FAILED", "PROCESSING"})
MMS_PAID: Final = "00"  # [assumed] 3.1.7: the sample names no value of respCode
MMS_TRACE: Final = "mms "
"""Begins the trace of a merchant push, which is acknowledged in words of its own."""

CHECKSUM_FIELDS: Final = ("traceTransfer", "billNumber", "payDate", "debitAmount")
"""What the checksum of a merchant push covers, in this order (3.1.7)."""

PAGES_MAX: Final = 1000

REFUSALS: Final[tuple[tuple[type[Problem], tuple[int, str, str]], ...]] = (
    (Unauthenticated, (401, "005", "12")),
    (Forbidden, (403, "005", "12")),
    (Malformed, (400, "001", "02")),
    (InvalidProblem, (400, "001", "02")),
    (NotFound, (400, "010", "07")),
)
COME_AGAIN: Final = (503, "005", "99")
"""HTTP status, `errorReason` and `resCode` of a refusal, and of everything else. The statuses other than 400 are
[assumed] (3.1.6)."""

T = TypeVar("T")


class RowUnreadable(Exception):
    """A row that gives no StatementRow. The message names the field and quotes nothing."""


class _HistoryRow(msgspec.Struct, rename="camel"):
    transaction_date: str
    credit_amount: int | str
    debit_amount: int | str
    ref_no: str
    account_no: str
    posting_date: str | None = None
    currency: str | None = None
    description: str | None = None
    add_description: str | None = None
    ben_account_name: str | None = None
    bank_name: str | None = None
    ben_account_no: str | None = None


class _History(msgspec.Struct, rename="camel"):
    transaction_history_list: list[object]
    total_page: int | str


class _Push(msgspec.Struct):
    transactionid: str
    transactiontime: int | str
    referencenumber: str
    amount: int | str
    bankaccount: str
    trans_type: str = msgspec.field(name="transType")
    content: str | None = None
    reciprocal_account: str | None = msgspec.field(name="reciprocalAccount", default=None)
    reciprocal_bank_code: str | None = msgspec.field(name="reciprocalBankCode", default=None)
    va: str | None = None
    value_date: int | str | None = msgspec.field(name="valueDate", default=None)


class _MerchantPush(msgspec.Struct, rename="camel"):
    trace_transfer: str
    bill_number: str
    pay_date: str
    debit_amount: str
    resp_code: str
    real_amount: int | str | None = None
    ft_code: str | None = None


class _Callback(msgspec.Struct, rename="camel"):
    transaction_id: str
    transaction_status: str
    ft: str | None = None


# history


def read_history(data: Mapping[str, Json], account_number: str) -> tuple[list[StatementRow], list[DoubtfulRow], int]:
    """Rows, doubtful rows and the number of pages of one history answer (`data`).

    The same row twice is one; a row that shares its key with a different row is doubtful, because only one of the two
    could be recorded, and so is a row of another account. Raises NotJson when the page as a whole cannot be read.
    """
    try:
        page = msgspec.convert(data, _History)
    except msgspec.ValidationError as error:
        raise NotJson(str(error)) from None
    pages = str(page.total_page)
    if not re.fullmatch(r"\d{1,4}", pages, re.ASCII) or int(pages) > PAGES_MAX:
        raise NotJson(f"totalPage is not a number up to {PAGES_MAX}")
    rows: dict[tuple[str | int, ...], StatementRow] = {}
    doubtful: list[DoubtfulRow] = []
    for position, item in enumerate(page.transaction_history_list, start=1):
        try:
            row = history_row(item)
            if row.account_number != account_number:
                raise RowUnreadable("accountNo: the row belongs to another account")
            if rows.setdefault(row.key, row) != row:
                raise RowUnreadable("refNo: another row of this page has the same reference, day and amount")
        except RowUnreadable as error:
            doubtful.append(DoubtfulRow(position, str(error)))
    return list(rows.values()), doubtful, int(pages)


def history_row(item: object) -> StatementRow:
    """One row of the history. Raises RowUnreadable.

    What the account held afterwards is not taken over: the row tells what is available, which blocked money lessens.
    """
    row = _convert(item, _HistoryRow)
    if row.currency not in (None, "", "VND"):
        raise RowUnreadable("currency: not VND")
    booked_at = _minute(row.transaction_date, "transactionDate")
    direction, amount = _movement(row.credit_amount, row.debit_amount)
    posted = _minute(row.posting_date, "postingDate") if row.posting_date else booked_at
    return StatementRow(
        account_number=_account(row.account_no, "accountNo"),
        bank_reference=_reference(row.ref_no, "refNo"),
        direction=direction,
        amount=amount,
        booked_at=booked_at,
        bank_time=row.transaction_date,
        value_date=bank_day(posted),
        source="history",
        memo=row.description or row.add_description or "",
        counterparty_name=row.ben_account_name or None,
        counterparty_account=(row.ben_account_no if row.ben_account_no != row.account_no else None) or None,
        counterparty_bank=row.bank_name or None,
    )


def _movement(credit: int | str, debit: int | str) -> tuple[Direction, Money]:
    """Exactly one of the two amounts is not zero, and it tells the direction (1.1)."""
    try:
        came, went = from_bank(credit), from_bank(debit)
        if (came.units == 0) == (went.units == 0):
            raise InvalidAmount("both or neither")
        return ("credit", positive(came)) if came.units else ("debit", positive(went))
    except InvalidAmount:
        raise RowUnreadable("creditAmount, debitAmount: not one whole amount above zero") from None


# notices


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


def read_notice(raw_body: bytes, account_number: str, prefix: str) -> BankNotice:
    """What an authentic body says. `prefix` begins our transaction ids. Raises WebhookUnreadable."""
    try:
        body = parse(raw_body)
        if not isinstance(body, dict):
            raise RowUnreadable("not an object")
        if "checkSum" in body:
            return _merchant_notice(body, account_number)
        if "transactionStatus" in body:
            return _order_notice(_convert(body, _Callback), prefix)
        push = _convert(body, _Push)
        return BankNotice(lines=(_pushed(push),), trace=_short(push.transactionid, "transactionid"), kind="movement")
    except (NotJson, RowUnreadable) as error:
        raise WebhookUnreadable(f"The notice cannot be understood: {error}.", field="body") from None


def acknowledgement(notice: BankNotice | None, problem: Problem | None, reference: str) -> Acknowledgement:
    """The answer MB reads. A body that was refused may have been of either product, so a refusal has the words of
    both; its detail stays with us.
    """
    if problem is not None:
        status, reason, merchant = next((said for kind, said in REFUSALS if isinstance(problem, kind)), COME_AGAIN)
        body: dict[str, Json] = {"error": True, "errorReason": reason, "toastMessage": "", "object": None}
        return Acknowledgement(status, compact({**body, "resCode": merchant, "resDesc": "Refused"}))
    if notice is not None and notice.trace.startswith(MMS_TRACE):
        return Acknowledgement(200, compact({"resCode": "00", "resDesc": "Success"}))
    # The two products spell the name differently (3.1.5, 3.1.6).
    name = "refTransactionid" if notice is not None and notice.kind == "order" else "reftransactionid"
    taken = {"error": False, "errorReason": "000", "toastMessage": "", "object": {name: reference}}
    return Acknowledgement(200, compact(taken))


def _pushed(push: _Push) -> StatementRow:
    direction = DIRECTIONS.get(push.trans_type)
    if direction is None:
        raise RowUnreadable("transType: neither C nor D")
    booked_at = _epoch(push.transactiontime, "transactiontime")
    valued = _epoch(push.value_date, "valueDate") if push.value_date not in (None, "") else booked_at
    return StatementRow(
        account_number=_account(push.bankaccount, "bankaccount"),
        bank_reference=_reference(push.referencenumber, "referencenumber"),
        direction=direction,
        amount=_amount(push.amount, "amount"),
        booked_at=booked_at,
        bank_time=str(push.transactiontime),
        value_date=bank_day(valued),
        source="webhook",
        memo=push.content or "",
        counterparty_account=push.reciprocal_account or None,
        counterparty_bank=push.reciprocal_bank_code or None,
        virtual_account=push.va or None,
    )


def _merchant_notice(body: Mapping[str, Json], account_number: str) -> BankNotice:
    """A payment to one of our QR codes. Only what the checksum covers becomes the row, and its shape is strict: without
    separators under the checksum, looser dates or amounts would let digits move from one field to the next.
    """
    texts = {name: str(body[name]) for name in CHECKSUM_FIELDS if isinstance(body.get(name), int)}
    push = _convert({**body, **texts}, _MerchantPush)
    reference = _reference(push.trace_transfer, "traceTransfer")
    if push.ft_code not in (None, "", push.trace_transfer):
        raise RowUnreadable("ftCode: another reference than traceTransfer")
    if push.resp_code != MMS_PAID:
        raise RowUnreadable("respCode: not a payment")
    if not re.fullmatch(r"[1-9]\d{0,14}", push.debit_amount, re.ASCII):
        raise RowUnreadable("debitAmount: not plain digits")
    amount = _amount(push.debit_amount, "debitAmount")
    if push.real_amount is not None and _amount(push.real_amount, "realAmount") != amount:
        raise RowUnreadable("realAmount: another amount than debitAmount")
    paid_at = _instant(push.pay_date, r"20\d{12}", "%Y%m%d%H%M%S", "payDate")
    row = StatementRow(
        account_number=account_number,
        bank_reference=reference,
        direction="credit",
        amount=amount,
        booked_at=paid_at,
        bank_time=push.pay_date,
        value_date=bank_day(paid_at),
        source="webhook",
        memo=push.bill_number,
    )
    return BankNotice(lines=(row,), trace=MMS_TRACE + reference, kind="movement")


def _order_notice(callback: _Callback, prefix: str) -> BankNotice:
    """The callback is not signed and names no amount, so it is taken as word that the bank has the order; what became
    of it is asked of the bank (3.1.5).
    """
    end_to_end_id = end_to_end_id_of(prefix, callback.transaction_id)
    if end_to_end_id is None:
        raise RowUnreadable("transactionId: not one of ours")
    outcome: Outcome = Accepted(loggable_code(callback.ft) if callback.ft else None)
    if callback.transaction_status not in CALLBACK_STATES:
        outcome = Unknown(f"order state {loggable_code(callback.transaction_status)} is not known")
    news = OrderNews(outcome=outcome, end_to_end_id=end_to_end_id)
    return BankNotice(lines=(), trace=_short(callback.transaction_id, "transactionId"), kind="order", orders=(news,))


# fields


def _convert(item: object, shape: type[T]) -> T:
    try:
        return msgspec.convert(item, shape)
    except msgspec.ValidationError as error:
        raise RowUnreadable(str(error)) from None


def _amount(value: int | str, field: str) -> Money:
    try:
        return positive(from_bank(value))
    except InvalidAmount:
        raise RowUnreadable(f"{field}: not a whole amount above zero") from None


def _minute(text: str, field: str) -> datetime:
    return _instant(text, r"\d\d/\d\d/20\d\d \d\d:\d\d:\d\d", "%d/%m/%Y %H:%M:%S", field)


def _instant(text: str, shape: str, form: str, field: str) -> datetime:
    """An aware UTC instant from Vietnamese time in this form."""
    try:
        if re.fullmatch(shape, text, re.ASCII) is None:
            raise ValueError
        return datetime.strptime(text, form).replace(tzinfo=ICT).astimezone(UTC)
    except ValueError:
        raise RowUnreadable(f"{field}: not a time of this century in the bank's form") from None


def _epoch(value: int | str | None, field: str) -> datetime:
    """An aware UTC instant from whole milliseconds since 1970, in the years 2001 to 2099."""
    text = str(value)
    if not re.fullmatch(r"[1-3]\d{12}|9[89]\d{10}", text, re.ASCII):
        raise RowUnreadable(f"{field}: not milliseconds since 1970")
    seconds, rest = divmod(int(text), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def _reference(text: str, field: str) -> str:
    """The bank's reference, cut at the backslash that one feed puts behind it (3.2.3)."""
    bare = text.partition("\\")[0].strip()
    if not re.fullmatch(r"[!-~]{1,64}", bare):
        raise RowUnreadable(f"{field}: missing, so the row cannot be told from others")
    return bare


def _account(number: str, field: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z]{1,19}", number):
        raise RowUnreadable(f"{field}: not an account number")
    return number


def _short(text: str, field: str) -> str:
    if len(text) > 100:
        raise RowUnreadable(f"{field}: more than 100 characters")
    return text
