"""Trial (e): a state machine does whatever an `EventLog` offers, in an order of chance, beside a model of a few lines.

After every step the whole log must be what the model says. One log serves all examples: each begins behind what the
examples before it left there, on streams of its own, and sees positions from there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

from eventsourcing.persistence import IntegrityError, StoredEvent
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ledger.event_log import EventLog, Recorded, opened
from tests.torture.judge import Kind, Violation
from tests.torture.trial import Bench, Report, Violated

NAME = "model"
PATIENCE_S = 30.0


class Size(NamedTuple):
    """How many examples, and of how many steps each at most."""

    examples: int = 200
    steps: int = 50
    shrink: bool = True
    """Whether to look for the shortest steps that show a difference."""


SHORT = Size(examples=50, steps=40)
FULL = Size()


class Model:
    """What an event log is, without any of the difficulties."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []

    def append(self, batch: Sequence[StoredEvent]) -> range | None:
        """The places of the batch, from 1; None for a conflict."""
        pairs = [(one.originator_id, one.originator_version) for one in [*self.events, *batch]]
        if len(set(pairs)) < len(pairs):
            return None
        self.events += batch
        return range(len(self.events) - len(batch) + 1, len(self.events) + 1)

    def stream(self, stream: UUID | str, gt: int | None, lte: int | None, desc: bool, limit: int | None) -> object:
        """The events of a stream."""
        low, high = -1 if gt is None else gt, 99 if lte is None else lte
        mine = [one for one in self.events if one.originator_id == stream and low < one.originator_version <= high]
        return sorted(mine, key=lambda one: one.originator_version, reverse=desc)[:limit]

    def read(self, names: Sequence[str] = ()) -> list[tuple[int, StoredEvent]]:
        """All events of these names with their places."""
        return [(place, one) for place, one in enumerate(self.events, 1) if not names or one.topic in names]


STREAMS = ("po_1", "po_2", "Sổ cái", "$a.b", "PO_1 ")
NAMES = ("tally.counted", "tally.closed", "$name")

states = st.one_of(st.sampled_from([b"", b"{}", b"\xff\x00", "đồng".encode()]), st.binary(max_size=20))
drawn = st.tuples(st.integers(0, len(STREAMS) + 1), st.sampled_from("nnnnnnta"), st.sampled_from(NAMES), states)
"""Stream, kind of version (next, taken, ahead of the next), stored name, state."""
limits = st.one_of(st.integers(0, 4), st.integers(0, 200))
bounds = st.one_of(st.none(), st.integers(0, 3), st.integers(-1, 12))
some_names = st.lists(st.sampled_from([*NAMES, "nobody.said"]), max_size=2, unique=True)


