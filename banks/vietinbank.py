"""VietinBank: the official Open API, chapter 4.1 of the bank wire specification.

There is no token: the keys of the gateway stand in the headers, every body is signed, and the bank lists our address.
An order is filed and waits for the people who approve it at the bank; the enquiry tells what became of it. The
statement comes for one day and one direction at a time. What is signed stands in `banks/vietinbank_calls.py`, orders in
`banks/vietinbank_orders.py`, rows, names, balances and notices in `banks/vietinbank_messages.py`; here are the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import ClassVar, Final

from banks.accounts import BankAccount, Credentials
from banks.bank import (
    Acknowledgement,
    Balance,
    Bank,
    BankNotice,
    Capability,
    FoundName,
    HistoryPage,
    TransferLimits,
    TransferOrder,
    check_days,
)
from banks.day_pages import cursor_after, place_of
from banks.drift import odd_answer, with_body
from banks.napas import listed_bank, traffic_bin
from banks.outcomes import NotSent, Outcome, Unknown, loggable_code
from banks.strict_json import NotJson
from banks.transport import Answer, NeverSent, NoAnswer, PerhapsSent, Request, TimeLimits, Transport
from banks.vietinbank_calls import (
    BALANCE,
    ENQUIRY,
    NAME,
    STATEMENT,
    TIME_LIMITS,
    TRANSFER,
    Call,
    Said,
    is_signed,
    said,
    signed_body,
)
from banks.vietinbank_credentials import VietinbankCredentials
from banks.vietinbank_messages import (
    COLLECTIONS,
    acknowledgement,
    is_genuine,
    read_balance,
    read_name,
    read_notice,
    read_statement,
    statement_fields,
)
from banks.vietinbank_orders import enquiry_fields, order_fields, outcome_of_enquiry, outcome_of_order, receiving_code
from ledger.errors import BankUnavailable, InvalidCursor, Problem, SignatureInvalid
from ledger.money import Money

OK: Final = "1"
BALANCE_OK: Final = "00"
"""The code of a good answer in the ERP family and in the disbursement family (4.1.5)."""

ID_MAX: Final = 30
"""The length of an order's id (6.2); [assumed] to be that of every request's id."""

HISTORY_DAYS_MAX: Final = 90
"""Our own bound: the bank is asked for each day anyhow."""


class Vietinbank(Bank):
    """One account at VietinBank."""

    code: ClassVar[str] = "vietinbank"
    name: ClassVar[str] = "VietinBank"
    bin: ClassVar[str] = "970415"
    credentials: ClassVar[type[Credentials]] = VietinbankCredentials
    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability)
    limits: ClassVar[TransferLimits] = TransferLimits(
        amount_max={"napas": Money(499_999_999)},  # [assumed], 6.2: below 500 million
        amount_min=Money(1),
        end_to_end_id_max=ID_MAX,
        name_max={"internal": 70, "napas": 70, "citad": 70},  # [assumed] 1.5: no length is published
    )
    time_limits: ClassVar[TimeLimits] = TIME_LIMITS

    def __init__(
        self, account: BankAccount, transport: Transport, clock: Callable[[], datetime], token: Callable[[], str]
    ) -> None:
        super().__init__(account, transport, clock, token)
        self._credentials = account.credentials_as(VietinbankCredentials)

    # what the account holds and who somebody is

    def balance(self) -> Balance:
        request_id = self._request_id()
        heard = self._read(BALANCE, {"requestId": request_id, "accountId": self.account.account_number}, "the balance")
        if heard.code != BALANCE_OK:
            raise self._odd("the balance", heard)
        if not is_signed(heard, request_id, self._credentials):
            raise BankUnavailable(f"{self.name} did not sign the balance.", bank=self.code)
        try:
            amount = read_balance(heard.body, self.account.account_number)
        except NotJson as error:
            raise odd_answer(self.code, self.name, "the balance", heard.answer, error) from None
        return Balance(current=amount, available=amount, as_of=self._clock().astimezone(UTC))

    def lookup_name(self, bin_: str, account_number: str) -> FoundName | None:
        """No word of this bank for "there is no such account" is public, so None is never the answer."""
        listed_bank(bin_, field="bin")
        fields = {"requestId": self._request_id(), "account": account_number, "bankId": traffic_bin(bin_)}
        heard = self._read_good(NAME, fields, "the name")
        try:
            return read_name(heard.body)
        except NotJson as error:
            raise odd_answer(self.code, self.name, "the name", heard.answer, error) from None

    # orders

    def transfer(self, order: TransferOrder) -> Outcome:
        self.check_order(order)
        fields = order_fields(order, self.account, self._credentials)
        try:
            answer = self._transport.order(self._request(TRANSFER, fields))
        except NeverSent as error:
            return NotSent(str(error))
        except PerhapsSent as error:
            # An address that the bank has not listed is cut off without a word, and so is an order that it took.
            return Unknown(str(error))
        return with_body(outcome_of_order(answer, order.end_to_end_id), answer.body)

    def transfer_status(self, end_to_end_id: str, sent_on: date) -> Outcome:
        """The bank is asked by our id alone, whatever the day."""
        del sent_on
        request_id = self._request_id()
        try:
            answer = self._ask(ENQUIRY, enquiry_fields(end_to_end_id, request_id))
        except BankUnavailable as error:
            return Unknown(error.detail)
        return with_body(outcome_of_enquiry(answer, end_to_end_id, request_id), answer.body)

    def _check_route(self, order: TransferOrder) -> None:
        receiving_code(order)

    # statement

    def history(self, day_from: date, day_to: date, cursor: str | None = None) -> HistoryPage:
        """A page is one day in one direction, credits first; the bank divides no further."""
        check_days(day_from, day_to, days_max=HISTORY_DAYS_MAX)
        day, page = place_of(cursor, day_from, day_to)
        if page > len(COLLECTIONS):
            raise InvalidCursor("Start again without a cursor; this one is not from this history.", field="cursor")
        collection, direction = COLLECTIONS[page - 1]
        fields = statement_fields(self.account.account_number, day, collection, self._request_id())
        heard = self._read_good(STATEMENT, fields, "the statement")
        try:
            lines, doubtful = read_statement(heard.body, self.account.account_number, day, direction)
        except NotJson as error:
            raise odd_answer(self.code, self.name, "the statement", heard.answer, error) from None
        following = cursor_after(day, page, len(COLLECTIONS), day_to)
        return HistoryPage(lines=tuple(lines), doubtful=tuple(doubtful), next_cursor=following)

    # what the bank tells unasked

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        """The signature stands in the body; nothing in the headers is ours to check (4.1.6)."""
        del headers
        if not is_genuine(raw_body, self._credentials):
            raise SignatureInvalid("This is not a notice that VietinBank signed.", field="header.signature")

    def parse_webhook(self, raw_body: bytes) -> BankNotice:
        return read_notice(raw_body, self.account.account_number)

    def acknowledge(
        self, notice: BankNotice | None, problem: Problem | None, at: datetime, reference: str = ""
    ) -> Acknowledgement:
        del reference
        return acknowledgement(notice, problem, self._credentials, at)

    # calls

    def _request_id(self) -> str:
        """A fresh id of a question of ours."""
        return self._token().replace("-", "").upper()[-ID_MAX:]

    def _read_good(self, call: Call, fields: Mapping[str, object], what: str) -> Said:
        """An answer of the ERP family with a good code. Raises BankUnavailable for every other."""
        heard = self._read(call, fields, what)
        if heard.code != OK:
            raise self._odd(what, heard)
        return heard

    def _read(self, call: Call, fields: Mapping[str, object], what: str) -> Said:
        answer = self._ask(call, fields)
        try:
            if answer.status != 200:
                raise NotJson("not the status of an answer")
            return said(answer, str(fields["requestId"]))
        except NotJson as error:
            raise odd_answer(self.code, self.name, what, answer, error) from None

    def _odd(self, what: str, heard: Said) -> BankUnavailable:
        return BankUnavailable(f"{self.name} answered {what} with code {loggable_code(heard.code)}.", bank=self.code)

    def _ask(self, call: Call, fields: Mapping[str, object]) -> Answer:
        try:
            return self._transport.ask(self._request(call, fields))
        except NoAnswer as error:
            raise BankUnavailable(f"{self.name} did not answer: {error}.", bank=self.code) from None

    def _request(self, call: Call, fields: Mapping[str, object]) -> Request:
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json; charset=utf-8",
            "x-ibm-client-id": self._credentials.client_id,
            "x-ibm-client-secret": self._credentials.client_secret.reveal(),
        }
        body = signed_body(call, fields, self._credentials, self._clock())
        url = self.account.base_url + call.path
        return Request(
            operation=call.operation, method="POST", url=url, headers=headers, body=body, answer_max=call.answer_max
        )
