"""MBDN orders: a file of one row, what each answer on its way means, the states of a corporate order (3.3.5, 3.3.6).

A file is uploaded, read in by the bank, and saved; only what is saved waits for a person's approval. So until the call
that saves it, whatever goes wrong, no money can move.

[assumed] throughout, since the web's own calls are known and no machine interface is: the calls take the Bearer of the
Open API and no `sessionId`; an order is found again by the name of its file, which is our id; a bulk that was read in
and not saved is in the state `draft`. To be replaced when the bank's contract documents arrive.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from banks.bank import TransferOrder
from banks.bank_text import memo_with_id, plain
from banks.drift import misfits, not_read
from banks.mb_orders import compact
from banks.mbdn_codes import MEANINGS, TURNED_AWAY, Meaning, refusal
from banks.napas import traffic_bin
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown, loggable_code
from banks.strict_json import Json, NotJson, parse
from banks.transport import Answer
from banks.xlsx import MEDIA, workbook
from ledger.errors import InvalidAmount
from ledger.money import Money, from_bank

SERVICE: Final = "GCM_MFT_PROLL"
COLUMNS: Final = ("no.", "account", "name", "bank", "amount", "description")
SUCCESS: Final = "00"
BELIEVED_HTTP: Final = frozenset({200, 400, 422})  # [assumed] 3.3.5
"""The HTTP statuses under which a code of the message table is believed."""

READ_IN: Final = "FINISHED"  # [assumed] 3.3.5: in the words of checkNameStatus
READING: Final = frozenset({"WAITING", "CHECKING"})  # [assumed] as above

WAITING: Final = frozenset(
    {"pendingapproval", "approvalinprogress", "pendingrelease", "pendingexecute", "inprogress", "inprogressoffline"}
)
DONE: Final = frozenset({"executedsuccesfully", "done"})
PARTLY: Final = frozenset({"executedwithpartialsuccess"})
NOT_DONE: Final = frozenset(
    {"executionfail", "executewithfailure", "notexecuted", "rejected", "cancelled", "terminated", "expired"}
)
NEVER_SAVED: Final = frozenset({"draft"})  # [assumed] 3.3.5
UNDECIDED_STATES: Final = frozenset({"timeout", "timeout.T24"})
"""These decide nothing, nor does any word we do not know."""

RESULTS: Final = frozenset({"SUCCESS", "FAILED", "UNDEFINED", "NOT_FINISHED"})
BOOKINGS: Final = frozenset({"DEDUCTED", "NOT_DEDUCTED", "UNDEFINED"})


class Said(msgspec.Struct, frozen=True):
    """A JSON answer of the corporate bank: HTTP status, its code, and the whole of it."""

    http: int
    code: str
    body: Mapping[str, Json]

    @property
    def good(self) -> bool:
        """Whether the bank did what it was asked."""
        return self.http == 200 and self.code == SUCCESS


# what is sent


def file_name(end_to_end_id: str) -> str:
    """The name under which an order is uploaded and found again."""
    return f"{end_to_end_id}.xlsx"


def order_file(order: TransferOrder) -> bytes:
    """The spreadsheet of one order. Its bank is named by the number that NAPAS reaches it under."""
    to = order.beneficiary
    memo = memo_with_id(order.end_to_end_id, order.memo)
    return workbook([COLUMNS, (1, to.account_number, plain(to.name), traffic_bin(to.bin), order.amount.units, memo)])


def upload_form(order: TransferOrder, ref_no: str) -> tuple[str, bytes]:
    """Content type and body of the upload: the JSON part and the file."""
    border = f"socai-{ref_no}"
    described = compact({"refNo": ref_no, "serviceCode": SERVICE})
    file = f'form-data; name="file"; filename="{file_name(order.end_to_end_id)}"'
    parts = [
        ('form-data; name="request"', "application/json", described),
        (file, MEDIA, order_file(order)),
    ]
    body = b"".join(
        f"--{border}\r\nContent-Disposition: {said}\r\nContent-Type: {kind}\r\n\r\n".encode() + content + b"\r\n"
        for said, kind, content in parts
    )
    return f"multipart/form-data; boundary={border}", body + f"--{border}--\r\n".encode()


# how answers are read


def said(answer: Answer) -> Said:
    """The answer taken apart. Raises NotJson when it is not a JSON object with a code."""
    body = parse(answer.body)
    result = body.get("result") if isinstance(body, dict) else None
    code = result.get("responseCode") if isinstance(result, dict) else None
    if not isinstance(body, dict) or not isinstance(code, str):
        raise NotJson("no result with a responseCode")
    return Said(answer.status, code, body)


def refuses_token(answer: Answer) -> bool:
    """Whether the bank turned the call away for our token, by HTTP 401 or by its own code for it."""
    if answer.status == 401:
        return True
    try:
        heard = said(answer)
    except NotJson:
        return False
    return heard.http in BELIEVED_HTTP and MEANINGS.get(heard.code) is Meaning.SESSION


def outcome_before_saving(answer: Answer) -> Outcome:
    """What an answer that is not good means while the file is not saved: nothing is waiting for approval. But a bank
    that has seen the order before may have it from an earlier call.
    """
    try:
        heard = said(answer)
    except NotJson:
        return NotSent(f"the bank did not take the file: HTTP {answer.status}")
    if MEANINGS.get(heard.code) is Meaning.DUPLICATE:
        return Unknown("the bank says it has an order with this id already")
    reason = refusal(heard.code)
    if reason is not None and heard.http in BELIEVED_HTTP:
        return Declined(reason, heard.code)
    return NotSent(f"the bank did not take the file: HTTP {heard.http}, code {loggable_code(heard.code)}")


def outcome_of_rows(heard: Said, end_to_end_id: str) -> Outcome | None:
    """What the bank found wrong in the file it read, None if nothing: the codes come as `field:code;` (3.3.5).

    Warnings hinder nobody.
    """
    row = _only_row(heard.body, end_to_end_id)
    if row is None:
        return NotSent("the bank read another file than was sent")
    codes = re.findall(r"[A-Za-z0-9_]+(?=;|$)", str(row.get("errorCodes") or ""))
    for code in codes:
        reason = refusal(code)
        if reason is not None:
            return Declined(reason, code)
    return NotSent(f"the bank finds fault with the file: {loggable_code(codes[0])}") if codes else None


def outcome_of_saving(answer: Answer, bulk: str, amount: Money) -> Outcome:
    """What the answer to the call that saves the file `bulk` says: saved, it waits for a person's approval."""
    if answer.status == 401:
        return NotSent("the bank refused our access token; nothing was saved")
    if answer.status >= 500:
        return Unknown(f"HTTP {answer.status}")
    try:
        heard = said(answer)
    except NotJson as error:
        return not_read(answer, error, f"HTTP {answer.status} with an answer that is not the bank's JSON")
    if heard.good and heard.body.get("bulkId", bulk) != bulk:
        return Unknown("the bank answered about another file")
    if heard.good:
        return _saved(heard.body.get("totalAmount"), amount)
    meaning, reason = MEANINGS.get(heard.code), refusal(heard.code)
    if heard.http in BELIEVED_HTTP and meaning in TURNED_AWAY:
        return NotSent(f"{meaning}; nothing was saved")
    if heard.http in BELIEVED_HTTP and reason is not None:
        return Declined(reason, heard.code)
    why = f"HTTP {heard.http} with code {loggable_code(heard.code)}"
    return Unknown(f"{why}: {meaning}") if meaning else _of_no_table(heard, why)


