"""As of when: a place on each of the two axes of time, what was recorded by then and what the bank counted by then.

What is asked for by an instant is answered as of a position, so that the same question has the same answer for ever.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

import msgspec

from ledger.aggregate import Envelope
from ledger.errors import EventUnreadable
from ledger.event_log import Recorded
from ledger.ids import of_event
from ledger.store import Ledger

LOOKED_AT: Final = 128
"""Events of which each is looked at in the end: clocks of several hosts put recorded times a little out of order."""


class AsOf(msgspec.Struct, frozen=True):
    """What was recorded up to log position `known_at` and took effect up to bank day `effective_at`, both inclusive.

    `effective_at` None: whatever its value date.
    """

    known_at: int
    effective_at: date | None = None

    def covers(self, envelope: Envelope) -> bool:
        """Whether an event is part of it."""
        known = envelope.position <= self.known_at
        return known and (self.effective_at is None or envelope.effective_on <= self.effective_at)


class _Stamped(msgspec.Struct):
    """Of a stored event only when it was recorded: that can be read of events of newer releases as well."""

    at: datetime


def position_at(ledger: Ledger, instant: datetime) -> int:
    """The position of the last event recorded at `instant` (aware) or before; 0 when there is none.

    Found by halving, in about log2(events / 128) short readings. Where clocks differed, so that a later event bears an
    earlier time, it is the last of those that stand close together; nobody can say more. Raises EventUnreadable, and
    what reading the log raises.
    """
    early, late = 0, ledger.head() + 1
    while late - early > LOOKED_AT:
        middle = (early + late) // 2
        if _recorded_at(ledger.recorded(middle - 1, 1)[0]) <= instant:
            early = middle
        else:
            late = middle
    near = ledger.recorded(early, 2 * LOOKED_AT)
    return max((row.position for row in near if _recorded_at(row) <= instant), default=early)


def instant_of(ledger: Ledger, position: int) -> datetime:
    """When the event at a position of the log was recorded. Raises EventUnreadable, and what reading the log raises."""
    return _recorded_at(ledger.recorded(position - 1, 1)[0])


def _recorded_at(row: Recorded) -> datetime:
    try:
        return msgspec.json.decode(row.state, type=_Stamped).at
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EventUnreadable(
            f"Event {of_event(row.stream, row.version)} does not say when it was recorded. Restore it from a backup, or"
            " name a position instead of an instant.",
            name=row.name,
            position=row.position,
        ) from error
