"""Techcombank's other messages: the UpdateStatus callback and our answer to it, and the account enquiry.

Chapters 5.1.5 and 5.1.6 of the bank wire specification. The callback's signature covers four values joined without a
separator, so each is held to a shape that leaves one way only of cutting the text: `PartID` begins with our partner
name and ends in an id of ours, `Channel` is the channel we are registered under, the state is a word without digits.
Nothing else of a callback is signed, and nothing else of it is believed; ids of the call are only echoed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from banks.drift import unreadable
from banks.outcomes import Outcome, loggable_code
from banks.strict_xml import Element, NotXml, element, leaf, parse
from banks.techcombank_envelope import Mode, NotSealed, canonical, opened, sealed, signature, signed_by
from banks.techcombank_orders import (
    COLLECTION,
    REFUSED,
    SUCCESS,
    TAKEN,
    Party,
    outcome_of_state,
    payload,
    soap,
)
from banks.transport import Answer
from ledger.calendar import bank_day
from ledger.errors import InvalidAmount, Problem, Unauthenticated, Unavailable, WebhookUnreadable
from ledger.money import Money, from_bank

ACCOUNT: Final = "http://www.techcombank.com.vn/account/v1"
ENQUIRY_SERVICE: Final = "AcctInq"  # [assumed] 5.1.5
ENQUIRY_ROLE: Final = "OWNER"
ENQUIRY_OVERRIDE: Final = "ACCT"  # [assumed] 5.1.5
SEALED_PARTS: Final = "1"
AVAILABLE: Final = "Avail"  # [assumed] 5.1.5
LEDGER: Final = "Ledger"  # [assumed] 5.1.5

SIGNED: Final = ("PartID", "Channel", "TxnSts", "TxnStsRemark")
"""What the callback's signature covers, in this order."""

CALL_ID_SHAPE: Final = r"[!-{}~]{0,64}"
"""An id of the bank's call as we echo it; the bar is ours, between the two of them."""

BAD_SIGNATURE: Final = "002"
ERROR: Final = "001"


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One `UpdateStatusReq`: the signed values as they stand there, the signature, and the ids of the call. Hides
    itself.
    """

    values: tuple[str, ...]
    signature: str
    call_id: str
    call_tx_id: str

    def __repr__(self) -> str:
        return "Update(…)"

    __str__ = __repr__


# callback


def read_update(raw_body: bytes, opening_key: RSAPrivateKey | None, mode: Mode) -> Update:
    """The callback taken apart. Each value stands once, wherever below the request; a sealed `ReqInf` is opened when
    we have a key for it. Raises NotXml and NotSealed.
    """
    request = payload(raw_body, "UpdateStatusReq")
    general = request.only("ReqGnlInf")
    told = list(request.below())
    closed = request.maybe("ReqInf")
    if closed is not None and closed.text and opening_key is not None:
        inner = parse(opened(closed.text, opening_key, mode))
        told = list(inner.below())
    return Update(
        values=tuple(_once(told, name) for name in SIGNED),
        signature=general.said("Sgntr", "Sgntr1"),
        call_id=general.said("Id"),
        call_tx_id=general.said("TxId"),
    )


def is_genuine(
    raw_body: bytes, opening_key: RSAPrivateKey | None, mode: Mode, bank_keys: Sequence[RSAPublicKey]
) -> bool:
    """Whether one of the bank's keys signed this callback. What cannot be read is simply not genuine."""
    try:
        update = read_update(raw_body, opening_key, mode)
    except (NotXml, NotSealed):
        return False
    text = canonical("UpdateStatus", *update.values)
    return any(signed_by(text, update.signature, key) for key in bank_keys)


def order_of(update: Update, party: Party, *, id_max: int) -> tuple[str, Outcome]:
    """Our end-to-end id and what became of the order. Raises WebhookUnreadable.

    The bank's own number (`TxnBnkID`) is not signed, so the outcome carries none.
    """
    part_id, channel, state, remark = update.values
    match = re.fullmatch(rf"{re.escape(party.partner)}\.([A-Z0-9]{{1,{id_max}}})", part_id)
    if match is None:
        raise WebhookUnreadable("PartID is not our partner name and an id of ours.", field="PartID")
    if channel != party.channel:
        raise WebhookUnreadable("Channel is not the one this account is registered under.", field="Channel")
    if not re.fullmatch(r"[A-Za-z][A-Za-z _-]{0,39}", state):
        raise unreadable("The callback cannot be understood", "TxnSts: no word", field="TxnSts")
    if remark and loggable_code(remark) != remark:
        raise unreadable("The callback cannot be understood", "TxnStsRemark: no code", field="TxnStsRemark")
    return match[1], outcome_of_state(state, remark, None)


