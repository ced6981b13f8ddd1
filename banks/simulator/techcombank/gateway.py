"""The bank's SOAP interface: one address, four operations, told apart by SOAPAction and by the element in the body.

[assumed], as the specification is silent: `FundTransfer`, `AccountInfo` and `InqListBankInfo` are known as SOAPActions,
the enquiry has the name it is signed under; quotes around it may be missing. What is not SOAP, or names no operation,
is a SOAP fault with HTTP 500; everything else is refused in the answer of its operation with HTTP 200. A wrong user or
password is HTTP 401. AcctInqRq tells the balances of an enrolled account to the role OWNER and in every other case who
the owner is. A status enquiry may come unsigned, as one public client sends it; a signature that is there must hold,
and the first signer's alone is enough.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from flask import Flask, Response, g, jsonify, request

from banks.simulator.gate import Gate
from banks.simulator.orders import OrderDesk
from banks.simulator.refusals import Barred, Malformed, Refused
from banks.simulator.techcombank import answers, movements, requests, sealing, signing, soap
from banks.simulator.techcombank.codes import (
    BARRED,
    DUPLICATE,
    MAINTENANCE,
    NO_ACCOUNT,
    OTHER,
    SIGNATURE,
    VALIDATION,
    refused,
)
from banks.simulator.techcombank.enrolment import API_PATH
from banks.simulator.techcombank.requests import Caller, Header
from banks.simulator.techcombank.soap import ACCOUNT, COLLECTION, Tree
from banks.simulator.xml_elements import Node, parse

if TYPE_CHECKING:
    from banks.simulator.faults import OrderFault
    from banks.simulator.state import State
    from banks.simulator.techcombank.enrolment import TechcombankSide
    from banks.simulator.techcombank.settings import TechcombankSettings

FAULT_TARGETS: Final = {
    "FundTransfer": "transfer",
    "InqTransactionStatus": "status",
    "InqListBankInfo": "banks",
    "AccountInfo": "account",
    "history": "history",
}
OWNER: Final = "OWNER"
DAY: Final = r"\d{4}-\d\d-\d\d"
PARAMETERS: Final = {
    "arrangementId": requests.ACCOUNT[0],
    "bookingDateGreaterThan": DAY,
    "bookingDateLessThan": DAY,
    "from": r"[0-9]{1,6}",
    "size": r"[1-9][0-9]{0,3}",
}


class Operation(NamedTuple):
    """What one SOAPAction asks for: the request's element and its namespace, who answers, and the answer's name."""

    element: str
    namespace: str
    view: Callable[[Node], Tree]
    answer: str


class Ready(Exception):
    """An answer that is no SOAP message of ours any more, because a fault wants it so."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Gateway:
    """The routes of the bank's interface over `state`."""

    def __init__(self, state: State, desk: OrderDesk) -> None:
        self._state = state
        self._side = cast("TechcombankSide", state.bank_side)
        self._caller = Caller(self._side.partner, self._side.channel)
        self._signatories = self._side.signatories
        self._desk = desk
        self._turns = itertools.count()
        self._operations = {
            "FundTransfer": Operation("XferReq", COLLECTION, self.fund_transfer, "XferRspn"),
            "InqTransactionStatus": Operation("InqTxStsReq", COLLECTION, self.transaction_status, "InqTxStsRspn"),
            "InqListBankInfo": Operation("InqBnkInfReq", COLLECTION, self.bank_list, "InqBnkInfRspn"),
            "AccountInfo": Operation("AcctInqRq", ACCOUNT, self.account, "AcctInqRs"),
        }

    def app(self) -> Flask:
        """The WSGI application."""
        app = Flask("techcombank_h2h", static_folder=None)
        app.add_url_rule(API_PATH, "soap", self.soap, methods=["POST"])
        app.add_url_rule(f"{API_PATH}/transactions", "history", self.history, methods=["GET"])
        app.register_error_handler(Refused, self._without_soap)
        app.register_error_handler(Ready, lambda ready: ready.response)
        self._gate = Gate(app, self._state, FAULT_TARGETS, _named)
        return app

    @property
    def _settings(self) -> TechcombankSettings:
        return cast("TechcombankSettings", self._state.settings)

    def _prefixes(self) -> tuple[str, str]:
        return soap.style(self._settings.prefixes, next(self._turns))

    def _authenticate(self) -> None:
        """HTTP Basic. Raises Refused (401)."""
        given = request.authorization
        if given is None or given.type != "basic":
            raise Refused(401, None, "Authorization must be Basic")
        if not self._side.knows(given.username or "", given.password or ""):
            raise Refused(401, None, "user or password is wrong")

    def _without_soap(self, refusal: Refused) -> Response:
        """What is refused before or beside SOAP: by HTTP status alone; 500 is the fault of a SOAP server."""
        self._state.note_refusal(request.path, refusal)
        if refusal.http == 500:
            return _xml(soap.fault("Server", "Internal Error", self._prefixes()), 500)
        return Response(f"HTTP {refusal.http}", refusal.http, mimetype="text/plain")

    def soap(self) -> Response:
        """Every SOAP call: who calls, which operation, what it answers."""
        self._authenticate()
        operation = self._operations.get(_named())
        try:
            asked = _body(operation)
        except Malformed as fault:
            self._state.note_refusal(request.path, Refused(500, None, str(fault)))
            return _xml(soap.fault("Client", "Invalid request", self._prefixes()), 500)
        if operation is None:
            raise Refused(500, None, f"no operation {_named()!r}")
        tree = self._answered(operation, asked)
        return _xml(soap.message(tree, operation.namespace, self._prefixes()), 200)

    def _answered(self, operation: Operation, asked: Node) -> Tree:
        try:
            if self._settings.maintenance:
                raise refused(MAINTENANCE, "the control port switched maintenance on")
            return operation.view(asked)
        except Malformed as fault:
            refusal = refused(VALIDATION, str(fault))
        except Barred as bar:
            refusal = refused(BARRED[bar.cause], bar.reason)
        except Refused as known:
            if known.code is None:
                raise
            refusal = known
        self._state.note_refusal(f"{request.path} {operation.element}", refusal)
        code = refusal.code or OTHER
        if operation.namespace == ACCOUNT:
            id_ = next((child.text for child in asked.children if child.name == "RqUID"), "")
            return answers.account_refusal(id_, code, refusal.reason)
        return answers.refusal(operation.answer, code, refusal.reason, g.get("header"))

    def _header(self, asked: Node) -> tuple[Header, Node]:
        """The header and ReqInf; an answer that refuses repeats the header."""
        found, inner = requests.header(asked, self._caller)
        g.header = found
        return found, inner

    def _unsealed(self, text: str) -> Node:
        return parse(sealing.unseal(text, self._side.sealing_key_pem, self._settings.envelope))

    def fund_transfer(self, asked: Node) -> Tree:
        """5.1.3: one transfer, taken and executed later."""
        header, closed = self._header(asked)
        opened = self._unsealed(requests.sealed(closed))
        if (opened.namespace, opened.name) != (COLLECTION, "ReqInf"):
            raise Malformed("what is sealed must be an element ReqInf of the same namespace")
        wanted = requests.transfer(header, opened)
        self._desk.count_received([wanted.instruction])
        signing.check(wanted.canonical, header.signatures, self._signatories)
        requests.check_payable(wanted, self._settings.offline_bins)
        orders, fault = self._desk.accept(wanted.source, [wanted.instruction])
        if (spoilt := self._gate.order_answer(fault)) is not None:
            raise Ready(spoilt)
        if fault is not None:
            self._refuse_order(fault)
        other = f"X{header.id[1:]}" if fault is not None and fault.fault == "other_order" else None
        return answers.taken(header, orders[0], other)

    def _refuse_order(self, fault: OrderFault) -> None:
        """Refuse in Techcombank's words where `fault` wants a refusal. Raises Refused."""
        match fault.fault:
            case "decline" if fault.how == "answer":
                code, said = self._state.profile.decline
                raise refused(fault.code or code, fault.reason or said)
            case "answer_duplicate":
                raise refused(fault.code or DUPLICATE, "fault answer_duplicate")
            case "bad_signature":
                raise refused(SIGNATURE, "fault bad_signature")
            case _:
                pass

    def transaction_status(self, asked: Node) -> Tree:
        """5.1.4: where one order stands."""
        header, inner = self._header(asked)
        trace, canonical = requests.status_enquiry(header, inner)
        if header.signatures or self._settings.enquiry_signature == "required":
            # Two people answer for money, one for a question.
            signing.check(canonical, header.signatures, self._signatories[: len(header.signatures) or None])
        order = self._desk.found(trace, date.min, date.max)
        if order is not None:
            with self._state.lock:
                words = self._settings.status_words
                return answers.status(self._state, order, self._side.partner, self._side.channel, words)
        if self._settings.not_found == "error":
            raise refused(OTHER, f"order {trace} is not found")
        return answers.nothing_found()

    def bank_list(self, asked: Node) -> Tree:
        """5.1.5: all banks by their CITAD codes."""
        header, inner = self._header(asked)
        requests.all_banks(inner)
        return answers.banks_listed(header, self._settings.offline_bins)

    def account(self, asked: Node) -> Tree:
        """5.1.5: balances of the customer's own account, or who owns one at this bank."""
        enquiry = requests.account_enquiry(asked, self._unsealed)
        signing.check_text(enquiry.canonical, enquiry.token, self._signatories[0])
        with self._state.lock:
            found = self._state.books.account(enquiry.account)
            if found is None:
                raise refused(NO_ACCOUNT, f"account {enquiry.account} does not exist")
            return answers.account(self._state, enquiry.id, found, balances=found.client and enquiry.role == OWNER)

    def history(self) -> Response:
        """5.1.7: rows of an account, newest first, by pages."""
        self._authenticate()
        if self._settings.maintenance:
            raise Refused(503, None, "the control port switched maintenance on")
        given, first, last = _asked()
        try:
            with self._state.lock:
                self._state.client_account(given["arrangementId"])
                rows = movements.page(
                    self._state, given["arrangementId"], first, last, int(given["from"]), int(given["size"])
                )
        except Barred as bar:
            raise Refused(403, None, bar.reason) from bar
        return jsonify(rows)


