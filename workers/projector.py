"""The projector writes the read tables: every projection follows the log with a position of its own.

An event that cannot be folded is set aside, visibly, with what follows in its stream; all else goes on. Two projectors
at once do no harm: the position is locked and moves in the transaction of its rows.
"""

from __future__ import annotations

import logging
from threading import Event
from typing import Final

from ledger.errors import Unavailable
from projections.follower import Round, run_round
from projections.places import piles, places
from projections.projection import PROJECTIONS
from projections.recent import Recent
from workers.parts import Parts

WAIT_S: Final = 1.0
PAUSE_S: Final = 1.0
"""Pause after a part was found to be away."""
HELD_UP_S: Final = 0.1
"""Pause while a rebuild exchanges tables; it takes over in moments."""

log = logging.getLogger(__name__)


def project(parts: Parts, recent: Recent | None = None) -> Round:
    """One batch for every projection. Raises Unavailable when a part is away. `recent`: see `run_round`."""
    return run_round(parts.ledger, parts.database, parts.clock(), recent=recent)


def run(parts: Parts, stop: Event) -> None:
    """Projects until told to stop, woken by each new event."""
    told, recent = False, Recent()
    while not stop.is_set():
        try:
            done = project(parts, recent)
            if not told:
                _tell_who_is_set_aside(parts)
                told = True
            if done.held_up:
                stop.wait(HELD_UP_S)
            elif not done.applied:
                parts.ledger.wait(done.position, WAIT_S)
        except Unavailable as problem:
            log.warning("waiting: %s: %s", problem.slug, problem.detail)
            stop.wait(PAUSE_S)


def _tell_who_is_set_aside(parts: Parts) -> None:
    for name, place in places(parts.reader).items():
        if place.failing is not None:
            log.error("projection %s stands before position %s: %s", name, place.failing_at, place.failing)
        elif place.definition != PROJECTIONS[name].definition:
            log.error("projection %s was made by another release: python -m projections rebuild %s", name, name)
    for name, pile in piles(parts.reader).items():
        since = pile.oldest_at.isoformat()
        log.error("%s has %s events of %s streams set aside since %s", name, pile.events, pile.streams, since)
