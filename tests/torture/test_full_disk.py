"""The trial of a full disk: once for real where a small disk can be mounted, and its judge over planted faults."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from eventsourcing.persistence import StoredEvent

from ledger.event_log import EventLog, opened
from tests.torture.full_disk import REFUSALS, NoSmallDisk, Told, full_disk, judge, pair

REFUSED = ["OperationalError: away"] * REFUSALS


def test_what_was_acknowledged_outlives_a_full_disk() -> None:
    try:
        counts = full_disk(1)
    except NoSmallDisk as reason:
        pytest.skip(str(reason))
    assert counts["acknowledged"] > 0


@pytest.fixture
def log(sqlite_events_url: str) -> Iterator[EventLog]:
    with opened(sqlite_events_url) as found:
        yield found


def test_the_judge_is_content_with_what_was_kept(log: EventLog) -> None:
    told = Told("w0", {number: log.append(pair("w0", number, Random(1))) for number in range(3)}, REFUSED)
    log.append(pair("w0", 3, Random(1)))
    assert judge(log, [told], 1) == {"acknowledged": 3, "stored without an answer": 1, "events": 8}


def test_the_judge_sees_an_acknowledged_append_that_is_gone(log: EventLog) -> None:
    told = Told("w0", {0: log.append(pair("w0", 0, Random(1))), 1: [3, 4]}, REFUSED)
    with pytest.raises(AssertionError, match="w0 append 1 is not where it was acknowledged, seed 5"):
        judge(log, [told], 5)


def test_the_judge_sees_half_an_append(log: EventLog) -> None:
    log.append([StoredEvent("w0_0_0", 1, "thing.happened", b"{}")])
    with pytest.raises(AssertionError, match="half there, seed 5"):
        judge(log, [Told("w0", {}, REFUSED)], 5)


def test_the_judge_wants_the_disk_to_have_been_full(log: EventLog) -> None:
    with pytest.raises(AssertionError, match="never refused"):
        judge(log, [Told("w0", {}, [])], 5)
