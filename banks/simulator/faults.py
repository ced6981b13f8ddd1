"""What can be made to go wrong with the next payment orders and the next answers (specification, 11.3)."""

from __future__ import annotations

from collections import deque
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from banks.simulator.refusals import Impossible
from banks.simulator.settings import Seconds

FaultName = Literal[
    "decline",
    "http_500_after_execute",
    "http_error",
    "lose_answer",
    "lose_order",
    "malformed",
    "bad_signature",
    "not_found_for",
    "answer_duplicate",
    "drip",
    "half",
    "wrong_type",
    "other_order",
    "slow",
    "stuck",
    "unknown_status",
]
NOT_STORED: Final = ("http_error", "lose_order", "bad_signature")
"""Faults after which the bank does not have the order; `decline` is one of them unless how = later."""


class OrderFault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault for the coming `count` valid orders.

    decline            refused: `how` answer (with `code` and `reason`) or later (stored, then refused with `reason`)
    lose_answer        stored and executed, connection closed without an answer after `seconds`
    lose_order         connection closed, nothing stored
    slow               stored at once, answered after `seconds`
    stuck              stored, stays waiting until the control port decides
    not_found_for      stored; status enquiries do not find it for `seconds`
    unknown_status     stored; status enquiries show `status` for `seconds`, or until decided when 0
    http_error         HTTP `http` (say 429, 502, 503), nothing stored
    http_500_after_execute   executed at once, then HTTP `http`
    malformed          stored; HTTP 200 with `text` for a body
    answer_duplicate   stored, and answered as a duplicate (an earlier attempt had arrived), or with `code` if given
    other_order        stored; the answer names another trace number
    bad_signature      refused as wrongly signed although the signatures hold; nothing stored
    drip, half, wrong_type   stored; the right answer in small pieces with pauses, cut off in the middle, or called
                       text/html
    `validate_s` and `transfer_s` override the latencies for these orders.
    """

    fault: FaultName
    count: Annotated[int, Meta(ge=1, le=10_000)] = 1
    seconds: Seconds = 0.0
    how: Literal["answer", "later"] = "answer"
    code: str | None = None
    reason: str | None = None
    status: str = "PEND"
    http: Annotated[int, Meta(ge=400, le=599)] = 500
    text: str = "<html><body>We will be right back</body></html>"
    validate_s: Seconds | None = None
    transfer_s: Seconds | None = None

    @property
    def stores(self) -> bool:
        """Whether the bank has the order after this fault."""
        return self.fault not in NOT_STORED and not (self.fault == "decline" and self.how == "answer")


class AnswerFault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The coming `count` requests to `to` (Profile.answers) get HTTP `http` with `text`, or no answer when `drop`,
    after `seconds`; or, where `shape` says so, the right answer dripping, cut in half or called text/html.
    """

    to: str
    shape: Literal["other", "drip", "half", "wrong_type"] = "other"
    count: Annotated[int, Meta(ge=1, le=10_000)] = 1
    http: Annotated[int, Meta(ge=200, le=599)] = 503
    text: str = ""
    drop: bool = False
    seconds: Seconds = 0.0


class Mischief:
    """The faults that wait for their turn, first in, first out. Not thread-safe: the owner holds the bank's lock."""

    def __init__(self, answers: frozenset[str]) -> None:
        self._known = answers
        self._orders: deque[OrderFault] = deque()
        self._answers: deque[AnswerFault] = deque()

    def plan_order(self, body: object) -> OrderFault:
        """Queue what `body` describes for the next orders. Raises Impossible (400)."""
        fault = _read(body, OrderFault)
        self._orders.extend([fault] * fault.count)
        return fault

    def plan_answer(self, body: object) -> AnswerFault:
        """Queue what `body` describes for the next requests of one kind. Raises Impossible (400)."""
        fault = _read(body, AnswerFault)
        if fault.to not in self._known:
            raise Impossible(400, f"fault: to must be one of {', '.join(sorted(self._known))}")
        self._answers.extend([fault] * fault.count)
        return fault

    def for_order(self) -> OrderFault | None:
        """The fault of the order just accepted, taken off the queue."""
        return self._orders.popleft() if self._orders else None

    def for_answer(self, to: str) -> AnswerFault | None:
        """The fault of a request to `to`, taken off the queue."""
        found = next((fault for fault in self._answers if fault.to == to), None)
        if found is not None:
            self._answers.remove(found)
        return found

    @property
    def waiting(self) -> int:
        """How many faults have not happened yet."""
        return len(self._orders) + len(self._answers)


_Kind = TypeVar("_Kind", OrderFault, AnswerFault)


def _read(body: object, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as fault:
        raise Impossible(400, f"fault: {fault}") from fault
