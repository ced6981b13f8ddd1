"""MB's calls to the customer: balance pushes (3.1.6), results of transfers (3.1.5), sales by VietQR (3.1.7), and
whether an answer acknowledges one.

[assumed]: a result without a booking has an empty `ft`; only success acknowledges, refusals of 3.1.6 never do; the
token endpoint answers with exactly the three printed fields, and a token is fetched for every call.
"""

from __future__ import annotations

import base64
import json
import uuid
from datetime import datetime, time
from typing import TYPE_CHECKING, Final, cast

from banks.simulator.clock import VIETNAM
from banks.simulator.jsonfields import Fields, parse_object
from banks.simulator.mb import memo_lines, merchant, statements
from banks.simulator.refusals import Malformed

if TYPE_CHECKING:
    from banks.simulator.mb.enrolment import MbSide
    from banks.simulator.mb.settings import MbSettings
    from banks.simulator.records import Movement, Notice, NoticeKind, Order
    from banks.simulator.state import State

PUSH_ID: Final = "reftransactionid"
RESULT_ID: Final = "refTransactionid"
"""Where the customer's id stands in his answer; the two spellings are the bank's own."""
JWT: Final = r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"


def compose(state: State, notice: Notice) -> str:
    """The body of `notice`."""
    if notice.order is not None:
        return json.dumps(_result(state, state.orders[notice.order]))
    movement = cast("Movement", state.books.movement(notice.references[0]))
    if notice.kind == "merchant":
        return json.dumps(merchant.sale(state, movement, notice), ensure_ascii=False)
    return json.dumps(_push(movement, cast("MbSettings", state.settings)), ensure_ascii=False)


def _result(state: State, order: Order) -> dict[str, object]:
    movement = statements.booked(state, order)
    return {
        "transactionId": cast("MbSide", state.bank_side).codes + order.trace,
        "transactionStatus": order.shown_status or statements.WORDS[order.status],
        "transactionTime": statements.instant(order.ended_at or order.created_at),
        "ft": movement.reference if movement is not None else "",
    }


def _push(row: Movement, settings: MbSettings) -> dict[str, object]:
    party = row.party
    day = datetime.combine(row.effective_on, time(), VIETNAM)
    return {
        "transactionid": str(uuid.uuid5(uuid.NAMESPACE_OID, row.reference)),
        "transactiontime": int(row.at.timestamp() * 1000),
        "referencenumber": row.shown,
        "amount": row.amount,
        "content": memo_lines.shown(row.memo, settings.push_memos, party.name if party is not None else ""),
        "bankaccount": row.account,
        "transType": "C" if row.direction == "credit" else "D",
        "reciprocalAccount": party.account if party is not None else "",
        "reciprocalBankCode": (party.bin or "") if party is not None else "",
        "va": row.via or "",
        "valueDate": int(day.timestamp() * 1000),
    }


def headers(notice: Notice, side: MbSide, settings: MbSettings) -> dict[str, str]:
    """The headers of `notice`. Authorization is what a token is fetched with; a wrong key is a token nobody gave."""
    found = {"Content-Type": "application/json"}
    if notice.kind != "movement" and settings.bearer == "push":
        return found
    if notice.kind == "merchant" or notice.key == "right":
        user = f"{side.push_username}:{side.push_password}".encode()
        found["Authorization"] = f"Basic {base64.b64encode(user).decode()}"
    elif notice.key == "wrong":
        found["Authorization"] = "Bearer eyJhbGciOiJub25lIn0.e30.c29tZWJvZHk"
    return found


def token(http: int, text: str) -> str | None:
    """The token in the answer of the customer's token endpoint, None where it is not one."""
    try:
        answer = Fields(parse_object(text.encode(), "answer"), "answer", ("access_token", "token_type", "expires_in"))
        answer.text("token_type", "[Bb]earer", "bearer")
        answer.whole("expires_in", 1)
        found = answer.text("access_token", JWT, "a JWT")
    except Malformed:
        return None
    return found if http == 200 else None


def acknowledgement_fault(kind: NoticeKind, http: int, text: str) -> str | None:
    """What is wrong with the customer's answer, None when it acknowledges."""
    if http != 200:
        return f"HTTP {http}"
    try:
        body = parse_object(text.encode("utf-8"), "answer")
        if kind == "merchant":
            answer = Fields(body, "answer", ("resCode", "resDesc"))
            answer.text("resCode", "00", "00")
            answer.text("resDesc", ".+", "a text")
            return None
        answer = Fields(body, "answer", ("error", "errorReason", "toastMessage", "object"))
        answer.exactly("error", False)
        answer.text("errorReason", "000", "000")
        answer.text("toastMessage", ".*", "a text")
        name = RESULT_ID if kind == "order" else PUSH_ID
        answer.within("object", (name,)).text(name, ".+", "the receiver's id")
    except Malformed as fault:
        return str(fault)
    return None
