"""The counter: money coming in from payers, corrections of bookings, and charges nobody ordered."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from banks.simulator import memos, vietqr
from banks.simulator.books import CHARGES, CLEARING, INTEREST
from banks.simulator.clock import bank_day
from banks.simulator.postman import Postman
from banks.simulator.records import Account, Movement, Party
from banks.simulator.refusals import Impossible
from banks.simulator.state import Line, State

VIETCOMBANK_BIN: Final = "970436"
DEFAULT_PAYER: Final = Party("NGUYEN VAN ANH", "1012345678", VIETCOMBANK_BIN)

Amount = Annotated[int, Meta(ge=1, le=10**15)]


class Payment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payer's transfer, by `vietqr` or by `account` and `amount`; what is given besides a code overrides it.

    `second_code` belongs to memo_style two_codes; `memo_style`, `trace` and `effective_date` are the bank's choice when
    absent. With `shares` the bank shows the credit under the reference (and trace number) of that earlier movement.
    """

    vietqr: str | None = None
    account: str | None = None
    amount: Amount | None = None
    memo: str | None = None
    remitter: Party = DEFAULT_PAYER
    memo_style: Annotated[str, Meta(extra_json_schema={"enum": list(memos.STYLES)})] | None = None
    second_code: str = ""
    trace: Annotated[str, Meta(pattern=r"^[0-9]{6}$")] | None = None
    effective_date: date | None = None
    shares: str | None = None


class Charge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the bank takes from an account without an order, in dong; with `shares` under the reference of the movement
    it is for.
    """

    account: str
    amount: Amount
    memo: str = "PHI DICH VU"
    shares: str | None = None


class Interest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the bank pays on an account, in dong; nobody sent it, and its text says nothing (8.1)."""

    account: str
    amount: Amount
    memo: str = "NODATA"


class Opening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further account: at this bank, or (with `bin`) at another one, known for its owner's name only."""

    number: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,19}$")]
    name: str
    balance: Annotated[int, Meta(ge=0, le=10**15)] = 0
    bin: Annotated[str, Meta(pattern=r"^[0-9]{6}$")] | None = None


