"""Techcombank orders and enquiries: what is sent, signed and sealed, and how every answer is read.

Chapters 5.1.3 and 5.1.4 of the bank wire specification. The tables stand first and hold everything the bank's contract
documents may correct; [assumed] marks what no public source tells. Whatever is not in a table is Unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from banks.bank import Rail, TransferOrder
from banks.bank_text import memo_with_id, plain
from banks.drift import misfits, not_read
from banks.napas import citad_code
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Reason, Unknown, loggable_code
from banks.strict_xml import Element, Markup, NotXml, element, leaf, parse
from banks.techcombank_envelope import Mode, canonical, sealed, signature
from banks.transport import Answer
from ledger.calendar import bank_day
from ledger.errors import InvalidBeneficiary

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
COLLECTION: Final = "http://www.techcombank.com.vn/services/bank/collection/v1"

RAIL_TYPES: Final[Mapping[Rail, str]] = {"internal": "INTERNAL", "napas": "NAPAS", "citad": "CITAD"}  # [assumed] 5.1.3
"""`PmtTp`: the bank agrees the values with each partner."""

CITAD_CODES: Final[Mapping[str, str]] = {
    "970400": "79308001",  # SaigonBank
    "970406": "48304001",  # DongA Bank, now Vikki Bank
    "970409": "40313001",  # Bac A Bank
    "970410": "01604001",  # Standard Chartered
    "970421": "01505001",  # VRB
    "970422": "01311003",  # MB
    "970425": "01323001",  # ABBank
    "970430": "01341001",  # PGBank
    "970433": "79356001",  # VietBank
    "970437": "79321001",  # HDBank
    "970440": "79317002",  # SeABank
    "970441": "01314007",  # VIB
    "970449": "01357001",  # LPBank
    "970452": "79353001",  # Kien Long Bank
}
"""Techcombank's own choice, by BIN, where the banks' lists disagree about a code (6.4, from its business bank list)."""

TRANSFER_TYPE: Final = "DOMESTIC"
TARGET: Final = "H2H"

TAKEN: Final = "RCCF"
REFUSED: Final = "RCER"
SUCCESS: Final = "000"

DECLINES: Final[Mapping[str, Reason]] = {
    "SOA-001": Reason.NOT_ALLOWED,
    "SOA-002": Reason.BAD_FORMAT,
    "SOA-007": Reason.BAD_SIGNATURE,
    "SOA-008": Reason.BAD_SIGNATURE,
    "SOA-009": Reason.BAD_SIGNATURE,
    "SOA-010": Reason.BAD_FORMAT,
    "SOA-011": Reason.BAD_FORMAT,
    "SOA-090": Reason.BANK_AWAY,  # [assumed] 5.1.3: maintenance
    "PA-004": Reason.BANK_AWAY,
    "PA-005": Reason.BENEFICIARY_ACCOUNT,
    "PA-008": Reason.BAD_FORMAT,
    "PA-009": Reason.BAD_FORMAT,
    "PA-013": Reason.BAD_FORMAT,
    "PA-020": Reason.INSUFFICIENT_FUNDS,  # [assumed] 5.1.3
    "PA-021": Reason.LIMIT,  # [assumed] 5.1.3
}
"""Codes after which no money moved."""

UNDECIDED: Final = frozenset({"001", "SOA-003", "SOA-004"})
"""They tell nothing."""

DUPLICATES: Final = frozenset({"PA-017"})
"""The bank has an order with this id already: that says nothing about whether it was paid (1.4)."""

EXECUTED_STATE: Final = r"(?<![A-Z])COMPLETED"
FAILED_STATE: Final = r"FAIL|REJECT|CANCEL|REVERS"  # [assumed] 5.1.4
DOUBTFUL_STATE: Final = r"(?<![A-Z])(NOT|NON|UN|IN|PARTIAL|PARTIALLY)[ _-]?COMPLET"  # [assumed]
STATE_SHAPE: Final = r"[A-Z][A-Z _-]{0,39}"
"""A state is read by what it contains; any other state of this shape means that the bank is still at it (5.1.4)."""


class Signatory(msgspec.Struct, frozen=True):
    """One of the people whose signature the bank wants under an order: the user it knows, and the key. Hides itself."""

    user: str
    private_key: RSAPrivateKey

    def __repr__(self) -> str:
        return "Signatory(…)"

    __str__ = __repr__


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are to the bank: partner and channel, who signs, and how `ReqInf` is sealed. Hides itself."""

    partner: str
    channel: str
    signatories: tuple[Signatory, ...]
    bank_key: RSAPublicKey
    mode: Mode

    def __repr__(self) -> str:
        return "Party(…)"

    __str__ = __repr__


