"""The bank interface: what Socai may ask of any bank, and the shapes in which every bank answers.

An adapter is one subclass in one file of this package; `banks/registry.py` finds it. It knows money and account
numbers, nothing of payouts or of our statuses, and it decides nothing: outcomes are values (`banks/outcomes.py`), rows
are what the bank said. Chapter 11.1 of the bank wire specification is the model.

A Problem raised by `transfer` was raised before a byte left us; from the first byte on there are only outcomes.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Literal, TypeAlias, TypeVar, assert_never

import msgspec

from banks.accounts import BankAccount, Credentials
from banks.bank_text import plain
from banks.circuits import Operation
from banks.napas import citad_code, has_citad_code, listed_bank
from banks.outcomes import Accepted, Declined, Executed, Misfit, NotFound, NotSent, Outcome, Unknown
from banks.pace import Pace
from banks.transport import SOON, KeptBack, TimeLimits, Tls, Transport
from ledger.calendar import ICT, bank_day, is_working_day
from ledger.errors import (
    BankUnavailable,
    CapabilityMissing,
    InvalidAmount,
    InvalidBeneficiary,
    InvalidField,
    Problem,
    SignatureInvalid,
)
from ledger.money import Money

Rail: TypeAlias = Literal["internal", "napas", "citad"]
T = TypeVar("T")
Direction: TypeAlias = Literal["credit", "debit"]

REFERENCE_UNIQUE_FROM = 12
"""References shorter than this restart daily and need the booking date beside them (1.4, [assumed])."""


class Capability(StrEnum):
    """What a bank's public interface may offer (11.1)."""

    BALANCE = "balance"
    LOOKUP_NAME = "lookup_name"
    TRANSFER_INTERNAL = "transfer_internal"
    TRANSFER_NAPAS = "transfer_napas"
    TRANSFER_CITAD = "transfer_citad"
    TRANSFER_STATUS = "transfer_status"
    HISTORY = "history"
    WEBHOOK = "webhook"


class TransferLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one order may be: the greatest amount on a rail (a rail not named has no published limit), the least amount,
    and the greatest length of our id and, on each rail, of the beneficiary's name.
    """

    amount_max: Mapping[Rail, Money]
    amount_min: Money
    end_to_end_id_max: int
    name_max: Mapping[Rail, int]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """When a rail carries orders: from `opens` until before `closes`, Vietnam time, Monday to Friday except public
    holidays. What a bank takes outside waits there for the next working day.
    """

    opens: time
    closes: time

    def open_from(self, at: datetime) -> datetime:
        """The first instant from `at` on at which orders are carried: `at` itself while they are."""
        day = bank_day(at)
        if is_working_day(day) and at < datetime.combine(day, self.closes, ICT):
            return max(at, datetime.combine(day, self.opens, ICT))
        day += timedelta(days=1)
        while not is_working_day(day):
            day += timedelta(days=1)
        return datetime.combine(day, self.opens, ICT)


CITAD_HOURS: Final = Window(opens=time(8), closes=time(16))
"""[assumed], 6.3: no bank publishes its own."""


class NotFoundFinal(msgspec.Struct, frozen=True, kw_only=True):
    """When "the bank does not know our id" may count as "it never happened" (1.3): so long after sending, and so many
    enquiries in a row, so far apart, and a statement read past that time that shows no debit with our id.
    The rule is applied where payouts are decided; a bank only states the figures.
    """

    after: timedelta = timedelta(minutes=15)
    enquiries: int = 3
    apart: timedelta = timedelta(seconds=60)


class Beneficiary(msgspec.Struct, frozen=True):
    """Who receives: BIN of the bank (6 digits), account number, and the name the account stands in. Hides itself."""

    bin: str
    account_number: str
    name: str

    def __repr__(self) -> str:
        return f"Beneficiary(bin={self.bin!r}, …)"

    __str__ = __repr__


class TransferOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What we ask a bank to do, once. `end_to_end_id` is ours, unique at that bank for ever; `memo` is free text that
    the adapter brings into the bank's letters, behind the id.
    """

    end_to_end_id: str
    rail: Rail
    beneficiary: Beneficiary
    amount: Money
    memo: str = ""


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """`current` is on the books, `available` may be spent, `as_of` is an aware UTC instant."""

    current: Money
    available: Money
    as_of: datetime


