"""Appending, on every store alike: many writers, one order, all of an append or nothing of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from eventsourcing.persistence import DataError, IntegrityError, InterfaceError, OperationalError, StoredEvent

from ledger.commits import OutcomeUnknown
from ledger.event_log import EVENT_BYTES_MAX, NAME_MAX, EventLog, opened, provider
from local.processes import free_port
from tests.ledger.logged import append_next, event, versions

HERE = Path(__file__).parents[2]
APPEND_BYTES_MAX = 15 * 1024 * 1024


@pytest.fixture
def log(event_log_url: str) -> Iterator[EventLog]:
    with opened(event_log_url) as log:
        yield log


def test_positions_are_given_in_order_from_one(log: EventLog) -> None:
    assert log.head() == 0
    assert log.append([event("po_1", 1)]) == [1]
    assert log.append([event("po_1", 2), event("po_2", 1)]) == [2, 3]
    assert log.head() == 3


def test_many_threads_on_few_streams_leave_no_version_twice_or_out(log: EventLog) -> None:
    def work(thread: int) -> list[tuple[int, int]]:
        return [append_next(log, f"acc_{(thread + turn) % 4}", 1 + turn % 3) for turn in range(100)]

    with ThreadPoolExecutor(8) as threads:
        results = [result for results in threads.map(work, range(8)) for result in results]
    found = versions(log)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in found.values())
    assert sum(map(len, found.values())) == 8 * (34 * 1 + 33 * 2 + 33 * 3)
    assert len({first for first, _ in results}) == 800
    assert sum(lost for _, lost in results) > 0


WRITER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from ledger.event_log import opened
from tests.ledger.logged import append_next, event
with opened(sys.argv[1]) as log, ThreadPoolExecutor(4) as threads:
    def work(thread):
        for turn in range(40):
            log.append([event(f"po_{sys.argv[2]}_{thread}_{turn}", 1), event(f"je_{sys.argv[2]}_{thread}_{turn}", 1)])
            if turn % 5 == 0:
                append_next(log, "acc_shared", 2)
    list(threads.map(work, range(4)))
"""


def test_processes_that_write_at_once_share_one_order_without_gaps(log: EventLog, event_log_url: str) -> None:
    commands = [[sys.executable, "-c", WRITER, event_log_url, str(number)] for number in range(3)]
    writers = [subprocess.Popen(command, cwd=HERE) for command in commands]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        # Whatever a follower reads meanwhile is in order and whole: the reader refuses holes itself.
        if log.wait(seen, 0.05):
            seen = log.read(seen, 1_000)[-1].position
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = versions(log)
    shared = found.pop("acc_shared")
    assert shared == list(range(1, 3 * 4 * 8 * 2 + 1))
    assert len(found) == 3 * 4 * 40 * 2
    assert all(numbers == [1] for numbers in found.values())


def test_an_append_is_stored_whole_or_not_at_all(log: EventLog) -> None:
    assert log.append([event("po_1", 1)]) == [1]
    with pytest.raises(IntegrityError):
        log.append([event("po_2", 1), event("po_1", 1), event("po_3", 1)])
    with pytest.raises(IntegrityError):
        log.append([event("po_4", 1), event("po_4", 1)])
    assert versions(log) == {"po_1": [1]}
    assert log.append([event("po_2", 1), event("po_2", 2)]) == [2, 3]


def test_a_conflict_fails_alone_among_appends_that_come_at_once(log: EventLog) -> None:
    log.append([event("po_taken", 1)])
    names = ["po_1", "po_2", "po_taken", "po_3", "po_taken", "po_4", "po_4", "po_5"]
    at_once = Barrier(len(names), timeout=20)

    def work(turn: int, number: int, name: str) -> BaseException | None:
        at_once.wait()
        try:
            log.append([event(f"{name}_{turn}" if name != "po_taken" else name, 1), event(f"je_{turn}_{number}", 1)])
        except IntegrityError as error:
            return error
        return None

    for turn in range(10):
        with ThreadPoolExecutor(len(names)) as threads:
            futures = [threads.submit(work, turn, number, name) for number, name in enumerate(names)]
            refused = [name for name, future in zip(names, futures, strict=True) if future.result(20)]
        assert sorted(refused) == ["po_4", "po_taken", "po_taken"]
    assert log.head() == len([number for numbers in versions(log).values() for number in numbers]) == 1 + 10 * 5 * 2


