"""Techcombank: the official host-to-host interface "Partner2TCB", chapter 5.1 of the bank wire specification.

SOAP over mutual TLS, with a user name and password besides. The bank takes an order and says later what became of it,
by its UpdateStatus callback or when asked. Partners are offered neither news of incoming money nor a history, so
statement lines come from an aggregator (`banks/feeds/`); what 5.1.7 proposes in their place is not built on. What is
sent and how answers are read stands in `banks/techcombank_orders.py`, the callback and the account enquiry in
`banks/techcombank_messages.py`; here are the calls.
"""

from __future__ import annotations

from base64 import b64encode
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
    HistoryPage,
    OrderNews,
    TransferLimits,
    TransferOrder,
)
from banks.circuits import Operation
from banks.drift import odd_answer, unreadable, with_body
from banks.outcomes import NotSent, Outcome, Unknown
from banks.strict_xml import NotXml
from banks.techcombank_credentials import TechcombankCredentials
from banks.techcombank_envelope import NotSealed
from banks.techcombank_messages import (
    account_request,
    acknowledgement,
    is_genuine,
    order_of,
    read_account,
    read_update,
    trace_of,
)
from banks.techcombank_orders import (
    citad_of,
    enquiry_request,
    order_request,
    outcome_of_enquiry,
    outcome_of_order,
)
from banks.transport import Answer, NeverSent, NoAnswer, PerhapsSent, Request, Tls, Transport, mutual_tls
from ledger.errors import (
    BankUnavailable,
    Problem,
    SignatureInvalid,
)
from ledger.money import Money

TRANSFER: Final = "FundTransfer"
ENQUIRY: Final = "InqTransactionStatus"  # [assumed] 5.1.1: SOAPAction as the operation is named where it is signed
ACCOUNT: Final = "AccountInfo"  # as public clients send it


class Techcombank(Bank):
    """One account at Techcombank."""

    code: ClassVar[str] = "techcombank"
    name: ClassVar[str] = "Techcombank"
    bin: ClassVar[str] = "970407"
    credentials: ClassVar[type[Credentials]] = TechcombankCredentials
    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability) - {
        Capability.HISTORY,
        Capability.LOOKUP_NAME,
    }
    limits: ClassVar[TransferLimits] = TransferLimits(
        amount_max={"napas": Money(499_999_999)},  # [assumed], 6.2: below 500 million
        amount_min=Money(1),
        end_to_end_id_max=20,  # [assumed]: no length is published
        name_max={"internal": 70, "napas": 70, "citad": 70},  # [assumed] 1.5: no length is published
    )

    def __init__(
        self, account: BankAccount, transport: Transport, clock: Callable[[], datetime], token: Callable[[], str]
    ) -> None:
        super().__init__(account, transport, clock, token)
        self._credentials = account.credentials_as(TechcombankCredentials)
        self._party = self._credentials.party

    @classmethod
    def tls(cls, account: BankAccount) -> Tls | None:
        """Mutual TLS, with what the bank certified for this account."""
        given = account.credentials_as(TechcombankCredentials)
        if given.client_certificate is None or given.client_key is None:
            return None
        return mutual_tls(given.client_certificate, given.client_key, given.authority)

    def balance(self) -> Balance:
        request_id = self._token()
        body = account_request(self.account.account_number, request_id, self._party)
        answer = self._read("balance", body, ACCOUNT)
        try:
            current, available = read_account(answer, request_id, self.account.account_number)
        except NotXml as error:
            raise odd_answer(self.code, self.name, "the balance", answer, error) from None
        return Balance(current=current, available=available, as_of=self._clock().astimezone(UTC))

    def transfer(self, order: TransferOrder) -> Outcome:
        self.check_order(order)
        body = order_request(order, self.account.account_number, self.account.holder, self._party, self._clock())
        try:
            answer = self._transport.order(self._request("transfer", body, TRANSFER))
        except NeverSent as error:
            return NotSent(str(error))
        except PerhapsSent as error:
            return Unknown(str(error))
        return with_body(outcome_of_order(answer, order.end_to_end_id), answer.body)

    def transfer_status(self, end_to_end_id: str, sent_on: date) -> Outcome:
        """The bank is asked by our id alone, whatever the day."""
        del sent_on
        try:
            answer = self._read("enquiry", enquiry_request(end_to_end_id, self._party, self._clock()), ENQUIRY)
        except BankUnavailable as error:
            return Unknown(error.detail)
        return with_body(outcome_of_enquiry(answer, end_to_end_id, self._party.partner), answer.body)

    def history(self, day_from: date, day_to: date, cursor: str | None = None) -> HistoryPage:
        raise self.lacking(Capability.HISTORY)

    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        """The signature stands in the body; nothing in the headers is ours to check (5.1.6)."""
        del headers
        keys, mode = self._credentials.bank_signing_keys, self._party.mode
        if not is_genuine(raw_body, self._credentials.opening_key, mode, keys):
            raise SignatureInvalid("This is not an UpdateStatus that Techcombank signed.", field="Sgntr1")

    def parse_webhook(self, raw_body: bytes) -> BankNotice:
        try:
            update = read_update(raw_body, self._credentials.opening_key, self._party.mode)
        except (NotXml, NotSealed) as error:
            raise unreadable("The callback cannot be understood", error) from None
        end_to_end_id, outcome = order_of(update, self._party, id_max=self.limits.end_to_end_id_max)
        news = OrderNews(end_to_end_id=end_to_end_id, outcome=outcome)
        return BankNotice(lines=(), trace=trace_of(update), kind="order", orders=(news,))

    def acknowledge(
        self, notice: BankNotice | None, problem: Problem | None, at: datetime, reference: str = ""
    ) -> Acknowledgement:
        del reference
        status, body = acknowledgement(notice.trace if notice else "", problem, at)
        return Acknowledgement(status, body, "text/xml; charset=utf-8")

    def _check_route(self, order: TransferOrder) -> None:
        citad_of(order)

    def _read(self, operation: Operation, body: bytes, action: str) -> Answer:
        try:
            return self._transport.ask(self._request(operation, body, action))
        except NoAnswer as error:
            raise BankUnavailable(f"Techcombank did not answer: {error}.", bank=self.code) from None

    def _request(self, operation: Operation, body: bytes, action: str) -> Request:
        known = f"{self._credentials.username}:{self._credentials.password.reveal()}".encode()
        headers = {
            "Accept": "text/xml",
            "Authorization": f"Basic {b64encode(known).decode('ascii')}",
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": action,
        }
        return Request(operation=operation, method="POST", url=self.account.base_url, headers=headers, body=body)
