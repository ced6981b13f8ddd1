"""The bank's HTTP interface: tokens, balance, history, payment orders, their status (specification 2.1.1-2.1.7).

[assumed] where the specification is silent: a wrong X-Client-ID or X-Provider-ID and a foreign account are HTTP 403; a
missing or malformed header or parameter is HTTP 400 with 01030001; business refusals of an order are HTTP 200 with
their code; X-Service of payment orders is not checked, because no value for it is known.
"""

from __future__ import annotations

import re
import secrets
import socket
from collections import deque
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from flask import Flask, Request, Response, jsonify, request

from banks.simulator import authorization, payment_order, statements
from banks.simulator.clock import VIETNAM
from banks.simulator.enrolment import API_PATH, TOKEN_PATH
from banks.simulator.faults import OrderFault
from banks.simulator.jsonfields import UUID, parse_object
from banks.simulator.orders import OrderDesk
from banks.simulator.records import Order
from banks.simulator.refusals import (
    DATA_NOT_FOUND,
    DUPLICATE_TRACE,
    MAINTENANCE,
    SUCCESS,
    TEXTS,
    Refused,
    bad_format,
    mismatch,
)
from banks.simulator.state import State
from banks.simulator.tokens import TokenOffice

BODY_MAX: Final = 2_000_000
RATE_LIMIT: Final = 200
RATE_WINDOW: Final = timedelta(seconds=60)
Answer = tuple[Response, int]

