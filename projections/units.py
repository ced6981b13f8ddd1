"""What a build is divided into: projections, or the part of one that concerns some of the streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, TypeVar
from zlib import crc32

import msgspec

from ledger.event_log import Recorded
from projections.projection import Projection

SHARES: Final = 256
"""Streams are divided into so many shares, of which each process takes some."""

Taker = TypeVar("Taker")


class Unit(msgspec.Struct, frozen=True):
    """A projection as far as its streams are in the shares `first` <= n < `behind`, for tables of this `suffix`."""

    projection: str
    suffix: str
    first: int = 0
    behind: int = SHARES


class Taking(NamedTuple, Generic[Taker]):
    """Who takes the events of a unit."""

    unit: Unit
    projection: Projection
    taker: Taker


class Takers(Generic[Taker]):
    """Finds who takes an event: each of them once, in the order given."""

    def __init__(self, taking: Sequence[Taking[Taker]]) -> None:
        self._taking = taking
        self._found: dict[str, tuple[Sequence[Taker], Sequence[Sequence[Taker]] | None]] = {}

    def of(self, row: Recorded) -> Sequence[Taker]:
        """Those who take this event. One that was altered (no bytes) is everyone's: its name cannot be trusted."""
        name = row.name if row.state else _ALTERED
        always, by_share = self._found.get(name) or self._look(name)
        return always if by_share is None else by_share[crc32(row.stream.encode()) % SHARES]

    def _look(self, name: str) -> tuple[Sequence[Taker], Sequence[Sequence[Taker]] | None]:
        """Those of any stream, and by the share of the stream where it matters."""
        taking = [one for one in self._taking if name == _ALTERED or one.projection.follows(name)]
        by_share = [
            tuple(dict.fromkeys(one.taker for one in taking if one.unit.first <= share < one.unit.behind))
            for share in range(SHARES)
        ]
        same = all(takers == by_share[0] for takers in by_share)
        found = self._found[name] = by_share[0], None if same else by_share
        return found


_ALTERED: Final = ""
"""No event is stored under this name."""
