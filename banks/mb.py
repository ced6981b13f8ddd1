"""MB (Military Bank): the official MB Open API, chapter 3.1 of the bank wire specification.

Orders go by the asynchronous family unless the account says otherwise; the bank's callback says when to ask what became
of one. Before it tells us anything unasked, the bank fetches a token from us. What is sent and how answers are read
stands in `banks/mb_orders.py`, rows and notices in `banks/mb_messages.py`, tokens and checksums in
`banks/mb_tokens.py`; here are the calls.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Final

from msgspec.structs import replace

from banks.access_token import AccessToken, read_token
from banks.accounts import BankAccount, Credentials
from banks.bank import (
    Acknowledgement,
    Balance,
    Bank,
    BankNotice,
    Capability,
    FoundName,
    HistoryPage,
    Rail,
    TransferLimits,
    TransferOrder,
    check_days,
)
from banks.circuits import Operation
from banks.day_pages import cursor_after, place_of
from banks.drift import odd_answer, with_body
from banks.mb_credentials import MbCredentials
from banks.mb_merchant import checksum_of
from banks.mb_messages import acknowledgement, read_history, read_notice
from banks.mb_orders import (
    DECLINING_HTTP,
    END_TO_END_ID_MAX,
    SUCCESS,
    TOKEN_REFUSED,
    Said,
    compact,
    order_data,
    outcome_of_enquiry,
    outcome_of_order,
    said,
    signature,
    transaction_id,
)
from banks.mb_tokens import LIFE, checksum_matches, knows_password, made_token, shows_token
from banks.napas import listed_bank, traffic_bin
from banks.outcomes import NotSent, Outcome, Unknown, loggable_code
from banks.strict_json import Json, NotJson
from banks.transport import Answer, NeverSent, NoAnswer, PerhapsSent, Request, Transport
from ledger.errors import (
    BankUnavailable,
    InvalidAmount,
    Problem,
    SignatureInvalid,
)
from ledger.money import Money, balance_from_bank
from ledger.settings import Secret

TOKEN: Final = "/oauth2/v1/token"
NAME: Final = "/ms/bank-info/v1.0/account/info"
TRANSFER: Final = "/ms/funds-partner/transfer-fund/v1.0/make-transfer-partner"
TRANSFER_ASYNC: Final = "/private/canary/ms/funds-partner/transfer-fund/v1.0/make-transfer-partner-async"
STATUS: Final = "/private/canary/ms/funds-partner/transfer-fund/v1.0/query-transaction-status"
BALANCE: Final = "/ms/account/v1.0/balance"  # [assumed] 3.1.8
HISTORY: Final = "/ms/transaction-statement/v1.0/history"  # [assumed] 3.1.8
HISTORY_ROWS: Final = 100  # [assumed] 3.1.8
HISTORY_DAYS_MAX: Final = 90

NAME_MAX: Final[Mapping[Rail, int]] = {"internal": 173, "napas": 70, "citad": 69}
NO_SUCH_ACCOUNT: Final = frozenset({"200", "201"})
LOCKED: Final = "211"
NAME_HTTP: Final = frozenset({200, 400, 404, 422})  # [assumed] 3.1.2


class Mb(Bank):
    """One account at Military Bank."""

    code: ClassVar[str] = "mb"
    name: ClassVar[str] = "MB"
    bin: ClassVar[str] = "970422"
    credentials: ClassVar[type[Credentials]] = MbCredentials
    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability)
    limits: ClassVar[TransferLimits] = TransferLimits(
        amount_max={"napas": Money(499_999_999)},  # [assumed], 6.2: below 500 million; MB has it as a parameter
        amount_min=Money(2_000),
        end_to_end_id_max=END_TO_END_ID_MAX,
        name_max=NAME_MAX,
    )

    def __init__(
        self, account: BankAccount, transport: Transport, clock: Callable[[], datetime], token: Callable[[], str]
    ) -> None:
        super().__init__(account, transport, clock, token)
        self._credentials = account.credentials_as(MbCredentials)
        self._prefix = self._credentials.channel_code + self._credentials.business_code
        self._access = AccessToken(self._fetch_token, clock)

    # what the account holds and who somebody is

    def sign_in(self) -> bool:
        self._access.value()
        return True

    def balance(self) -> Balance:
        heard = self._read_good("balance", BALANCE, {"accountNumber": self.account.account_number}, "the balance")
        try:
            if heard.data.get("currency") != "VND":
                raise NotJson("data.currency: not VND")
            current, available = (_signed(heard.data, name) for name in ("currentBalance", "availableBalance"))
        except NotJson as error:
            raise odd_answer(self.code, self.name, "the balance", heard.answer, error) from None
        return Balance(current=current, available=available, as_of=self._clock().astimezone(UTC))

    def lookup_name(self, bin_: str, account_number: str) -> FoundName | None:
        listed_bank(bin_, field="bin")
        query = {"accountNumber": account_number, "accountType": "ACCOUNT", "transferType": "INHOUSE"}
        if bin_ != self.bin:
            query |= {"transferType": "NAPAS", "bankCode": traffic_bin(bin_)}
        heard = self._read("lookup", NAME, query, "the name")
        found = heard.data.get("accountName")
        if heard.http == 200 and heard.code in SUCCESS and isinstance(found, str) and found.strip():
            return FoundName(found.strip(), active=True)
        if heard.http == 200 and heard.code in SUCCESS:
            fault = NotJson("data.accountName: no name")
            raise odd_answer(self.code, self.name, "the name", heard.answer, fault)
        if heard.http in NAME_HTTP and not heard.data:
            if heard.code in NO_SUCH_ACCOUNT:
                return None
            if heard.code == LOCKED:
                return FoundName("", active=False)
        raise self._odd("the name", heard)

    # orders

    def transfer(self, order: TransferOrder) -> Outcome:
        self.check_order(order)
        stamp = _Stamp(self._token)
        data = order_data(order, self.account.account_number, self.account.holder)
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "transactionId": transaction_id(self._prefix, order.end_to_end_id),
            "signature": signature(data, self._credentials.private_key),
        }
        path = self.account.base_url + TRANSFER if self._credentials.synchronous else self._host + TRANSFER_ASYNC
        request = Request(operation="transfer", method="POST", url=path, headers=headers, body=compact(data))
        try:
            answer = self._access.send(lambda one: self._transport.order(stamp(one)), request, _refuses_token)
        except BankUnavailable:
            return NotSent("no access token could be had")
        except NeverSent as error:
            return NotSent(str(error))
        except PerhapsSent as error:
            return Unknown(str(error))
        return with_body(outcome_of_order(answer, stamp.message_id, order.rail), answer.body)

    def transfer_status(self, end_to_end_id: str, sent_on: date) -> Outcome:
        """The bank is asked by our id alone, whatever the day."""
        del sent_on
        stamp = _Stamp(self._token)
        query = {"transactionId": transaction_id(self._prefix, end_to_end_id)}
        try:
            answer = self._ask("enquiry", self._host + STATUS, query, stamp)
        except BankUnavailable as error:
            return Unknown(error.detail)
        return with_body(outcome_of_enquiry(answer, stamp.message_id), answer.body)

    # statement

    def history(self, day_from: date, day_to: date, cursor: str | None = None) -> HistoryPage:
        check_days(day_from, day_to, days_max=HISTORY_DAYS_MAX)
        day, page = place_of(cursor, day_from, day_to)
        written = day.strftime("%d/%m/%Y")
        query = {
            "accountNumber": self.account.account_number,
            "fromDate": written,
            "toDate": written,
            "page": str(page),
            "size": str(HISTORY_ROWS),
        }
        heard = self._read_good("history", HISTORY, query, "the history")
        try:
            lines, doubtful, pages = read_history(heard.data, self.account.account_number)
        except NotJson as error:
            raise odd_answer(self.code, self.name, "the history", heard.answer, error) from None
        following = cursor_after(day, page, pages, day_to)
        return HistoryPage(lines=tuple(lines), doubtful=tuple(doubtful), next_cursor=following)

    # what the bank tells unasked

    def grant_token(self, headers: Mapping[str, str]) -> Acknowledgement:
        known = self._credentials
        if not knows_password(headers, known.push_username, known.push_password):
            raise SignatureInvalid(NOT_PROVEN, field="Authorization")
        token = made_token(self.account.id, known.webhook_keys[0], self._clock())
        life = int(LIFE.total_seconds())
        return Acknowledgement(200, compact({"access_token": token, "token_type": "bearer", "expires_in": life}))

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        """A merchant push is proven by its checksum (3.1.7), everything else by a token of ours (3.1.6)."""
        known = self._credentials
        merchant = checksum_of(raw_body)
        if merchant is not None:
            proven = checksum_matches(*merchant, known.mms_access_keys)
        else:
            proven = shows_token(headers, self.account.id, known.webhook_keys, self._clock())
        if not proven:
            raise SignatureInvalid(NOT_PROVEN, field="Authorization")

    def parse_webhook(self, raw_body: bytes) -> BankNotice:
        return read_notice(raw_body, self.account.account_number, self._prefix)

    def acknowledge(
        self, notice: BankNotice | None, problem: Problem | None, at: datetime, reference: str = ""
    ) -> Acknowledgement:
        del at
        return acknowledgement(notice, problem, reference)

    # calls

    @property
    def _host(self) -> str:
        """Where the asynchronous family begins: the base without `/private`, which production has in it (3.1.1)."""
        return self.account.base_url.removesuffix("/private")

    def _read_good(self, operation: Operation, path: str, query: Mapping[str, str], what: str) -> Said:
        """An answer with a good code. Raises BankUnavailable for every other."""
        heard = self._read(operation, path, query, what)
        if heard.http != 200 or heard.code not in SUCCESS or heard.gateway_fault:
            raise self._odd(what, heard)
        return heard

    def _read(self, operation: Operation, path: str, query: Mapping[str, str], what: str) -> Said:
        stamp = _Stamp(self._token)
        answer = self._ask(operation, self.account.base_url + path, query, stamp)
        try:
            heard = said(answer)
        except NotJson as error:
            raise odd_answer(self.code, self.name, what, answer, error) from None
        if heard.message_id not in (None, stamp.message_id):
            raise BankUnavailable(f"{self.name} answered another call than {what}.", bank=self.code)
        return heard

    def _odd(self, what: str, heard: Said) -> BankUnavailable:
        code = loggable_code(heard.code)
        return BankUnavailable(f"{self.name} answered {what} with HTTP {heard.http}, code {code}.", bank=self.code)

    def _ask(self, operation: Operation, url: str, query: Mapping[str, str], stamp: _Stamp) -> Answer:
        headers = {"Accept": "application/json"}
        request = Request(operation=operation, method="GET", url=url, query=query, headers=headers)
        try:
            return self._access.send(lambda one: self._transport.ask(one, stamp), request, _refuses_token)
        except NoAnswer as error:
            raise BankUnavailable(f"{self.name} did not answer: {error}.", bank=self.code) from None

    def _fetch_token(self) -> tuple[Secret, timedelta]:
        known = f"{self._credentials.client_id}:{self._credentials.client_secret.reveal()}".encode()
        headers = {
            "Accept": "application/json",
            "Authorization": f"Basic {b64encode(known).decode('ascii')}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        body = b"grant_type=client_credentials"
        request = Request(
            operation="token", method="POST", url=self.account.base_url + TOKEN, headers=headers, body=body
        )
        try:
            return read_token(self._transport.ask(request))
        except (NoAnswer, NotJson) as error:
            raise BankUnavailable(f"{self.name} gave no access token: {error}.", bank=self.code) from None


NOT_PROVEN: Final = "This is not proven to come from MB."


def _refuses_token(answer: Answer) -> bool:
    """HTTP 401, or the core's own code for it (10). What cannot be read, or tells of an order, refuses nothing."""
    if answer.status == 401:
        return True
    try:
        heard = said(answer)
    except NotJson:
        return False
    return (
        answer.status in DECLINING_HTTP and heard.code in TOKEN_REFUSED and not heard.data and not heard.gateway_fault
    )


class _Stamp:
    """Gives every HTTP call an id of its own, also where the same is asked or ordered once more (3.1.1);
    `message_id` is that of the last one, which is the one that was answered.
    """

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token
        self.message_id = ""

    def __call__(self, request: Request) -> Request:
        self.message_id = self._token()
        return replace(request, headers={**request.headers, "clientMessageId": self.message_id})


def _signed(data: Mapping[str, Json], name: str) -> Money:
    value = data.get(name)
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise InvalidAmount("no number")
        return balance_from_bank(value)
    except InvalidAmount:
        raise NotJson(f"data.{name}: not a whole amount") from None
