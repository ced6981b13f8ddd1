"""The judge is seen to catch every kind of planted fault, and to let a right log pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.torture.judge import Kind, judged
from tests.torture.records import Attempt, Claim, Outcome, Stood


def claim(name: str, version: int = 1) -> Claim:
    stream, _, mark = name.partition(":")
    return Claim(stream, version, f"{stream}{version}{mark}")


def attempt(key: str, outcome: Outcome, *claims: Claim, at: tuple[int, ...] = ()) -> Attempt:
    return Attempt(key, claims, outcome, at)


class Scene:
    """A right log, its attempts and a follower's view, for a fault to be planted in."""

    def __init__(self) -> None:
        self.log = [
            Stood(1, *claim("a", 1)),
            Stood(2, *claim("b", 1)),
            Stood(3, *claim("a", 2)),
            Stood(4, *claim("c", 1)),
            Stood(5, *claim("c", 2)),
        ]
        self.attempts = [
            attempt("k1", Outcome.STORED, claim("a", 1), claim("b", 1), at=(1, 2)),
            attempt("k2", Outcome.UNKNOWN, claim("a", 2)),
            attempt("k3", Outcome.CONFLICT, claim("a:other", 2)),
            attempt("k4", Outcome.UNKNOWN, claim("d", 1), claim("d", 2)),
            attempt("k5", Outcome.AWAY, claim("e", 1)),
            attempt("k6", Outcome.UNKNOWN, claim("c", 1), claim("c", 2)),
            attempt("k6", Outcome.STORED, claim("c", 1), claim("c", 2), at=(4, 5)),
        ]
        self.seen = list(self.log)

    def renumber(self) -> None:
        """Positions follow the order of the list again; the follower sees the same."""
        self.log = [event._replace(position=place) for place, event in enumerate(self.log, 1)]
        self.seen = list(self.log)

    def kinds(self, *, undisturbed: bool = False) -> set[Kind]:
        found = judged(self.log, self.attempts, {"follower": self.seen}, undisturbed=undisturbed)
        return {one.kind for one in found}


def acknowledgement_lost(scene: Scene) -> None:
    scene.log = [event for event in scene.log if event.stream != "c"]
    scene.seen = list(scene.log)


def event_doubled(scene: Scene) -> None:
    scene.log.append(scene.log[1])
    scene.renumber()


def unknown_one_stored_twice(scene: Scene) -> None:
    scene.log += [Stood(0, *claim("d", 1)), Stood(0, *claim("d", 2))] * 2
    scene.renumber()


def position_left_out(scene: Scene) -> None:
    scene.log[4] = scene.log[4]._replace(position=6)
    scene.attempts[6] = scene.attempts[6]._replace(positions=(4, 6))
    scene.seen = list(scene.log)


def first_position_left_out(scene: Scene) -> None:
    scene.log = [event._replace(position=event.position + 1) for event in scene.log]
    scene.seen = list(scene.log)


def version_left_out(scene: Scene) -> None:
    scene.log[2] = Stood(3, *claim("a", 3))
    scene.attempts[1] = attempt("k2", Outcome.UNKNOWN, claim("a", 3))
    scene.seen = list(scene.log)


def version_used_twice(scene: Scene) -> None:
    scene.log.append(Stood(6, "a", 2, "another"))
    scene.attempts.append(attempt("k7", Outcome.STORED, Claim("a", 2, "another"), at=(6,)))
    scene.seen = list(scene.log)


def versions_swapped(scene: Scene) -> None:
    scene.log[3], scene.log[4] = scene.log[4], scene.log[3]
    scene.renumber()


def events_of_two_appends_interleaved(scene: Scene) -> None:
    scene.log[1], scene.log[2] = scene.log[2], scene.log[1]
    scene.renumber()


def bytes_changed(scene: Scene) -> None:
    scene.log[1] = scene.log[1]._replace(digest="other bytes")
    scene.seen = list(scene.log)


def refused_one_stored(scene: Scene) -> None:
    scene.log.append(Stood(6, *claim("e", 1)))
    scene.seen = list(scene.log)


def loser_stored(scene: Scene) -> None:
    scene.log[2] = Stood(3, *claim("a:other", 2))
    scene.seen = list(scene.log)


