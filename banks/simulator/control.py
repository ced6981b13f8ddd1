"""The control port: what tests and demonstrations do at the bank, JSON over HTTP, loopback, without authentication.

    GET  /state                        accounts, balances, trial balance and its sum, settings, clock
    GET  /orders, /orders/{trace}      stored orders; one with how often it was received (404 when
                                       never), and asked about since this process began
    GET  /movements?account=NUMBER     movements in booking order; without account all of them
    GET  /deliveries, /notices         attempts at webhooks with request and answer; notices and where they stand
    GET  /refusals                     the latest refused requests and why
    GET  /forms                        what the POSTs below take: titles and JSON Schemas, with all faults and settings
    POST /pay                          counter.Payment -> the credit
    POST /charge                       counter.Charge -> the debit
    POST /interest                     counter.Interest -> the credit
    POST /accounts                     counter.Opening
    POST /next-order, /next-answer     faults.OrderFault, faults.AnswerFault
    POST /orders/{trace}               {"status": executed | refused, "reason"}: end the order now and show it as it is
    POST /bulks/{bulk}                 {"decision": approve | reject | expire}: a person decides what waits for one
    POST /orders/{trace}/return        {"reason"}: an executed transfer comes back as a credit of its own
    POST /orders/{trace}/notify        postman.Again: tell of the order (again), at banks that do
    POST /movements/{reference}/reverse    the opposite booking, announced as ERRORCORRECTED
    POST /movements/{reference}/notify     postman.Again: {"times", "key", "body"}
    POST /webhooks                     postman.Posting: {"mode": send | hold | drop | duplicate, "times", "order",
                                       "url", "key", "body"}
    POST /webhooks/yesterday           {"date", "page_size"}: the list of the previous day
    POST /clock                        {"advance_s"}: negative puts it back, an hour at most
    POST /tokens/expire
    POST /settings                     settings.Settings, any part of it -> all of it

A list takes `?last=N` for its N latest. Amounts are whole dong, durations seconds of the bank's clock. A refusal is
{"error": text} with 400, 404 or 409, or 403 for a page of another site (same_site.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Final, TypeVar

import msgspec
from flask import Flask, Response, request
from msgspec import Meta, Struct

from banks.simulator import forms
from banks.simulator.counter import Charge, Counter, Interest, Opening, Payment
from banks.simulator.faults import AnswerFault, OrderFault
from banks.simulator.orders import BulkDecision, OrderDesk
from banks.simulator.personality import Personality
from banks.simulator.postman import Posting, Postman
from banks.simulator.records import ClockAdvanced, End
from banks.simulator.refusals import Impossible
from banks.simulator.same_site import keep_out_other_sites
from banks.simulator.settings import changed
from banks.simulator.state import State

BODY_MAX: Final = 1_000_000


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    status: End
    reason: str = "Refused by the bank"


class Approval(Struct, frozen=True, forbid_unknown_fields=True):
    decision: BulkDecision


class ReturnReason(Struct, frozen=True, forbid_unknown_fields=True):
    reason: str = "TAI KHOAN KHONG TON TAI"


class Advance(Struct, frozen=True, forbid_unknown_fields=True):
    """Move the bank's clock by so many seconds; back by an hour at most."""

    advance_s: Annotated[float, Meta(ge=-3600, le=86_400 * 400)]


class ListWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """Send the movements of `date` (the previous day when absent) in pages."""

    date: date | None = None
    page_size: Annotated[int, Meta(ge=1, le=1000)] = 1000


BODIES: Final[dict[str, tuple[str, type[Struct]]]] = {
    "/pay": ("Pay as a payer", Payment),
    "/charge": ("Take a charge", Charge),
    "/interest": ("Pay interest", Interest),
    "/accounts": ("Open an account", Opening),
    "/next-order": ("Fault of the next order", OrderFault),
    "/next-answer": ("Fault of the next answer", AnswerFault),
    "/webhooks": ("Webhooks", Posting),
    "/webhooks/yesterday": ("List of the previous day", ListWanted),
    "/clock": ("Clock", Advance),
}
"""What a person may send, with a title for it; settings are each bank's own."""

_Kind = TypeVar("_Kind", Decision, Approval, ReturnReason, Advance, ListWanted)
_Row = TypeVar("_Row")