def _saved(total: Json, amount: Money) -> Outcome:
    if _is(total, amount):
        return Accepted(None)
    why = "the bank saved another amount"
    return Unknown(why) if type(total) in (int, str) else misfits(why, "totalAmount", "an amount")


def _of_no_table(heard: Said, why: str) -> Unknown:
    """A code that decides nothing. One of no table is news to us, where the bank answers under this HTTP status."""
    if heard.http in BELIEVED_HTTP and heard.code not in {SUCCESS, *MEANINGS}:
        return misfits(why, "result.responseCode", "a code of our table")
    return Unknown(why)


def outcome_of_enquiry(answer: Answer, end_to_end_id: str) -> Outcome:
    """What the answer to an enquiry says of the order. A refusal of the enquiry says nothing about the order."""
    try:
        heard = said(answer)
    except NotJson as error:
        return not_read(answer, error, f"HTTP {answer.status} with an answer that is not the bank's JSON")
    if not heard.good:
        why = f"the enquiry was answered with HTTP {heard.http}, code {loggable_code(heard.code)}"
        return _of_no_table(heard, why)
    if heard.body.get("transactions") == [] and heard.body.get("status") is None:
        return NotFound()
    if not isinstance(heard.body.get("transactions"), list):
        return misfits("the enquiry was answered without a list of orders", "transactions", "a list")
    row = _only_row(heard.body, end_to_end_id)
    if row is None:
        return Unknown("the answer names another order")
    return _outcome_of_state(heard.body.get("status"), row)


