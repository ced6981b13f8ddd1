"""Trial (e) in short, and the machine seen to tell a log that is wrong in one small thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from ledger.event_log import EventLog, Recorded, opened
from tests.torture import model
from tests.torture.judge import Kind
from tests.torture.model import SHORT, Size
from tests.torture.trial import MakeBench, Violated

pytestmark = pytest.mark.timeout(600)


def test_every_store_does_what_the_model_does(bench: MakeBench) -> None:
    counts = model.run(bench(model.NAME), SHORT).counts
    assert counts["examples"] >= SHORT.examples
    assert min(counts[what] for what in ("appends", "conflicts", "followed", "reads", "reads back", "stream reads")) > 0


class Right:
    """A real log, to be wrong in one thing by a subclass."""

    def __init__(self, log: EventLog) -> None:
        self.log = log

    def append(self, events: Sequence[StoredEvent]) -> list[int]:
        return self.log.append(events)

    def stream(self, stream: UUID | str, **limits: Any) -> list[StoredEvent]:
        return self.log.stream(stream, **limits)

    def read(self, after: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        return self.log.read(after, limit, names)

    def read_back(self, before: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        return self.log.read_back(before, limit, names)

    def histories(self, streams: Sequence[str], upto: int) -> list[Recorded]:
        return self.log.histories(streams, upto)

    def head(self) -> int:
        return self.log.head()

    def wait(self, after: int, timeout_s: float) -> bool:
        return self.log.wait(after, timeout_s)

    def listen(self, listener: Event) -> None:
        self.log.listen(listener)

    def unlisten(self, listener: Event) -> None:
        self.log.unlisten(listener)


class ForgetsWhenReadBack(Right):
    """Gives one event too few now and then."""

    def read_back(self, before: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        found = super().read_back(before, limit, names)
        return found[:-1] if len(found) == 3 else found


class TakesLowerBoundIn(Right):
    """Gives the event at the lower bound of a stream as well."""

    def stream(self, stream: UUID | str, **limits: Any) -> list[StoredEvent]:
        gt = limits.pop("gt")
        return super().stream(stream, gt=None if gt is None else gt - 1, **limits)


class StoresTheRest(Right):
    """Stores what of a losing append can be stored."""

    def append(self, events: Sequence[StoredEvent]) -> list[int]:
        try:
            return super().append(events)
        except IntegrityError:
            super().append(events[:-1])
            raise


class WelcomesWhatIsThere(Right):
    """Takes an equal append for its own and says that it is stored."""

    def append(self, events: Sequence[StoredEvent]) -> list[int]:
        try:
            return super().append(events)
        except IntegrityError:
            head = self.log.head()
            return list(range(head - len(events) + 1, head + 1))


@pytest.mark.parametrize("event_log_url", ["sqlite_events_url"], indirect=True, ids=["sqlite"])
@pytest.mark.parametrize("wrong", [ForgetsWhenReadBack, TakesLowerBoundIn, StoresTheRest, WelcomesWhatIsThere])
def test_a_log_that_is_wrong_in_one_thing_is_told_with_the_steps(
    bench: MakeBench, wrong: Callable[[EventLog], EventLog]
) -> None:
    one = bench(model.NAME)
    with opened(one.url) as log, pytest.raises(Violated, match="state = LogMachine") as caught:
        model.compared(one, wrong(log), Size(examples=200, steps=40, shrink=False))
    assert set(caught.value.kinds) == {Kind.MODEL}
    assert "make torture SEED=1 NAME=model STORE=sqlite" in str(caught.value)
