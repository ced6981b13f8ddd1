"""The judge: compares what writers were told, what stands in the log at the end, and what followers saw.

An attempt has one of three outcomes. Stored: its events stand in the log once, at the positions that were returned,
side by side, with those bytes. Refused (a conflict, or the store was away): they stand nowhere. Unknown: once and
whole, or nowhere. Followers must have seen the final log itself. The judge knows no database and asks nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from tests.torture.records import Attempt, Claim, Outcome, Stood


class Kind(StrEnum):
    """What can be wrong."""

    GAP = "positions are not 1, 2, 3, …"
    VERSION = "versions of a stream are not 1, 2, 3, … in order of position"
    LOST = "acknowledged and not in the log"
    MOVED = "acknowledged at other positions"
    DOUBLED = "in the log more than once"
    HALF = "in the log, but not whole and side by side"
    REFUSED = "refused, and yet in the log"
    INVENTED = "in the log, but nobody's attempt"
    PHANTOM = "seen by a follower, but not in the log there"
    MISSED = "in the log, but not seen by a follower"
    ORDER = "seen by a follower out of order or twice"
    UNTYPED = "neither stored nor refused with the typed conflict, though nothing disturbed the store"
    FOLD = "rows of a follower differ from a fold from scratch"
    HALF_TABLE = "tables that serve are not whole"
    BACKWARDS = "shown at an earlier position after a later one"
    UNREAD = "a read failed"
    UNDONE = "a command failed"
    UNEXPLAINED = "ended with an error that is not typed, or names no cure"
    LEFT_OVER = "tables are left that nobody reads"
    SLOW = "took longer than it may"
    TEST = "a test failed on this server"
    MODEL = "the log does not do what the model does"
    SENT_TWICE = "an order was sent more than once"
    BANK_DIFFERS = "the bank's books and our payouts differ"
    STALLED = "did not go on in time after the disturbance"


class Violation(NamedTuple):
    """One thing that is wrong, and where."""

    kind: Kind
    where: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}"


def judged(
    log: Sequence[Stood],
    attempts: Iterable[Attempt],
    followers: Mapping[str, Sequence[Stood]] | None = None,
    *,
    undisturbed: bool = False,
) -> list[Violation]:
    """Everything that is wrong; an empty list is a pass.

    `log`: the whole log as it stands at the end. `attempts`: everything that was ever sent to it. `followers`: what
    each of them saw. `undisturbed`: nothing was done to the store, so every attempt must have a typed outcome.
    """
    all_attempts = list(attempts)
    found = [*_positions(log), *_versions(log), *_attempts(log, all_attempts)]
    for name, seen in (followers or {}).items():
        found += _follower(name, seen, log)
    if undisturbed:
        strange = (one for one in all_attempts if one.outcome not in (Outcome.STORED, Outcome.CONFLICT))
        found += [Violation(Kind.UNTYPED, f"{one.key} was {one.outcome}") for one in strange]
    return found


def _positions(log: Sequence[Stood]) -> Iterator[Violation]:
    for expected, event in enumerate(log, 1):
        if event.position != expected:
            yield Violation(Kind.GAP, f"{event.position} stands where {expected} is expected")
            return


def _versions(log: Sequence[Stood]) -> Iterator[Violation]:
    last: dict[str, int] = defaultdict(int)
    for event in sorted(log, key=lambda one: one.position):
        if event.version != last[event.stream] + 1:
            where = f"{event.stream}: {event.version} after {last[event.stream]}, at position {event.position}"
            yield Violation(Kind.VERSION, where)
        last[event.stream] = max(event.version, last[event.stream])


def _attempts(log: Sequence[Stood], attempts: Sequence[Attempt]) -> Iterator[Violation]:
    places: dict[Claim, list[int]] = defaultdict(list)
    for event in log:
        places[event.claim].append(event.position)
    together: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        together[attempt.key].append(attempt)
    explained: set[Claim] = set()
    for key, same in together.items():
        explained.update(same[0].claims)
        yield from _attempt(key, same, [places.get(claim, []) for claim in same[0].claims])
    for claim, where in places.items():
        if claim not in explained:
            yield Violation(Kind.INVENTED, f"{claim.stream} {claim.version} at {where}")


def _attempt(key: str, same: Sequence[Attempt], places: Sequence[Sequence[int]]) -> Iterator[Violation]:
    """Judge the attempts that share one content, given where each of their events stands."""
    acknowledged = [attempt for attempt in same if attempt.outcome is Outcome.STORED]
    maybe = acknowledged or any(attempt.outcome is Outcome.UNKNOWN for attempt in same)
    if not any(places):
        if acknowledged:
            yield Violation(Kind.LOST, f"{key}, said to be at {list(acknowledged[0].positions)}")
        return
    if not maybe:
        yield Violation(Kind.REFUSED, f"{key} ({same[0].outcome}) at {[list(where) for where in places]}")
        return
    if any(len(where) > 1 for where in places):
        yield Violation(Kind.DOUBLED, f"{key} at {[list(where) for where in places]}")
        return
    positions = [where[0] for where in places if where]
    if len(positions) < len(places) or positions != list(range(positions[0], positions[0] + len(places))):
        yield Violation(Kind.HALF, f"{key} at {[list(where) for where in places]}")
    for attempt in acknowledged:
        if list(attempt.positions) != positions:
            yield Violation(Kind.MOVED, f"{key} at {positions}, said to be at {list(attempt.positions)}")


def _follower(name: str, seen: Sequence[Stood], log: Sequence[Stood]) -> Iterator[Violation]:
    stands = {event.position: event for event in log}
    last = 0
    for event in seen:
        if event.position != last + 1:
            yield Violation(Kind.ORDER, f"{name}: {event.position} after {last}")
        if stands.get(event.position) != event:
            yield Violation(Kind.PHANTOM, f"{name}: {event.stream} {event.version} at {event.position}")
        last = event.position
    missed = stands.keys() - {event.position for event in seen}
    if missed:
        yield Violation(Kind.MISSED, f"{name}: {len(missed)} events, the first at {min(missed)}")
