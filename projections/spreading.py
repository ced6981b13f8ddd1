"""How the work of a build is divided among processes, so that all of them end together.

What an event costs is counted, not timed: the first events of the log are folded in memory, and every row that is
touched counts one. How often each kind comes is then taken from samples along the whole log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Table

from ledger.aggregate import decode
from ledger.event_log import Recorded
from ledger.store import Ledger
from projections.aside import is_poison
from projections.bulk_rows import BulkRows
from projections.encoding import Key, Lines, Row
from projections.follower import read_rows
from projections.tables import Layout
from projections.units import SHARES, Unit

TAKEN_IN_COSTS: Final = 2
"""What decoding an event costs whoever takes it, in rows touched."""

READ_COSTS: Final = 1.25
"""What reading an event costs, in rows touched; the first process reads for all."""

TRIED: Final = 4_000
"""Events at the begin of the log that are folded to see what they cost."""

STARTED_IN: Final = 40_000
"""Events that are folded while another process starts."""

LATE_MOST: Final = 8
"""The part of the whole work that starting counts at most, however small the log."""

SAMPLES: Final = 50
SAMPLE: Final = 100


def spread(ledger: Ledger, layouts: Sequence[Layout], upto: int, processes: int) -> list[list[Unit]]:
    """The units of each process. What cannot be divided by stream goes where least is to do; the rest evens it out."""
    if processes == 1:
        return [[Unit(layout.projection.name, layout.suffix) for layout in layouts]]
    units: list[list[Unit]] = [[] for _ in range(processes)]
    seen = Counter(row.name for row in _sample(ledger, upto))
    tried = read_rows(ledger, 0, min(TRIED, upto)) if upto else []
    weights = {layout.projection.name: weight(layout, tried, seen) for layout in layouts}
    whole = sum(weights.values())
    # The first process is ours: it runs already, and it reads the log.
    load = [
        int(READ_COSTS * seen.total()),
        *[min(whole * STARTED_IN // max(upto, 1), whole // LATE_MOST)] * (processes - 1),
    ]
    for layout in sorted(layouts, key=lambda layout: -weights[layout.projection.name]):
        if layout.projection.crosses_streams:
            least = load.index(min(load))
            load[least] += weights[layout.projection.name]
            units[least].append(Unit(layout.projection.name, layout.suffix))
    divided = [layout for layout in layouts if not layout.projection.crosses_streams]
    ends = shares(load, sum(weights[layout.projection.name] for layout in divided))
    for some, first, behind in zip(units, [0, *ends], ends, strict=False):
        if first < behind:
            some += [Unit(layout.projection.name, layout.suffix, first, behind) for layout in divided]
    return units


def shares(load: Sequence[int], divided: int) -> list[int]:
    """Where the shares of each process end when `divided` work is poured on the `load` that each has already.

    Like water it stands equally high wherever it comes to; who stands higher than that gets none.
    """
    reached = sorted(load)
    while len(reached) * reached[-1] > sum(reached) + divided:
        reached.pop()
    total = sum(reached) + divided
    room = [max(0, total - len(reached) * standing) for standing in load]
    # Nothing is to be divided, or nobody knows how much: then all get the same.
    room = room if any(room) else [1] * len(load)
    return [SHARES * sum(room[: n + 1]) // sum(room) for n in range(len(load))]


def weight(layout: Layout, tried: Sequence[Recorded], seen: Counter[str]) -> int:
    """What a projection costs as a whole: `tried` are the first events of a log, `seen` counts names along it."""
    projection, events, touched = layout.projection, Counter[str](), Counter[str]()
    rows = BulkRows(layout.tables, _Nowhere(), limit=len(tried))
    for row in tried:
        if row.state and projection.follows(row.name):
            rows.begin()
            try:
                projection.fold(rows, decode(row.name, row.stream, row.version, row.state, row.position))
            except Exception as error:
                # The build will meet it again and set it aside.
                if not is_poison(error):
                    raise
                continue
            events[row.name] += 1
            touched[row.name] += rows.touched
    followed = [name for name in seen if projection.follows(name)]
    return sum(
        seen[name] * (TAKEN_IN_COSTS * events[name] + touched[name]) // events[name]
        if events[name]
        else seen[name] * (TAKEN_IN_COSTS + 1)
        for name in followed
    )


class _Nowhere:
    """A shelf on which nothing is kept: all rows of a trial stay in memory."""

    def insert(self, table: Table, rows: Lines) -> None:
        """Forgotten."""

    def upsert(self, table: Table, rows: Lines) -> None:
        """Forgotten."""

    def delete(self, table: Table, keys: Sequence[Key]) -> None:
        """Forgotten."""

    def ask(self, table: Table, key: Key) -> Row | None:
        """Nothing stands here."""


def _sample(ledger: Ledger, upto: int) -> Iterator[Recorded]:
    for place in range(SAMPLES):
        yield from read_rows(ledger, upto * place // SAMPLES, SAMPLE)
