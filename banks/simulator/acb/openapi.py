"""The bank's HTTP interface: tokens, balance, history, payment orders, their status (specification 2.1.1-2.1.7).

[assumed] where the specification is silent: a wrong X-Client-ID or X-Provider-ID and a foreign account are HTTP 403; a
missing or malformed header or parameter is HTTP 400 with 01030001; business refusals of an order are HTTP 200 with
their code; X-Service of payment orders is not checked, because no value for it is known.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Final, cast

from flask import Flask, Response, jsonify, request

from banks.simulator.acb import authorization, payment_order, statements
from banks.simulator.acb.codes import (
    BARRED,
    DATA_NOT_FOUND,
    DUPLICATE_TRACE,
    MAINTENANCE,
    SUCCESS,
    TEXTS,
    bad_format,
    mismatch,
)
from banks.simulator.acb.enrolment import API_PATH, TOKEN_PATH
from banks.simulator.clock import VIETNAM
from banks.simulator.faults import OrderFault
from banks.simulator.gate import Gate
from banks.simulator.jsonfields import UUID, parse_object
from banks.simulator.orders import OrderDesk
from banks.simulator.records import Order
from banks.simulator.refusals import Barred, Malformed, Refused
from banks.simulator.state import State
from banks.simulator.tokens import TokenOffice

if TYPE_CHECKING:
    from banks.simulator.acb.enrolment import AcbSide
    from banks.simulator.acb.settings import AcbSettings

SCOPE: Final = "soba-api"
RATE_LIMIT: Final = 200
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
        self._side = cast("AcbSide", state.bank_side)
        self._tokens = tokens
        self._desk = desk
        self._signers = authorization.certificates(
            {signer.authorization_id: signer.certificate_pem for signer in self._side.signers}
        )

    def app(self) -> Flask:
        """The WSGI application."""
        app = Flask("acb_open_api", static_folder=None)
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
        app.after_request(self._mark)
        app.register_error_handler(Refused, self._refuse)
        app.register_error_handler(Malformed, lambda fault: self._refuse(bad_format(str(fault))))
        app.register_error_handler(Barred, lambda bar: self._refuse(Refused(*BARRED[bar.cause], bar.reason)))
        self._gate = Gate(app, self._state, FAULT_TARGETS)
        return app

    def _mark(self, response: Response) -> Response:
        """Gateway headers seen in sandbox logs."""
        left = max(RATE_LIMIT - len(self._gate.calls), 0)
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
        side = self._side
        owned = {"X-Client-ID": side.client_id, "X-Provider-ID": side.provider_id}
        if family == "history":
            owned["Provider-ID"] = side.provider_id
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
        form, life_s = request.form, self._state.settings.token_s
        if form.get("grant_type") != "client_credentials" or form.get("scope") != SCOPE:
            raise Refused(400, None, f"grant_type must be client_credentials and scope {SCOPE}")
        if form.get("client_id") != self._side.client_id or not self._side.knows_secret(form.get("client_secret", "")):
            raise Refused(401, None, "client_id or client_secret is wrong")
        token = self._tokens.issue(life_s)
        return jsonify({"access_token": token, "token_type": "Bearer", "expires_in": life_s, "scope": SCOPE}), 200

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
        self._desk.count_received(wanted.instructions)
        authorization.check(wanted.data, wanted.authorizations, self._signers)
        orders, fault = self._desk.accept(wanted.source, wanted.instructions, wanted.bulk)
        if (spoilt := self._gate.order_answer(fault)) is not None:
            return spoilt, spoilt.status_code
        if fault is not None:
            self._refuse_order(fault)
        data = statements.bulk_created(wanted.bulk, orders) if wanted.bulk else statements.created(orders[0])
        if fault is not None and fault.fault == "other_order":
            data = statements.created(orders[0], trace=f"X{orders[0].trace[1:]}")
        return self._success(data, wanted.request_trace)

    def _refuse_order(self, fault: OrderFault) -> None:
        """Refuse in ACB's words where `fault` wants a refusal. Raises Refused."""
        match fault.fault:
            case "decline" if fault.how == "answer":
                code, reason = self._state.profile.decline
                raise Refused(200, fault.code or code, fault.reason or reason)
            case "answer_duplicate":
                raise Refused(200, fault.code or DUPLICATE_TRACE, "fault answer_duplicate")
            case "bad_signature":
                raise mismatch("fault bad_signature")
            case _:
                pass

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
        shape = cast("AcbSettings", self._state.settings).not_found
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
