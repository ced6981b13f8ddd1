"""How many calls a bank takes: each call has its turn, and whoever takes one knows how long to wait for it.

A turn, once taken, is nobody else's; turns are given in the order they are asked for. What is kept for a bank is one
number, the instant at which all turns given so far will have been used up (the generic cell rate algorithm), by the
clocks of our hosts: one that runs ahead by a second lets its own calls come a second early.
"""

from __future__ import annotations

from typing import Final

import msgspec

ASKED_AGAIN_MAX_S: Final = 300.0
"""A bank that turns calls away is left alone this long at most."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """At most `calls` in any `per_s` seconds, of which `burst` at once after a rest. `calls` is more than `burst`."""

    calls: int = 120
    per_s: float = 60
    burst: int = 10

    @property
    def apart_s(self) -> float:
        """Seconds from turn to turn without a rest: a burst and these together are never over `calls`."""
        return self.per_s / (self.calls - self.burst)

    @property
    def ahead_s(self) -> float:
        """How far ahead of the even pace a burst may run."""
        return self.apart_s * (self.burst - 1)


def pace_of(calls: int | None) -> Pace | None:
    """So many calls a minute, at least ten, with a tenth of them at once: what a lab is told to take in the place of
    each bank's own pace. None stays None.
    """
    return None if calls is None else Pace(calls=calls, burst=calls // 10)


def next_turn(pace: Pace, used_up_at: float | None, now: float, wait_max_s: float) -> tuple[float | None, float]:
    """Takes a turn: what is to be kept, and the seconds to wait for it. A turn further away than `wait_max_s` is not
    taken. All in seconds.
    """
    used_up_at = max(_believed(pace, used_up_at, now), now)
    wait_s = max(round(used_up_at - pace.ahead_s - now, 6), 0.0)
    return (used_up_at if wait_s > wait_max_s else used_up_at + pace.apart_s), wait_s


def turned_away(pace: Pace, used_up_at: float | None, now: float, pause_s: float) -> float:
    """What is to be kept when the bank itself says that it had too many calls: the next turn is `pause_s` away."""
    pause_s = min(pause_s, ASKED_AGAIN_MAX_S)
    return max(_believed(pace, used_up_at, now), now + pace.ahead_s + pause_s)


def _believed(pace: Pace, used_up_at: float | None, now: float) -> float:
    """Nothing of ours lies further ahead than this, so a clock was put back: nobody waits for that."""
    if used_up_at is None or used_up_at > now + pace.ahead_s + 2 * ASKED_AGAIN_MAX_S:
        return now
    return used_up_at
