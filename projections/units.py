"""What a build is divided into: projections, or the part of one that concerns some of the streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from zlib import crc32

import msgspec

from ledger.event_log import Recorded
from projections.projection import Projection

SHARES: Final = 256
"""Streams are divided into so many shares, of which each process takes some."""


class Unit(msgspec.Struct, frozen=True):
    """A projection as far as its streams are in the shares `first` <= n < `behind`, for tables of this `suffix`."""

    projection: str
    suffix: str
    first: int = 0
    behind: int = SHARES


Taking = tuple[int, int]
"""The number of a process, and which of its units take an event: bit n stands for the n-th."""


class Takers:
    """Finds who takes an event: `units` are those of each process, `projections` what they are parts of, by name."""

    def __init__(self, units: Sequence[Sequence[Unit]], projections: Mapping[str, Projection]) -> None:
        self._units = [[(unit, projections[unit.projection]) for unit in some] for some in units]
        self._found: dict[str, tuple[Sequence[Taking], Sequence[Sequence[Taking]] | None]] = {}

    def of(self, row: Recorded) -> Sequence[Taking]:
        """Those who take this event. One that was altered (no bytes) is everyone's: its name cannot be trusted."""
        name = row.name if row.state else _ALTERED
        always, by_share = self._found.get(name) or self._look(name)
        return always if by_share is None else by_share[crc32(row.stream.encode()) % SHARES]

    def _look(self, name: str) -> tuple[Sequence[Taking], Sequence[Sequence[Taking]] | None]:
        """Those of any stream, and by the share of the stream where it matters."""
        following = [
            (process, 1 << number, unit)
            for process, some in enumerate(self._units)
            for number, (unit, projection) in enumerate(some)
            if name == _ALTERED or projection.follows(name)
        ]
        by_share = [_taking(following, share) for share in range(SHARES)]
        same = all(takers == by_share[0] for takers in by_share)
        found = self._found[name] = by_share[0], None if same else by_share
        return found


def _taking(following: Sequence[tuple[int, int, Unit]], share: int) -> Sequence[Taking]:
    """The processes that take the streams of a share; `following`: process, bit and unit of who follows the event."""
    taking: dict[int, int] = {}
    for process, bit, unit in following:
        if unit.first <= share < unit.behind:
            taking[process] = taking.get(process, 0) | bit
    return list(taking.items())


_ALTERED: Final = ""
"""No event is stored under this name."""
