"""The reactor follows the log and rings, at once, the jobs that an event leads to.

Its position is kept after the jobs of a batch were rung, so an event is reacted to at least once: while Redis is away
it waits where it stands, and what it rings twice is one job, or a harmless one. It is there for speed alone: what it
does not react to the timetable finds in the tables. So it begins at the end of the log when it has no position yet, and
passes over events that are no news any more, as after a long stop or a long absence of Redis. An event that cannot be
read, or a reaction that fails or is refused, is set aside with what follows in its stream, for people to see and to
`retry`, which rings however old the event is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from threading import Event as Flag
from typing import Final

from ledger.aggregate import Envelope, Event
from ledger.errors import Unavailable
from projections.aside import Retried
from projections.projection import concerns
from projections.subscription import Subscription
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


def follows(name: str) -> bool:
    """Whether anything follows from an event of this stored name, or may in a release that knows the name."""
    names = {kind.stored_name for kind in REACTIONS}
    return concerns(name, names, {known.partition(".")[0] for known in names})


class Reactor:
    """Follows the log from its kept position."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._bell = Bell(parts.redis)
        self._subscription = Subscription(parts.database, NAME, follows)

    def position(self) -> int:
        """How far it has got; at its very first start, the end of the log. Raises Unavailable."""
        position = self._subscription.position()
        if position is None:
            self._subscription.begin(self._parts.ledger.head())
            position = self._subscription.position()
        return position or 0

    def step(self) -> int:
        """React to the next batch of events; how many there were.

        Raises Unavailable when a part is away, Redis included: the position stays, and the same events come again.
        """
        self.position()
        return self._subscription.step(self._parts.ledger, self._react_to_news, self._parts.clock(), BATCH)

    def retry(self, stream: str | None = None) -> Retried:
        """React to what was set aside, of one stream or all. Raises Unavailable, NothingSetAside."""
        return self._subscription.retry(self._parts.ledger, self._react, stream)

    def _react_to_news(self, envelope: Envelope) -> None:
        if envelope.at >= self._parts.clock() - NEWS:
            self._react(envelope)

    def _react(self, envelope: Envelope) -> None:
        for reaction in REACTIONS.get(type(envelope.event), ()):
            self._bell.ring_all(reaction(self._parts, envelope))

    def run(self, stop: Flag) -> None:
        """Steps until told to stop, woken by each new event."""
        while not stop.is_set():
            try:
                if not self.step():
                    self._parts.ledger.wait(self.position(), WAIT_S)
            except Unavailable as problem:
                log.warning("waiting: %s: %s", problem.slug, problem.detail)
                stop.wait(PAUSE_S)