class FoundName(msgspec.Struct, frozen=True):
    """The name an account stands in, as its bank writes it, and whether the account takes money."""

    name: str
    active: bool


class StatementRow(msgspec.Struct, frozen=True, kw_only=True):
    """One movement as a bank reports it, by push or in its history.

    `booked_at` is an aware UTC instant and `bank_time` the bank's own writing of it; `value_date` is the bank's day.
    `direction` is the bank's own word. On a `reversal` the specification leaves open whether that word tells the
    movement's own direction or repeats that of the movement taken back: when a row with `original_key` is on record, it
    repeats it, and the movement is the opposite. `memo` is raw; it differs between feeds and is never compared (3.4).
    `end_to_end_id` is our own id where the bank names it in a field; often only the memo does.
    """

    account_number: str
    bank_reference: str
    direction: Direction
    amount: Money
    booked_at: datetime
    bank_time: str
    value_date: date
    source: Literal["webhook", "history"]
    memo: str = ""
    counterparty_name: str | None = None
    counterparty_account: str | None = None
    counterparty_bank: str | None = None
    virtual_account: str | None = None
    end_to_end_id: str | None = None
    reversal: bool = False
    balance_after: Money | None = None

    @property
    def key(self) -> tuple[str | int, ...]:
        """The natural key: equal for one movement in every feed of the bank, different for any two movements.

        Account, reference, booking day where the reference is short, direction and amount (a transfer and its fee may
        share a reference), and whether it takes an earlier movement back. The day is that of `booked_at` in Vietnam and
        not `value_date`, which a history need not carry.
        """
        return (*self.original_key, "reversal") if self.reversal else self.original_key

    @property
    def original_key(self) -> tuple[str | int, ...]:
        """The key that the movement taken back would have, if a reversal repeats its reference and direction."""
        short = len(self.bank_reference) < REFERENCE_UNIQUE_FROM
        day = bank_day(self.booked_at).isoformat() if short else ""
        return (self.account_number, self.bank_reference, day, self.direction, self.amount.units, self.amount.currency)

    @property
    def movement_key(self) -> str:
        """The natural key as text, less the direction: what a movement and its reversal have in common."""
        account, reference, day, _, units, currency = self.original_key
        return f"{account}|{reference}|{day}|{units}|{currency}"

    def __repr__(self) -> str:
        return f"StatementRow({self.direction}, {self.amount}, {self.source})"

    __str__ = __repr__


class DoubtfulRow(msgspec.Struct, frozen=True):
    """A row of a history page that gave no StatementRow: its place on the page, from 1, and why. People must look.
    `misfit` where the row is of a shape we do not know.
    """

    position: int
    why: str
    misfit: Misfit | None = None


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page. `next_cursor` is None at the end. `doubtful` is never empty silently: ring an alarm for it."""

    lines: tuple[StatementRow, ...]
    next_cursor: str | None
    doubtful: tuple[DoubtfulRow, ...] = ()


class OrderNews(msgspec.Struct, frozen=True, kw_only=True):
    """What a bank tells unasked of one order: our `end_to_end_id`, or the bank's own number where ours is missing."""

    outcome: Outcome
    end_to_end_id: str | None = None
    bank_transaction_id: str | None = None

    @property
    def told(self) -> Literal["accepted", "executed", "declined"] | None:
        """What became of it, in one word; None when nothing certain is said."""
        match self.outcome:
            case Accepted():
                return "accepted"
            case Executed():
                return "executed"
            case Declined():
                return "declined"
            case Unknown() | NotFound() | NotSent():
                return None
            case _:
                assert_never(self.outcome)

    @property
    def bank_reference(self) -> str:
        """The bank's number of the movement, "" where it gave none."""
        return (self.outcome.bank_reference or "") if isinstance(self.outcome, Accepted | Executed) else ""

    @property
    def reason(self) -> str:
        """Why it was refused, "" where it was not."""
        return self.outcome.reason if isinstance(self.outcome, Declined) else ""

    @property
    def bank_code(self) -> str:
        """The bank's code of the refusal, "" where there was none."""
        return self.outcome.bank_code if isinstance(self.outcome, Declined) else ""


class BankNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A bank's webhook, authentic and understood. `trace` is the bank's id of this call, echoed in the acknowledgement;
    `page` of `pages` where a list comes in parts; `orders` where it tells what became of orders of ours. A `hint` says
    that something moved and does not prove what: the history tells; `proof` is what only the bank can make of its
    words, the same for the same words. `echo` is what else the acknowledgement repeats, in the bank's own format. Hides
    itself.
    """

    lines: tuple[StatementRow, ...]
    trace: str
    kind: Literal["movement", "list", "order", "hint"]
    page: int = 1
    pages: int = 1
    orders: tuple[OrderNews, ...] = ()
    echo: str = ""
    proof: str = ""

    def __repr__(self) -> str:
        return f"BankNotice({self.kind}, {len(self.lines)} lines, {len(self.orders)} orders)"

    __str__ = __repr__


class Acknowledgement(msgspec.Struct, frozen=True):
    """What the bank is answered: HTTP status, body and content type, in the bank's own format."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Bank(ABC):
    """One account of ours at a bank, spoken to in that bank's protocol. Safe to share between threads.

    `clock` gives aware instants; `token` a fresh random id (a UUID as text) for each call of the protocol.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    bin: ClassVar[str]
    credentials: ClassVar[type[Credentials]]
    capabilities: ClassVar[frozenset[Capability]]
    limits: ClassVar[TransferLimits]
    cut_offs: ClassVar[Mapping[Rail, Window]] = {"citad": CITAD_HOURS}
    """A rail not named never closes."""
    example: ClassVar[bool] = False
    """Whether the interface was made up, to be replaced by the bank's own: offered only where an account uses it."""
    not_found_final: ClassVar[NotFoundFinal] = NotFoundFinal()
    pace: ClassVar[Pace] = Pace()
    """[assumed]: most banks publish none (wire specification, table 9), so it is a modest one."""
    time_limits: ClassVar[TimeLimits] = TimeLimits(own={"token": SOON, "lookup": SOON})
    """[assumed], 11.2; that a token and a name come sooner is ours."""

    def __init__(
        self, account: BankAccount, transport: Transport, clock: Callable[[], datetime], token: Callable[[], str]
    ) -> None:
        self.account = account
        self._transport = transport
        self._clock = clock
        self._token = token
        self.earlier: tuple[tuple[Bank, datetime], ...] = ()
        """The same account with credentials that were replaced, and until when they still prove what comes in."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.account.id!r})"

    @classmethod
    def tls(cls, account: BankAccount) -> Tls | None:
        """How this account's bank is to be met, None for plain verification of the bank. Raises InvalidBankAccounts."""
        del account
        return None

    def sign_in(self) -> bool:
        """Whether this bank gives an access token, which is then held. Raises BankUnavailable when it gave none."""
        return False

    @abstractmethod
    def balance(self) -> Balance:
        """What the account holds now. Raises BankUnavailable, CapabilityMissing."""

    def check_order(self, order: TransferOrder) -> None:
        """Whether this bank could take the order as written; sends nothing, so it can be asked before the intent is
        recorded. Raises CapabilityMissing, InvalidBeneficiary, InvalidAmount, InvalidField.
        """
        self.require(Capability(f"transfer_{order.rail}"))
        if not re.fullmatch(rf"[A-Z0-9]{{1,{self.limits.end_to_end_id_max}}}", order.end_to_end_id):
            raise InvalidField(
                f"An end-to-end id at {self.name} is up to {self.limits.end_to_end_id_max} capital letters and digits.",
                field="end_to_end_id",
            )
        self.check_amount(order.rail, order.amount)
        self._check_beneficiary(order)

    def check_amount(self, rail: Rail, amount: Money) -> None:
        """Whether one order on this rail may be so much. Raises InvalidAmount."""
        least, most = self.limits.amount_min, self.limits.amount_max.get(rail)
        if amount < least or (most is not None and amount > most):
            raise InvalidAmount(
                f"One order by {rail} at {self.name} is {least} to {most or 'any amount'}.", field="amount"
            )

    def rail_to(self, bin_: str, amount: Money) -> Rail:
        """How a bank with this BIN is paid this amount from here: at any hour where that can be, by CITAD what is too
        much for NAPAS.
        """
        if bin_ == self.bin:
            return "internal"
        most = self.limits.amount_max.get("napas")
        by_citad = Capability.TRANSFER_CITAD in self.capabilities and has_citad_code(bin_)
        return "citad" if by_citad and most is not None and amount > most else "napas"

    def open_from(self, rail: Rail, at: datetime) -> datetime:
        """The first instant from `at` on at which this bank carries orders on this rail: `at` itself while it does."""
        window = self.cut_offs.get(rail)
        return at if window is None else window.open_from(at)

    def takes_orders(self, end_to_end_id: str, day: date) -> bool:
        """Whether the bank is there to take an order, as far as we know. When it was down for a while, it is asked for
        the balance to find out, or, where it tells none, about the order `end_to_end_id` of this day. A bank that is
        not behind a gate takes orders always.
        """
        gate = self._transport.gate
        if gate is None or gate.may_send():
            return True
        if gate.may_try():
            try:
                self._ask_something(end_to_end_id, day)
            finally:
                gate.has_tried()
        return gate.may_send()

    def _ask_something(self, end_to_end_id: str, day: date) -> None:
        """A call that changes nothing at the bank; the gate hears whether it was answered."""
        with suppress(BankUnavailable):
            if Capability.BALANCE in self.capabilities:
                self.balance()
            else:
                self.transfer_status(end_to_end_id, day)

    def take_turn(self) -> None:
        """Waits for a turn and keeps it for the order that this thread sends next, or for its first call where an order
        is several. Raises BankUnavailable when none comes soon.
        """
        try:
            self._transport.take_turn()
        except KeptBack as kept:
            raise BankUnavailable(f"{self.name} takes no call now: {kept}.", bank=self.code) from None

    def require_way(self, operation: Operation) -> None:
        """Raises BankUnavailable while a call of this operation would be held back: the bank is down, or had enough."""
        gate = self._transport.gate
        if gate is not None and gate.holds_back(operation):
            raise BankUnavailable(f"{self.name} takes no call now; {operation} is held back.", bank=self.code)

    @abstractmethod
    def transfer(self, order: TransferOrder) -> Outcome:
        """Sends the order, once. Raises what `check_order` raises, before anything is sent."""

    @abstractmethod
    def transfer_status(self, end_to_end_id: str, sent_on: date) -> Outcome:
        """What the bank says of the order sent under this id on that bank day. A bank that cannot be asked, or answers
        what is not understood, is Unknown; NotSent is never an answer here. Raises CapabilityMissing.
        """

    @abstractmethod
    def history(self, day_from: date, day_to: date, cursor: str | None = None) -> HistoryPage:
        """Movements of these bank days, both included, a page at a time, days ascending. While rows are being added a
        row may come on two pages: `StatementRow.key` tells. Raises BankUnavailable, InvalidCursor, InvalidField.
        """

    def grant_token(self, headers: Mapping[str, str]) -> Acknowledgement | None:
        """Answers a bank that fetches a token from us before it calls our webhook. None: this bank fetches none.

        Raises SignatureInvalid when `headers` do not prove it.
        """
        del headers
        return None

    @abstractmethod
    def verify_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> None:
        """Whether the bank sent this. Raises SignatureInvalid, with the same words for every cause."""

    @abstractmethod
    def parse_webhook(self, raw_body: bytes) -> BankNotice:
        """What an authentic body says; verify first. Raises WebhookUnreadable naming the place, quoting nothing."""

    @abstractmethod
    def acknowledge(
        self, notice: BankNotice | None, problem: Problem | None, at: datetime, reference: str = ""
    ) -> Acknowledgement:
        """The bank's own acknowledgement: of a notice taken (`reference` is our id of it), or of a problem."""

    def first_proven(self, ask: Callable[[Bank], T]) -> T:
        """What `ask` gives by these credentials or, where they prove nothing, by earlier ones that are still valid.
        Raises SignatureInvalid.
        """
        try:
            return ask(self)
        except SignatureInvalid:
            for earlier, until in self.earlier:
                if self._clock() < until:
                    with suppress(SignatureInvalid):
                        return ask(earlier)
            raise

    def proven_by(self, headers: Mapping[str, str], raw_body: bytes) -> Bank:
        """By which credentials of this account the bank sent this: whatever returns can read it. Raises
        SignatureInvalid.
        """

        def proven(bank: Bank) -> Bank:
            bank.verify_webhook(headers, raw_body)
            return bank

        return self.first_proven(proven)

    def _check_beneficiary(self, order: TransferOrder) -> None:
        to, longest = order.beneficiary, self.limits.name_max[order.rail]
        listed_bank(to.bin, field="beneficiary.bin")
        if (to.bin == self.bin) != (order.rail == "internal"):
            raise InvalidBeneficiary(
                f"Accounts at {self.name} are paid by internal, all others by napas or citad.", field="rail"
            )
        self._check_route(order)
        if not re.fullmatch(r"[0-9A-Za-z]{1,19}", to.account_number):
            raise InvalidBeneficiary(
                "An account number is 1 to 19 letters and digits.", field="beneficiary.account_number"
            )
        if (to.bin, to.account_number) == (self.bin, self.account.account_number):
            raise InvalidBeneficiary("This is the account the money comes from.", field="beneficiary.account_number")
        if not 0 < len(plain(to.name)) <= longest:
            raise InvalidBeneficiary(f"A name is 1 to {longest} letters once unaccented.", field="beneficiary.name")

    def _check_route(self, order: TransferOrder) -> None:
        """Whether the beneficiary's bank can be addressed on this rail. Raises InvalidBeneficiary."""
        if order.rail == "citad":
            citad_code(order.beneficiary.bin)

    def read_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> BankNotice:
        """Verifies, then reads. Raises SignatureInvalid, WebhookUnreadable."""
        return self.proven_by(headers, raw_body).parse_webhook(raw_body)

    def lookup_name(self, bin_: str, account_number: str) -> FoundName | None:
        """The name an account stands in, None if there is none. Raises CapabilityMissing, BankUnavailable."""
        del bin_, account_number
        raise self.lacking(Capability.LOOKUP_NAME)

    def require(self, capability: Capability) -> None:
        """Raises CapabilityMissing when this bank does not offer it."""
        if capability not in self.capabilities:
            raise self.lacking(capability)

    def lacking(self, capability: Capability) -> CapabilityMissing:
        """The refusal, with what the bank does offer."""
        offered = ", ".join(sorted(self.capabilities))
        return CapabilityMissing(
            f"{self.name} does not offer {capability}; it offers {offered}.", field="bank", bank=self.code
        )


def check_days(day_from: date, day_to: date, *, days_max: int) -> None:
    """Raises InvalidField unless the days are in order and at most `days_max` of them."""
    if not 0 <= (day_to - day_from).days < days_max:
        raise InvalidField(f"The days are in order, and at most {days_max} at once.", field="day_to")
