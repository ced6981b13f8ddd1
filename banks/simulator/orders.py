"""The order desk: takes payment orders in and moves them waiting -> checked -> executed or refused.

Money leaves the customer's account when an order is executed and at no other moment. What accepted orders will take is
set aside from the available balance before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal, NamedTuple

from msgspec.structs import replace

from banks.simulator.books import CHARGES, CLEARING
from banks.simulator.clock import Agenda, bank_day, day_end
from banks.simulator.faults import OrderFault
from banks.simulator.memos import folded
from banks.simulator.postman import Postman
from banks.simulator.records import BulkKept, End, EndCause, Movement, Order, OrderKept, OrderReceived, Party
from banks.simulator.refusals import Barred, Impossible
from banks.simulator.state import Line, State

WAITING: Final = ("waiting", "checked")
REASONS: Final[dict[EndCause, str]] = {
    "no_account": "Beneficiary account does not exist",
    "own_account": "Beneficiary account is the source account",
    "wrong_name": "BeneficiaryName is different from the OwnerName",
    "bank_offline": "Receiving bank is not available",
    "insufficient_funds": "Insufficient funds",
    "expired": "Not approved by the end of the day",
}
REJECTED: Final = "Rejected by the checker"
BulkDecision = Literal["approve", "reject", "expire"]
FIRST_TRANSACTION: Final = 4711
LOOK_S: Final = 0.005
"""How often an order is looked at whose end is awaited."""


class Instruction(NamedTuple):
    """One transfer asked for: amount in dong, rail inside, napas or citad; `document` as it was received."""

    trace: str
    rail: str
    amount: int
    beneficiary: Party
    remarks: str
    document: dict[str, object]


class OrderDesk:
    """Orders of the enrolled customer. The agenda calls `proceed` when an order is due."""

    def __init__(self, state: State, agenda: Agenda, postman: Postman) -> None:
        self._state = state
        self._agenda = agenda
        self._postman = postman
        for order in state.orders.values():
            self._plan(order)

    def count_received(self, instructions: Sequence[Instruction]) -> None:
        """Note that readable orders with these trace numbers arrived, before anything is decided about them."""
        for instruction in instructions:
            self._state.keep(OrderReceived(instruction.trace))

    def accept(
        self, source: str, instructions: Sequence[Instruction], bulk: str | None = None
    ) -> tuple[tuple[Order, ...], OrderFault | None]:
        """Store the orders, unless the fault now due says otherwise; answer them and that fault.

        `source` is the account the money comes from, `bulk` the customer's id of all of them together. Raises Barred.
        """
        with self._state.lock:
            self._check(source, instructions, bulk)
            fault = self._state.mischief.for_order()
            if fault is not None and not fault.stores:
                return (), fault
            orders = tuple(self._order(instruction, source, bulk, fault) for instruction in instructions)
            for order in orders:
                self._keep(order)
            if bulk is not None:
                traces = tuple(order.trace for order in orders)
                self._state.keep(BulkKept(bulk, self._state.clock.now(), traces))
            return orders, fault

    def _check(self, source: str, instructions: Sequence[Instruction], bulk: str | None) -> None:
        settings = self._state.settings
        if settings.maintenance:
            raise Barred("maintenance", "the control port switched maintenance on")
        self._state.client_account(source)
        known = [item.trace for item in instructions if item.trace in self._state.orders]
        if known or bulk in self._state.bulks:
            raise Barred("duplicate", f"known already: {', '.join(known) or bulk}")
        over = [item for item in instructions if item.rail == "napas" and item.amount > settings.napas_max]
        if over:
            raise Barred("over_limit", f"{over[0].trace}: {over[0].amount} is above {settings.napas_max}")
        wanted = sum(item.amount + settings.service_charge for item in instructions)
        available = self._state.books.balance(source) - self._state.pending(source)
        if wanted > available:
            raise Barred("insufficient_funds", f"{wanted} wanted, {available} available")

    def _order(self, instruction: Instruction, source: str, bulk: str | None, fault: OrderFault | None) -> Order:
        state, now, fault = self._state, self._state.clock.now(), fault or OrderFault(fault="slow")
        at_once = 0.0 if fault.fault == "http_500_after_execute" else None
        validate_s = _first(fault.validate_s, at_once, state.settings.validate_s)
        until = now + timedelta(seconds=fault.seconds) if fault.seconds else None
        return Order(
            trace=instruction.trace,
            source=source,
            rail=instruction.rail,
            amount=instruction.amount,
            charge=state.settings.service_charge,
            beneficiary=instruction.beneficiary,
            remarks=instruction.remarks,
            document=instruction.document,
            created_at=now,
            bulk=bulk,
            next_at=self._next_at(fault, validate_s),
            unapproved=state.settings.approval == "by_hand",
            transfer_s=_first(fault.transfer_s, at_once, state.settings.transfer_s),
            hidden_until=until if fault.fault == "not_found_for" else None,
            shown_status=fault.status if fault.fault == "unknown_status" else None,
            shown_until=until if fault.fault == "unknown_status" else None,
            refusal=(fault.reason or state.profile.decline[1]) if fault.fault == "decline" else None,
        )

    def _next_at(self, fault: OrderFault, validate_s: float) -> datetime | None:
        now = self._state.clock.now()
        if fault.fault == "stuck":
            return None
        if self._state.settings.approval == "by_hand":
            return day_end(now)
        return now + timedelta(seconds=validate_s)

    def _keep(self, order: Order) -> None:
        self._state.keep(OrderKept(order))
        self._plan(order)

    def _plan(self, order: Order) -> None:
        if order.next_at is not None:
            self._agenda.put(order.next_at, self.proceed, order.trace)

    def proceed(self, trace: str) -> None:
        """Move the order one step on, if it is due."""
        with self._state.lock:
            order = self._state.orders[trace]
            now = self._state.clock.now()
            if order.next_at is None or order.next_at > now:
                return
            if (refusal := self._refusal(order)) is not None:
                self._finish(order, "refused", refusal)
            elif order.status == "waiting":
                next_at = now + timedelta(seconds=order.transfer_s)
                self._keep(replace(order, status="checked", next_at=next_at))
            else:
                self._finish(order, "executed")

    def _refusal(self, order: Order) -> EndCause | None:
        """Why the bank will not execute `order`, or None."""
        beneficiary, books = order.beneficiary, self._state.books
        owner = books.account(beneficiary.account, None if order.rail == "inside" else beneficiary.bin)
        if order.refusal is not None:
            return "arranged"
        if order.unapproved:
            return "expired"
        if order.rail == "inside" and (owner is None or owner.parent is not None):
            return "no_account"
        if order.rail == "inside" and beneficiary.account == order.source:
            return "own_account"
        if owner is not None and folded(owner.name) != folded(beneficiary.name):
            return "wrong_name"
        if beneficiary.bin in self._state.settings.offline_bins:
            return "bank_offline"
        if books.balance(order.source) < order.amount + order.charge:
            return "insufficient_funds"
        return None

    def decide(self, trace: str, status: End, reason: str) -> Order:
        """Bring the order to its end now and show it as it is. Raises Impossible: 404; 409 when it ended otherwise."""
        with self._state.lock:
            order = self._known(trace)
            if order.status in WAITING:
                order = replace(order, refusal=reason)
                self._finish(order, status, "arranged" if status == "refused" else None)
            elif order.status != status:
                raise Impossible(409, f"order {trace} is {order.status} and stays so; money is returned by /return")
            self._state.keep(OrderKept(replace(self._state.orders[trace], shown_status=None, hidden_until=None)))
            return self._state.orders[trace]

    def decide_bulk(self, bulk: str, decision: BulkDecision) -> tuple[Order, ...]:
        """What a person does with the orders of `bulk` that wait for one: let them go their way, turn them away, or
        leave them lying until they expire. Raises Impossible: 404; 409 when none waits.
        """
        with self._state.lock:
            if (kept := self._state.bulks.get(bulk)) is None:
                raise Impossible(404, f"no bulk {bulk} is stored")
            orders = [self._state.orders[trace] for trace in kept.traces]
            waiting = [order for order in orders if order.unapproved and order.status in WAITING]
            if not waiting:
                raise Impossible(409, f"no order of bulk {bulk} waits for a person")
            for order in waiting:
                match decision:
                    case "approve":
                        next_at = self._state.clock.later(self._state.settings.validate_s)
                        self._keep(replace(order, unapproved=False, next_at=next_at))
                    case "reject":
                        self._finish(replace(order, refusal=REJECTED), "refused", "arranged")
                    case "expire":
                        self._finish(order, "refused", "expired")
            return tuple(self._state.orders[order.trace] for order in orders)

    def _known(self, trace: str) -> Order:
        if trace not in self._state.orders:
            raise Impossible(404, f"no order {trace} is stored")
        return self._state.orders[trace]

    def _finish(self, order: Order, status: End, cause: EndCause | None = None) -> None:
        """End `order`: executing books the money. The customer is told of movements, and of the order if so agreed."""
        number: int | None = None
        movements: Sequence[Movement] = ()
        if status == "executed":
            number = FIRST_TRANSACTION + sum(one.transaction_number is not None for one in self._state.orders.values())
            movements = self._book(order)
        reason = "" if cause is None else (order.refusal or "") if cause == "arranged" else REASONS[cause]
        ended = replace(
            order,
            status=status,
            cause=cause,
            reason=reason,
            next_at=None,
            transaction_number=number,
            ended_at=self._state.clock.now(),
        )
        self._state.keep(OrderKept(ended))
        self._postman.announce(movements)
        self._postman.tell(ended)

    def _book(self, order: Order) -> Sequence[Movement]:
        books, party = self._state.books, order.beneficiary
        lines = [Line(order.source, -order.amount, order.remarks, order.rail, party, order=order.trace)]
        against: dict[str, int] = {}
        if order.rail == "inside" and books.account(party.account) is not None:
            source = books.account(order.source)
            payer = Party(source.name if source else "", order.source, party.bin)
            lines.append(Line(party.account, order.amount, order.remarks, order.rail, payer))
        else:
            against[CLEARING.get(order.rail, "napas")] = order.amount
        if order.charge:
            lines.append(Line(order.source, -order.charge, f"PHI CHUYEN TIEN {order.trace}", "charge"))
            against[CHARGES] = order.charge
        return self._state.book(f"order {order.trace}", lines, against)

    def awaited(self, trace: str, seconds: float) -> Order:
        """The order once it has ended, or as it stands after `seconds`: for banks that answer only then."""
        clock = self._state.clock
        until = clock.later(seconds)
        while self._state.orders[trace].status in WAITING and clock.now() < until and not clock.closed:
            clock.sleep(LOOK_S)
        return self._state.orders[trace]

    def give_back(self, trace: str, reason: str) -> Movement:
        """The receiving bank returns an executed transfer: a credit of its own, with our trace number in the memo.

        Raises Impossible: 404, or 409 when the order was not executed or was returned before.
        """
        with self._state.lock:
            order = self._known(trace)
            cause = f"return of {trace}"
            if order.status != "executed" or any(entry.cause == cause for entry in self._state.books.entries):
                raise Impossible(409, f"order {trace} is not executed, or was returned already")
            line = Line(order.source, order.amount, f"HOAN TRA {trace} {reason}", order.rail, order.beneficiary)
            account = order.beneficiary.account if order.rail == "inside" else CLEARING[order.rail]
            if order.rail == "inside":
                back = Line(account, -order.amount, f"HOAN TRA {trace} {reason}", order.rail)
                movements = self._state.book(cause, [line, back], {})
            else:
                movements = self._state.book(cause, [line], {account: -order.amount})
            self._postman.announce(movements)
            return movements[0]

    def found(self, trace: str, first: date, last: date) -> Order | None:
        """The order as a status enquiry for bank days `first` to `last` sees it; None when it does not find it."""
        with self._state.lock:
            order = self._state.orders.get(trace)
            now = self._state.clock.now()
            self._state.enquired[trace] += 1
            if order is None or not first <= bank_day(order.created_at) <= last:
                return None
            if order.hidden_until is not None and now < order.hidden_until:
                return None
            if order.shown_until is not None and order.shown_until <= now:
                return replace(order, shown_status=None)
            return order


def _first(*values: float | None) -> float:
    """The first value that is given."""
    return next(value for value in values if value is not None)