def half_of_an_unknown_append(scene: Scene) -> None:
    scene.log.append(Stood(6, *claim("d", 1)))
    scene.seen = list(scene.log)


def half_of_an_acknowledged_append(scene: Scene) -> None:
    del scene.log[4]
    scene.seen = list(scene.log)


def other_positions_returned(scene: Scene) -> None:
    scene.attempts[0] = scene.attempts[0]._replace(positions=(2, 3))


def nobodys_event(scene: Scene) -> None:
    scene.log.append(Stood(6, *claim("x", 1)))
    scene.seen = list(scene.log)


def phantom_seen(scene: Scene) -> None:
    scene.seen.append(Stood(6, *claim("d", 1)))


def other_event_seen(scene: Scene) -> None:
    scene.seen[2] = Stood(3, *claim("a:other", 2))


def event_not_seen(scene: Scene) -> None:
    del scene.seen[4]


def event_stepped_over(scene: Scene) -> None:
    del scene.seen[2]


def event_seen_twice(scene: Scene) -> None:
    scene.seen.insert(3, scene.seen[2])


def order_seen_swapped(scene: Scene) -> None:
    scene.seen[1], scene.seen[2] = scene.seen[2], scene.seen[1]


PLANTED: list[tuple[Callable[[Scene], None], set[Kind]]] = [
    (acknowledgement_lost, {Kind.LOST}),
    (event_doubled, {Kind.DOUBLED, Kind.VERSION}),
    (unknown_one_stored_twice, {Kind.DOUBLED, Kind.VERSION}),
    (position_left_out, {Kind.GAP, Kind.HALF, Kind.ORDER}),
    (first_position_left_out, {Kind.GAP, Kind.MOVED, Kind.ORDER}),
    (version_left_out, {Kind.VERSION}),
    (version_used_twice, {Kind.VERSION}),
    (versions_swapped, {Kind.VERSION, Kind.HALF, Kind.MOVED}),
    (events_of_two_appends_interleaved, {Kind.HALF, Kind.MOVED}),
    (bytes_changed, {Kind.HALF, Kind.MOVED, Kind.INVENTED}),
    (refused_one_stored, {Kind.REFUSED}),
    (loser_stored, {Kind.REFUSED}),
    (half_of_an_unknown_append, {Kind.HALF}),
    (half_of_an_acknowledged_append, {Kind.HALF, Kind.MOVED}),
    (other_positions_returned, {Kind.MOVED}),
    (nobodys_event, {Kind.INVENTED}),
    (phantom_seen, {Kind.PHANTOM}),
    (other_event_seen, {Kind.PHANTOM}),
    (event_not_seen, {Kind.MISSED}),
    (event_stepped_over, {Kind.MISSED, Kind.ORDER}),
    (event_seen_twice, {Kind.ORDER}),
    (order_seen_swapped, {Kind.ORDER}),
]


def test_a_right_log_passes() -> None:
    assert Scene().kinds() == set()


@pytest.mark.parametrize(("plant", "kinds"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_fault_is_caught(plant: Callable[[Scene], None], kinds: set[Kind]) -> None:
    scene = Scene()
    plant(scene)
    assert scene.kinds() == kinds


def test_an_unknown_append_may_stand_in_the_log_or_not() -> None:
    scene = Scene()
    scene.log += [Stood(6, *claim("d", 1)), Stood(7, *claim("d", 2))]
    scene.seen = list(scene.log)
    assert scene.kinds() == set()


def test_where_nothing_was_disturbed_an_outcome_without_a_type_is_a_fault() -> None:
    assert Scene().kinds(undisturbed=True) == {Kind.UNTYPED}


def test_every_kind_that_the_judge_finds_has_a_planted_fault() -> None:
    found = {kind for _, kinds in PLANTED for kind in kinds}
    elsewhere = {Kind.UNTYPED, Kind.FOLD, Kind.MODEL, Kind.STALLED, Kind.TEST}
    of_read_models = {Kind.HALF_TABLE, Kind.BACKWARDS, Kind.UNREAD, Kind.UNDONE, Kind.UNEXPLAINED}
    of_read_models |= {Kind.LEFT_OVER, Kind.SLOW}
    of_banks = {Kind.SENT_TWICE, Kind.BANK_DIFFERS}
    assert found | elsewhere | of_read_models | of_banks == set(Kind)
