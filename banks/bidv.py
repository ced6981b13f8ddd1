"""BIDV: AN EXAMPLE. This interface was made up; it is not the bank's, of which we have no specification.

It shows that a bank is one file (credentials included) beside its recorded replies, and `python -m banks new NAME`
writes another of this make: JSON over HTTP with an access token, everything [assumed]. Whoever makes it real puts the
bank's own words into the tables and shapes, the bank's own replies under `tests/banks/bidv/`, and
takes the line `example` out of the class: until then merchants are offered this bank only where an account uses it.
Whatever is not in a table is Unknown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Final, Literal, Self
from urllib.parse import urlencode

import msgspec

from banks.access_token import AccessToken, read_token
from banks.accounts import BankAccount, Credentials, Entry
from banks.bank import (
    Acknowledgement,
    Balance,
    Bank,
    BankNotice,
    Capability,
    Direction,
    DoubtfulRow,
    FoundName,
    HistoryPage,
    StatementRow,
    TransferLimits,
    TransferOrder,
    check_days,
)
from banks.bank_text import memo_with_id, plain
from banks.circuits import Operation
from banks.day_pages import PAGES_MAX, cursor_after, place_of
from banks.drift import misfits, misfitting_row, not_read, odd_answer, unreadable, with_body
from banks.napas import traffic_bin
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown, loggable_code
from banks.row_fields import RowContradicts, RowUnreadable, amount_of, convert, instant, short
from banks.signatures import key_matches
from banks.strict_json import Json, NotJson, parse
from banks.transport import Answer, NeverSent, NoAnswer, PerhapsSent, Request, Transport
from ledger.calendar import bank_day
from ledger.errors import (
    BankUnavailable,
    InvalidAmount,
    Malformed,
    Problem,
    SignatureInvalid,
    Unauthenticated,
    WebhookUnreadable,
)
from ledger.money import Money, balance_from_bank
from ledger.settings import Secret

SUCCESS: Final = "00"
NO_SUCH_ORDER: Final = "14"
NO_SUCH_ACCOUNT: Final = "15"
DECLINES: Final[Mapping[str, Reason]] = {
    "51": Reason.INSUFFICIENT_FUNDS,
    "52": Reason.BENEFICIARY_ACCOUNT,
    "61": Reason.LIMIT,
}
DECLINING_HTTP: Final = frozenset({200, 400, 422})
"""The HTTP statuses under which a code of DECLINES is believed."""
ACCEPTED_STATES: Final = frozenset({"PENDING"})
EXECUTED_STATES: Final = frozenset({"DONE"})
DIRECTIONS: Final[Mapping[str, Direction]] = {"C": "credit", "D": "debit"}
HISTORY_DAYS_MAX: Final = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class BidvCredentials(Credentials):
    """What the bank gave us; `webhook_keys` are what we gave the bank, one or two side by side."""

    token_url: str
    client_id: str = field(repr=False)
    client_secret: Secret
    webhook_keys: tuple[Secret, ...]

    @classmethod
    def read(cls, entry: Entry) -> Self | None:
        return cls(
            token_url=entry.url("token_url"),
            client_id=entry.short("client_id"),
            client_secret=entry.secret("client_secret"),
            webhook_keys=entry.secrets("webhook_key"),
        )


class Bidv(Bank):
    """One account at BIDV, in the words of an example."""

    code: ClassVar[str] = "bidv"
    name: ClassVar[str] = "BIDV"
    bin: ClassVar[str] = "970418"
    example: ClassVar[bool] = True
    credentials: ClassVar[type[Credentials]] = BidvCredentials
    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability) - {Capability.TRANSFER_CITAD}
    limits: ClassVar[TransferLimits] = TransferLimits(
        amount_max={"napas": Money(499_999_999)},
        amount_min=Money(1),
        end_to_end_id_max=15,
        name_max={"internal": 70, "napas": 70},
    )

    def __init__(
        self, account: BankAccount, transport: Transport, clock: Callable[[], datetime], token: Callable[[], str]
    ) -> None:
        super().__init__(account, transport, clock, token)
        self._credentials = account.credentials_as(BidvCredentials)
        self._access = AccessToken(self._fetch_token, clock)

    def sign_in(self) -> bool:
        self._access.value()
        return True

    def balance(self) -> Balance:
        heard = self._read("balance", "/balance", {"account": self.account.account_number})
        try:
            if heard.code != SUCCESS:
                raise NotJson("code: no word of success")
            if heard.data.get("currency") != "VND":
                raise NotJson("data.currency: not VND")
            current, available = (_signed(heard.data, name) for name in ("current", "available"))
        except NotJson as error:
            raise odd_answer(self.code, self.name, "the balance", heard.answer, error) from None
        return Balance(current=current, available=available, as_of=self._clock().astimezone(UTC))

    def lookup_name(self, bin_: str, account_number: str) -> FoundName | None:
        heard = self._read("lookup", "/name", {"bin": traffic_bin(bin_), "account": account_number})
        name, active = heard.data.get("name"), heard.data.get("active")
        if heard.code == SUCCESS and isinstance(name, str) and isinstance(active, bool):
            return FoundName(name, active)
        if heard.code == NO_SUCH_ACCOUNT:
            return None
        fault = NotJson("code, data.name, data.active: no name and no word for none")
        raise odd_answer(self.code, self.name, "the name", heard.answer, fault)

    def transfer(self, order: TransferOrder) -> Outcome:
        self.check_order(order)
        try:
            answer = self._access.send(
                self._transport.order, self._call("transfer", "POST", "/transfers", body=_sent(self, order))
            )
        except BankUnavailable:
            return NotSent("no access token could be had")
        except NeverSent as error:
            return NotSent(str(error))
        except PerhapsSent as error:
            return Unknown(str(error))
        return with_body(outcome_of(answer, order.end_to_end_id), answer.body)

    def transfer_status(self, end_to_end_id: str, sent_on: date) -> Outcome:
        query = {"id": end_to_end_id, "day": sent_on.isoformat()}
        try:
            answer = self._access.send(self._transport.ask, self._call("enquiry", "GET", "/transfers", query))
        except BankUnavailable as error:
            return Unknown(error.detail)
        except NoAnswer as error:
            return Unknown(str(error))
        return with_body(outcome_of_enquiry(answer, end_to_end_id), answer.body)

    def history(self, day_from: date, day_to: date, cursor: str | None = None) -> HistoryPage:
        check_days(day_from, day_to, days_max=HISTORY_DAYS_MAX)
        day, number = place_of(cursor, day_from, day_to)
        query = {"account": self.account.account_number, "day": day.isoformat(), "page": str(number)}
        heard = self._read("history", "/history", query)
        try:
            if heard.code != SUCCESS:
                raise NotJson("code: no word of success")
            page = msgspec.convert(heard.data, _Page)
        except (NotJson, msgspec.ValidationError) as error:
            raise odd_answer(self.code, self.name, "the history", heard.answer, error) from None
        lines, doubtful = read_rows(page.rows, self.account.account_number)
        next_cursor = cursor_after(day, number, page.pages, day_to)
        return HistoryPage(lines=tuple(lines), doubtful=tuple(doubtful), next_cursor=next_cursor)

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        del raw_body
        given = [value for name, value in headers.items() if name.lower() == "x-api-key"]
        if not key_matches(given, [key.reveal() for key in self._credentials.webhook_keys]):
            raise SignatureInvalid("Send the key agreed with us in x-api-key.", field="x-api-key")

    def parse_webhook(self, raw_body: bytes) -> BankNotice:
        try:
            notice = convert(parse(raw_body), _Notice)
            lines = [row_of(row, self.account.account_number, "webhook") for row in notice.rows]
            return BankNotice(lines=tuple(lines), trace=short(notice.trace, "trace"), kind="movement")
        except RowContradicts as error:
            raise WebhookUnreadable(f"The notice cannot be true: {error}.", field="body") from None
        except (NotJson, RowUnreadable) as error:
            raise unreadable("The notice cannot be understood", error) from None

    def acknowledge(
        self, notice: BankNotice | None, problem: Problem | None, at: datetime, reference: str = ""
    ) -> Acknowledgement:
        if problem is None:
            return Acknowledgement(200, _compact({"code": SUCCESS, "reference": reference}))
        refused = ((Unauthenticated, 401, "01"), (Malformed, 400, "02"))
        status, code = next(((http, code) for kind, http, code in refused if isinstance(problem, kind)), (503, "03"))
        return Acknowledgement(status, _compact({"code": code}))

    # calls

    def _read(self, operation: Operation, path: str, query: Mapping[str, str]) -> Said:
        """An answer with HTTP 200 taken apart. Raises BankUnavailable."""
        try:
            answer = self._access.send(self._transport.ask, self._call(operation, "GET", path, query))
            if answer.status != 200:
                raise NotJson(f"HTTP {answer.status}")
            return said(answer)
        except (NoAnswer, NotJson) as error:
            raise self._odd("a question", error) from None

    def _call(
        self,
        operation: Operation,
        method: Literal["GET", "POST"],
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Request:
        headers = {"Accept": "application/json", "X-Request-ID": self._token()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = self.account.base_url + path
        return Request(operation=operation, method=method, url=url, query=query or {}, headers=headers, body=body)

    def _fetch_token(self) -> tuple[Secret, timedelta]:
        given = self._credentials
        form = {"grant_type": "client_credentials", "client_id": given.client_id}
        body = urlencode({**form, "client_secret": given.client_secret.reveal()}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        try:
            request = Request(operation="token", method="POST", url=given.token_url, headers=headers, body=body)
            return read_token(self._transport.ask(request))
        except (NoAnswer, NotJson) as error:
            raise self._odd("the request for a token", error) from None

    def _odd(self, what: str, error: Exception) -> BankUnavailable:
        return BankUnavailable(f"{self.name} gave no usable answer to {what}: {error}.", bank=self.code)


# orders


class Said(msgspec.Struct, frozen=True):
    """An answer taken apart: the bank's code, None where it gave none, what it says, and the answer itself."""

    code: str | None
    data: Mapping[str, Json]
    answer: Answer


