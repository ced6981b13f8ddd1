"""MB's HTTP interface: tokens, names, transfers, their status, balance, history (specification 3.1.1-3.1.4, 3.1.8), and
the VietQR merchant product (merchant.py).

[assumed] where the specification is silent: what the gateway itself refuses (no token, an expired one, a wrong media
type) has the gateway's shape and an HTTP status of its own; a `clientMessageId` that comes again is refused, for it
changes with every call; a synchronous transfer is answered when it has ended, or after a while as PROCESSING; the older
status enquiry asks and answers like the newer; `debitName` is the name of the account, letter by letter.

Orders are kept by what follows the two codes in their transaction id.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final, cast

from flask import Flask, Response, jsonify, request

from banks.simulator import keys
from banks.simulator.clock import bank_day
from banks.simulator.faults import OrderFault
from banks.simulator.gate import Gate
from banks.simulator.jsonfields import UUID, parse_object
from banks.simulator.mb import merchant_desk, statements, transfer
from banks.simulator.mb.codes import (
    ACCESS,
    AUTHENTICATION,
    BAD_ACCOUNT,
    BAD_DATA,
    BARRED,
    BIN,
    DUPLICATE,
    INTERRUPTED,
    NO_SUCH_BANK,
    NOT_FOUND,
    refusal,
)
from banks.simulator.mb.enrolment import PARTNER_PATH
from banks.simulator.memos import folded
from banks.simulator.napas import banks
from banks.simulator.orders import Instruction, OrderDesk
from banks.simulator.refusals import Barred, Cause, Malformed, Refused
from banks.simulator.state import State
from banks.simulator.tokens import TokenOffice

if TYPE_CHECKING:
    from banks.simulator.mb.enrolment import MbSide
    from banks.simulator.mb.settings import MbSettings

TOKEN_PATH: Final = f"{PARTNER_PATH}/oauth2/v1/token"
TRANSFERS: Final = "ms/funds-partner/transfer-fund/v1.0"
CANARY: Final = f"{PARTNER_PATH}/canary/{TRANSFERS}"
MERCHANT: Final = f"{PARTNER_PATH}/ms/offus/public/payment-service/payment/v1.0"
MESSAGE_ID: Final = rf"{UUID}|[A-Za-z0-9]{{24,32}}"
MESSAGES_MAX: Final = 10_000
DAY: Final = r"\d\d/\d\d/\d{4}"
WORDS: Final = {400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests", 503: "Service Unavailable"}
Answer = tuple[Response, int]
Route = tuple[str, str, Callable[[], Answer]]
FAULT_TARGETS: Final = {
    "token": "token",
    "name": "lookup",
    "balance": "balance",
    "history": "history",
    "status": "status",
    "status_as_before": "status",
    "create_code": "merchant",
    "check_sale": "merchant",
    "refund_sale": "merchant",
}


class OpenApi:
    """The routes of the bank's interface over `state`. `targets`: the kind of every call, for faults; `barred`: the
    code for what the order desk does not take.
    """

    targets: ClassVar[Mapping[str, str]] = FAULT_TARGETS
    barred: ClassVar[Mapping[Cause, str]] = BARRED

    def __init__(self, state: State, tokens: TokenOffice, desk: OrderDesk) -> None:
        self._state = state
        self._side = cast("MbSide", state.bank_side)
        self._tokens = tokens
        self._desk = desk
        self._key = keys.public_key(self._side.customer_public_pem)
        self._messages: deque[str] = deque(maxlen=MESSAGES_MAX)
        self._merchant = merchant_desk.MerchantDesk(state)

    def app(self) -> Flask:
        """The WSGI application."""
        app = Flask("mb_open_api", static_folder=None)
        for method, path, view in self.routes():
            app.add_url_rule(path, view.__name__, view, methods=[method])
        app.register_error_handler(Refused, self._refuse)
        app.register_error_handler(Malformed, lambda fault: self._refuse(refusal(BAD_DATA, str(fault))))
        app.register_error_handler(Barred, lambda bar: self._refuse(refusal(self.barred[bar.cause], bar.reason)))
        self._gate = Gate(app, self._state, self.targets, self.call)
        return app

    def call(self) -> str:
        """Under which name the call at hand stands in `targets`."""
        return request.endpoint or ""

    def routes(self) -> tuple[Route, ...]:
        """Method, path and view of every call."""
        older = f"{PARTNER_PATH}/ms/bank-info/v1.0"
        return (
            ("POST", TOKEN_PATH, self.token),
            ("GET", f"{older}/account/info", self.name),
            ("POST", f"{PARTNER_PATH}/{TRANSFERS}/make-transfer-partner", self.transfer_now),
            ("POST", f"{CANARY}/make-transfer-partner-async", self.transfer_later),
            ("GET", f"{CANARY}/query-transaction-status", self.status),
            ("GET", f"{older}/transaction/trans-status", self.status_as_before),
            ("GET", f"{PARTNER_PATH}/ms/account/v1.0/balance", self.balance),
            ("GET", f"{PARTNER_PATH}/ms/transaction-statement/v1.0/history", self.history),
            ("POST", f"{MERCHANT}/createqr", self.create_code),
            ("POST", f"{MERCHANT}/checkOrder", self.check_sale),
            ("POST", f"{MERCHANT}/refundVietQR", self.refund_sale),
        )

    def _refuse(self, refused: Refused) -> Answer:
        """In the bank's words where there is a code, else in the gateway's."""
        self._state.note_refusal(request.path, refused)
        message = request.headers.get("clientMessageId", "")
        if refused.code is not None:
            body: dict[str, object] = {"errorCode": refused.code, "errorDesc": [refused.reason]}
            return jsonify(body if request.path == TOKEN_PATH else {"clientMessageId": message} | body), refused.http
        text = WORDS.get(refused.http, "Error")
        body = {
            "error": text,
            "soaErrorCode": str(refused.http),
            "soaErrorDesc": text,
            "clientMessageId": message,
            "path": request.path,
        }
        return jsonify(body), refused.http

    def _success(self, data: Mapping[str, object], message: str | None = None) -> Answer:
        body = {
            "clientMessageId": message or request.headers["clientMessageId"],
            "errorCode": self._settings.success,
            "errorDesc": [],
            "data": data,
        }
        return jsonify(body), 200

    @property
    def _settings(self) -> MbSettings:
        return cast("MbSettings", self._state.settings)

    def _authenticate(self) -> None:
        """The token, then the id of the call. Raises Refused."""
        self._tokens.check(request.headers.get("Authorization", ""))
        message = request.headers.get("clientMessageId", "")
        if not re.fullmatch(MESSAGE_ID, message):
            raise refusal(BAD_DATA, "header clientMessageId must be a UUID, or 24-32 letters and digits")
        with self._state.lock:
            if message in self._messages:
                raise refusal(BAD_DATA, f"clientMessageId {message} was used by an earlier call")
            self._messages.append(message)
        if self._settings.maintenance:
            raise refusal(INTERRUPTED, "the control port switched maintenance on")

    def token(self) -> Answer:
        """3.1.1: a token for client credentials, by HTTP Basic."""
        if request.mimetype != "application/x-www-form-urlencoded":
            raise Refused(400, BAD_DATA, "a token request must be a form")
        if request.form.to_dict(flat=False) != {"grant_type": ["client_credentials"]} or request.args:
            raise Refused(400, BAD_DATA, "the form must be grant_type=client_credentials and nothing else")
        user, secret = _basic(request.headers.get("Authorization", ""))
        if user != self._side.client_id or not self._side.knows_secret(secret):
            raise Refused(401, AUTHENTICATION, "client_id or client_secret is wrong")
        life_s = self._settings.token_s
        body = {
            "access_token": self._tokens.issue(life_s),
            "token_type": "Bearer",
            "expires_in": life_s,
            "issued_at": str(int(self._state.clock.now().timestamp() * 1000)),
            "scope": "",
        }
        return jsonify(body), 200

    def name(self) -> Answer:
        """3.1.2: in whose name an account stands."""
        self._authenticate()
        inside = request.args.get("transferType") == "INHOUSE"
        wanted = {"accountNumber": transfer.ACCOUNT, "accountType": "ACCOUNT|CARD", "transferType": "INHOUSE|NAPAS"}
        given = _parameters(wanted if inside else wanted | {"bankCode": "[0-9]{6}"})
        bin_ = BIN if inside else given["bankCode"]
        if not inside and (bin_ not in banks() or bin_ == BIN or bin_ in self._settings.offline_bins):
            raise refusal(NO_SUCH_BANK, f"{bin_} is not another bank on the NAPAS list, or is away")
        with self._state.lock:
            found = statements.owner(self._state, given["accountNumber"], bin_)
        if found is None:
            raise refusal(BAD_ACCOUNT, f"no account {given['accountNumber']} is known at {bin_}")
        name = folded(found)
        return self._success({"accountName": name, "customerName": name, "customerShortName": name})

    def transfer_now(self) -> Answer:
        """3.1.3: a transfer whose answer says how it ended, if it ended in time."""
        return self._transfer("sync")

    def transfer_later(self) -> Answer:
        """3.1.3: a transfer whose result is told later."""
        return self._transfer("async")

    def _transfer(self, way: str) -> Answer:
        self._authenticate()
        if request.mimetype != "application/json" or request.args:
            raise Refused(400, None, "Content-Type must be application/json, and there are no parameters")
        trace = self._transaction_id()
        wanted = transfer.read(parse_object(request.get_data(), "body"))
        document: dict[str, object] = {"way": way}
        one = Instruction(trace, wanted.rail, wanted.amount, wanted.beneficiary, wanted.remark, document)
        self._desk.count_received([one])
        transfer.check_signature(wanted, request.headers.get("signature", ""), self._key)
        if _letters(self._state.client_account(wanted.source).name) != _letters(wanted.source_name):
            raise refusal(ACCESS, f"debitName is not the name of account {wanted.source}")
        orders, fault = self._desk.accept(wanted.source, [one])
        if (spoilt := self._gate.order_answer(fault)) is not None:
            return spoilt, spoilt.status_code
        if fault is not None:
            self._refuse_order(fault)
        order = orders[0] if way == "async" else self._desk.awaited(trace, self._settings.sync_s)
        other = fault is not None and fault.fault == "other_order"
        with self._state.lock:
            return self._success(statements.made(self._state, order), secrets.token_hex(16) if other else None)

    def _transaction_id(self) -> str:
        """What follows the two codes. Raises Refused."""
        codes, most = self._side.codes, self._settings.id_tail_max
        given = request.headers.get("transactionId", "")
        if not re.fullmatch(rf"{codes}[A-Za-z0-9]{{8,{most}}}", given):
            raise refusal(BAD_DATA, f"header transactionId must be {codes} and 8-{most} letters and digits")
        return given.removeprefix(codes)

    def _refuse_order(self, fault: OrderFault) -> None:
        """Refuse in MB's words where `fault` wants a refusal. Raises Refused."""
        match fault.fault:
            case "decline" if fault.how == "answer":
                code, reason = self._state.profile.decline
                raise refusal(fault.code or code, fault.reason or reason)
            case "answer_duplicate":
                raise refusal(fault.code or DUPLICATE, fault.reason or "fault answer_duplicate")
            case "bad_signature":
                raise refusal(AUTHENTICATION, "fault bad_signature")
            case _:
                pass

    def status(self) -> Answer:
        """3.1.4: where one transfer stands."""
        self._authenticate()
        asked = _parameters({"transactionId": "[A-Za-z0-9]{1,64}"})["transactionId"]
        codes, order = self._side.codes, None
        if asked.startswith(codes):
            order = self._desk.found(asked.removeprefix(codes), date.min, date.max)
        if order is None:
            raise refusal(NOT_FOUND, f"transaction {asked} is not found")
        with self._state.lock:
            return self._success(statements.standing(self._state, order))

    def status_as_before(self) -> Answer:
        """3.1.4: the same by its older address."""
        return self.status()

    def balance(self) -> Answer:
        """3.1.8: current balance, and the part of it that accepted orders have not taken yet."""
        self._authenticate()
        number = _parameters({"accountNumber": transfer.ACCOUNT})["accountNumber"]
        with self._state.lock:
            self._state.client_account(number)
            return self._success(statements.balance(self._state, number))

    def history(self) -> Answer:
        """3.1.8: rows of an account, newest first, by pages."""
        self._authenticate()
        digits = r"[1-9][0-9]{0,4}"
        wanted = {"accountNumber": transfer.ACCOUNT, "fromDate": DAY, "toDate": DAY, "page": digits, "size": digits}
        given = _parameters(wanted)
        first, last = self._window(given["fromDate"], given["toDate"])
        number, page, size = given["accountNumber"], int(given["page"]), int(given["size"])
        if size > statements.SIZE_MAX:
            raise refusal(BAD_DATA, f"size must be at most {statements.SIZE_MAX}")
        with self._state.lock:
            self._state.client_account(number)
            return self._success(statements.page(self._state, number, first, last, page, size))

    def _window(self, first: str, last: str) -> tuple[date, date]:
        try:
            begin, end = (datetime.strptime(text, "%d/%m/%Y").date() for text in (first, last))  # noqa: DTZ007
        except ValueError as fault:
            raise refusal(BAD_DATA, f"fromDate or toDate is no day: {fault}") from fault
        oldest = bank_day(self._state.clock.now()) - timedelta(days=statements.BACK_DAYS)
        if not oldest <= begin <= end or (end - begin).days >= statements.WINDOW_DAYS:
            raise refusal(BAD_DATA, f"the window must be {statements.WINDOW_DAYS} days at most, after {oldest}")
        return begin, end

    def create_code(self) -> Answer:
        """3.1.7: a VietQR code for one bill."""
        self._authenticate_merchant()
        return self._success(self._merchant.create(_document()))

    def check_sale(self) -> Answer:
        """3.1.7: whether a bill was paid."""
        self._authenticate_merchant()
        return self._success(self._merchant.check(_document()))

    def refund_sale(self) -> Answer:
        """3.1.7: give a sale back to its payer."""
        self._authenticate_merchant()
        if not re.fullmatch("[A-Za-z0-9]{1,64}", request.headers.get("transactionID", "")):
            raise refusal(BAD_DATA, "header transactionID must be 1-64 letters and digits")
        return self._success(self._merchant.refund(_document()))

    def _authenticate_merchant(self) -> None:
        self._authenticate()
        given = (request.headers.get("userName"), request.headers.get("secretKey"))
        if given != (self._side.client_id, self._side.mms_access_key):
            raise refusal(AUTHENTICATION, "userName or secretKey is wrong")


def _basic(authorization: str) -> tuple[str, str]:
    """User and password of HTTP Basic, two empty texts where it is not that."""
    kind, _, value = authorization.partition(" ")
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode("ascii").partition(":")
    except ValueError:
        return "", ""
    return (user, password) if kind == "Basic" and colon else ("", "")


def _letters(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", folded(name))


def _document() -> dict[str, object]:
    if request.mimetype != "application/json" or request.args:
        raise Refused(400, None, "Content-Type must be application/json, and there are no parameters")
    return parse_object(request.get_data(), "body")


def _parameters(patterns: Mapping[str, str]) -> dict[str, str]:
    """The query parameters, exactly those of `patterns`, once each. Raises Refused."""
    if sorted(key for key, _ in request.args.items(multi=True)) != sorted(patterns):
        raise refusal(BAD_DATA, f"parameters must be {', '.join(patterns)}, once each")
    for name, pattern in patterns.items():
        if not re.fullmatch(pattern, request.args[name], re.ASCII):
            raise refusal(BAD_DATA, f"parameter {name} must match {pattern}")
    return request.args.to_dict()
