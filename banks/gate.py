"""The gate before one bank: no more calls than it takes, and none while it is down; the same gate for all processes.

Nothing is decided here about orders: whoever is held back has sent nothing, and comes again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, TypeVar, get_args

from banks import circuits, pace
from banks.circuits import HARMLESS, NEEDED_TO_SEND, WORKS, Circuit, Operation, State
from banks.pace import Pace
from banks.shared_state import SharedState

TURN_WAIT_MAX_S: Final = 10.0
"""Nobody waits longer than this for a turn: with as many callers as we have, only a bank that turned calls away makes
turns so late.
"""
TURNED_AWAY_S: Final = 30.0
"""How long a bank is left alone that had too many calls and does not say how long."""

R = TypeVar("R")
log = logging.getLogger(__name__)


class HeldBack(Exception):
    """We keep a call back ourselves; not a byte of it has left. The message is safe to log."""


class Gate:
    """The gate of the bank with this code. `clock` gives aware instants."""

    def __init__(self, code: str, allowed: Pace, shared: SharedState, clock: Callable[[], datetime]) -> None:
        self._code = code
        self._pace = allowed
        self._shared = shared
        self._clock = clock

    # turns

    def take_turn(self, wait_max_s: float = TURN_WAIT_MAX_S) -> float:
        """Takes the next turn; the seconds until it comes. Raises HeldBack when it is too far away, and takes none."""
        now = self._now()
        wait_s = self._shared.change(self._turns, float, lambda held: pace.next_turn(self._pace, held, now, wait_max_s))
        if wait_s > wait_max_s:
            raise HeldBack(f"the next turn at this bank is {wait_s:.0f} s away")
        return wait_s

    def next_turn_s(self) -> float:
        """Seconds until the next turn, which is not taken."""
        now = self._now()
        return pace.next_turn(self._pace, self._shared.value(self._turns, float), now, 0)[1]

    def turned_away(self, retry_after: str | None) -> None:
        """The bank said that it had too many calls (HTTP 429) and when to come again, in seconds."""
        known = retry_after is not None and retry_after.isascii() and retry_after.isdigit()
        pause_s = float(retry_after or 0) if known else TURNED_AWAY_S
        now = self._now()
        self._shared.change(self._turns, float, lambda held: (pace.turned_away(self._pace, held, now, pause_s), None))
        log.warning("%s had too many calls; it is left alone for a while", self._code)

    # circuits

    def enter(self, operation: Operation) -> None:
        """A call of this operation is about to go out. Raises HeldBack while its circuit is open. What an order sends
        never is the call that tries.
        """
        may = self.state(operation) == "closed" if operation == "transfer" else self._step(operation, circuits.entered)
        if not may:
            raise HeldBack(f"the circuit of {operation} at this bank is open")

    def leave(self, operation: Operation) -> None:
        """The call that entered was not made: it had no turn. Another may try in its place."""
        self._step(operation, lambda circuit, now: (circuits.not_tried(circuit), None))

    def state(self, operation: Operation) -> State:
        """How the operation's circuit stands."""
        return self._circuit(operation).state(self._now())

    def holds_back(self, operation: Operation) -> bool:
        """Whether a call of this operation would be held back now; it is not let in by asking."""
        may = circuits.entered(self._circuit(operation), self._now())[1]
        return not may or self.next_turn_s() > TURN_WAIT_MAX_S

    def may_send(self) -> bool:
        """Whether every circuit that an order needs is closed."""
        held = self._shared.values([key_of_circuit(self._code, one) for one in NEEDED_TO_SEND], Circuit)
        return all((circuit or WORKS).state(self._now()) == "closed" for circuit in held)

    def may_try(self) -> bool:
        """Whether it is time to ask the bank something harmless, to see whether orders may be sent again. Who is told
        so is the one that asks, and then says `has_tried`.
        """
        if any(self.state(one) == "open" for one in NEEDED_TO_SEND):
            return False
        # The token's own circuit is tried by fetching one; that of orders has nobody but who asks here.
        return self.state("transfer") == "closed" or self._step("transfer", circuits.entered)

    def has_tried(self) -> None:
        """Something harmless was asked. Where no call came of that, the next one may ask at once."""
        self.leave("transfer")

    def tell(self, operation: Operation, *, has_answered: bool) -> None:
        """What came of a call: an answer, or none."""
        if has_answered:
            self._step(operation, lambda circuit, now: (circuits.answered(circuit), None))
        else:
            self._step(operation, lambda circuit, now: (circuits.failed(circuit, now), None))
        if operation in HARMLESS:
            follow = circuits.closed_by_another if has_answered else circuits.kept_open_by_another
            for other in NEEDED_TO_SEND:
                self._step(other, lambda circuit, now: (follow(circuit, now), None))

    def _now(self) -> float:
        return self._clock().timestamp()

    @property
    def _turns(self) -> str:
        return f"socai:turns:{self._code}"

    def _circuit(self, operation: Operation) -> Circuit:
        return self._shared.value(key_of_circuit(self._code, operation), Circuit) or WORKS

    def _step(self, operation: Operation, step: Callable[[Circuit, float], tuple[Circuit, R]]) -> R:
        now = self._now()

        def change(held: Circuit | None) -> tuple[Circuit | None, tuple[Circuit, Circuit, R]]:
            before = held or WORKS
            after, found = step(before, now)
            return (None if after == WORKS else after), (before, after, found)

        before, after, found = self._shared.change(key_of_circuit(self._code, operation), Circuit, change)
        self._log_change(operation, before, after)
        return found

    def _log_change(self, operation: Operation, before: Circuit, after: Circuit) -> None:
        if after.open_until > before.open_until:
            failures, pause_s = after.failures, after.pause_s
            log.error("%s of %s is held for %.0f s after %d failures", operation, self._code, pause_s, failures)
        elif before.open_until and not after.open_until:
            log.info("%s of %s goes on", operation, self._code)


def key_of_circuit(code: str, operation: Operation) -> str:
    """Under which key the circuit is shared."""
    return f"socai:circuit:{code}:{operation}"


def states(shared: SharedState, codes: Iterable[str], at: datetime) -> dict[str, dict[Operation, State]]:
    """How every circuit of the banks with these codes stands, by code and operation; all closed as far as nobody knows
    better, as while Redis is away.
    """
    now = at.timestamp()
    asked = [(code, one) for code in codes for one in get_args(Operation)]
    held = shared.values([key_of_circuit(code, one) for code, one in asked], Circuit)
    found: dict[str, dict[Operation, State]] = {}
    for (code, one), circuit in zip(asked, held, strict=True):
        found.setdefault(code, {})[one] = (circuit or WORKS).state(now)
    return found
