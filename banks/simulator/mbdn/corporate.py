"""MBDN's HTTP interface: MB's token, names, balance and history, and files of orders that a checker approves (3.3.5,
reduced as 3.5 has it).

[assumed] where the specification is silent: the token of 3.1.1 stands for the session of the web, and `sessionId`,
where it is given, is that token; a `refNo` is the id of one call; the corporate calls are below the partner path; the
customer's first account pays; a file's name is the customer's id and letters, digits and .xlsx; reading a file in has
the words of the name check; an order is asked about by the name of its file, and of files that were not saved such a
question hears nothing; a file is saved once.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict, deque
from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Final

from flask import jsonify, request

from banks.simulator.faults import OrderFault
from banks.simulator.jsonfields import Fields, parse_object
from banks.simulator.mb.codes import AUTHENTICATION, BAD_DATA, refusal
from banks.simulator.mb.enrolment import PARTNER_PATH
from banks.simulator.mb.openapi import FAULT_TARGETS as MB_TARGETS
from banks.simulator.mb.openapi import MESSAGES_MAX, Answer, OpenApi, Route
from banks.simulator.mbdn import bulks, codes, rows, sheet
from banks.simulator.mbdn.bulks import Draft
from banks.simulator.mbdn.settings import MbdnSettings
from banks.simulator.orders import OrderDesk
from banks.simulator.records import Order
from banks.simulator.refusals import Cause, Malformed, Refused
from banks.simulator.state import State
from banks.simulator.tokens import TokenOffice

BULK_PATH: Final = f"{PARTNER_PATH}/corp/bulk/v2"
PLATFORM: Final = "biz-1.0"
SERVICE: Final = "GCM_MFT_PROLL"
DRAFTS_MAX: Final = 1_000
REF_NO: Final = r"[A-Za-z0-9-]{8,64}"
BULK_ID: Final = r"B[0-9A-F]{16}"
FILE_NAME: Final = r"[A-Za-z0-9]{1,64}\.xlsx"
ENQUIRY: Final = "enquiry"
SHARED: Final = ("token", "name", "balance", "history")
FAULT_TARGETS: Final = {name: MB_TARGETS[name] for name in SHARED} | {
    "upload": "upload",
    "process": "process",
    "transactions": "rows",
    ENQUIRY: "status",
}


class Corporate(OpenApi):
    """The routes of the bank's interface over `state`. Files that were not saved are forgotten at a restart."""

    targets: ClassVar[Mapping[str, str]] = FAULT_TARGETS
    barred: ClassVar[Mapping[Cause, str]] = codes.BARRED

    def __init__(self, state: State, tokens: TokenOffice, desk: OrderDesk) -> None:
        super().__init__(state, tokens, desk)
        self._drafts: OrderedDict[str, Draft] = OrderedDict()
        self._asked: dict[str, int] = {}
        self._calls: deque[str] = deque(maxlen=MESSAGES_MAX)

    def routes(self) -> tuple[Route, ...]:
        shared = tuple(route for route in super().routes() if route[2].__name__ in SHARED)
        return (
            *shared,
            ("POST", f"{BULK_PATH}/uploadFile", self.upload),
            ("POST", f"{BULK_PATH}/checkBulkProcess", self.process),
            ("POST", f"{BULK_PATH}/getBulkTransaction", self.transactions),
            ("POST", f"{BULK_PATH}/saveBulk", self.save),
        )

    def call(self) -> str:
        """A question by the name of a file is an enquiry."""
        by_name = request.endpoint == "transactions" and b'"fileName"' in request.get_data()
        return ENQUIRY if by_name else super().call()

    def _refuse(self, refused: Refused) -> Answer:
        """In the words of the web where there is a code, else as MB's gateway does."""
        if refused.code is None or not request.path.startswith(BULK_PATH):
            return super()._refuse(refused)
        self._state.note_refusal(request.path, refused)
        return jsonify({"result": _result(refused.code, refused.reason)}), refused.http

    def _enter(self) -> None:
        """The token and the headers of a corporate call. Raises Refused."""
        self._tokens.check(request.headers.get("Authorization", ""))
        if request.headers.get("biz-platform") != PLATFORM:
            raise refusal(BAD_DATA, f"header biz-platform must be {PLATFORM}")
        if self._settings.maintenance:
            raise refusal(codes.END_OF_DAY, "the control port switched maintenance on")

    def _ref_no(self, fields: Fields) -> None:
        """The id of the call, which never comes again. Raises Malformed."""
        ref_no = fields.text("refNo", REF_NO, "8-64 letters, digits and hyphens")
        with self._state.lock:
            if ref_no in self._calls:
                raise Malformed(f"body.refNo {ref_no} was used by an earlier call")
            self._calls.append(ref_no)

    def _asked_of(self, *names: str) -> Fields:
        """The body of a corporate call in JSON. Raises Refused, Malformed."""
        self._enter()
        if request.mimetype != "application/json" or request.args:
            raise Refused(400, None, "Content-Type must be application/json, and there are no parameters")
        fields = Fields(parse_object(request.get_data(), "body"), "body", ("refNo", *names))
        self._ref_no(fields)
        return fields

    def upload(self) -> Answer:
        """3.3.5, step 1: a file comes in."""
        self._enter()
        stem, content = self._uploaded()
        source = self._side.accounts[0].number
        with self._state.lock:
            found = rows.read(self._state, source, sheet.read(content))
            draft = Draft(f"B{secrets.token_hex(8).upper()}", stem, source, found)
            if len(self._drafts) >= DRAFTS_MAX:
                self._asked.pop(self._drafts.popitem(last=False)[0], None)
            self._drafts[draft.bulk] = draft
        return _said(bulkId=draft.bulk, totalRow=len(found))

    def _uploaded(self) -> tuple[str, bytes]:
        """The name without .xlsx and the content of the file. Raises Refused, Malformed."""
        if request.mimetype != "multipart/form-data" or request.args:
            raise Refused(400, None, "Content-Type must be multipart/form-data, and there are no parameters")
        texts, files = list(request.form.items(multi=True)), list(request.files.items(multi=True))
        if len(texts) != 1 or len(files) != 1:
            raise Malformed("the form must be one part in JSON and one file")
        body = parse_object(texts[0][1].encode(), "request")
        names = ("refNo", "serviceCode", *(["sessionId"] if "sessionId" in body else []))
        fields = Fields(body, "request", names)
        fields.text("serviceCode", SERVICE, SERVICE)
        if "sessionId" in body and f"Bearer {body['sessionId']}" != request.headers["Authorization"]:
            raise refusal(AUTHENTICATION, "request.sessionId is not the session of this call")
        file = files[0][1]
        if not re.fullmatch(FILE_NAME, file.filename or ""):
            raise Malformed("the file must be called by letters and digits and .xlsx")
        self._ref_no(fields)
        return (file.filename or "").removesuffix(".xlsx"), file.read()

    def process(self) -> Answer:
        """3.3.5, step 2: whether the file was read in."""
        draft = self._draft(self._asked_of("bulkId"))
        with self._state.lock:
            self._asked[draft.bulk] = self._asked.get(draft.bulk, 0) + 1
        return _said(bulkId=draft.bulk, status="FINISHED" if self._is_read_in(draft, 1) else "CHECKING")

    def _is_read_in(self, draft: Draft, this: int = 0) -> bool:
        settings = self._state.settings
        wanted = settings.reading if isinstance(settings, MbdnSettings) else 0
        return self._asked.get(draft.bulk, 0) - this >= wanted

    def _draft(self, fields: Fields) -> Draft:
        bulk = fields.text("bulkId", BULK_ID, "the id of a file")
        if bulk not in self._drafts:
            raise refusal(codes.BAD_FILE, f"no file {bulk} was uploaded")
        return self._drafts[bulk]

    def transactions(self) -> Answer:
        """3.3.5, step 4: the rows of a file; by its name, the orders that were made of it."""
        if self.call() == ENQUIRY:
            return self._enquiry()
        draft = self._draft(self._asked_of("bulkId"))
        self._must_be_read_in(draft)
        with self._state.lock:
            saved = self._state.bulks.get(draft.bulk)
            if saved is None:
                return _said(**bulks.read_in(draft))
            return _said(**bulks.standing(self._state, [self._state.orders[trace] for trace in saved.traces]))

    def _must_be_read_in(self, draft: Draft) -> None:
        if not self._is_read_in(draft):
            raise refusal(codes.BAD_FILE, f"file {draft.bulk} is still being read in")

    def _enquiry(self) -> Answer:
        file = self._asked_of("fileName").text("fileName", FILE_NAME, "the name of a file")
        with self._state.lock:
            traces = [order.trace for order in self._made_of(file)] or [file.removesuffix(".xlsx")]
            found = [self._desk.found(trace, date.min, date.max) for trace in traces]
            orders = [order for order in found if order is not None and order.document["file"] == file]
            return _said(**bulks.standing(self._state, orders)) if orders else _said(transactions=[])

    def _made_of(self, file: str) -> list[Order]:
        return [order for order in self._state.orders.values() if order.document["file"] == file]

    def save(self) -> Answer:
        """3.3.5, step 6: the file becomes orders, which wait for a checker."""
        draft = self._draft(self._asked_of("bulkId"))
        self._must_be_read_in(draft)
        if not draft.sound:
            raise refusal(codes.BAD_FILE, f"file {draft.bulk} has rows with errors")
        file = f"{draft.stem}.xlsx"
        wanted = [row.instruction(trace, file) for row, trace in zip(draft.rows, draft.traces, strict=True)]
        self._desk.count_received(wanted)
        with self._state.lock:
            if self._made_of(file):
                raise refusal(codes.DUPLICATE, f"a file called {file} was saved before")
            _, fault = self._desk.accept(draft.source, wanted, draft.bulk)
        if (spoilt := self._gate.order_answer(fault)) is not None:
            return spoilt, spoilt.status_code
        if fault is not None:
            self._refuse_order(fault)
        other = fault is not None and fault.fault == "other_order"
        bulk = f"B{secrets.token_hex(8).upper()}" if other else draft.bulk
        return _said(bulkId=bulk, totalAmount=f"{draft.total:,}")

    def _refuse_order(self, fault: OrderFault) -> None:
        if fault.fault == "answer_duplicate":
            raise refusal(fault.code or codes.DUPLICATE, fault.reason or "fault answer_duplicate")
        super()._refuse_order(fault)


def _result(code: str, message: str) -> dict[str, object]:
    return {"ok": code == codes.SUCCESS, "responseCode": code, "message": message}


def _said(**more: object) -> Answer:
    return jsonify({"result": _result(codes.SUCCESS, "OK")} | more), 200
