"""How the work of a build is divided among processes, so that all of them end together.

What an event costs is counted, not timed: the first events of the log are folded in memory, and every row that is
touched counts one. How often each kind comes is then taken from samples along the whole log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
"""What taking and decoding an event costs, in rows touched. A process does it once for all; each is charged for it."""

READ_COSTS: Final = 0.6
"""What reading an event costs, in rows touched; the first process reads for all."""

TRIED: Final = 4_000
"""Events at the begin of the log that are folded to see what they cost."""

STARTED_IN: Final = 40_000
"""Events that are folded while another process starts."""

LATE_MOST: Final = 8
"""The part of the whole work that starting counts at most, however small the log."""

SAMPLES: Final = 50
SAMPLE: Final = 100


class Spread:
    """Who has been given what. `seen`: how often each kind of event comes, by its name."""

    def __init__(self, seen: Counter[str], processes: int) -> None:
        self.seen = seen
        self.units: list[list[Unit]] = [[] for _ in range(processes)]
        self._taken: list[dict[str, float]] = [{} for _ in range(processes)]

    def give(self, process: int, layout: Layout, first: int = 0, behind: int = SHARES) -> None:
        """Let a process fold these shares of a projection."""
        self.units[process].append(Unit(layout.projection.name, layout.suffix, first, behind))
        taken, part = self._taken[process], (behind - first) / SHARES
        taken.update({name: max(part, taken.get(name, 0)) for name in followed(layout, self.seen)})

    def known(self, names: frozenset[str]) -> list[float]:
        """How many events of these names each process takes already, at least."""
        return [sum(self.seen[name] * taken.get(name, 0) for name in names) for taken in self._taken]

    def preference(self, names: frozenset[str]) -> float:
        """How many more of them one process takes already than any other."""
        *_, second, first = sorted(self.known(names))
        return first - second


def spread(ledger: Ledger, layouts: Sequence[Layout], upto: int, processes: int) -> list[list[Unit]]:
    """The units of each process, so that all have about as much to do.

    What cannot be divided by stream goes where least is to do. The rest evens it out, what takes the same events
    together: it goes where most of them are taken already, since an event is handed to a process and decoded there
    once, and is divided where not all of it fits.
    """
    if processes == 1:
        return [[Unit(layout.projection.name, layout.suffix) for layout in layouts]]
    made = Spread(Counter(row.name for row in _sample(ledger, upto)), processes)
    tried = read_rows(ledger, 0, min(TRIED, upto)) if upto else []
    weights = {layout: weight(layout, tried, made.seen) for layout in layouts}
    whole = sum(weights.values())
    # The first process is ours: it runs already, and it reads the log.
    late = min(whole * STARTED_IN // max(upto, 1), whole // LATE_MOST)
    load = [int(READ_COSTS * made.seen.total()), *[late] * (processes - 1)]
    alike: dict[frozenset[str], list[Layout]] = {}
    for layout in sorted(layouts, key=lambda layout: -weights[layout]):
        if layout.projection.crosses_streams:
            least = load.index(min(load))
            load[least] += weights[layout]
            made.give(least, layout)
        else:
            alike.setdefault(followed(layout, made.seen), []).append(layout)
    work = {names: sum(weights[layout] for layout in some) for names, some in alike.items()}
    room = rooms(load, sum(work.values()))
    for names in sorted(alike, key=lambda names: (-made.preference(names), -work[names])):
        wanted = [(-known, -free) for known, free in zip(made.known(names), room, strict=True)]
        for process, first, behind in poured(work[names], room, sorted(range(processes), key=wanted.__getitem__)):
            for layout in alike[names]:
                made.give(process, layout, first, behind)
    return made.units


def followed(layout: Layout, names: Iterable[str]) -> frozenset[str]:
    """Those of these names whose events a projection takes."""
    return frozenset(name for name in names if layout.projection.follows(name))


def rooms(load: Sequence[int], divided: int) -> list[float]:
    """How much of `divided` work each process takes on the `load` that it has already.

    Like water it stands equally high wherever it comes to; who stands higher than that gets none.
    """
    reached = sorted(load)
    while len(reached) * reached[-1] > sum(reached) + divided:
        reached.pop()
    level = (sum(reached) + divided) / len(reached)
    return [max(0.0, level - standing) for standing in load]


def poured(work: int, room: list[float], order: Sequence[int]) -> list[tuple[int, int, int]]:
    """Who of `order` takes which shares of some work, and before which they end; what it takes of `room` is gone."""
    parts, left, first = [], float(work), 0
    for process in order:
        taken = min(left, room[process])
        room[process] -= taken
        left -= taken
        behind = SHARES - int(SHARES * left / work) if work and process != order[-1] else SHARES
        if first < behind:
            parts.append((process, first, behind))
            first = behind
    return parts


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
    return sum(
        seen[name] * (TAKEN_IN_COSTS * events[name] + touched[name]) // events[name]
        if events[name]
        else seen[name] * (TAKEN_IN_COSTS + 1)
        for name in followed(layout, seen)
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
