"""The reactor follows the log and rings, at once, the jobs that an event leads to.

Its position is kept after the jobs of a batch were rung, so an event is reacted to at least once. It is there for speed
alone: whatever it misses (Redis away, a long stop) the timetable finds in the tables. So it begins at the end of the
log when it has no position yet, and passes over events that are no news any more, and reactions that are refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from threading import Event as Flag
from typing import Final

from ledger.aggregate import Envelope, Event
from ledger.errors import Problem, Unavailable
from projections.places import move, position_of
from workers.jobs import Bell, Ring
from workers.parts import Parts

NAME: Final = "reactor"
BATCH: Final = 500
NEWS: Final = timedelta(minutes=10)
"""Events older than this have been found by the timetable long since."""
WAIT_S: Final = 1.0
PAUSE_S: Final = 1.0
"""Pause after a part was found to be away."""

log = logging.getLogger(__name__)
Reaction = Callable[[Parts, Envelope], Iterable[Ring]]

REACTIONS: dict[type[Event], list[Reaction]] = {}
"""What each kind of event leads to, found in the files of this package."""


def when(*kinds: type[Event]) -> Callable[[Reaction], Reaction]:
    """Marks a reaction: which jobs to ring after an event of these kinds. It may read the ledger; it never decides."""

    def react(reaction: Reaction) -> Reaction:
        for kind in kinds:
            REACTIONS.setdefault(kind, []).append(reaction)
        return reaction

    return react


class Reactor:
    """Follows the log from its kept position."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._bell = Bell(parts.redis)

    def position(self) -> int:
        """How far it has got; at its very first start, the end of the log. Raises Unavailable."""
        position = position_of(self._parts.reader, NAME)
        if not position:
            position = self._parts.ledger.head()
            move(self._parts.database, NAME, after=0, upto=position)
        return position

    def step(self) -> int:
        """React to the next batch of events; how many there were. Raises Unavailable when a part is away."""
        after = self.position()
        envelopes = self._parts.ledger.read(after, BATCH)
        oldest = self._parts.clock() - NEWS
        for envelope in envelopes:
            if envelope.at >= oldest:
                self._react(envelope)
        if envelopes:
            # When another copy was first, both rang the same jobs: no harm, and it is there that we go on.
            move(self._parts.database, NAME, after=after, upto=envelopes[-1].position)
        return len(envelopes)

    def _react(self, envelope: Envelope) -> None:
        for reaction in REACTIONS.get(type(envelope.event), ()):
            try:
                self._bell.ring_all(reaction(self._parts, envelope))
            except Unavailable:
                raise
            except Problem as problem:
                # It would be refused again for ever: a payout out of an account that left our file, for one.
                log.warning("%s after %s was refused: %s", reaction.__name__, envelope.id, problem.slug)

    def run(self, stop: Flag) -> None:
        """Steps until told to stop, woken by each new event."""
        while not stop.is_set():
            try:
                if not self.step():
                    self._parts.ledger.wait(self.position(), WAIT_S)
            except Unavailable as problem:
                log.warning("waiting: %s: %s", problem.slug, problem.detail)
                stop.wait(PAUSE_S)
