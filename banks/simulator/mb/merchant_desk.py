"""Where merchants have VietQR codes made, ask after sales and give them back (3.1.7 of the bank wire specification)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from banks.simulator.books import CLEARING
from banks.simulator.jsonfields import Fields
from banks.simulator.mb import merchant
from banks.simulator.mb.codes import AUTHENTICATION, QR_NOT_FOUND, QR_WRONG_AMOUNT, refusal
from banks.simulator.records import Account, Movement
from banks.simulator.state import Line, State

if TYPE_CHECKING:
    from banks.simulator.mb.enrolment import MbSide


class MerchantDesk:
    """The merchant is the client, and his sales land on his first account."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._side = cast("MbSide", state.bank_side)

    def create(self, body: dict[str, object]) -> dict[str, object]:
        """`data` of `createqr`. Raises Malformed."""
        bill = merchant.read(body)
        with self._state.lock:
            home = self._side.accounts[0]
            count = sum(account.parent is not None for account in self._state.books.accounts)
            virtual = f"{merchant.VIRTUAL}{count + 1:06d}"
            details = merchant.details(bill)
            self._state.open(Account(number=virtual, name=home.name, parent=home.number, details=details), 0)
        return {"qrcode": merchant.qr(bill, virtual)}

    def check(self, body: dict[str, object]) -> dict[str, object]:
        """`data` of `checkOrder`. Raises Malformed or Refused."""
        fields = Fields(body, "body", ("traceTransfer", "referenceLabel", "billNumber", "checkSum"))
        trace, reference, bill = (
            fields.text(name, ".{1,64}", "1-64 characters")
            for name in ("traceTransfer", "referenceLabel", "billNumber")
        )
        expected = merchant.order_checksum(trace, bill, reference, self._side.mms_access_key)
        if fields.text("checkSum", "[0-9a-f]{32}", "32 hex digits") != expected:
            raise refusal(AUTHENTICATION, "checkSum is not the customer's over these fields")
        with self._state.lock:
            sale = merchant.sale(self._state, self._sale(trace))
        if (sale["billNumber"], sale["referenceLabelCode"]) != (bill, reference):
            raise refusal(QR_NOT_FOUND, f"{trace} paid another bill")
        return sale

    def _sale(self, reference: str) -> Movement:
        row = self._state.books.movement(reference)
        if row is None or row.via is None:
            raise refusal(QR_NOT_FOUND, f"no sale {reference}")
        return row

    def refund(self, body: dict[str, object]) -> dict[str, object]:
        """`data` of `refundVietQR`; a sale is given back whole and once ([assumed]). Raises Malformed or Refused."""
        fields = Fields(body, "body", ("terminalID", "traceTransfer", "amount", "content"))
        trace = fields.text("traceTransfer", ".{1,64}", "1-64 characters")
        terminal, content = fields.text("terminalID", *merchant.TEXT), fields.text("content", *merchant.TEXT)
        amount = int(fields.text("amount", "[1-9][0-9]{0,14}", "whole dong"))
        with self._state.lock:
            row, cause = self._sale(trace), f"refund of {trace}"
            if merchant.sale(self._state, row)["terminalLabel"] != terminal:
                raise refusal(QR_NOT_FOUND, f"{trace} is no sale of terminal {terminal}")
            if amount != row.amount or any(entry.cause == cause for entry in self._state.books.entries):
                raise refusal(QR_WRONG_AMOUNT, f"{trace} was {row.amount}, or was given back already")
            line = Line(row.account, -amount, content, "napas", row.party)
            (booked,) = self._state.book(cause, [line], {CLEARING["napas"]: amount})
        return {"ft": booked.reference}