# what is sent


def order_request(order: TransferOrder, account_number: str, holder: str, party: Party, at: datetime) -> bytes:
    """The whole `XferReq`: signed by everybody of `party`, its `ReqInf` sealed. Amounts are digits, dates yyyy-MM-dd.

    Raises InvalidBeneficiary when no certain CITAD code is known for the beneficiary's bank.
    """
    day, amount = bank_day(at).isoformat(), str(order.amount.units)
    name, memo = plain(order.beneficiary.name), memo_with_id(order.end_to_end_id, order.memo)
    text = canonical("FundTransfer", order.end_to_end_id, order.beneficiary.account_number, name, day, amount)
    bank = element("FIData", leaf("CITAD", citad_of(order)))
    inner = element(
        "ReqInf",
        leaf("TxTp", TRANSFER_TYPE),
        leaf("TxDt", day),
        leaf("TxAmt", amount),
        leaf("Desc", memo),
        element("FrAcct", leaf("AcctId", account_number), leaf("AcctTitl", plain(holder))),
        element("ToAcct", leaf("AcctId", order.beneficiary.account_number), leaf("AcctTitl", name), bank),
        xmlns=COLLECTION,
    )
    general = element(
        "ReqGnlInf",
        leaf("Id", order.end_to_end_id),
        leaf("TxId", order.end_to_end_id),
        leaf("CreDtTm", day),
        leaf("PmtTp", RAIL_TYPES[order.rail]),
        leaf("Desc", memo),
        signatures(text, party.signatories),
    )
    closed = leaf("ReqInf", sealed(inner.encode(), party.bank_key, party.mode))
    return soap(element("XferReq", general, _parties(party), closed, xmlns=COLLECTION))


def citad_of(order: TransferOrder) -> str:
    """Banks are addressed by CITAD code on every rail. Raises InvalidBeneficiary when none is certain."""
    bin_ = order.beneficiary.bin
    try:
        return CITAD_CODES.get(bin_) or citad_code(bin_)
    except InvalidBeneficiary:
        raise InvalidBeneficiary(
            "Techcombank wants a bank's CITAD code, and none is certain for this bank.", field="beneficiary.bin"
        ) from None


def enquiry_request(end_to_end_id: str, party: Party, at: datetime) -> bytes:
    """The whole `InqTxStsReq`. `ReqInf` goes in clear; one client seen signs it and one does not: we sign."""
    text = canonical("InqTransactionStatus", end_to_end_id, end_to_end_id)
    general = element(
        "ReqGnlInf",
        leaf("Id", end_to_end_id),
        leaf("TxId", end_to_end_id),
        leaf("CreDtTm", bank_day(at).isoformat()),
        leaf("Desc", end_to_end_id),
        signatures(text, party.signatories[:1]),
    )
    asked = element("ReqInf", leaf("ReqTxId", end_to_end_id), leaf("Desc", end_to_end_id))
    return soap(element("InqTxStsReq", general, _parties(party), asked, xmlns=COLLECTION))


def soap(payload: Markup) -> bytes:
    """A SOAP 1.1 message around `payload`."""
    body = element("soapenv:Body", payload)
    envelope = element("soapenv:Envelope", element("soapenv:Header"), body, **{"xmlns:soapenv": SOAP})
    return b'<?xml version="1.0" encoding="UTF-8"?>' + envelope.encode()


def signatures(text: bytes, signatories: Sequence[Signatory]) -> Markup:
    """`Sgntr` with one signature of each person over the same text."""
    signed = [
        leaf(f"Sgntr{number}", signature(text, one.private_key), user=one.user)
        for number, one in enumerate(signatories, start=1)
    ]
    return element("Sgntr", *signed)


def _parties(party: Party) -> Markup:
    return element(
        "Envt",
        element("TrgtPty", leaf("Nm", TARGET)),
        element("SrcPty", leaf("Nm", party.partner)),
        element("Rqstr", leaf("Nm", party.channel)),
    )


# how answers are read


def payload(raw: bytes, name: str, namespace: str = COLLECTION) -> Element:
    """The one element in the body of a SOAP message, which must be `name`. Raises NotXml, for a SOAP fault too."""
    root = parse(raw)
    if (root.namespace, root.name) != (SOAP, "Envelope"):
        raise NotXml("not a SOAP message")
    inside = root.only("Body").children
    if len(inside) != 1:
        raise NotXml(f"{len(inside)} elements in the SOAP body")
    if (inside[0].namespace, inside[0].name) == (SOAP, "Fault"):
        raise NotXml("a SOAP fault")
    if (inside[0].namespace, inside[0].name) != (namespace, name):
        raise NotXml(f"no {name} in the SOAP body")
    return inside[0]


