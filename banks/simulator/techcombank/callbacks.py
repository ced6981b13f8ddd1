"""UpdateStatus: what became of an order, and whether the customer's answer takes it (5.1.6 of the specification).

[assumed], as the specification is silent: Id = TxId is a number of the bank's own; Envt names the bank as the source;
the fields of the transaction are the children of ReqInf, which comes in clear or (by the settings) sealed for the
customer; the answer's HeaderHashStr and signature are there, and what they cover is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from banks.simulator.clock import bank_day
from banks.simulator.records import Notice, Order
from banks.simulator.refusals import Malformed
from banks.simulator.techcombank import sealing, signing
from banks.simulator.techcombank.codes import SUCCESS
from banks.simulator.techcombank.enrolment import TechcombankSide
from banks.simulator.techcombank.soap import COLLECTION, Tree, body, element, message, parts, text
from banks.simulator.xml_elements import Node

ACTION: Final = "UpdateStatus"
HEADERS: Final = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{ACTION}"'}
TAMPERED: Final = {"COMPLETED": "FAILED", "FAILED": "COMPLETED"}


class Look(NamedTuple):
    """How a message looks: prefixes of envelope and body, and the generation ReqInf is sealed in, None for clear."""

    prefixes: tuple[str, str]
    sealed: sealing.Generation | None


def number(notice: Notice) -> str:
    """The bank's number of the message."""
    return notice.request_trace.replace("-", "")


def compose(
    notice: Notice,
    order: Order,
    told: Sequence[tuple[str, str]],
    side: TechcombankSide,
    at: datetime,
    look: Look,
    signing_key_pem: str,
) -> str:
    """The message that says `told` of `order`, signed with this key, or not at all where the notice wants that."""
    known = dict(told)
    canonical = signing.update_status(known["PartID"], known["Channel"], known["TxnSts"], known["TxnStsRemark"])
    if notice.body == "tampered":
        told = [(name, TAMPERED.get(value, f"{value}X") if name == "TxnSts" else value) for name, value in told]
    signature: list[Tree] = [("Sgntr", [("Sgntr1", signing.sign(canonical, signing_key_pem))])]
    general: list[Tree] = [
        ("Id", number(notice)),
        ("TxId", number(notice)),
        ("CreDtTm", bank_day(at).isoformat()),
        ("PmtTp", str(order.document["type"])),
        ("Desc", "Update status"),
        *([] if notice.key == "missing" else signature),
    ]
    inner: Tree = ("ReqInf", list(told))
    if look.sealed is not None:
        plain = element(inner, COLLECTION, look.prefixes[1]).encode("utf-8")
        inner = ("ReqInf", sealing.seal(plain, side.callback_key_pem, look.sealed))
    names = (("TrgtPty", side.partner), ("SrcPty", "H2H"), ("Rqstr", side.channel))
    environment: Tree = ("Envt", [(party, [("Nm", name)]) for party, name in names])
    return message(("UpdateStatusReq", [("ReqGnlInf", general), environment, inner]), COLLECTION, look.prefixes)


def answer_fault(http: int, answer: str, id_: str) -> str | None:
    """What is wrong with the customer's answer to the message `id_`, None when it takes it."""
    if http != 200:
        return f"HTTP {http}"
    try:
        return _fault_of(body(answer.encode("utf-8")), id_)
    except Malformed as fault:
        return str(fault)


def _fault_of(answer: Node, id_: str) -> str | None:
    if (answer.namespace, answer.name) != (COLLECTION, "UpdateStatusRspn"):
        raise Malformed("the body must hold UpdateStatusRspn")
    top = parts(answer, "RspnInf", "RspnSts")
    echo = parts(top["RspnInf"], "Id", "TxId", "CreDtTm", "PmtTp", "Desc", "HeaderHashStr", "Sgntr")
    for name in ("Id", "TxId"):
        text(echo[name], re.escape(id_), "the one of the request")
    text(echo["CreDtTm"], r"\d{4}-\d\d-\d\d", "a day yyyy-MM-dd")
    parts(echo["Sgntr"], "Sgntr1", "Sgntr2?")
    status = parts(top["RspnSts"], "Sts", "AddtlStsRsnInf")
    said = text(status["AddtlStsRsnInf"], r"(?s).{1,300}", "a code and a text")
    if text(status["Sts"], "RCCF|RCER", "RCCF or RCER") != "RCCF" or said.partition("|")[0] != SUCCESS:
        return f"not taken: {said}"
    return None
