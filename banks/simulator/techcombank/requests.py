"""The fields of the four requests (5.1.1, 5.1.3-5.1.5 of the bank wire specification).

[assumed], as the specification is silent: ids are 1 to 36 (a UUID) of letters, digits, `_`, `.` and `-`; a day may be
any day; names have 1 to 70 signs and descriptions 1 to 140, unaccented letters, digits, blank and `-+().,/&'`; amounts
have at most 15 digits; PmtTp INTERNAL goes with the bank's own CITAD code, NAPAS and CITAD with those of others;
AcctInqRq has AcctSel sealed in RecCtrlIn/Cursor/BinData and in no namespace, is signed by the first signer in
RecCtrlIn/Token, and ClientApp may name Org before Name, as public clients have it; a list of banks needs no signature.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final, NamedTuple

from banks.simulator.orders import Instruction
from banks.simulator.records import Party
from banks.simulator.refusals import Malformed
from banks.simulator.techcombank import signing
from banks.simulator.techcombank.bank_list import branches
from banks.simulator.techcombank.codes import (
    BANK_INACTIVE,
    BANK_UNKNOWN,
    BENEFICIARY_SIGN,
    CONFIGURATION,
    DESCRIPTION_SIGN,
    OWN_CITAD,
    SENDER_SIGN,
    refused,
)
from banks.simulator.techcombank.signing import Signature
from banks.simulator.techcombank.soap import only, parts, text
from banks.simulator.xml_elements import Node

ID: Final = (r"[A-Za-z0-9_.-]{1,36}", "1 to 36 letters, digits, _, . and -")
ACCOUNT: Final = (r"[A-Z0-9]{1,19}", "1 to 19 capital letters and digits")
WORD: Final = (r"[A-Za-z0-9_.-]{0,64}", "at most 64 letters, digits, _, . and -")
AMOUNT: Final = (r"[1-9][0-9]{0,14}", "whole dong, digits only")
NAME: Final = (r"(?s).{1,70}", "1 to 70 signs")
DESCRIPTION: Final = (r"(?s).{1,140}", "1 to 140 signs")
BASE64: Final = (r"[A-Za-z0-9+/=]{1,1000}", "Base64")
SEALED: Final = (r"[A-Za-z0-9+/=\s]{1,100000}", "Base64")
SIGNS: Final = re.compile(r"[A-Za-z0-9 +().,/&'-]*")
RAILS: Final = {"INTERNAL": "inside", "NAPAS": "napas", "CITAD": "citad"}


class Caller(NamedTuple):
    """Who may be in Envt: the enrolled partner and his channel."""

    partner: str
    channel: str


class Header(NamedTuple):
    """ReqGnlInf: the customer's id of the request, what it is for, who signed."""

    id: str
    day: str
    payment_type: str
    description: str
    signatures: tuple[Signature, ...]


class Transfer(NamedTuple):
    """XferReq as it was read, and what must be signed for it."""

    header: Header
    source: str
    sender: str
    instruction: Instruction
    citad: str
    canonical: str


class AccountEnquiry(NamedTuple):
    """AcctInqRq as it was read, and what must be signed for it."""

    id: str
    role: str
    account: str
    token: str
    canonical: str


def header(request: Node, caller: Caller) -> tuple[Header, Node]:
    """The common header of `request`, and its ReqInf. Raises Malformed, or Refused (SOA-001)."""
    top = parts(request, "ReqGnlInf", "Envt", "ReqInf")
    general = parts(top["ReqGnlInf"], "Id", "TxId", "CreDtTm", "PmtTp?", "Desc", "Sgntr?")
    id_ = text(general["Id"], *ID)
    text(general["TxId"], re.escape(id_), "the same as Id")
    found = Header(
        id=id_,
        day=_day(general["CreDtTm"]),
        payment_type=text(general["PmtTp"], "|".join(RAILS), " or ".join(RAILS)) if "PmtTp" in general else "",
        description=text(general["Desc"], r"(?s).{0,140}", "at most 140 signs"),
        signatures=_signatures(general.get("Sgntr")),
    )
    environment = parts(top["Envt"], "TrgtPty", "SrcPty", "Rqstr")
    text(only(environment["TrgtPty"], "Nm"), "H2H", "H2H")
    for name, value in (("SrcPty", caller.partner), ("Rqstr", caller.channel)):
        if text(only(environment[name], "Nm"), *WORD) != value:
            raise refused(CONFIGURATION, f"{name} is not the enrolled one")
    return found, top["ReqInf"]


def _day(node: Node) -> str:
    day = text(node, r"\d{4}-\d\d-\d\d", "a day yyyy-MM-dd")
    try:
        date.fromisoformat(day)
    except ValueError as fault:
        raise Malformed(f"{node.name} is no day: {fault}") from fault
    return day


def _signatures(node: Node | None) -> tuple[Signature, ...]:
    if node is None:
        return ()
    found = parts(node, "Sgntr1", "Sgntr2?").values()
    for signature in found:
        if set(signature.attributes) - {"user"}:
            raise Malformed(f"{signature.name} has another attribute than user")
    return tuple(Signature(one.attributes.get("user", ""), text(one._replace(attributes={}), *BASE64)) for one in found)


