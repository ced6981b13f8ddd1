"""The circuit of one operation at one bank: open while the bank is down, so that nobody calls it in vain.

    closed     calls go through; FAILURES_MAX calls in a row without an answer open it
    open       no call goes through until the pause is over
    half_open  one call tries: an answer closes it, none opens it again, for twice as long

A failure is no answer, or HTTP 5xx; whatever else the bank says, a refusal too, is an answer. An order is never what
tries: its circuit is closed by the answer to a harmless question, a balance or an enquiry, and then the first order
that fails opens it again. These are pure steps; instants are seconds since 1970.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

Operation: TypeAlias = Literal["token", "transfer", "enquiry", "history", "balance", "lookup"]
State: TypeAlias = Literal["closed", "open", "half_open"]

FAILURES_MAX: Final = 5
PAUSE_S: Final = 15.0
PAUSE_MAX_S: Final = 300.0
TRYING_S: Final = 60.0
"""Who tries and is not heard of for this long has died."""

HARMLESS: Final[tuple[Operation, ...]] = ("balance", "enquiry")
"""Questions whose answer shows that the bank is there again."""
NEEDED_TO_SEND: Final[tuple[Operation, ...]] = ("transfer", "token")
"""What must work before an order may be sent."""


class Circuit(msgspec.Struct, frozen=True, kw_only=True):
    """`failures` in a row; `pause_s` of the last opening, 0 if none since it worked; `open_until` is 0 while closed;
    `tried_until`: somebody is trying until then.
    """

    failures: int = 0
    pause_s: float = 0.0
    open_until: float = 0.0
    tried_until: float = 0.0

    def state(self, now: float) -> State:
        """How it stands at this instant."""
        if not self.open_until:
            return "closed"
        return "open" if now < self.open_until else "half_open"


WORKS: Final = Circuit()


def entered(circuit: Circuit, now: float) -> tuple[Circuit, bool]:
    """Whether a call may go through now. In a half-open circuit the one that may is the one that tries."""
    if circuit.state(now) == "closed":
        return circuit, True
    if circuit.state(now) == "open" or now < circuit.tried_until:
        return circuit, False
    return msgspec.structs.replace(circuit, tried_until=now + TRYING_S), True


def not_tried(circuit: Circuit) -> Circuit:
    """Who was let in to try made no call after all: another may."""
    return msgspec.structs.replace(circuit, tried_until=0.0)


def answered(circuit: Circuit) -> Circuit:
    """The bank answered a call of this operation."""
    del circuit
    return WORKS


def failed(circuit: Circuit, now: float) -> Circuit:
    """A call of this operation had no answer. One that began before the circuit opened changes nothing."""
    state = circuit.state(now)
    if state == "open":
        return circuit
    failures = circuit.failures + 1
    if state == "closed" and failures < FAILURES_MAX:
        return msgspec.structs.replace(circuit, failures=failures)
    pause_s = min(circuit.pause_s * 2 or PAUSE_S, PAUSE_MAX_S)
    return Circuit(failures=failures, pause_s=pause_s, open_until=now + pause_s)


def closed_by_another(circuit: Circuit, now: float) -> Circuit:
    """A harmless question of another operation was answered: calls may go through, and the next failure opens again."""
    if circuit.state(now) != "half_open":
        return circuit
    return Circuit(failures=FAILURES_MAX - 1, pause_s=circuit.pause_s)


def kept_open_by_another(circuit: Circuit, now: float) -> Circuit:
    """A harmless question of another operation had no answer."""
    return failed(circuit, now) if circuit.state(now) == "half_open" else circuit