def said(answer: Answer) -> Said:
    """Raises NotJson when the answer is not a JSON object."""
    body = parse(answer.body)
    if not isinstance(body, dict):
        raise NotJson("not an object")
    code, data = body.get("code"), body.get("data")
    return Said(code if isinstance(code, str) else None, data if isinstance(data, dict) else {}, answer)


def outcome_of(answer: Answer, end_to_end_id: str) -> Outcome:
    """What an answer says of our order. A code or a state is believed only beside our own id."""
    if answer.status == 401:
        return Unknown("the bank refused our access token")
    try:
        heard = said(answer)
    except NotJson as error:
        return not_read(answer, error, f"HTTP {answer.status} with an answer that is not the bank's JSON")
    if heard.data.get("id") != end_to_end_id:
        return Unknown(f"HTTP {answer.status}, code {loggable_code(heard.code)}, and not our order")
    if (
        answer.status in DECLINING_HTTP
        and heard.code is not None
        and heard.code in DECLINES
        and "state" not in heard.data
    ):
        return Declined(DECLINES[heard.code], heard.code)
    state, number = heard.data.get("state"), heard.data.get("reference")
    reference = loggable_code(number) if isinstance(number, str) and number else None
    if answer.status == 200 and heard.code == SUCCESS and state in ACCEPTED_STATES:
        return Accepted(reference)
    if answer.status == 200 and heard.code == SUCCESS and state in EXECUTED_STATES:
        return Executed(reference)
    why = f"HTTP {answer.status}, code {loggable_code(heard.code)}, state {loggable_code(state)}"
    if answer.status != 200:
        return Unknown(why)
    if heard.code == SUCCESS:
        return misfits(why, "data.state", "a state we know")
    return Unknown(why) if heard.code in DECLINES else misfits(why, "code", "a code of our table")


