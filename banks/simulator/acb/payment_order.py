"""The fields of a payment order, single and bulk (specification, 2.1.5): read strictly, nothing guessed.

[assumed] where the specification is silent: trace numbers are 1-30 letters and digits, `remarks` 1-100 characters of
the safe common set of 1.5 (lower case allowed, as in the printed example), names 1-70 characters, a bulk 1-500 lines.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from banks.simulator.acb.authorization import Authorization
from banks.simulator.acb.codes import BIN
from banks.simulator.jsonfields import UUID, Fields
from banks.simulator.napas import banks
from banks.simulator.orders import Instruction
from banks.simulator.records import Party
from banks.simulator.refusals import Malformed

AMOUNT_DIGITS_MAX: Final = 15
LINES_MAX: Final = 500
RAILS: Final = {"INSIDEBANK": "inside", "IBFT": "napas", "CITAD": "citad"}
TRACE: Final = (r"[A-Za-z0-9]{1,30}", "1-30 letters and digits")
ACCOUNT: Final = (r"[A-Z0-9]{1,19}", "1-19 digits or capital letters")
NAME: Final = (r"[^\W_][^\x00-\x1f\x7f]{0,69}", "a name of 1-70 characters")
REMARKS: Final = (r"[A-Za-z0-9 .-]{1,100}", "1-100 unaccented letters, digits, spaces, dots and hyphens")


class PaymentRequest(NamedTuple):
    """A readable request: one instruction, or the lines of a bulk with its own trace number."""

    request_trace: str
    source: str
    bulk: str | None
    instructions: tuple[Instruction, ...]
    data: dict[str, object]
    authorizations: tuple[Authorization, ...]


def read(body: dict[str, object], *, bulk: bool) -> PaymentRequest:
    """Read the body of a single or bulk order. Raises Malformed naming the first wrong field."""
    top = Fields(body, "body", ("requestTrace", "requestDateTime", "requestParameters"))
    request_trace = top.text("requestTrace", UUID, "a UUID")
    _check_instant(top.text("requestDateTime", r".{1,40}", "ISO date and time with offset"))
    parameters = top.within("requestParameters", ("data", "authorizations"))
    lines = "transactions" if bulk else "transaction"
    names = ("sourceAccountNumber", lines) + (("bulkTraceNumber",) if bulk else ())
    data = parameters.within("data", names)
    documents = data.items("transactions", 1, LINES_MAX) if bulk else [data.document("transaction")]
    instructions = tuple(_instruction(value, f"{lines}[{index}]") for index, value in enumerate(documents))
    if len({instruction.trace for instruction in instructions}) != len(instructions):
        raise Malformed("a transactionTraceNumber comes twice in one bulk")
    return PaymentRequest(
        request_trace=request_trace,
        source=data.text("sourceAccountNumber", *ACCOUNT),
        bulk=data.text("bulkTraceNumber", *TRACE) if bulk else None,
        instructions=instructions,
        data=parameters.document("data"),
        authorizations=tuple(_authorization(value) for value in parameters.items("authorizations", 2, 2)),
    )


def _check_instant(text: str) -> None:
    try:
        offset = datetime.fromisoformat(text).utcoffset()
    except ValueError as fault:
        raise Malformed(f"body.requestDateTime is not an ISO date and time: {fault}") from fault
    if offset is None or "T" not in text:
        raise Malformed("body.requestDateTime must have a T and an offset")


def _authorization(value: object) -> Authorization:
    fields = Fields(value, "authorizations", ("authorizationString", "authorizationId"))
    return Authorization(
        id=fields.text("authorizationId", UUID, "a UUID"),
        string=fields.text("authorizationString", r"[A-Za-z0-9+/=]{1,20000}", "Base64"),
    )


def _instruction(value: object, path: str) -> Instruction:
    names = ("transactionTraceNumber", "transactionType", "beneficiary", "amount", "remarks")
    fields = Fields(value, path, names)
    kind = fields.text("transactionType", "|".join(RAILS), "INSIDEBANK, IBFT or CITAD")
    return Instruction(
        trace=fields.text("transactionTraceNumber", *TRACE),
        rail=RAILS[kind],
        amount=_amount(fields.within("amount", _AMOUNT_FIELDS)),
        beneficiary=_BENEFICIARIES[kind](fields),
        remarks=fields.text("remarks", *REMARKS),
        document=value if isinstance(value, dict) else {},
    )


_AMOUNT_FIELDS: Final = ("sourceCurrency", "targetCurrency", "amount", "exchangeRate", "exchangeAmount")


def _amount(fields: Fields) -> int:
    """Whole dong; every value is a string, currencies are VND and the exchange rate is 1."""
    fields.text("sourceCurrency", "VND", "VND")
    fields.text("targetCurrency", "VND", "VND")
    fields.text("exchangeRate", "1", "1 for dong to dong")
    amount = fields.text("amount", rf"[1-9][0-9]{{0,{AMOUNT_DIGITS_MAX - 1}}}", "whole dong, digits only")
    fields.text("exchangeAmount", amount, "the same as amount")
    return int(amount)


def _inside(transaction: Fields) -> Party:
    account = transaction.within("beneficiary", ("inside",)).within("inside", ("account",))
    return _holder(account.within("account", ("accountNumber", "beneficiaryName")), BIN)


def _interbank(transaction: Fields) -> Party:
    names = ("accountNumber", "beneficiaryName", "bank")
    interbank = transaction.within("beneficiary", ("interbank",)).within("interbank", names)
    code = interbank.within("bank", ("napasCode",)).text("napasCode", r"[0-9]{6}", "a six-digit bank number")
    if code not in banks() or code == BIN:
        raise Malformed(f"napasCode {code} is not another bank on the NAPAS list")
    return _holder(interbank, code)


def _citad(transaction: Fields) -> Party:
    citad = transaction.within("beneficiary", ("citad",)).within("citad", ("bank", "target"))
    code = citad.within("bank", ("citadCode",)).text("citadCode", r"[0-9]{8}", "an eight-digit CITAD code")
    account = citad.within("target", ("account",)).within("account", ("accountNumber", "beneficiaryName"))
    return _holder(account, code)


def _holder(fields: Fields, bank: str) -> Party:
    return Party(fields.text("beneficiaryName", *NAME), fields.text("accountNumber", *ACCOUNT), bank)


_BENEFICIARIES: Final = {"INSIDEBANK": _inside, "IBFT": _interbank, "CITAD": _citad}