def sealed(node: Node) -> str:
    """The Base64 that is the whole content of ReqInf. Raises Malformed."""
    return text(node, *SEALED)


def transfer(given: Header, opened: Node) -> Transfer:
    """5.1.3: the order in `opened`, whatever its texts and its bank are. Raises Malformed."""
    if not given.payment_type:
        raise Malformed("ReqGnlInf must hold PmtTp")
    fields = parts(opened, "TxTp", "TxDt", "TxAmt", "Desc", "FrAcct", "ToAcct")
    text(fields["TxTp"], "DOMESTIC", "DOMESTIC")
    origin = parts(fields["FrAcct"], "AcctId", "AcctTitl")
    to = parts(fields["ToAcct"], "AcctId", "AcctTitl", "FIData")
    day, amount, account = _day(fields["TxDt"]), text(fields["TxAmt"], *AMOUNT), text(to["AcctId"], *ACCOUNT)
    holder, citad = text(to["AcctTitl"], *NAME), text(only(to["FIData"], "CITAD"), r"[0-9]{8}", "eight digits")
    if (given.payment_type == "INTERNAL") != (citad == OWN_CITAD):
        raise Malformed(f"PmtTp {given.payment_type} does not go with CITAD {citad}")
    branch = branches().get(citad)
    instruction = Instruction(
        trace=given.id,
        rail=RAILS[given.payment_type],
        amount=int(amount),
        beneficiary=Party(holder, account, branch.bin if branch is not None else None),
        remarks=text(fields["Desc"], *DESCRIPTION),
        document={"type": given.payment_type, "description": given.description},
    )
    return Transfer(
        header=given,
        source=text(origin["AcctId"], *ACCOUNT),
        sender=text(origin["AcctTitl"], *NAME),
        instruction=instruction,
        citad=citad,
        canonical=signing.fund_transfer(given.id, account, holder, day, amount),
    )


def check_payable(wanted: Transfer, offline: tuple[str, ...]) -> None:
    """What the bank looks at before it takes a well-signed order. Raises Refused (PA-004 to PA-013)."""
    beneficiary = wanted.instruction.beneficiary
    for what, value, code in (
        ("beneficiary name", beneficiary.name, BENEFICIARY_SIGN),
        ("description", wanted.instruction.remarks, DESCRIPTION_SIGN),
        ("sender name", wanted.sender, SENDER_SIGN),
    ):
        if not SIGNS.fullmatch(value):
            raise refused(code, f"the {what} has other signs than {SIGNS.pattern}")
    if beneficiary.bin is None:
        raise refused(BANK_UNKNOWN, f"CITAD {wanted.citad} is not on the list")
    if beneficiary.bin in offline:
        raise refused(BANK_INACTIVE, f"bank {beneficiary.bin} is offline by the settings")


def status_enquiry(given: Header, inner: Node) -> tuple[str, str]:
    """5.1.4: the id asked about, and what is signed for it, if anything is. Raises Malformed."""
    fields = parts(inner, "ReqTxId", "Desc")
    text(fields["Desc"], r"(?s).{0,140}", "at most 140 signs")
    asked = text(fields["ReqTxId"], *ID)
    return asked, signing.status_enquiry(given.id, asked)


def all_banks(inner: Node) -> None:
    """5.1.5: nothing but ALL can be asked for. Raises Malformed."""
    text(parts(inner, "BkID")["BkID"], "ALL", "ALL")


def account_enquiry(request: Node, unseal: Callable[[str], Node]) -> AccountEnquiry:
    """5.1.5: which account is asked about in which role; `unseal` opens BinData. Raises Malformed, Refused."""
    top = parts(request, "RqUID", "MsgRqHdr", "RecCtrlIn")
    head = parts(top["MsgRqHdr"], "SvcIdent", "CredentialsRqHdr", "ContextRqHdr")
    credentials = parts(head["CredentialsRqHdr"], "SubjectRole", "OvrdExceptionCode")
    id_, service = text(top["RqUID"], *ID), text(only(head["SvcIdent"], "SvcName"), *WORD)
    application = parts(only(head["ContextRqHdr"], "ClientApp"), "Org?", "Name")
    client = text(application["Name"], *WORD)
    role = text(credentials["SubjectRole"], r"[A-Z]{1,20}", "a word in capital letters")
    override = text(credentials["OvrdExceptionCode"], *WORD)
    control = parts(top["RecCtrlIn"], "Cursor", "Token")
    cursor = parts(control["Cursor"], "BinLength", "BinData")
    text(cursor["BinLength"], "1", "1")
    selection = unseal(sealed(cursor["BinData"]))
    if (selection.namespace, selection.name) != ("", "AcctSel"):
        raise Malformed("what is sealed must be an element AcctSel in no namespace")
    account = text(only(selection, "AcctKeys", "AcctId"), *ACCOUNT)
    return AccountEnquiry(
        id=id_,
        role=role,
        account=account,
        token=text(control["Token"], *BASE64),
        canonical=signing.account_enquiry(id_, service, client, role, override, account),
    )
