"""The log as a whole on SQL stores: several processes that begin at once, and several logs in one database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from ledger.event_log import opened, provider
from tests.ledger.logged import event


def test_those_who_begin_at_once_make_the_tables_once(sql_events_url: str) -> None:
    at_once = Barrier(6, timeout=20)

    def begin(number: int) -> list[int]:
        with opened(sql_events_url) as log:
            at_once.wait()
            return log.append([event(f"po_{number}", 1)])

    with ThreadPoolExecutor(6) as threads:
        positions = [position for found in threads.map(begin, range(6)) for position in found]
    assert sorted(positions) == [1, 2, 3, 4, 5, 6]


def test_the_log_and_its_snapshots_count_apart(sql_events_url: str) -> None:
    made = provider(sql_events_url)
    assert made.log().append([event("acc_1", 1), event("acc_1", 2)]) == [1, 2]
    assert made.log("snapshots").append([event("acc_1", 2, "snapshot")]) == [1]
    assert made.log().append([event("acc_1", 3)]) == [3]
    assert [found.name for found in made.log("snapshots").read(0, 10)] == ["snapshot"]
    made.close()
