"""ACB: the official interface (ACB ONE CONNECT, ACB Open API), chapter 2.1 of the bank wire specification.

Orders are asynchronous: the bank takes an order, validates it, and pays or refuses it later; a wrong name of the
beneficiary shows only then, since there is no name enquiry (2.1.4). What is sent and how answers are read stands in
`banks/acb_orders.py`, statement rows and notices in `banks/acb_messages.py`; here are the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Final
from urllib.parse import urlencode

from banks.acb_credentials import SIGNERS, AcbCredentials
from banks.acb_messages import acknowledgement, read_history, read_notice
from banks.acb_orders import (
    DATA_NOT_FOUND,
    SUCCESS,
    order_body,
    order_data,
    outcome_of_enquiry,
    outcome_of_order,
    said,
)
from banks.access_token import AccessToken, read_token
from banks.accounts import BankAccount, Credentials
from banks.bank import (
    Acknowledgement,
    Balance,
    Bank,
    BankNotice,
    Capability,
    HistoryPage,
    TransferLimits,
    TransferOrder,
    check_days,
)
from banks.circuits import Operation
from banks.day_pages import PAGES_MAX, cursor_after, place_of
from banks.drift import odd_answer, with_body
from banks.outcomes import NotFound, NotSent, Outcome, Unknown
from banks.pace import Pace
from banks.signatures import key_matches
from banks.strict_json import Json, NotJson, parse
from banks.transport import Answer, NeverSent, NoAnswer, PerhapsSent, Request, Transport
from ledger.errors import (
    BankUnavailable,
    InvalidAmount,
    InvalidBankAccounts,
    Problem,
    SignatureInvalid,
)
from ledger.money import Money, balance_from_bank
from ledger.settings import Secret

BALANCES: Final = "/customers/account/v1/balances"
HISTORY: Final = "/accounts/transactions/v2/transaction-history"
ORDERS: Final = "/payments/payment-order/v2/transaction"

HISTORY_ROWS: Final = 100
HISTORY_DAYS_MAX: Final = 92
"""Our own bounds on one sweep; the bank gives at most HISTORY_ROWS a page and wants to be asked day by day (2.1.3)."""


class Acb(Bank):
    """One account at Asia Commercial Bank. The account needs two signers, maker and checker.

    Raises InvalidBankAccounts when it has not.
    """

    code: ClassVar[str] = "acb"
    name: ClassVar[str] = "ACB"
    bin: ClassVar[str] = "970416"
    credentials: ClassVar[type[Credentials]] = AcbCredentials
    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability) - {Capability.LOOKUP_NAME}
    limits: ClassVar[TransferLimits] = TransferLimits(
        amount_max={"napas": Money(499_999_999)},  # [assumed], 6.2: below 500 million
        amount_min=Money(1),
        end_to_end_id_max=15,  # the longest seen in use (6.2)
        name_max={"internal": 70, "napas": 70, "citad": 70},
    )
    pace: ClassVar[Pace] = Pace(calls=200, burst=10)
    """2.1.1: what the gateway's headers say; that its 200 are for a minute is [assumed]."""

    def __init__(
        self, account: BankAccount, transport: Transport, clock: Callable[[], datetime], token: Callable[[], str]
    ) -> None:
        super().__init__(account, transport, clock, token)
        self._credentials = account.credentials_as(AcbCredentials)
        if len(self._credentials.signers) != SIGNERS:
            raise InvalidBankAccounts("An ACB account needs two signers, maker and checker.", field=account.id)
        self._access = AccessToken(self._fetch_token, clock)

    def sign_in(self) -> bool:
        self._access.value()
        return True

    def balance(self) -> Balance:
        query = {"account_number": self.account.account_number}
        answer = self._read("balance", BALANCES, query, {"X-Service": "account-information"})
        try:
            data = _object(parse(answer.body), "data") if answer.status == 200 else {}
            if data.get("currency") != "VND":
                raise NotJson("data.currency: not VND")
            current, available = (_signed(data, name) for name in ("current_balance", "available_balance"))
        except NotJson as error:
            raise odd_answer(self.code, self.name, "the balance", answer, error) from None
        return Balance(current=current, available=available, as_of=self._clock().astimezone(UTC))

    def transfer(self, order: TransferOrder) -> Outcome:
        self.check_order(order)
        trace = self._token()
        data = order_data(order, self.account.account_number)
        body = order_body(data, self._credentials.signers, trace, self._clock())
        headers = {**self._headers(trace), "X-Channel": "SOBA", "Content-Type": "application/json"}
        url = self.account.base_url + ORDERS
        request = Request(operation="transfer", method="POST", url=url, headers=headers, body=body)
        try:
            answer = self._access.send(self._transport.order, request)
        except BankUnavailable:
            return NotSent("no access token could be had")
        except NeverSent as error:
            return NotSent(str(error))
        except PerhapsSent as error:
            return Unknown(str(error))
        return with_body(outcome_of_order(answer, order.end_to_end_id, trace), answer.body)

    def transfer_status(self, end_to_end_id: str, sent_on: date) -> Outcome:
        """Asks for the day of sending, then, while the bank finds nothing, for the days around it: an order sent near
        midnight, or with clocks apart, stands under a neighbouring day.
        """
        outcome: Outcome = NotFound()
        for apart in (0, -1, 1):
            outcome = self._status_on(end_to_end_id, sent_on + timedelta(days=apart))
            if not isinstance(outcome, NotFound):
                break
        return outcome

    def history(self, day_from: date, day_to: date, cursor: str | None = None) -> HistoryPage:
        check_days(day_from, day_to, days_max=HISTORY_DAYS_MAX)
        day, page = place_of(cursor, day_from, day_to)
        answer = self._read("history", HISTORY, self._history_query(day, page), self._history_headers())
        try:
            heard = said(answer)
            if heard.code == DATA_NOT_FOUND and answer.status in (200, 404):
                return HistoryPage(lines=(), next_cursor=cursor_after(day, page, 0, day_to))
            if answer.status != 200 or heard.code != SUCCESS:
                raise NotJson("responseStatus.responseCode: no word of success")
            lines, doubtful, pages = read_history(heard.data, self.account.account_number)
            if not 0 <= pages <= PAGES_MAX:
                raise NotJson(f"pagination.totalPage: more than {PAGES_MAX} pages a day")
        except NotJson as error:
            raise odd_answer(self.code, self.name, "the history", answer, error) from None
        return HistoryPage(
            lines=tuple(lines), doubtful=tuple(doubtful), next_cursor=cursor_after(day, page, pages, day_to)
        )

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        """ACB sends a key that we gave it, in `Authorization` or `x-api-key`; its checksum is not public (2.1.9)."""
        del raw_body
        given = [value for name, value in headers.items() if name.lower() in ("authorization", "x-api-key")]
        if not key_matches(given, [key.reveal() for key in self._credentials.webhook_keys]):
            raise SignatureInvalid("Send the key agreed with us in Authorization or x-api-key.", field="Authorization")

    def parse_webhook(self, raw_body: bytes) -> BankNotice:
        return read_notice(raw_body)

    def acknowledge(
        self, notice: BankNotice | None, problem: Problem | None, at: datetime, reference: str = ""
    ) -> Acknowledgement:
        return acknowledgement(notice, problem, at, reference)

    # orders

    def _status_on(self, end_to_end_id: str, day: date) -> Outcome:
        query = {
            "transactionTraceNumber": end_to_end_id,
            "fromDate": day.isoformat(),
            "toDate": day.isoformat(),
        }
        try:
            answer = self._read("enquiry", ORDERS, query, {"X-Channel": "SOBA"})
        except BankUnavailable as error:
            return Unknown(error.detail)
        return with_body(outcome_of_enquiry(answer, end_to_end_id, self.account.account_number), answer.body)

    # history

    def _history_query(self, day: date, page: int) -> dict[str, str]:
        return {
            "account": self.account.account_number,
            "fromDate": day.isoformat(),
            "toDate": day.isoformat(),
            "page": str(page),
            "size": str(HISTORY_ROWS),
        }

    def _history_headers(self) -> dict[str, str]:
        return {
            "X-Service": "statement",
            "Request-ID": self._token(),
            "Provider-ID": self._credentials.provider_id,
            "TPP-ID": self._credentials.provider_id,
            "Request-DateTime": self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    # calls

    def _read(self, operation: Operation, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        request = Request(
            operation=operation,
            method="GET",
            url=self.account.base_url + path,
            query=query,
            headers={**self._headers(self._token()), **headers},
        )
        try:
            return self._access.send(self._transport.ask, request)
        except NoAnswer as error:
            raise BankUnavailable(f"ACB did not answer: {error}.", bank=self.code) from None

    def _headers(self, request_id: str) -> dict[str, str]:
        return {
            "Accept": "application/json",
            "X-Client-ID": self._credentials.client_id,
            "X-Provider-ID": self._credentials.provider_id,
            "X-Request-ID": request_id,
        }

    def _fetch_token(self) -> tuple[Secret, timedelta]:
        form = {
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret.reveal(),
            "grant_type": "client_credentials",
            "scope": "soba-api",
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        body = urlencode(form).encode()
        url = self._credentials.token_url
        request = Request(operation="token", method="POST", url=url, headers=headers, body=body)
        try:
            answer = self._transport.ask(request)
            return read_token(answer)
        except (NoAnswer, NotJson) as error:
            raise BankUnavailable(f"ACB gave no access token: {error}.", bank=self.code) from None


def _object(value: Json, name: str) -> Mapping[str, Json]:
    inner = value.get(name) if isinstance(value, dict) else None
    if not isinstance(inner, dict):
        raise NotJson(f"{name}: missing")
    return inner


def _signed(data: Mapping[str, Json], name: str) -> Money:
    value = data.get(name)
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise InvalidAmount("no number")
        return balance_from_bank(value)
    except InvalidAmount:
        raise NotJson(f"data.{name}: not a whole amount") from None
