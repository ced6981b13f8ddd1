"""VietinBank's HTTP interface (4.1): IBM keys in the headers, a signature in every body.

[assumed]: wrong IBM keys are HTTP 401; whatever is wrong with a body is HTTP 200 with the general refusal; an account
that does not exist is a refused name lookup. An address that is not listed gets its connection closed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Final, cast

from flask import Flask, Response, jsonify, request

from banks.simulator.faults import OrderFault
from banks.simulator.gate import Gate, hang_up
from banks.simulator.jsonfields import parse_object
from banks.simulator.orders import OrderDesk
from banks.simulator.records import Order
from banks.simulator.refusals import Barred, Malformed, Refused
from banks.simulator.state import State
from banks.simulator.vietinbank import bodies, rows, signing
from banks.simulator.vietinbank.codes import (
    BARRED,
    BIN,
    DISBURSEMENT_DONE,
    DONE,
    DUPLICATE,
    MAINTENANCE,
    REFUSED,
    record_status,
)
from banks.simulator.vietinbank.enrolment import API_PATH

if TYPE_CHECKING:
    from banks.simulator.vietinbank.enrolment import VietinSide
    from banks.simulator.vietinbank.settings import VietinSettings

Answer = tuple[Response, int]
FAULT_TARGETS: Final = {"lookup": "lookup", "enquiry": "status", "statement": "history", "balance": "balance"}


class Gateway:
    """The routes of the bank's interface over `state`."""

    def __init__(self, state: State, desk: OrderDesk) -> None:
        self._state = state
        self._desk = desk
        self._side = cast("VietinSide", state.bank_side)

    def app(self) -> Flask:
        """The WSGI application."""
        app = Flask("vietinbank", static_folder=None)
        routes: tuple[tuple[str, Callable[[], Answer]], ...] = (
            ("erp/v1/account/benAcctInq", self.lookup),
            ("erp/v1/payment/transfer", self.transfer),
            ("erp/v1/payment/inquiry", self.enquiry),
            ("erp/v1/statement/inquiry", self.statement),
            ("disbursement/merchantAccountInfo", self.balance),
        )
        for path, view in routes:
            app.add_url_rule(f"{API_PATH}/{path}", view.__name__, view, methods=["POST"])
        app.register_error_handler(Refused, self._refuse)
        app.register_error_handler(Malformed, lambda fault: self._refuse(Refused(200, REFUSED, str(fault))))
        app.register_error_handler(Barred, lambda bar: self._refuse(Refused(200, BARRED[bar.cause], bar.reason)))
        self._gate = Gate(app, self._state, FAULT_TARGETS)
        app.before_request(self._authenticate)
        return app

    def _authenticate(self) -> Response | None:
        if not cast("VietinSettings", self._state.settings).listed:
            return hang_up()
        known = request.headers.get("x-ibm-client-id") == self._side.client_id
        if not known or not self._side.knows_secret(request.headers.get("x-ibm-client-secret", "")):
            raise Refused(401, None, "x-ibm-client-id or x-ibm-client-secret is wrong")
        if not re.fullmatch(
            r"application/json;\s*charset=utf-8", request.headers.get("Content-Type", ""), re.IGNORECASE
        ):
            raise Refused(415, None, "Content-Type must be application/json; charset=utf-8")
        if request.headers.get("Accept") != "application/json":
            raise Refused(406, None, "Accept must be application/json")
        if self._state.settings.maintenance:
            raise Refused(200, MAINTENANCE, "the control port switched maintenance on")
        return None

    def _refuse(self, refusal: Refused) -> Answer:
        self._state.note_refusal(request.path, refusal)
        if refusal.code is None:
            return jsonify({"httpCode": str(refusal.http), "httpMessage": "Error", "moreInformation": ""}), refusal.http
        return jsonify({"requestId": _request_id(), "status": _status(refusal.code, refusal.reason)}), refusal.http

    def _read(self, own: dict[str, tuple[str, str]], signed: tuple[str, ...], channel: str = "WEB") -> bodies.Request:
        body = parse_object(request.get_data(), "body")
        found = bodies.read(body, self._side, own, signed, channel)
        self._verify(found)
        return found

    def _verify(self, found: bodies.Request, digest: signing.Digest = "sha256") -> None:
        if not signing.holds(found.signature, found.plain, self._side.customer_public_pem, digest):
            raise Malformed(f"the signature does not hold over {found.plain!r}")

    def lookup(self) -> Answer:
        """4.1.1: the name an account stands in."""
        own = {
            "account": bodies.ACCOUNT,
            "bankId": (r"[0-9]{6}", "a six-digit bank number"),
            "clientIP": bodies.client_ip(self._side),
        }
        asked = self._read(own, bodies.LOOKUP)
        bank = asked.fields["bankId"]
        account = self._state.books.account(asked.fields["account"], None if bank == BIN else bank)
        if account is None:
            raise Refused(200, REFUSED, "Account not found")
        answer = {"status": _status(DONE, "Success"), "accountName": account.name, "active": "true"}
        return jsonify({"requestId": asked.id} | answer), 200

    def transfer(self) -> Answer:
        """4.1.2: file an order; it waits for its approval."""
        wanted = bodies.transfer(parse_object(request.get_data(), "body"), self._side)
        self._desk.count_received(wanted.instructions)
        self._verify(wanted.request)
        self._state.client_account(wanted.request.fields["feeAccount"])
        _, fault = self._desk.accept(wanted.source, wanted.instructions, wanted.request.id)
        if (spoilt := self._gate.order_answer(fault)) is not None:
            return spoilt, spoilt.status_code
        if fault is not None:
            self._refuse_order(fault)
        other = fault is not None and fault.fault == "other_order"
        answer = {"requestId": f"X{wanted.request.id[1:]}" if other else wanted.request.id}
        return jsonify(answer | {"status": _status(DONE, "Success")}), 200

    def _refuse_order(self, fault: OrderFault) -> None:
        """Refuse in VietinBank's words where `fault` wants a refusal. Raises Refused."""
        match fault.fault:
            case "decline" if fault.how == "answer":
                code, reason = self._state.profile.decline
                raise Refused(200, fault.code or code, fault.reason or reason)
            case "answer_duplicate":
                raise Refused(200, fault.code or DUPLICATE, "Duplicate requestId")
            case "bad_signature":
                raise Refused(200, REFUSED, "Invalid signature")
            case _:
                pass

    def enquiry(self) -> Answer:
        """4.1.3 [assumed]: where one record of an earlier request stands."""
        own = {
            "originalRequestId": bodies.ID,
            "transId": bodies.TRANS_ID,
            "clientIP": bodies.client_ip(self._side),
        }
        asked = self._read(own, bodies.ENQUIRY)
        bulk = self._state.bulks.get(asked.fields["originalRequestId"])
        order = self._desk.found(asked.fields["transId"], date.min, date.max)
        found = [order] if order is not None and bulk is not None and order.trace in bulk.traces else []
        return jsonify(
            {"requestId": asked.id, "status": _status(DONE, "Success"), "records": [*map(_line, found)]}
        ), 200

    def statement(self) -> Answer:
        """4.1.4: the movements of an account on one day in one direction."""
        own = {
            "model": ("1", "1"),
            "account": bodies.ACCOUNT,
            "fromDate": (r"\d\d/\d\d/\d{4}", "dd/MM/yyyy"),
            "accountType": ("D", "D"),
            "collectionType": ("c|d", "c or d"),
            "agencyType": ("a", "a"),
            "clientIP": bodies.client_ip(self._side),
        }
        asked = self._read(own, bodies.STATEMENT, "ERP")
        day = bodies.day(asked.fields["fromDate"], "body.fromDate")
        wanted = "credit" if asked.fields["collectionType"] == "c" else "debit"
        with self._state.lock:
            account = self._state.client_account(asked.fields["account"])
            found = [row for row in self._state.visible(account.number, day, day) if row.direction == wanted]
            records = [rows.record(self._state, row, place) for place, row in enumerate(found, start=1)]
        return jsonify({"requestId": asked.id, "status": _status(DONE, "Success"), "records": records}), 200

    def balance(self) -> Answer:
        """4.1.5, merchantAccountInfo: what is on an account, signed by the bank with SHA-1."""
        asked = bodies.read(
            parse_object(request.get_data(), "body"), self._side, {"accountId": bodies.ACCOUNT}, bodies.BALANCE, "WEB"
        )
        self._verify(asked, "sha1")
        with self._state.lock:
            account = self._state.client_account(asked.fields["accountId"])
            amount = self._state.books.balance(account.number)
        covered = signing.plain(asked.id, asked.fields["providerId"], asked.fields["merchantId"], DISBURSEMENT_DONE)
        answer = {
            "requestId": asked.id,
            "providerId": asked.fields["providerId"],
            "merchantId": asked.fields["merchantId"],
            "status": _status(DISBURSEMENT_DONE, "Success"),
            "accountName": account.name,
            "bankId": BIN,
            "balances": {"accId": account.number, "amount": str(amount), "currencyCode": "VND"},
            "signature": signing.sign(covered, self._side.bank_private_pem, "sha1"),
        }
        return jsonify(answer), 200


def _status(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}


def _request_id() -> str:
    """The requestId of a body that may be no request at all."""
    body = request.get_json(silent=True)
    value = body.get("requestId") if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""


def _line(order: Order) -> dict[str, str]:
    number = order.transaction_number if order.shown_status is None else None
    return {
        "transId": order.trace,
        "status": record_status(order),
        "bankTransactionId": "" if number is None else f"VTB{number}",
        "description": order.reason or "Success",
        "feeAmount": str(order.charge),
        "vatAmount": "0",
    }