class Counter:
    """Books what happens at the bank without an order of ours, and tells the customer by webhook."""

    def __init__(self, state: State, postman: Postman) -> None:
        self._state = state
        self._postman = postman
        self._bin = state.profile.bin

    def pay(self, body: object) -> Movement:
        """A payer pays as Payment describes; answers the credit. Raises Impossible (400, 404, 409)."""
        payment = _read(body, Payment)
        named, amount, memo = self._wanted(payment)
        remitter = payment.remitter
        target = self._own(named)
        account = target.parent or named
        shared = self._shared(payment.shares, account)
        lines = [
            Line(
                account=account,
                units=amount,
                memo=memo,
                product="inside" if remitter.bin == self._bin else "napas",
                party=remitter,
                style=payment.memo_style,
                second=payment.second_code,
                trace=payment.trace or (shared.trace if shared else None),
                effective_on=payment.effective_date,
                via=named if target.parent else None,
                shares=shared.shown if shared else None,
            )
        ]
        with self._state.lock:
            payer = self._state.books.account(remitter.account) if remitter.bin == self._bin else None
            if payer is None:
                return self._book("payment in", lines, {CLEARING["napas"]: -amount})
            if payer.number == account or self._state.books.balance(payer.number) < amount:
                raise Impossible(409, f"account {payer.number} cannot pay {amount}")
            lines.append(Line(payer.number, -amount, memo, "inside"))
            return self._book("payment in", lines, {})

    def _wanted(self, payment: Payment) -> tuple[str, int, str]:
        """Account, amount and memo of `payment`, from the code and from what is given besides."""
        code = vietqr.read(payment.vietqr) if payment.vietqr is not None else None
        if code is not None and code.bin != self._bin:
            raise Impossible(400, f"vietqr: the code is for bank {code.bin}, this is {self._bin}")
        account = payment.account or (code.account if code else None)
        amount = payment.amount or (code.amount if code else None)
        memo = payment.memo if payment.memo is not None else (code.memo if code else "")
        if account is None or amount is None:
            raise Impossible(400, "pay: give vietqr, or account and amount (a static code has no amount)")
        return account, amount, memo

    def charge(self, body: object) -> Movement:
        """Take a charge from an account; answers the debit. The balance may become negative. Raises Impossible."""
        charge = _read(body, Charge)
        with self._state.lock:
            self._own(charge.account)
            shared = self._shared(charge.shares, charge.account)
            line = Line(charge.account, -charge.amount, charge.memo, "charge")
            if shared is not None:
                line = line._replace(trace=shared.trace, shares=shared.shown)
            return self._book("charge", [line], {CHARGES: charge.amount})

    def interest(self, body: object) -> Movement:
        """Pay interest; answers the credit. Raises Impossible: 400, 404, or 409 where its reference stands there."""
        interest = _read(body, Interest)
        with self._state.lock:
            self._own(interest.account)
            named = self._state.profile.interest_reference
            reference = named(interest.account, bank_day(self._state.clock.now())) if named is not None else None
            if reference is not None and self._state.books.movement(reference) is not None:
                raise Impossible(409, f"interest of today is paid already: {reference}")
            line = Line(
                interest.account, interest.amount, interest.memo, "interest", style="plain", reference=reference
            )
            return self._book("interest", [line], {INTEREST: -interest.amount})

    def reverse(self, reference: str) -> Movement:
        """Correct a booking by its opposite: a new movement ERRORCORRECTED; answers the one on the same account.

        All movements of the entry are reversed. Raises Impossible: 404, or 409 when it was reversed before.
        """
        with self._state.lock:
            books = self._state.books
            if books.movement(reference) is None:
                raise Impossible(404, f"no movement {reference}")
            entry = books.entry_of(reference)
            if any(row.reverses or books.reversal_of(row.reference) for row in entry.movements):
                raise Impossible(409, f"movement {reference} was reversed already, or is a reversal itself")
            lines = [_opposite(row) for row in entry.movements]
            customers = {row.account for row in entry.movements}
            against = {name: -units for name, units in entry.legs.items() if name not in customers}
            movements = self._state.book(f"correction of entry {entry.number}", lines, against)
            self._postman.announce(movements)
            return next(row for row in movements if row.reverses == reference)

    def open(self, body: object) -> Account:
        """Open or make known an account. Raises Impossible: 400, or 409 when the number is taken."""
        opening = _read(body, Opening)
        bin_ = None if opening.bin == self._bin else opening.bin
        if bin_ is not None and opening.balance:
            raise Impossible(400, "an account at another bank has no balance here")
        with self._state.lock:
            if self._state.books.account(opening.number, bin_) is not None:
                raise Impossible(409, f"account {opening.number} is known already")
            account = Account(number=opening.number, name=opening.name, bin=bin_)
            self._state.open(account, opening.balance)
            return account

    def _shared(self, reference: str | None, account: str) -> Movement | None:
        """The movement on `account` whose reference is to be shown again. Raises Impossible (404)."""
        if reference is None:
            return None
        found = self._state.books.movement(reference)
        if found is None or found.account != account:
            raise Impossible(404, f"no movement {reference} on account {account}")
        return found

    def _own(self, number: str) -> Account:
        if (account := self._state.books.account(number)) is None:
            raise Impossible(404, f"no account {number} at this bank")
        return account

    def _book(self, cause: str, lines: list[Line], against: dict[str, int]) -> Movement:
        movements = self._state.book(cause, lines, against)
        self._postman.announce(movements)
        return movements[0]


def _opposite(row: Movement) -> Line:
    units = -row.amount if row.direction == "credit" else row.amount
    return Line(
        account=row.account,
        units=units,
        memo=f"DIEU CHINH GD {row.trace} {row.memo}",
        product="correction",
        party=row.party,
        status="ERRORCORRECTED",
        reverses=row.reference,
    )


_Kind = TypeVar("_Kind", Payment, Charge, Interest, Opening)


def _read(body: object, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as fault:
        raise Impossible(400, f"{kind.__name__.lower()}: {fault}") from fault