class Machine(RuleBasedStateMachine):
    """One example."""

    log: ClassVar[EventLog]
    done: ClassVar[Counter[str]]

    @initialize()
    def begin(self) -> None:
        """Behind what is there, on fresh streams."""
        self.base = self.log.head()
        self.model = Model()
        self.followed = 0
        self.batch: list[StoredEvent] = []
        both = uuid5(NAMESPACE_OID, str(self.base))
        self.streams: list[UUID | str] = [*(f"{name}{self.base}" for name in STREAMS), both, str(both)]
        self.done["examples"] += 1

    @rule(wanted=st.lists(drawn, max_size=5))
    def append(self, wanted: list[tuple[int, str, str, bytes]]) -> None:
        """One or many events, some of whose versions are taken or ahead of the next."""
        self.batch = []
        for place, kind, name, state in wanted:
            self.batch.append(StoredEvent(self.streams[place], self._version(self.streams[place], kind), name, state))
        self._append()

    @rule()
    def append_the_same_again(self) -> None:
        """Byte for byte what was tried last."""
        self._append()

    @rule(place=st.integers(0, len(STREAMS) + 1), gt=bounds, lte=bounds, desc=st.booleans(), limit=st.none() | limits)
    def read_stream(self, place: int, gt: int | None, lte: int | None, desc: bool, limit: int | None) -> None:
        """A stream, with every kind of limit."""
        stream = self.streams[place]
        found = self.log.stream(stream, gt=gt, lte=lte, desc=desc, limit=limit)
        assert found == self.model.stream(stream, gt, lte, desc, limit)
        self.done["stream reads"] += 1

    @rule(after=st.integers(0, 60), limit=limits, names=some_names)
    def read(self, after: int, limit: int, names: list[str]) -> None:
        """A range of the log, forwards."""
        expected = [one for one in self.model.read(names) if one[0] > after][:limit]
        assert self.log.read(self.base + after, limit, names) == self._recorded(expected)
        self.done["reads"] += 1

    @rule(before=st.integers(1, 60), limit=limits, names=some_names)
    def read_back(self, before: int, limit: int, names: list[str]) -> None:
        """A range of the log, backwards; what stood there before this example may follow."""
        expected = [one for one in reversed(self.model.read(names)) if one[0] < before][:limit]
        found = self.log.read_back(self.base + before, limit, names)
        assert [one for one in found if one.position > self.base] == self._recorded(expected)
        assert [one.position for one in found] == sorted((one.position for one in found), reverse=True)
        assert len(found) <= limit
        self.done["reads back"] += 1

    @rule(limit=st.integers(1, 5))
    def follow(self, limit: int) -> None:
        """The next events for a follower, which has been woken if there are any."""
        there = len(self.model.events) > self.followed
        if there:
            assert self.log.wait(self.base + self.followed, PATIENCE_S)
        found = self.log.read(self.base + self.followed, limit)
        assert found == self._recorded(self.model.read()[self.followed : self.followed + limit])
        assert there == bool(found)
        self.followed += len(found)
        self.done["followed"] += len(found)

    @invariant()
    def the_log_is_the_model(self) -> None:
        """All of it, after every step."""
        assert self.log.read(self.base, 10_000) == self._recorded(self.model.read())
        assert self.log.head() == self.base + len(self.model.events)
        self.done["steps"] += 1

    def _append(self) -> None:
        expected = self.model.append(self.batch)
        try:
            positions = self.log.append(self.batch)
        except IntegrityError:
            assert expected is None
            self.done["conflicts"] += 1
        else:
            assert expected is not None
            assert positions == [self.base + place for place in expected]
            self.done["appends"] += 1

    def _version(self, stream: UUID | str, kind: str) -> int:
        there = [one for one in [*self.model.events, *self.batch] if one.originator_id == stream]
        last = max((one.originator_version for one in there), default=0)
        return {"n": last + 1, "t": max(last, 1), "a": last + 2}[kind]

    def _recorded(self, events: Sequence[tuple[int, StoredEvent]]) -> list[Recorded]:
        return [
            Recorded(self.base + place, str(one.originator_id), one.originator_version, one.topic, one.state)
            for place, one in events
        ]


def run(bench: Bench, size: Size = FULL) -> Report:
    """Let the machine run on a log of its own. Raises Violated."""
    with opened(bench.url) as log:
        return compared(bench, log, size)


def compared(bench: Bench, log: EventLog, size: Size) -> Report:
    """Let the machine run on this log. Raises Violated with the (shortest) steps that show a difference."""
    began = time.monotonic()
    done: Counter[str] = Counter()
    chosen = settings(
        max_examples=size.examples,
        stateful_step_count=size.steps,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if size.shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    machine = seed(bench.seed)(type("LogMachine", (Machine,), {"log": log, "done": done}))
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except (AssertionError, FlakyFailure) as difference:
        # A difference that does not come again when the steps are repeated was there all the same.
        parts = [difference, *getattr(difference, "exceptions", ())]
        told = "\n".join(text for one in parts for text in (str(one), *getattr(one, "__notes__", ())))
        raise Violated(bench, [Violation(Kind.MODEL, told)]) from difference
    return Report(bench.trial, bench.store, bench.seed, dict(sorted(done.items())), time.monotonic() - began)
