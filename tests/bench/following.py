"""Following the log live: in batches against one event a transaction, and with the proof against without it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Table, func, select

from ledger.store import Ledger
from projections import follower
from projections.database import Database
from projections.follower import run_round
from projections.live_rows import LiveRows
from projections.places import positions
from projections.projection import PROJECTIONS
from projections.proof import NOTED_FOR, is_to_be_summed
from projections.recent import Recent, RecentRows
from projections.tables import serving
from tests.bench.measure import Figure, median
from tests.story import START

WARM: Final = 20
"""Batches before anything is measured: merchants are there then, and so are the caches of the server."""
BATCHES: Final = 180
"""Three times among them notes of the proof are added up, so that one that is disturbed does not count."""
SINGLY: Final = 600
EVENTS_MIN: Final = (WARM + BATCHES) * follower.BATCH + SINGLY
"""What the log must have for all of it."""


class Unproven(LiveRows):
    """The same rows without a proof, to see what the proof costs."""

    def __init__(
        self,
        connection: Connection,
        tables: dict[str, Table],
        proof: Table | None = None,
        recent: RecentRows | None = None,
    ) -> None:
        super().__init__(connection, tables, None, recent)


@contextmanager
def _unproven() -> Iterator[None]:
    """The follower keeps no proof meanwhile."""
    try:
        vars(follower)["LiveRows"] = Unproven
        yield
    finally:
        vars(follower)["LiveRows"] = LiveRows


class Following:
    """Read tables that follow a log, and what the rounds before have seen of them."""

    def __init__(self, ledger: Ledger, database: Database) -> None:
        self._ledger = ledger
        self._database = database
        self._recent = Recent()

    @property
    def stands(self) -> set[int]:
        """Where its projections stand."""
        return set(positions(self._database).values())

    @property
    def is_proven(self) -> bool:
        """Whether a proof is kept."""
        layouts = [serving(projection) for projection in PROJECTIONS.values()]
        kept = [table for layout in layouts for table in (layout.proof, layout.proof_noted)]
        return any(self._database.column(select(func.count()).select_from(table))[0] for table in kept)

    def seconds(self, rounds: int, limit: int = follower.BATCH) -> float:
        """Seconds that so many rounds take."""
        began = time.perf_counter()
        for _ in range(rounds):
            run_round(self._ledger, self._database, START, limit, self._recent)
        return time.perf_counter() - began

    def unproven_seconds(self, rounds: int) -> float:
        """The same without a proof."""
        with _unproven():
            return self.seconds(rounds)


def figures(ledger: Ledger, open_fresh: Callable[[], Database]) -> list[Figure]:
    """Two sets of tables follow the same events, batch by batch in turn, one of them without a proof.

    What the proof costs is the ratio of the medians of a batch's seconds, where a batch with a proof also has its share
    of what the batches take longer that add up the notes of many.
    """
    # A projector is a process of its own: the collector has none of what telling and building left behind to look at.
    gc.collect()
    gc.freeze()
    proven, plain = (Following(ledger, open_fresh()) for _ in range(2))
    proven.seconds(WARM)
    plain.unproven_seconds(WARM)
    with_proof, without, adding = list[float](), list[float](), set[int]()
    for number in range(BATCHES):
        stand = (WARM + number) * follower.BATCH
        adding |= {number} if is_to_be_summed(stand, stand + follower.BATCH) else set()
        if number % 2:
            with_proof.append(proven.seconds(1))
            without.append(plain.unproven_seconds(1))
        else:
            without.append(plain.unproven_seconds(1))
            with_proof.append(proven.seconds(1))
    stands = {WARM * follower.BATCH + BATCHES * follower.BATCH}
    if proven.stands != stands or plain.stands != stands or not proven.is_proven or plain.is_proven:
        raise AssertionError("what was measured is not what was meant to be")
    together = follower.BATCH * BATCHES / sum(with_proof)
    usual, unproved = median(with_proof), follower.BATCH / median(without)
    proved = follower.BATCH / (usual + share(usual, [with_proof[number] for number in adding]))
    singly = SINGLY / proven.seconds(SINGLY, 1)
    return [
        Figure("live, against one event a transaction", "events/s", together, singly, 20),
        Figure("live with the proof, against without", "events/s", proved, unproved, 0.95),
        Figure("the same, in batches that add up no notes", "events/s", follower.BATCH / usual, unproved),
    ]


def share(usual: float, adding: Sequence[float]) -> float:
    """What each batch bears of the seconds that those take longer than usual in which notes are added up."""
    if not adding:
        return 0.0
    return max(0.0, median(adding) - usual) * follower.BATCH / NOTED_FOR
