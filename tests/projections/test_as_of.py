"""An instant is the position of the last event recorded by then; a moment covers what was recorded and in effect."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import msgspec
import pytest
from eventsourcing.persistence import StoredEvent

from ledger.errors import EventUnreadable
from ledger.event_log import Recorded
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from projections.as_of import AsOf, instant_of, position_at
from tests.story import MASTER_KEY, START, Story, counted_bytes

SECOND = timedelta(seconds=1)


class Counted(Ledger):
    """Counts how often the log is read."""

    readings = 0

    def recorded(self, after: int, limit: int, names: tuple[str, ...] = ()) -> list[Recorded]:  # type: ignore[override]
        """One more."""
        self.readings += 1
        return super().recorded(after, limit, names)


@pytest.fixture
def ledger(sqlite_events_url: str) -> Ledger:
    return Counted.at(sqlite_events_url, MASTER_KEY, counted_bytes(), keys=KeysInMemory())


def recorded_at(ledger: Ledger, *times: datetime) -> None:
    """One event at each of these times, in this order, of a kind that only a newer release knows."""
    head = ledger.head()
    states = [msgspec.json.encode({"at": at, "schema": 9, "data": {}}) for at in times]
    events = [StoredEvent(f"x_{head + n}", 1, "novelty.happened", state) for n, state in enumerate(states)]
    ledger.recorder.insert_events(events)


def test_an_instant_is_the_last_position_recorded_by_then(ledger: Ledger) -> None:
    dice = Random(4)
    times = [START]
    for _ in range(3_000):
        times.append(times[-1] + dice.choice([timedelta(0), timedelta(0), SECOND, timedelta(days=1)]))
    recorded_at(ledger, *times)
    for at in [times[0], times[-1], *dice.choices(times, k=40)]:
        last = len(times) - times[::-1].index(at)
        assert position_at(ledger, at) == last
        assert position_at(ledger, at + timedelta(microseconds=1)) == last
        assert position_at(ledger, at - timedelta(microseconds=1)) == times.index(at)
        assert instant_of(ledger, last) == at


def test_before_the_first_nothing_was_known_and_after_the_last_everything(ledger: Ledger) -> None:
    assert position_at(ledger, START) == 0
    recorded_at(ledger, *[START] * 300)
    assert position_at(ledger, START - SECOND) == 0
    assert position_at(ledger, START) == position_at(ledger, datetime(2999, 1, 1, tzinfo=UTC)) == 300


def test_any_offset_is_understood(ledger: Ledger) -> None:
    recorded_at(ledger, START, START + SECOND)
    assert position_at(ledger, datetime.fromisoformat("2026-11-23T09:00:00+07:00")) == 1


def test_a_long_log_is_read_few_times(ledger: Ledger) -> None:
    recorded_at(ledger, *(START + n * SECOND for n in range(20_000)))
    assert isinstance(ledger, Counted)
    assert position_at(ledger, START + 12_345 * SECOND) == 12_346
    assert ledger.readings <= 10


def test_where_clocks_differ_a_little_the_last_of_the_neighbours_counts(ledger: Ledger) -> None:
    dice = Random(5)
    times = [START + n * SECOND + dice.randint(-3, 3) * SECOND for n in range(1_000)]
    recorded_at(ledger, *times)
    for at in dice.choices(times, k=50):
        found = position_at(ledger, at)
        assert found == max(n for n, time in enumerate(times, 1) if time <= at)


def test_an_event_that_does_not_say_when_is_named(ledger: Ledger) -> None:
    ledger.recorder.insert_events([StoredEvent("x_1", 1, "novelty.happened", b"{}")])
    with pytest.raises(EventUnreadable, match="x_1@1"):
        position_at(ledger, START)


def test_both_bounds_are_inclusive(story: Story) -> None:
    story.merchant()
    envelope = story.log()[0]
    day = envelope.effective_on
    assert AsOf(envelope.position, day).covers(envelope)
    assert AsOf(envelope.position).covers(envelope)
    assert not AsOf(envelope.position - 1, day).covers(envelope)
    assert not AsOf(envelope.position, day - timedelta(days=1)).covers(envelope)
    assert AsOf(10**9, date.max).covers(envelope)
