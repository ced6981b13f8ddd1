"""Movements as the records of 4.1.6, which the statement of 4.1.4 gives as well ([assumed]): every value is text."""

from __future__ import annotations

from banks.simulator.clock import VIETNAM
from banks.simulator.records import Movement
from banks.simulator.state import State
from banks.simulator.vietinbank.codes import BIN

SIGNED = ("transId", "originalId", "transTime", "custCode", "custName", "custAcct", "amount", "balance")
"""What a notice signs of a record before its status code, bankTransId and remark."""

FIELDS = (
    *("transId", "originalId", "channelId", "priority", "recordNo", "transTime", "transType", "serviceType"),
    *("paymentType", "paymentMethod", "custCode", "custName", "custAcct", "idCard", "sendBankId", "sendBranchId"),
    *("sendAcctId", "sendAcctName", "sendVirtualAcctId", "sendVirtualAcctName", "recvBankId", "recvBranchId"),
    *("recvAcctId", "recvAcctName", "recvVirtualAcctId", "recvVirtualAcctName", "billId", "billTerm", "amount", "fee"),
    *("vat", "balance", "payRefNo", "payRefInfo", "bankTransId", "remark", "status", "currencyCode", "addInfo"),
    *("preseve1", "preseve2", "preseve3"),
)
"""The fields of a record as printed, the last ones misspelt as printed."""

Row = dict[str, object]


def record(state: State, movement: Movement, place: int) -> Row:
    """One movement of an account, the `place`-th of its list."""
    owner = state.books.account(movement.account)
    holder = owner.name if owner is not None else ""
    blank: Row = dict.fromkeys(FIELDS, "")
    said: Row = {
        "transId": movement.order or f"VTB{movement.shown}",
        "originalId": movement.reverses or "",
        "channelId": "EFAST",
        "priority": "3",
        "recordNo": str(place),
        "transTime": movement.at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S"),
        "transType": "C" if movement.direction == "credit" else "D",
        "serviceType": movement.product.upper(),
        "custCode": "SOCAI",
        "custName": holder,
        "custAcct": movement.account,
        "amount": str(movement.amount),
        "fee": "0",
        "vat": "0",
        "balance": str(movement.balance_after),
        "payRefNo": movement.trace,
        "bankTransId": movement.shown,
        "remark": movement.memo,
        "status": {"code": "00", "message": "Success"},
        "currencyCode": "VND",
    }
    return blank | said | _sides(movement, holder)


def _sides(movement: Movement, holder: str) -> Row:
    """Who sent and who received."""
    party = movement.party
    other = (party.name, party.account, party.bin or "") if party is not None else ("", "", "")
    own = (holder, movement.account, BIN)
    sides = (other, own) if movement.direction == "credit" else (own, other)
    return {
        f"{side}{field}": value
        for side, (name, number, bank) in zip(("send", "recv"), sides, strict=True)
        for field, value in (("BankId", bank), ("AcctId", number), ("AcctName", name))
    }