HEADERS: Final[dict[str, dict[str, str]]] = {
    "balance": {"X-Service": "account-information"},
    "history": {
        "X-Service": "statement",
        "Request-ID": r"[A-Za-z0-9-]{1,64}",
        "TPP-ID": r"[\x21-\x7e]{1,64}",
        "Request-DateTime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    },
    "payment": {"X-Channel": "SOBA"},
}
"""What each family of calls must carry besides Authorization, X-Client-ID, X-Provider-ID and X-Request-ID."""


class OpenApi:
    """The routes of the bank's interface over `state`."""

    def __init__(self, state: State, tokens: TokenOffice, desk: OrderDesk) -> None:
        self._state = state
        self._tokens = tokens
        self._desk = desk
        self._signers = authorization.certificates(
            {signer.authorization_id: signer.certificate_pem for signer in state.bank_side.signers}
        )
        self._calls: deque[datetime] = deque()

    def app(self) -> Flask:
        """The WSGI application."""
        app = Flask("acb_open_api", static_folder=None)
        app.config["MAX_CONTENT_LENGTH"] = BODY_MAX
        orders = f"{API_PATH}/payments/payment-order/v2"
        routes: tuple[tuple[str, str, Callable[[], Answer]], ...] = (
            ("POST", TOKEN_PATH, self.token),
            ("GET", f"{API_PATH}/customers/account/v1/balances", self.balance),
            ("GET", f"{API_PATH}/accounts/transactions/v2/transaction-history", self.history),
            ("POST", f"{orders}/transaction", self.create_one),
            ("POST", f"{orders}/bulk-transaction", self.create_bulk),
            ("GET", f"{orders}/transaction", self.status_of_one),
            ("GET", f"{orders}/bulk-transaction", self.status_of_bulk),
        )
        for method, path, view in routes:
            app.add_url_rule(path, view.__name__, view, methods=[method])
        app.before_request(self._admit)
        app.after_request(self._mark)
        app.register_error_handler(Refused, self._refuse)
        return app

    def _admit(self) -> Response | None:
        """Read the whole body, keep the rate, and let planned faults of this kind of request happen."""
        request.get_data()
        now = self._state.clock.now()
        with self._state.lock:
            while self._calls and self._calls[0] < now - RATE_WINDOW:
                self._calls.popleft()
            if self._state.settings.rate_max and len(self._calls) >= self._state.settings.rate_max:
                raise Refused(429, None, "more requests in a minute than the settings allow")
            self._calls.append(now)
            fault = self._state.mischief.for_answer(FAULT_TARGETS.get(request.endpoint or "", ""))
        self._state.clock.sleep(self._state.settings.answer_s + (fault.seconds if fault else 0))
        if fault is None:
            return None
        return hang_up(request) if fault.drop else Response(fault.text, status=fault.http)

    def _mark(self, response: Response) -> Response:
        """Gateway headers seen in sandbox logs."""
        left = max(RATE_LIMIT - len(self._calls), 0)
        response.headers["X-RateLimit-Limit"] = f"name=Default rate-limit,{RATE_LIMIT};"
        response.headers["X-RateLimit-Remaining"] = f"name=Default rate-limit,{left};"
        response.headers["X-BurstLimit-Limit"] = "name=Default burst-limit,10;"
        response.headers["X-Global-Transaction-ID"] = secrets.token_hex(12)
        if re.fullmatch(UUID, echo := request.headers.get("X-Request-ID", "")):
            response.headers["X-Request-Id"] = echo
        return response

    def _refuse(self, refusal: Refused) -> Answer:
        self._state.note_refusal(request.path, refusal)
        if refusal.code is None:
            words = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
            text = words.get(refusal.http, "Error")
            return jsonify({"httpCode": str(refusal.http), "httpMessage": text, "moreInformation": ""}), refusal.http
        body = {"responseDateTime": self._now_text(), "responseStatus": _status(refusal.code, refusal.reason)}
        return jsonify(body), refusal.http

    def _now_text(self) -> str:
        return self._state.clock.now().astimezone(VIETNAM).isoformat(timespec="seconds")

    def _authenticate(self, family: str) -> None:
        """Token, then the headers every call has, then those of `family`. Raises Refused (401, 400, 403)."""
        self._tokens.check(request.headers.get("Authorization", ""))
        bank_side = self._state.bank_side
        owned = {"X-Client-ID": bank_side.client_id, "X-Provider-ID": bank_side.provider_id}
        if family == "history":
            owned["Provider-ID"] = bank_side.provider_id
        for name, pattern in ({"X-Request-ID": UUID} | HEADERS[family]).items():
            if not re.fullmatch(pattern, request.headers.get(name, "")):
                raise bad_format(f"header {name} must match {pattern}")
        for name, value in owned.items():
            if name not in request.headers:
                raise bad_format(f"header {name} is missing")
            if request.headers[name] != value:
                raise Refused(403, None, f"header {name} names another client or provider than the token's")
        if self._state.settings.maintenance:
            raise Refused(503, MAINTENANCE, "the control port switched maintenance on")

    def token(self) -> Answer:
        """2.1.1: a token for client credentials."""
        if request.mimetype != "application/x-www-form-urlencoded":
            raise Refused(400, None, "a token request must be a form")
        return jsonify(self._tokens.grant(request.form, self._state.settings.token_s)), 200

    def balance(self) -> Answer:
        """2.1.2: current balance, and the part of it that accepted orders have not taken yet."""
        self._authenticate("balance")
        number = _parameters({"account_number": payment_order.ACCOUNT[0]})["account_number"]
        with self._state.lock:
            account = self._state.client_account(number)
            current = self._state.books.balance(account.number)
            available = current - self._state.pending(account.number)
        data = {"current_balance": current, "available_balance": available, "currency": "VND"}
        status = {"code": SUCCESS, "error": None, "message": TEXTS[SUCCESS]}
        return jsonify({"requestId": request.headers["X-Request-ID"], "status": status, "data": data}), 200

    def history(self) -> Answer:
        """2.1.3: rows of an account, newest first, by pages."""
        self._authenticate("history")
        digits = r"[1-9][0-9]{0,4}"
        wanted = {"account": payment_order.ACCOUNT[0], "fromDate": DAY, "toDate": DAY, "page": digits, "size": digits}
        given = _parameters(wanted)
        first, last = _days(given)
        size = int(given["size"])
        if size > statements.SIZE_MAX:
            raise bad_format(f"size must be at most {statements.SIZE_MAX}")
        with self._state.lock:
            self._state.client_account(given["account"])
            data = statements.page(self._state, given["account"], first, last, int(given["page"]), size)
        return self._success(data)

    def create_one(self) -> Answer:
        """2.1.5: one payment order."""
        return self._create(bulk=False)

    def create_bulk(self) -> Answer:
        """2.1.5: several payment orders in one."""
        return self._create(bulk=True)

    def _create(self, *, bulk: bool) -> Answer:
        self._authenticate("payment")
        if request.mimetype != "application/json":
            raise bad_format("Content-Type must be application/json")
        wanted = payment_order.read(parse_object(request.get_data(), "body"), bulk=bulk)
        self._desk.count_received(wanted)
        authorization.check(wanted.data, wanted.authorizations, self._signers)
        orders, fault = self._desk.accept(wanted)
        if fault is not None and (spoilt := self._spoil(fault)) is not None:
            return spoilt
        data = statements.bulk_created(wanted.bulk, orders) if wanted.bulk else statements.created(orders[0])
        if fault is not None and fault.fault == "other_order":
            data = statements.created(orders[0], trace=f"X{orders[0].trace[1:]}")
        return self._success(data, wanted.request_trace)

    def _spoil(self, fault: OrderFault) -> Answer | None:
        """The answer instead of the right one; None when `fault` leaves the answer as it is."""
        match fault.fault:
            case "lose_order":
                return hang_up(request), 200
            case "lose_answer":
                self._state.clock.sleep(fault.seconds)
                return hang_up(request), 200
            case "slow":
                self._state.clock.sleep(fault.seconds)
            case "decline" if fault.how == "create":
                raise Refused(200, fault.code, fault.reason)
            case "http_error" | "http_500_after_execute":
                raise Refused(fault.http, None, f"fault {fault.fault}")
            case "malformed":
                return Response(fault.text, mimetype="text/html"), 200
            case "answer_duplicate":
                raise Refused(200, DUPLICATE_TRACE, "fault answer_duplicate")
            case "mismatch_certificate":
                raise mismatch("fault mismatch_certificate")
            case _:
                pass
        return None

    def status_of_one(self) -> Answer:
        """2.1.6: where one order stands."""
        self._authenticate("payment")
        given = _parameters({"transactionTraceNumber": payment_order.TRACE[0], "fromDate": DAY, "toDate": DAY})
        order = self._desk.found(given["transactionTraceNumber"], *_days(given))
        if order is not None:
            return self._success(statements.status([order]))
        return self._not_found(f"order {given['transactionTraceNumber']}")

    def status_of_bulk(self) -> Answer:
        """2.1.6: where a bulk and each of its lines stand; lines the fault not_found_for hides are left out."""
        self._authenticate("payment")
        bulk = _parameters({"bulkTraceNumber": payment_order.TRACE[0]})["bulkTraceNumber"]
        kept = self._state.bulks.get(bulk)
        traces = kept.traces if kept is not None else ()
        found = [self._desk.found(trace, date.min, date.max) for trace in traces]
        orders: list[Order] = [order for order in found if order is not None]
        return self._success(statements.bulk_status(bulk, orders)) if orders else self._not_found(f"bulk {bulk}")

    def _not_found(self, what: str) -> Answer:
        shape = self._state.settings.not_found
        if shape == "empty":
            return self._success(statements.status([]))
        raise Refused(int(shape), DATA_NOT_FOUND, f"{what} is not found")

    def _success(self, data: Mapping[str, object], request_trace: str | None = None) -> Answer:
        body: dict[str, object] = {"requestTrace": request_trace} if request_trace is not None else {}
        body |= {"responseDateTime": self._now_text(), "responseStatus": _status(SUCCESS, ""), "responseData": data}
        return jsonify(body), 200


FAULT_TARGETS: Final = {
    "token": "token",
    "balance": "balance",
    "history": "history",
    "status_of_one": "status",
    "status_of_bulk": "status",
}
DAY: Final = r"\d{4}-\d\d-\d\d"


def _status(code: str, reason: str) -> dict[str, str]:
    return {"responseCode": code, "responseMessage": TEXTS.get(code, reason)}


def _parameters(patterns: Mapping[str, str]) -> dict[str, str]:
    """The query parameters, exactly those of `patterns`, once each. Raises Refused (400)."""
    if sorted(key for key, _ in request.args.items(multi=True)) != sorted(patterns):
        raise bad_format(f"parameters must be {', '.join(patterns)}, once each")
    for name, pattern in patterns.items():
        if not re.fullmatch(pattern, request.args[name], re.ASCII):
            raise bad_format(f"parameter {name} must match {pattern}")
    return request.args.to_dict()


def _days(given: Mapping[str, str]) -> tuple[date, date]:
    try:
        first, last = date.fromisoformat(given["fromDate"]), date.fromisoformat(given["toDate"])
    except ValueError as fault:
        raise bad_format(f"fromDate or toDate is no day: {fault}") from fault
    if first > last:
        raise bad_format("fromDate is after toDate")
    return first, last


def hang_up(asked: Request) -> Response:
    """Close the connection under the request: its sender gets no answer."""
    asked.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response()