class Control:
    """The routes of the control port."""

    def __init__(self, state: State, desk: OrderDesk, counter: Counter, postman: Postman, bank: Personality) -> None:
        self._state = state
        self._desk = desk
        self._counter = counter
        self._postman = postman
        self._bank = bank

    def app(self) -> Flask:
        """The WSGI application."""
        app = Flask("bank_control", static_folder=None)
        app.config["MAX_CONTENT_LENGTH"] = BODY_MAX
        reads: tuple[tuple[str, Callable[..., object]], ...] = (
            ("/state", self.state),
            ("/orders", self.orders),
            ("/orders/<trace>", self.order),
            ("/movements", self.movements),
            ("/deliveries", lambda: _latest(self._state.deliveries)),
            ("/notices", lambda: _latest(list(self._state.notices.values()))),
            ("/refusals", lambda: _latest(self._state.refusals)),
            ("/forms", self.forms),
        )
        acts: tuple[tuple[str, Callable[..., object]], ...] = (
            ("/pay", lambda: self._counter.pay(_body())),
            ("/charge", lambda: self._counter.charge(_body())),
            ("/interest", lambda: self._counter.interest(_body())),
            ("/accounts", lambda: self._counter.open(_body())),
            ("/next-order", self.next_order),
            ("/next-answer", self.next_answer),
            ("/orders/<trace>", self.decide),
            ("/bulks/<bulk>", lambda bulk: self._desk.decide_bulk(bulk, _read(Approval).decision)),
            ("/orders/<trace>/return", lambda trace: self._desk.give_back(trace, _read(ReturnReason).reason)),
            ("/orders/<trace>/notify", lambda trace: self._postman.tell_again(trace, _body())),
            ("/movements/<reference>/reverse", lambda reference: self._counter.reverse(reference)),
            ("/movements/<reference>/notify", lambda reference: self._postman.notify(reference, _body())),
            ("/webhooks", lambda: self._postman.arrange(_body())),
            ("/webhooks/yesterday", self.yesterday),
            ("/clock", self.clock),
            ("/tokens/expire", lambda: {"expired": self._bank.expire_tokens()}),
            ("/settings", self.settings),
        )
        for method, routes in (("GET", reads), ("POST", acts)):
            for path, view in routes:
                app.add_url_rule(path, f"{method} {path.replace('.', '')}", _as_json(view), methods=[method])
        app.register_error_handler(Impossible, _refuse)
        keep_out_other_sites(app)
        return app

    def state(self) -> object:
        """GET /state."""
        with self._state.lock:
            books = self._state.books
            own = [account for account in books.accounts if account.bin is None and account.parent is None]
            return {
                "bank": {
                    "code": self._bank.profile.code,
                    "name": self._bank.profile.name,
                    "bin": self._bank.profile.bin,
                },
                "accounts": [
                    {
                        "number": account.number,
                        "name": account.name,
                        "client": account.client,
                        "balance": books.balance(account.number),
                        "available": books.balance(account.number) - self._state.pending(account.number),
                    }
                    for account in own
                ],
                "trial_balance": books.trial_balance,
                "trial_balance_sum": sum(books.trial_balance.values()),
                "entries": len(books.entries),
                "orders": len(self._state.orders),
                "faults_waiting": self._state.mischief.waiting,
                "webhook_mode": self._postman.posting.mode,
                "webhooks": self._postman.posting,
                "webhook_url": self._postman.url,
                "now": self._state.clock.now(),
                "clock_offset_s": self._state.clock.offset_s,
                "settings": self._state.settings,
            }

    def orders(self) -> object:
        """GET /orders."""
        with self._state.lock:
            return [self._order(trace) for trace in _latest(list(self._state.orders))]

    def order(self, trace: str) -> object:
        """GET /orders/{trace}: also for a trace number that was received and not stored."""
        with self._state.lock:
            if trace not in self._state.orders and not self._state.received[trace]:
                raise Impossible(404, f"no order {trace} was ever received")
            return self._order(trace) | {"enquiries": self._state.enquired[trace]}

    def _order(self, trace: str) -> dict[str, object]:
        order = self._state.orders.get(trace)
        known: dict[str, object] = {"trace": trace, "status": None} if order is None else msgspec.to_builtins(order)
        return known | {"stored": order is not None, "received": self._state.received[trace]}

    def movements(self) -> object:
        """GET /movements."""
        with self._state.lock:
            return _latest(self._state.books.movements(request.args.get("account")))

    def forms(self) -> object:
        """GET /forms."""
        profile = self._bank.profile
        return forms.described(BODIES | {"/settings": ("Settings", profile.settings)}, profile.answers)

    def next_order(self) -> object:
        """POST /next-order."""
        with self._state.lock:
            return self._state.mischief.plan_order(_body())

    def next_answer(self) -> object:
        """POST /next-answer."""
        with self._state.lock:
            return self._state.mischief.plan_answer(_body())

    def decide(self, trace: str) -> object:
        """POST /orders/{trace}."""
        decision = _read(Decision)
        self._desk.decide(trace, decision.status, decision.reason)
        return self.order(trace)

    def yesterday(self) -> object:
        """POST /webhooks/yesterday."""
        wanted = _read(ListWanted)
        return self._postman.send_list(wanted.date, wanted.page_size)

    def clock(self) -> object:
        """POST /clock."""
        step = _read(Advance).advance_s
        with self._state.lock:
            self._state.keep(ClockAdvanced(self._state.clock.offset_s + step))
            return {"now": self._state.clock.now(), "offset_s": self._state.clock.offset_s}

    def settings(self) -> object:
        """POST /settings."""
        body = _body()
        if not isinstance(body, dict):
            raise Impossible(400, "settings must be a JSON object")
        with self._state.lock:
            self._state.settings = changed(self._state.settings, body)
            return self._state.settings


def _body() -> object:
    """The JSON body; no body means an empty object. Raises Impossible (400)."""
    try:
        body: object = msgspec.json.decode(request.get_data() or b"{}")
    except (msgspec.DecodeError, RecursionError) as fault:
        raise Impossible(400, f"the body is not JSON: {fault}") from fault
    return body


def _latest(rows: Sequence[_Row]) -> Sequence[_Row]:
    """The last rows, as many as `?last=N` wants; all without it. Raises Impossible (400)."""
    last = request.args.get("last")
    if last is None:
        return list(rows)
    if not (last.isascii() and last.isdigit() and 0 < len(last) < 7 and int(last)):
        raise Impossible(400, "last must be a number from 1 to 999999")
    return list(rows[-int(last) :])


def _read(kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(_body(), kind)
    except msgspec.ValidationError as fault:
        raise Impossible(400, str(fault)) from fault


def _as_json(view: Callable[..., object]) -> Callable[..., Response]:
    def answer(**parts: str) -> Response:
        return Response(msgspec.json.encode(view(**parts)), mimetype="application/json")

    return answer


def _refuse(refusal: Impossible) -> Response:
    return Response(msgspec.json.encode({"error": refusal.reason}), refusal.http, mimetype="application/json")
