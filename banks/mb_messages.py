"""MB's statement rows and notices: the history, the balance push and the result callback.

Chapters 3.1.5 to 3.1.8 and 3.2.3 of the bank wire specification. One movement carries one reference, its FT number, in
every feed: `refNo` (which the history may follow with a backslash and more), `referencenumber`, `traceTransfer`. Memos
differ from feed to feed (3.4): whoever looks for a code ignores blanks.

Money that comes back after a failed transfer is a credit with a reference of its own (1.3), so no row is a reversal.
The push of the merchant product stands in `banks/mb_merchant.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from banks.bank import Acknowledgement, BankNotice, Direction, DoubtfulRow, OrderNews, StatementRow
from banks.drift import misfitting_row, unreadable
from banks.mb_fields import account_of, epoch, reference_of
from banks.mb_merchant import MMS_TRACE, is_merchant_push, read_merchant_push
from banks.mb_orders import compact, end_to_end_id_of
from banks.outcomes import Accepted, loggable_code
from banks.row_fields import RowContradicts, RowUnreadable, amount_of, convert, instant, short
from banks.strict_json import Json, NotJson, parse
from ledger.calendar import bank_day
from ledger.errors import Forbidden, InvalidAmount, Malformed, NotFound, Problem, Unauthenticated, WebhookUnreadable
from ledger.errors import Invalid as InvalidProblem
from ledger.money import Money, from_bank, positive

DIRECTIONS: Final[Mapping[str, Direction]] = {"C": "credit", "D": "debit"}
CALLBACK_STATES: Final = frozenset({"SUCCESS", "FAILED", "PROCESSING"})
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
        raise NotJson(f"totalPage: not a number up to {PAGES_MAX}")
    rows: dict[tuple[str | int, ...], StatementRow] = {}
    doubtful: list[DoubtfulRow] = []
    for position, item in enumerate(page.transaction_history_list, start=1):
        try:
            row = history_row(item)
        except RowUnreadable as error:
            doubtful.append(misfitting_row(position, error, item))
            continue
        if row.account_number != account_number:
            doubtful.append(DoubtfulRow(position, "accountNo: the row belongs to another account"))
        elif rows.setdefault(row.key, row) != row:
            why = "refNo: another row of this page has the same reference, day and amount"
            doubtful.append(DoubtfulRow(position, why))
    return list(rows.values()), doubtful, int(pages)


def history_row(item: object) -> StatementRow:
    """One row of the history. Raises RowUnreadable.

    What the account held afterwards is not taken over: the row tells what is available, which blocked money lessens.
    """
    row = convert(item, _HistoryRow)
    if row.currency not in (None, "", "VND"):
        raise RowUnreadable("currency: not VND")
    booked_at = _minute(row.transaction_date, "transactionDate")
    direction, amount = _movement(row.credit_amount, row.debit_amount)
    posted = _minute(row.posting_date, "postingDate") if row.posting_date else booked_at
    return StatementRow(
        account_number=account_of(row.account_no, "accountNo"),
        bank_reference=reference_of(row.ref_no, "refNo"),
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


def read_notice(raw_body: bytes, account_number: str, prefix: str) -> BankNotice:
    """What an authentic body says. `prefix` begins our transaction ids. Raises WebhookUnreadable."""
    try:
        body = parse(raw_body)
        if not isinstance(body, dict):
            raise RowUnreadable("not an object")
        if is_merchant_push(body):
            return read_merchant_push(body, account_number)
        if "transactionStatus" in body:
            return _order_notice(convert(body, _Callback), prefix)
        push = convert(body, _Push)
        return BankNotice(lines=(_pushed(push),), trace=short(push.transactionid, "transactionid"), kind="movement")
    except RowContradicts as error:
        raise WebhookUnreadable(f"The notice cannot be true: {error}.", field="body") from None
    except (NotJson, RowUnreadable) as error:
        raise unreadable("The notice cannot be understood", error) from None


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
    booked_at = epoch(push.transactiontime, "transactiontime")
    valued = epoch(push.value_date, "valueDate") if push.value_date not in (None, "") else booked_at
    return StatementRow(
        account_number=account_of(push.bankaccount, "bankaccount"),
        bank_reference=reference_of(push.referencenumber, "referencenumber"),
        direction=direction,
        amount=amount_of(push.amount, "amount"),
        booked_at=booked_at,
        bank_time=str(push.transactiontime),
        value_date=bank_day(valued),
        source="webhook",
        memo=push.content or "",
        counterparty_account=push.reciprocal_account or None,
        counterparty_bank=push.reciprocal_bank_code or None,
        virtual_account=push.va or None,
    )


def _order_notice(callback: _Callback, prefix: str) -> BankNotice:
    """The callback is not signed and names no amount, so it is taken as word that the bank has the order; what became
    of it is asked of the bank (3.1.5).
    """
    end_to_end_id = end_to_end_id_of(prefix, callback.transaction_id)
    if end_to_end_id is None:
        raise RowContradicts("transactionId: not one of ours")
    if callback.transaction_status not in CALLBACK_STATES:
        raise RowUnreadable("transactionStatus: not a state we know")
    outcome = Accepted(loggable_code(callback.ft) if callback.ft else None)
    news = OrderNews(outcome=outcome, end_to_end_id=end_to_end_id)
    return BankNotice(lines=(), trace=short(callback.transaction_id, "transactionId"), kind="order", orders=(news,))


def _minute(text: str, field: str) -> datetime:
    return instant(text, r"\d\d/\d\d/20\d\d \d\d:\d\d:\d\d", "%d/%m/%Y %H:%M:%S", field)
