"""MBDN: MB for businesses. MB's transport with a corporate customer, a maker and a checker (3.3 and 3.5).

An order is a file of one row that we upload as the maker. It then waits in the bank's app for a person, who approves or
rejects it, perhaps hours later; if nobody does, it expires. Balance, history, names and what the bank tells unasked are
MB's. What is sent and how answers are read stands in `banks/mbdn_orders.py`, the messages in `banks/mbdn_codes.py`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import ClassVar, Final

from banks.bank import Capability, TransferLimits, TransferOrder
from banks.circuits import Operation
from banks.drift import with_body
from banks.mb import NAME_MAX, Mb
from banks.mb_orders import END_TO_END_ID_MAX, compact
from banks.mbdn_orders import (
    READ_IN,
    READING,
    file_name,
    outcome_before_saving,
    outcome_of_enquiry,
    outcome_of_rows,
    outcome_of_saving,
    refuses_token,
    said,
    upload_form,
)
from banks.outcomes import NotSent, Outcome, Unknown
from banks.strict_json import NotJson
from banks.transport import Answer, NeverSent, NoAnswer, PerhapsSent, Request
from ledger.errors import BankUnavailable
from ledger.money import Money

UPLOAD: Final = "/corp/bulk/v2/uploadFile"
PROCESS: Final = "/corp/bulk/v2/checkBulkProcess"
ROWS: Final = "/corp/bulk/v2/getBulkTransaction"
SAVE: Final = "/corp/bulk/v2/saveBulk"

QUESTIONS_MAX: Final = 10
"""How often the bank is asked whether it has read the file in, before we give up and nothing is saved."""
SAVE_WITHIN: Final = timedelta(seconds=60)
"""A file that was not ready in this time is not saved any more: others may be asking about the order by then."""


class Mbdn(Mb):
    """One corporate account at Military Bank whose orders a person approves."""

    code: ClassVar[str] = "mbdn"
    name: ClassVar[str] = "MBDN"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability) - {Capability.TRANSFER_CITAD}
    limits: ClassVar[TransferLimits] = TransferLimits(
        amount_max={
            "napas": Money(499_999_999),  # [assumed], 6.2: below 500 million; the bank would send more by CITAD
            "internal": Money(10_000_000_000_000),  # row code INNO_ERR_11
        },
        amount_min=Money(1),
        end_to_end_id_max=END_TO_END_ID_MAX,
        name_max=NAME_MAX,
    )

    def transfer(self, order: TransferOrder) -> Outcome:
        self.check_order(order)
        began_at = self._clock()
        try:
            bulk = self._read_in(order)
        except (BankUnavailable, NoAnswer, NotJson) as error:
            return NotSent(f"no file was saved for approval: {error}")
        if not isinstance(bulk, str):
            return bulk
        if not timedelta(0) <= self._clock() - began_at <= SAVE_WITHIN:
            return NotSent("the bank took too long to read the file in; nothing was saved")
        return self._save(bulk, order.amount)

    def transfer_status(self, end_to_end_id: str, sent_on: date) -> Outcome:
        """The bank is asked by the name of the file, whatever the day."""
        del sent_on
        try:
            answer = self._corporate("enquiry", ROWS, {"fileName": file_name(end_to_end_id)})
        except NoAnswer as error:
            return Unknown(f"{self.name} did not answer: {error}")
        except BankUnavailable as error:
            return Unknown(error.detail)
        return with_body(outcome_of_enquiry(answer, end_to_end_id), answer.body)

    def _read_in(self, order: TransferOrder) -> str | Outcome:
        """The bank's number of the file once it has read it and finds no fault, or what became of the order instead.

        Raises BankUnavailable, NoAnswer, NotJson.
        """
        kind, form = upload_form(order, self._token())
        uploaded = self._access.send(self._transport.ask, self._call("transfer", UPLOAD, form, kind), refuses_token)
        bulk = said(uploaded).body.get("bulkId") if uploaded.status == 200 else None
        if not isinstance(bulk, str) or not bulk or not said(uploaded).good:
            return outcome_before_saving(uploaded)
        for _ in range(QUESTIONS_MAX):
            answer = self._corporate("transfer", PROCESS, {"bulkId": bulk})
            state = said(answer).body.get("status")
            if not said(answer).good or state not in READING | {READ_IN}:
                return outcome_before_saving(answer)
            if state == READ_IN:
                rows = self._corporate("transfer", ROWS, {"bulkId": bulk})
                heard = said(rows)
                found = outcome_of_rows(heard, order.end_to_end_id) if heard.good else outcome_before_saving(rows)
                return found if found is not None else bulk
            self._transport.pause()
        return NotSent("the bank has not read the file in yet; nothing was saved")

    def _save(self, bulk: str, amount: Money) -> Outcome:
        """The call that puts the file before the checker, sent once."""
        request = self._call("transfer", SAVE, compact({"refNo": self._token(), "bulkId": bulk}), "application/json")
        try:
            answer = self._access.send(self._transport.order, request, refuses_token)
        except BankUnavailable:
            return NotSent("no access token could be had")
        except NeverSent as error:
            return NotSent(str(error))
        except PerhapsSent as error:
            return Unknown(str(error))
        return with_body(outcome_of_saving(answer, bulk, amount), answer.body)

    def _corporate(self, operation: Operation, path: str, asked: dict[str, str]) -> Answer:
        """A question to the corporate bank. Raises BankUnavailable when no token is to be had, NoAnswer."""
        request = self._call(operation, path, compact({"refNo": self._token(), **asked}), "application/json")
        return self._access.send(self._transport.ask, request, refuses_token)

    def _call(self, operation: Operation, path: str, body: bytes, kind: str) -> Request:
        headers = {"Accept": "application/json", "Content-Type": kind, "biz-platform": "biz-1.0"}
        url = self.account.base_url + path
        return Request(operation=operation, method="POST", url=url, headers=headers, body=body)
