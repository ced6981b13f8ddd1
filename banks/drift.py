"""Contract drift: what a bank sends fits no more what we know of it, and where.

A reader that meets another type, another form of a date, a word or code of no table, says so as a Misfit beside its
Unknown, doubtful row or refusal. That decides nothing about money; people are told, once for each place, and what came
is set aside until a release can read it. Readers name the place in front of a colon, or as msgspec does behind `at`.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from banks.bank import DoubtfulRow
from banks.outcomes import Misfit, Outcome, Unknown
from banks.transport import Answer
from ledger.errors import BankUnavailable, WebhookUnreadable

WHOLE: Final = "$"
"""The place of a message that cannot be read at all."""

PATH: Final = r"[A-Za-z_][A-Za-z0-9_./\[\]]*(?:, [A-Za-z_][A-Za-z0-9_./\[\]]*)*"


class AnswerMisfits(BankUnavailable):
    """A bank answered, and not in a shape we know; `misfit` says where."""

    title = "The bank's answer is of a shape we do not know"

    def __init__(self, detail: str, *, misfit: Misfit, bank: str) -> None:
        super().__init__(detail, bank=bank, place=misfit.place)
        self.misfit = misfit


def misfit_of(fault: Exception | str, body: bytes = b"") -> Misfit:
    """Where and why something could not be read, out of the words of a strict reader, which quote no value. `body`:
    what came.
    """
    words = str(fault)
    inside = re.fullmatch(r"(.+?)(?: - at `\$(.*)`)?", words, re.DOTALL)
    what, path = (inside[1], inside[2] or "") if inside else (words, "")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", what)
    if missing:
        return Misfit(_place(f"{path}.{missing[1]}"), "missing", body)
    if what.startswith("Invalid enum value"):
        return Misfit(_place(path), "none of the words we know", body)
    named = re.fullmatch(rf"({PATH}): (.+)", what, re.DOTALL)
    if named and not path:
        return Misfit(_place(named[1]), named[2], body)
    return Misfit(_place(path), what, body)


def unreadable(what: str, fault: Exception | str, *, field: str = "body") -> WebhookUnreadable:
    """The refusal of a webhook of another shape than we know; `what` names it in front of the fault's words."""
    misfit = misfit_of(fault)
    return WebhookUnreadable(f"{what}: {in_words(misfit)}.", field=field, place=misfit.place)


def in_words(misfit: Misfit) -> str:
    """Place and reason for people."""
    return misfit.expected if misfit.place == WHOLE else f"{misfit.place}: {misfit.expected}"


def misfits(why: str, place: str, expected: str) -> Unknown:
    """An order's answer that is of another shape at `place`: it decides nothing."""
    return Unknown(why, Misfit(place, expected))


def not_read(answer: Answer, fault: Exception, why: str) -> Unknown:
    """An order's answer that a strict reader refused. Of one that is no success by HTTP nobody expects our shape."""
    return Unknown(why, misfit_of(fault) if answer.status == 200 else None)


def odd_answer(bank: str, name: str, what: str, answer: Answer, fault: Exception) -> BankUnavailable:
    """The refusal of an answer to a question about no order, which a strict reader refused."""
    detail = f"{name} answered {what} with HTTP {answer.status}: {fault}."
    if answer.status != 200:
        return BankUnavailable(detail, bank=bank)
    return AnswerMisfits(detail, misfit=misfit_of(fault, answer.body), bank=bank)


def with_body(outcome: Outcome, body: bytes) -> Outcome:
    """The outcome of an answer, which keeps what came when it does not fit."""
    if isinstance(outcome, Unknown) and outcome.misfit is not None:
        return Unknown(outcome.why, msgspec.structs.replace(outcome.misfit, body=body))
    return outcome


def misfitting_row(position: int, fault: Exception, item: object) -> DoubtfulRow:
    """The row of a history page at `position` (from 1) that is of another shape; `item` is it, as JSON."""
    return DoubtfulRow(position, str(fault), misfit_of(fault, msgspec.json.encode(item)))


def _place(path: str) -> str:
    """One place for all items of a list."""
    return re.sub(r"\[[^\]]*\]", "[]", path).strip(".") or WHOLE