def test_no_events_take_no_position(log: EventLog) -> None:
    assert log.append([]) == []
    assert log.head() == 0


def test_a_large_append_is_stored_and_a_too_large_one_refused(log: EventLog) -> None:
    quarter = b'"' * (APPEND_BYTES_MAX // 4 - 1_000)
    with pytest.raises(DataError, match="too many"):
        log.append([event("po_1", version, state=quarter) for version in range(1, 6)])
    assert log.append([event("po_1", version, state=quarter) for version in range(1, 5)]) == [1, 2, 3, 4]
    assert {found.state for found in log.read(0, 10)} == {quarter}
    assert log.append([event("acc_1", version) for version in range(1, 2_502)])[-1] == 2_505


@pytest.mark.parametrize(
    "planted",
    [
        event("p" * (NAME_MAX + 1), 1),
        event("po_1", 1, name="n" * (NAME_MAX + 1)),
        event("po_1", 1, state=b"x" * (EVENT_BYTES_MAX + 1)),
    ],
    ids=["long stream", "long name", "large state"],
)
def test_no_store_takes_what_another_could_not_hold(log: EventLog, planted: StoredEvent) -> None:
    with pytest.raises(DataError, match=r"shorter|several events") as refusal:
        log.append([planted])
    assert "pppp" not in str(refusal.value)
    assert log.head() == 0


def test_the_longest_names_and_the_largest_event_are_taken(log: EventLog) -> None:
    largest = event("p" * NAME_MAX, 1, name="n" * NAME_MAX, state=b"x" * EVENT_BYTES_MAX)
    assert log.append([largest]) == [1]
    assert log.stream("p" * NAME_MAX) == [largest]


@pytest.mark.parametrize("version", [2**63, -(2**63) - 1])
def test_a_version_beyond_64_bits_is_refused(log: EventLog, version: int) -> None:
    with pytest.raises(DataError):
        log.append([event("po_1", version)])
    assert log.head() == 0


def test_a_stream_that_is_no_text_is_refused(log: EventLog) -> None:
    with pytest.raises(DataError):
        log.append([event("po_\ud800", 1)])
    assert log.head() == 0


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://127.0.0.1:{port}/socai?replicaSet=rs0&timeoutMS=200",
        "mysql://socai:s3cret@127.0.0.1:{port}/socai",
        "sqlite:////nowhere/at/all/events.db",
    ],
)
def test_a_store_that_is_away_is_an_operational_error_and_no_obstacle_to_making_a_log(url: str) -> None:
    made = provider(url.format(port=free_port()))
    log = made.log()
    calls = [lambda: log.append([event("po_1", 1)]), lambda: log.stream("po_1"), lambda: log.read(0, 10), log.head]
    for call in calls:
        with pytest.raises(OperationalError) as refusal:
            call()
        assert not isinstance(refusal.value, OutcomeUnknown)
        assert "s3cret" not in str(refusal.value)
    made.close()


def test_a_closed_log_is_an_interface_error(event_log_url: str) -> None:
    made = provider(event_log_url)
    log = made.log()
    log.append([event("po_1", 1)])
    made.close()
    made.close()
    calls = [lambda: log.append([event("po_1", 2)]), lambda: log.stream("po_1"), lambda: log.read(0, 10), log.head]
    calls += [lambda: log.read_back(9, 10), lambda: log.wait(0, 1.0)]
    for call in calls:
        with pytest.raises(InterfaceError):
            call()