def outcome_of_enquiry(answer: Answer, end_to_end_id: str) -> Outcome:
    """The same, and that the bank does not know our id: it then has nothing else to say."""
    outcome = outcome_of(answer, end_to_end_id)
    if answer.status == 200 and isinstance(outcome, Unknown):
        try:
            heard = said(answer)
        except NotJson:
            return outcome
        if heard.code == NO_SUCH_ORDER and not heard.data:
            return NotFound()
    return outcome


def _sent(bank: Bank, order: TransferOrder) -> bytes:
    to = order.beneficiary
    return _compact(
        {
            "id": order.end_to_end_id,
            "from": bank.account.account_number,
            "rail": order.rail,
            "bin": traffic_bin(to.bin),
            "account": to.account_number,
            "name": plain(to.name),
            "amount": str(order.amount.units),
            "currency": order.amount.currency,
            "memo": memo_with_id(order.end_to_end_id, order.memo),
        }
    )


# rows


class _Row(msgspec.Struct):
    account: str
    reference: str
    direction: str
    amount: int | str
    currency: str
    time: str
    memo: str = ""
    name: str | None = None
    number: str | None = None


class _Page(msgspec.Struct):
    rows: list[object]
    pages: int

    def __post_init__(self) -> None:
        if not 0 <= self.pages <= PAGES_MAX:
            raise ValueError(f"more than {PAGES_MAX} pages a day")


