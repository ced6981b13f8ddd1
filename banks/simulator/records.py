"""What the simulated bank remembers, as typed records: the journal is a list of these, one JSON object a line.

Amounts are whole dong as int. Instants are aware UTC datetimes, bank days are dates at +07:00.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from msgspec import Struct

Direction = Literal["credit", "debit"]
OrderStatus = Literal["waiting", "checked", "executed", "refused"]
End = Literal["executed", "refused"]
EndCause = Literal[
    "no_account", "own_account", "wrong_name", "bank_offline", "insufficient_funds", "expired", "arranged"
]
Spoilt = Literal["whole", "truncated", "html", "tampered"]
NoticeKind = Literal["movement", "merchant", "list", "order", "feed"]
NoticeStatus = Literal["waiting", "held", "dropped", "acknowledged", "given_up"]


class Account(Struct, frozen=True, kw_only=True):
    """A customer's account. `client`: enrolled for the open interface. `bin`: set for an account at another bank.

    Accounts at other banks are only known so that their owner's name can be compared. A virtual account has a `parent`:
    what is paid to it lands there. `details` are what it was made for, in the bank's own words.
    """

    number: str
    name: str
    client: bool = False
    bin: str | None = None
    parent: str | None = None
    details: dict[str, str] = {}


class Party(Struct, frozen=True, forbid_unknown_fields=True):
    """The other side of a movement. `bin` is the NAPAS number of its bank, None where it is not known."""

    name: str
    account: str
    bin: str | None = None


class Movement(Struct, frozen=True, kw_only=True):
    """One row of an account's history. `reference` is unique; `trace` is six digits and starts again every bank day.

    `memo` is the text as the bank delivers it; `order` our customer's id of his order; `reverses` a reference; `via`
    the virtual account it was paid to.
    """

    reference: str
    account: str
    trace: str
    at: datetime
    effective_on: date
    direction: Direction
    amount: int
    balance_after: int
    memo: str
    product: str
    status: Literal["COMPLETED", "ERRORCORRECTED"] = "COMPLETED"
    party: Party | None = None
    order: str | None = None
    reverses: str | None = None
    via: str | None = None
    shares: str | None = None

    @property
    def shown(self) -> str:
        """The reference that the bank shows: its own, or the one it shares with an earlier movement."""
        return self.shares or self.reference


class Entry(Struct, frozen=True, kw_only=True):
    """A balanced set of legs: account -> dong, positive where the bank owes more. Movements are rows of histories."""

    number: int
    at: datetime
    cause: str
    legs: dict[str, int]
    movements: tuple[Movement, ...] = ()


class Order(Struct, frozen=True, kw_only=True):
    """A stored payment order. `next_at` is when it moves on by itself, None when it does not;
    an `unapproved` one is refused then, and moves by the control port only.

    `trace` is the customer's id of it. `document` is the order as received, for the echo in status answers. `cause` is
    why it was refused, `reason` the same in words for people and, where arranged, on the wire. `hidden_until`,
    `shown_status` (until `shown_until`, or for good) and `refusal` are what the control port arranged.
    """

    trace: str
    source: str
    rail: str
    amount: int
    charge: int
    beneficiary: Party
    remarks: str
    document: dict[str, object]
    created_at: datetime
    bulk: str | None = None
    status: OrderStatus = "waiting"
    cause: EndCause | None = None
    reason: str = ""
    next_at: datetime | None = None
    transfer_s: float = 0.0
    unapproved: bool = False
    transaction_number: int | None = None
    ended_at: datetime | None = None
    hidden_until: datetime | None = None
    shown_status: str | None = None
    shown_until: datetime | None = None
    refusal: str | None = None


class Notice(Struct, frozen=True, kw_only=True):
    """One webhook to be delivered: a movement (once more as a merchant's sale where a bank has that), a page of a list
    of them, or what became of an order. The same `request_trace` goes out with every attempt.
    """

    number: int
    request_trace: str
    kind: NoticeKind
    references: tuple[str, ...] = ()
    order: str | None = None
    page: int = 1
    page_size: int = 1
    pages: int = 1
    status: NoticeStatus = "waiting"
    attempts: int = 0
    next_at: datetime | None = None
    key: Literal["right", "wrong", "missing"] = "right"
    body: Spoilt = "whole"


class Delivery(Struct, frozen=True, kw_only=True):
    """One attempt at a notice: what was sent, what came back (`http` None when nothing did), and what was wrong."""

    notice: int
    attempt: int
    at: datetime
    url: str
    request: str
    http: int | None
    answer: str
    acknowledged: bool
    problem: str | None


class AccountOpened(Struct, frozen=True, tag="account_opened"):
    account: Account


class EntryBooked(Struct, frozen=True, tag="entry_booked"):
    entry: Entry


class OrderReceived(Struct, frozen=True, tag="order_received"):
    """A readable order with this trace number arrived, whatever became of it."""

    trace: str


class OrderKept(Struct, frozen=True, tag="order_kept"):
    """The order as it now stands; the last record of a trace number counts."""

    order: Order


class BulkKept(Struct, frozen=True, tag="bulk_kept"):
    bulk: str
    created_at: datetime
    traces: tuple[str, ...]


class NoticeKept(Struct, frozen=True, tag="notice_kept"):
    """The notice as it now stands; the last record of a number counts."""

    notice: Notice


class DeliveryTried(Struct, frozen=True, tag="delivery_tried"):
    delivery: Delivery


class ClockAdvanced(Struct, frozen=True, tag="clock_advanced"):
    """The virtual clock's whole distance from real time, in seconds, after the advance."""

    offset_s: float


Record = AccountOpened | EntryBooked | OrderReceived | OrderKept | BulkKept | NoticeKept | DeliveryTried | ClockAdvanced