def trace_of(update: Update) -> str:
    """`Id` and `TxId` of the bank's call in one text, for the acknowledgement. Raises WebhookUnreadable."""
    for one in (update.call_id, update.call_tx_id):
        if not re.fullmatch(CALL_ID_SHAPE, one):
            why = "ReqGnlInf/Id, ReqGnlInf/TxId: not texts of at most 64 visible signs"
            raise unreadable("The callback cannot be understood", why, field="ReqGnlInf")
    return f"{update.call_id}|{update.call_tx_id}"


def acknowledgement(trace: str, problem: Problem | None, at: datetime) -> tuple[int, bytes]:
    """HTTP status and `UpdateStatusRspn`. A problem is told by its family only; its detail stays with us."""
    http, word, code = 200, TAKEN, SUCCESS
    if problem is not None:
        word, code = REFUSED, BAD_SIGNATURE if isinstance(problem, Unauthenticated) else ERROR
        http = 401 if code == BAD_SIGNATURE else 503 if isinstance(problem, Unavailable) else 400
    call_id, _, call_tx_id = trace.partition("|")
    about = element(
        "RspnInf",
        leaf("Id", call_id),
        leaf("TxId", call_tx_id),
        leaf("CreDtTm", bank_day(at).isoformat()),
        leaf("PmtTp"),
        leaf("Desc"),
        leaf("HeaderHashStr"),
        element("Sgntr", leaf("Sgntr1"), leaf("Sgntr2")),
    )
    status = element("RspnSts", leaf("Sts", word), leaf("AddtlStsRsnInf", code))
    return http, soap(element("UpdateStatusRspn", about, status, xmlns=COLLECTION))


def _once(told: Sequence[Element], name: str) -> str:
    found = [one for one in told if (one.namespace, one.name) == (COLLECTION, name)]
    if len(found) != 1 or found[0].children:
        raise NotXml(f"{name}: stands {len(found)} times, or is no text")
    return found[0].text


# account enquiry


def account_request(account_number: str, request_id: str, party: Party) -> bytes:
    """The whole `AcctInqRq` for one account of ours; `request_id` is fresh. As in public clients `AcctSel` goes sealed,
    without a namespace, and the signature beside it.
    """
    text = canonical(
        "AcctInq", request_id, ENQUIRY_SERVICE, party.channel, ENQUIRY_ROLE, ENQUIRY_OVERRIDE, account_number
    )
    head = element(
        "MsgRqHdr",
        element("SvcIdent", leaf("SvcName", ENQUIRY_SERVICE)),
        element("CredentialsRqHdr", leaf("SubjectRole", ENQUIRY_ROLE), leaf("OvrdExceptionCode", ENQUIRY_OVERRIDE)),
        element("ContextRqHdr", element("ClientApp", leaf("Org", party.partner), leaf("Name", party.channel))),
    )
    asked = element("AcctSel", element("AcctKeys", leaf("AcctId", account_number)))
    closed = leaf("BinData", sealed(asked.encode(), party.bank_key, party.mode))
    token = leaf("Token", signature(text, party.signatories[0].private_key))
    control = element("RecCtrlIn", element("Cursor", leaf("BinLength", SEALED_PARTS), closed), token)
    return soap(element("AcctInqRq", leaf("RqUID", request_id), head, control, xmlns=ACCOUNT))


def read_account(answer: Answer, request_id: str, account_number: str) -> tuple[Money, Money]:
    """What the account holds: on the books, and available. Raises NotXml."""
    if answer.status != 200:
        raise NotXml("no answer of success")
    reply = payload(answer.body, "AcctInqRs", ACCOUNT)
    code = reply.said("Status", "StatusCode")
    if code != SUCCESS:
        raise NotXml(f"code {loggable_code(code)}")
    if reply.said("RqUID") != request_id or reply.said("AcctRec", "AcctId") != account_number:
        raise NotXml("the answer belongs to another call or account")
    amounts: dict[str, Money] = {}
    for balance in reply.only("AcctRec").all("AcctBal"):
        if amounts.setdefault(balance.said("BalType"), found := _signed(balance.said("CurAmt"))) != found:
            raise NotXml("AcctRec/AcctBal: two balances of one type")
    if AVAILABLE not in amounts or LEDGER not in amounts:
        raise NotXml("AcctRec/AcctBal: a balance is missing")
    return amounts[LEDGER], amounts[AVAILABLE]


def _signed(text: str) -> Money:
    """A balance, which unlike the amount of a movement may be below zero. Raises NotXml."""
    try:
        return -from_bank(text[1:]) if text.startswith("-") else from_bank(text)
    except InvalidAmount:
        raise NotXml("AcctRec/AcctBal/CurAmt: not a whole amount") from None
