"""What Techcombank's answers say (5.1.3-5.1.5 of the bank wire specification).

[assumed], as the specification is silent: RspnInf repeats Id, TxId, CreDtTm, PmtTp and Desc of the request; an answer
that refuses has no TxInf; InqTxStsRspn has RspnSts like the others, and no TxRcrd when it finds nothing (or is an
error, by the settings); RefId and ChannelTxnId are the bank's number of the order, TxnBnkID the reference of its debit
once there is one; TxnSts is PENDING, PROCESSING, COMPLETED or FAILED, alone or within other words, by the settings;
CurAmt is whole dong.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from banks.simulator.clock import bank_day
from banks.simulator.records import Account, Order
from banks.simulator.state import State
from banks.simulator.techcombank.bank_list import branches
from banks.simulator.techcombank.codes import LATE, SUCCESS, TEXTS
from banks.simulator.techcombank.requests import Header
from banks.simulator.techcombank.soap import Tree

WORDS: Final = {"waiting": "PENDING", "checked": "PROCESSING", "executed": "COMPLETED", "refused": "FAILED"}
LEDGER: Final = "Ledger"
AVAILABLE: Final = "Avail"


def bank_number(trace: str) -> str:
    """The bank's own number of the order the customer calls `trace`."""
    return f"TCB{hashlib.sha256(trace.encode()).hexdigest()[:16].upper()}"


def reason(code: str, said: str = "") -> str:
    """AddtlStsRsnInf: code and text."""
    return f"{code}|{TEXTS.get(code) or said}"


def outcome(code: str, said: str = "") -> Tree:
    """RspnSts."""
    sts = "RCCF" if code == SUCCESS else "RCER"
    return ("RspnSts", [("Sts", sts), ("AddtlStsRsnInf", reason(code, said))])


def echo(given: Header, id_: str | None = None) -> Tree:
    """RspnInf of `given`; `id_` to name another request."""
    named = id_ or given.id
    kind: list[Tree] = [("PmtTp", given.payment_type)] if given.payment_type else []
    return ("RspnInf", [("Id", named), ("TxId", named), ("CreDtTm", given.day), *kind, ("Desc", given.description)])


def taken(given: Header, order: Order, other: str | None = None) -> Tree:
    """XferRspn to an order that was taken; `other` to name another one."""
    number = bank_number(other or order.trace)
    return ("XferRspn", [outcome(SUCCESS), ("TxInf", [("RefId", number)]), echo(given, other)])


def refusal(name: str, code: str, said: str, given: Header | None) -> Tree:
    """The answer `name` that refuses, with the header of the request where that could be read."""
    return (name, [outcome(code, said), *([echo(given)] if given is not None else [])])


def account_refusal(id_: str, code: str, said: str) -> Tree:
    """AcctInqRs that tells nothing of an account."""
    return ("AcctInqRs", [("RqUID", id_), ("Status", [("StatusCode", code), ("StatusDesc", TEXTS.get(code) or said)])])


def account(state: State, id_: str, found: Account, *, balances: bool) -> Tree:
    """AcctInqRs about `found`, with what it holds and what of that no order has taken yet, or with its owner only."""
    record: list[Tree] = [("AcctId", found.number), ("AcctTitl", found.name), ("AcctSts", "ACTIVE")]
    if balances:
        current = state.books.balance(found.number)
        held = ((LEDGER, current), (AVAILABLE, current - state.pending(found.number)))
        record += [("AcctBal", [("BalType", kind), ("CurAmt", str(amount))]) for kind, amount in held]
    return ("AcctInqRs", [("RqUID", id_), ("Status", [("StatusCode", SUCCESS)]), ("AcctRec", record)])


def banks_listed(given: Header, offline: tuple[str, ...]) -> Tree:
    """InqBnkInfRspn: every bank that can be reached."""
    rows: list[Tree] = [
        (
            "BkInfRcrd",
            [
                ("CITAD", branch.citad),
                ("BkCd", branch.code),
                ("BkNm", branch.name),
                ("BrnchNm", "HOI SO CHINH"),
                ("StatPrvc", branch.citad[:2]),
                ("ActvSts", "INACTIVE" if branch.bin in offline else "ACTIVE"),
                ("IsCentralizedBank", "Y"),
            ],
        )
        for branch in branches().values()
    ]
    return ("InqBnkInfRspn", [outcome(SUCCESS), *rows, echo(given)])


def nothing_found() -> Tree:
    """InqTxStsRspn without a record."""
    return ("InqTxStsRspn", [outcome(SUCCESS)])


def status(state: State, order: Order, partner: str, channel: str, words: Literal["alone", "within"]) -> Tree:
    """InqTxStsRspn: where the order stands."""
    told = dict(standing(state, order, partner, channel, words))
    fee = [("FeeCode", "OUR" if order.charge else ""), ("FeeAmt", str(order.charge))]
    first = ("TxnSts", "TxnDes", "TxnStsRemark")
    last = ("PartID", "ChannelTxnId", "TxnBnkID", "TxnDate", "Channel")
    described: Tree = ("TxnStsRemarkDes", "" if order.shown_status else TEXTS.get(told["TxnStsRemark"], ""))
    record: list[Tree] = [
        *((name, told[name]) for name in first),
        described,
        *fee,
        *((name, told[name]) for name in last),
    ]
    return ("InqTxStsRspn", [outcome(SUCCESS), ("TxRcrd", [("ResResults", record)])])


def standing(
    state: State, order: Order, partner: str, channel: str, words: Literal["alone", "within"]
) -> list[tuple[str, str]]:
    """What is said of an order, in answers and in callbacks alike."""
    word = order.shown_status or WORDS[order.status]
    return [
        ("PartID", f"{partner}.{order.trace}"),
        ("Channel", channel),
        ("TxnSts", word if words == "alone" else f"TRANSACTION {word}"),
        ("TxnStsRemark", _remark(order)),
        ("TxnDes", order.reason or WORDS[order.status]),
        ("TxnDate", bank_day(order.ended_at or order.created_at).isoformat()),
        ("TxnBnkID", _debit(state, order)),
        ("ChannelTxnId", bank_number(order.trace)),
    ]


def _remark(order: Order) -> str:
    """The code of where an order stands; one that is under way, or shows an odd status, has none."""
    if order.shown_status is not None or order.status in ("waiting", "checked"):
        return ""
    return SUCCESS if order.cause is None else LATE[order.cause]


def _debit(state: State, order: Order) -> str:
    if order.status != "executed" or order.shown_status is not None:
        return ""
    rows = state.books.movements(order.source)
    return next((row.reference for row in rows if row.order == order.trace), "")