class _Notice(msgspec.Struct):
    trace: str
    rows: list[object]


def read_rows(items: list[object], account_number: str) -> tuple[list[StatementRow], list[DoubtfulRow]]:
    """The rows of a page, and those that gave none or contradict another of the page."""
    rows: dict[tuple[str | int, ...], StatementRow] = {}
    doubtful: list[DoubtfulRow] = []
    for position, item in enumerate(items, start=1):
        try:
            row = row_of(item, account_number, "history")
            if rows.setdefault(row.key, row) != row:
                raise RowContradicts("reference: another row of this page has the same reference, day and amount")
        except RowContradicts as error:
            doubtful.append(DoubtfulRow(position, str(error)))
        except RowUnreadable as error:
            doubtful.append(misfitting_row(position, error, item))
    return list(rows.values()), doubtful


def row_of(item: object, account_number: str, source: Literal["webhook", "history"]) -> StatementRow:
    """One movement of this account. Raises RowUnreadable."""
    row = convert(item, _Row)
    if row.account != account_number or row.currency != "VND":
        raise RowContradicts("account, currency: not this account in VND")
    if row.direction not in DIRECTIONS:
        raise RowUnreadable("direction: neither C nor D")
    if not row.reference:
        raise RowUnreadable("reference: missing, so the row cannot be told from others")
    booked_at = instant(row.time, r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d", "%Y-%m-%dT%H:%M:%S", "time")
    return StatementRow(
        account_number=row.account,
        bank_reference=short(row.reference, "reference"),
        direction=DIRECTIONS[row.direction],
        amount=amount_of(row.amount, "amount"),
        booked_at=booked_at,
        bank_time=row.time,
        value_date=bank_day(booked_at),
        source=source,
        memo=row.memo,
        counterparty_name=row.name,
        counterparty_account=row.number,
    )


def _signed(data: Mapping[str, Json], name: str) -> Money:
    value = data.get(name)
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise InvalidAmount("no number")
        return balance_from_bank(value)
    except InvalidAmount:
        raise NotJson(f"data.{name}: not a whole amount") from None


def _compact(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