def _outcome_of_state(state: Json, row: Mapping[str, Json]) -> Outcome:
    """The state of the whole order, unless its line says more, or otherwise."""
    line = _outcome_of_line(row)
    word = state if isinstance(state, str) else ""
    if word in WAITING:
        if line is None or isinstance(line, Accepted) or _is_unfinished(row):
            return Accepted(None)
        return Unknown(f"a line is ahead of {word}")
    if word in NEVER_SAVED:
        return NotFound() if line is None else Unknown(f"a line is ahead of {word}")
    if word in PARTLY:
        return line or Unknown("executed in part, and the line says nothing")
    if word in DONE:
        return line if line is not None and not isinstance(line, Declined) else _done(line, row)
    if word in NOT_DONE:
        if line is None or isinstance(line, Declined):
            return Declined(Reason.REFUSED, word)
        return line if isinstance(line, Unknown) else Unknown(f"the order is {word} and its line says otherwise")
    why = f"order state {loggable_code(word)} decides nothing"
    return Unknown(why) if word in UNDECIDED_STATES else misfits(why, "status", "a state we know")


def _is_unfinished(row: Mapping[str, Json]) -> bool:
    return row.get("status") == "NOT_FINISHED" and row.get("bookingStatus") in BOOKINGS


def _done(line: Outcome | None, row: Mapping[str, Json]) -> Outcome:
    return Executed(_reference(row)) if line is None else Unknown("the order is done and its line failed")


def _outcome_of_line(row: Mapping[str, Json]) -> Outcome | None:
    """Result and booking are two axes (1.3): a transfer can have failed with our account debited, and the money then
    comes back as a credit of its own. None when the line says nothing yet.
    """
    result, booking = row.get("status"), row.get("bookingStatus")
    if result in (None, ""):
        return None
    if result not in RESULTS or booking not in BOOKINGS:
        why = f"line result {loggable_code(result)} with booking {loggable_code(booking)} is not known"
        return misfits(
            why, f"transactions[].{'status' if result not in RESULTS else 'bookingStatus'}", "a word we know"
        )
    match result, booking:
        case "SUCCESS", "DEDUCTED":
            return Executed(_reference(row))
        case "SUCCESS", "UNDEFINED":
            return Accepted(_reference(row))
        case "FAILED", "NOT_DEDUCTED":
            return Declined(Reason.REFUSED, "FAILED")
        case "FAILED", "DEDUCTED":
            return Unknown("the transfer failed and our account is debited; the money comes back as a credit")
    return Unknown(f"line result {result} with booking {booking} decides nothing")


def _only_row(body: Mapping[str, Json], end_to_end_id: str) -> Mapping[str, Json] | None:
    """The one row of the order's own file, None if it is another's. Our id begins its memo, whatever blanks came in."""
    rows = body.get("transactions")
    row = rows[0] if isinstance(rows, list) and len(rows) == 1 else None
    if not isinstance(row, dict) or body.get("fileName") not in (None, file_name(end_to_end_id)):
        return None
    memo = row.get("description")
    bare = re.sub(r"\s", "", memo) if isinstance(memo, str) else ""
    return row if bare.startswith(end_to_end_id) else None


def _reference(row: Mapping[str, Json]) -> str | None:
    number = row.get("ft")
    return loggable_code(number) if isinstance(number, str) and number else None


def _is(value: Json, amount: Money) -> bool:
    try:
        return isinstance(value, int | str) and not isinstance(value, bool) and from_bank(value) == amount
    except InvalidAmount:
        return False