def _named() -> str:
    """The call at hand: SOAPAction, or the endpoint of what is no SOAP."""
    if request.endpoint != "soap":
        return request.endpoint or ""
    action = request.headers.get("SOAPAction", "")
    return action[1:-1] if re.fullmatch(r'"[^"]*"', action) else action


def _body(operation: Operation | None) -> Node:
    """The request in the SOAP body, which must be the operation's. Raises Malformed."""
    if request.mimetype != "text/xml":
        raise Malformed("Content-Type must be text/xml")
    if operation is None:
        raise Malformed("SOAPAction names no operation of this bank")
    asked = soap.body(request.get_data())
    if (asked.namespace, asked.name) != (operation.namespace, operation.element):
        raise Malformed(f"the body must hold {operation.element}")
    return asked


def _asked() -> tuple[dict[str, str], date, date]:
    """The parameters of a history. Raises Refused (400)."""
    patterns = PARAMETERS | {"orderBy": "bookingDate", "direction": "DESC"}
    given = request.args.to_dict()
    if len(given) != len(list(request.args.items(multi=True))) or not PARAMETERS.keys() <= given.keys():
        raise Refused(400, None, f"parameters must be {', '.join(PARAMETERS)}, once each")
    for name, value in given.items():
        if not re.fullmatch(patterns.get(name, r"(?!)"), value, re.ASCII):
            raise Refused(400, None, f"parameter {name} is unknown or wrong")
    if int(given["size"]) > movements.SIZE_MAX:
        raise Refused(400, None, f"size must be at most {movements.SIZE_MAX}")
    try:
        first, last = (date.fromisoformat(given[name]) for name in ("bookingDateGreaterThan", "bookingDateLessThan"))
    except ValueError as fault:
        raise Refused(400, None, f"no day: {fault}") from fault
    return given, first, last


def _xml(text: str, http: int) -> Response:
    return Response(text, http, content_type="text/xml; charset=utf-8")