def outcome_of_order(answer: Answer, end_to_end_id: str) -> Outcome:
    """What the answer to a transfer says of it."""
    if answer.status == 401:
        return NotSent("the bank refused our user name or password; nothing was processed")
    if answer.status != 200:
        return Unknown(f"HTTP {answer.status}")
    try:
        reply = payload(answer.body, "XferRspn")
        word, code = _status(reply)
        echoed = {reply.said("RspnInf", name) for name in ("Id", "TxId")} - {""}
        reference = bank_reference(reply.said("TxInf", "RefId"))
    except NotXml as error:
        return not_read(answer, error, f"HTTP 200 with an answer that is not the bank's: {error}")
    if echoed and end_to_end_id not in echoed:
        return Unknown("the answer belongs to another call")
    if code in DUPLICATES:
        return Unknown("the bank says it has an order with this id already")
    if (word, code) == (TAKEN, SUCCESS):
        return Accepted(reference)
    if word == REFUSED and code in DECLINES:
        return Declined(DECLINES[code], code)
    return _of_no_table(word, code, f"status {loggable_code(word)} with code {loggable_code(code)}")


def outcome_of_enquiry(answer: Answer, end_to_end_id: str, partner: str) -> Outcome:
    """What the answer to an enquiry says of the order. A refusal of the enquiry says nothing about the order.

    All records must be of our order and agree. An answer of success without a record is NotFound [assumed].
    """
    if answer.status != 200:
        return Unknown(f"the enquiry was answered with HTTP {answer.status}")
    try:
        reply = payload(answer.body, "InqTxStsRspn")
        word, code = _status(reply)
        records = [found for record in reply.all("TxRcrd") for found in record.all("ResResults")]
        if (word, code) not in ((TAKEN, SUCCESS), ("", "")):
            why = f"the enquiry was answered {loggable_code(word)} with code {loggable_code(code)}"
            return _of_no_table(word, code, why)
        if not records:
            return NotFound() if word == TAKEN else Unknown("the enquiry was answered with nothing")
        if any(found.said("PartID") not in (f"{partner}.{end_to_end_id}", end_to_end_id) for found in records):
            return Unknown("the answer names another order")
        outcomes = {
            outcome_of_state(found.said("TxnSts"), found.said("TxnStsRemark"), bank_reference(found.said("TxnBnkID")))
            for found in records
        }
    except NotXml as error:
        return not_read(answer, error, f"HTTP 200 with an answer that is not the bank's: {error}")
    return outcomes.pop() if len(outcomes) == 1 else Unknown("the bank gives several states for one order")


def outcome_of_state(state: str, remark: str, reference: str | None) -> Outcome:
    """What `TxnSts` means, with the code beside it (`TxnStsRemark`, often empty or `000`)."""
    word = state.upper()
    if not re.fullmatch(STATE_SHAPE, word):
        return misfits("the order's state is no word", "TxnSts", "a word")
    completed, failed = re.search(EXECUTED_STATE, word), re.search(FAILED_STATE, word)
    if (completed and (failed or remark in DECLINES)) or re.search(DOUBTFUL_STATE, word):
        return Unknown(f"the order's state {loggable_code(word)} says two things")
    if completed:
        return Executed(reference)
    if failed:
        return Declined(DECLINES.get(remark, Reason.REFUSED), loggable_code(remark if remark in DECLINES else word))
    return Accepted(reference)


def _of_no_table(word: str, code: str, why: str) -> Unknown:
    """A status that decides nothing. A word or a code of no table is news to us."""
    if word not in (TAKEN, REFUSED):
        return misfits(why, "RspnSts/Sts", f"{TAKEN} or {REFUSED}")
    if code not in {SUCCESS, *DECLINES, *DUPLICATES, *UNDECIDED}:
        return misfits(why, "RspnSts/AddtlStsRsnInf", "a code of our table")
    return Unknown(why)


def bank_reference(text: str) -> str | None:
    """The bank's number without the suffix it puts behind some (`\\BNK`); None when there is none that we can keep."""
    number = text.removesuffix("\\BNK")
    return number if number and loggable_code(number) == number and number != "unreadable" else None


def _status(reply: Element) -> tuple[str, str]:
    """`Sts`, and the code in front of the first bar of `AddtlStsRsnInf`; both "" when there is no `RspnSts`."""
    code, _, _ = reply.said("RspnSts", "AddtlStsRsnInf").partition("|")
    return reply.said("RspnSts", "Sts"), code.strip()
