"""Trial (b) in short, the sameness of its schedule, and the gates: each is seen to hold a writer where it says.

A log that gives positions before the commit, as an auto-increment does, is seen to be caught.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from uuid import UUID

import pytest
import sqlalchemy
from eventsourcing.persistence import StoredEvent

from ledger.event_log import Recorded, opened
from local.processes import Process
from tests.torture import held
from tests.torture.gates import gate
from tests.torture.held import FULL, SHORT, Crowd, HeldWriter, Round, one_round, schedule
from tests.torture.judge import Kind, judged
from tests.torture.records import Outcome, attempts, stood
from tests.torture.trial import Bench, MakeBench, ended_well, until, whole, writer


@pytest.mark.timeout(600)
def test_followers_see_all_events_once_and_in_order_while_a_writer_is_held(bench: MakeBench) -> None:
    report = held.run(bench(held.NAME), SHORT)
    assert report.counts["rounds"] == SHORT.rounds
    assert report.counts["held stored"] > SHORT.rounds / 2


def test_the_same_seed_gives_the_same_holds_and_another_seed_others(bench: MakeBench) -> None:
    one = bench(held.NAME)
    plan = schedule(one.dice("schedule"), one.store, FULL)
    assert plan == schedule(one.dice("schedule"), one.store, FULL)
    assert plan != schedule(one._replace(seed=2).dice("schedule"), one.store, FULL)
    assert len(plan) == 1_000
    assert sum(this.delay_s > 1 for this in plan) == FULL.long_holds


def a_round(*, afresh: bool = False) -> Round:
    return Round(others=20, passed=0, delay_s=0, width=2, rival=False, afresh=afresh)


@pytest.mark.parametrize("afresh", [True, False])
def test_a_gate_holds_a_writer_whose_events_others_do_not_see_yet(bench: MakeBench, *, afresh: bool) -> None:
    one = bench(held.NAME)
    with gate(one.store, one.url) as door, opened(one.url) as log, ExitStack() as stack:
        crowd = Crowd(log, stack.enter_context(ThreadPoolExecutor(4)))
        crowd.first()
        slow = HeldWriter(door, stack)
        hold = door.arm()
        mine = slow.write(0, a_round(afresh=afresh))
        assert hold.held.wait(30)
        others = crowd.write(0, a_round())
        if one.store == "mongodb":
            assert [other.result(30).outcome for other in others] == [Outcome.STORED] * 20
            assert log.head() == 21
        assert not mine.done()
        assert log.stream("held.0") == []
        hold.go.set()
        assert mine.result(30).outcome is Outcome.STORED
        assert {other.result(30).outcome for other in others} == {Outcome.STORED}
        assert log.head() == 23


# A process that is frozen inside its transaction, on stores that have transactions.


def frozen(process: Process) -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@contextmanager
def frozen_writer(url: str, directory: Path) -> Iterator[Process]:
    """A writer of one append that has frozen itself before COMMIT."""
    bench = Bench(held.NAME, url.partition(":")[0], url, directory, 1)
    options = ("--threads", 1, "--appends", 1, "--stale", 0, "--streams", 1)
    process = writer(bench, "frozen", *options, module="tests.torture.frozen_writer")
    try:
        process.start()
        assert until(lambda: frozen(process))
        yield process
    finally:
        process.kill()


def test_others_wait_for_a_process_that_is_frozen_inside_its_transaction(sql_events_url: str, tmp_path: Path) -> None:
    with opened(sql_events_url) as log, ThreadPoolExecutor(1) as threads:
        crowd = Crowd(log, threads)
        sent = [crowd.first()]
        with frozen_writer(sql_events_url, tmp_path) as process:
            assert log.head() == 1
            [other] = crowd.write(0, a_round()._replace(others=1))
            assert not other.done()
            process.resume()
            sent.append(other.result(30))
            assert ended_well([process], within_s=30) == []
        sent += attempts(tmp_path / "frozen.attempts")
        assert {one.outcome for one in sent} == {Outcome.STORED}
        assert judged(whole(log), sent, undisturbed=True) == []


def test_a_process_killed_inside_its_transaction_leaves_nothing_and_is_not_waited_for(
    sql_events_url: str, tmp_path: Path
) -> None:
    with opened(sql_events_url) as log, ThreadPoolExecutor(4) as threads:
        crowd = Crowd(log, threads)
        sent = [crowd.first()]
        with frozen_writer(sql_events_url, tmp_path) as process:
            others = crowd.write(0, a_round())
            process.kill()
            sent += [other.result(30) for other in others]
        [lost] = attempts(tmp_path / "frozen.attempts")
        assert lost.outcome is Outcome.UNKNOWN
        assert log.stream(lost.claims[0].stream) == []
        assert judged(whole(log), [*sent, lost], undisturbed=False) == []


# The planted fault.


class AutoIncrement:
    """A log as people first write it: the database numbers the rows, and followers ask for what has a higher number."""

    def __init__(self, url: str) -> None:
        self._engine = sqlalchemy.create_engine(url, isolation_level="READ COMMITTED", hide_parameters=True)
        with self._engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE IF NOT EXISTS naive (position BIGINT AUTO_INCREMENT PRIMARY KEY, stream VARCHAR(50),"
                " version INT, name VARCHAR(50), state TEXT, UNIQUE (stream, version))"
            )

    def append(self, events: Sequence[StoredEvent]) -> list[int]:
        positions = []
        with self._engine.begin() as connection:
            for one in events:
                row = (str(one.originator_id), one.originator_version, one.topic, one.state.decode())
                words = "INSERT INTO naive (stream, version, name, state) VALUES (%s, %s, %s, %s)"
                positions.append(int(connection.exec_driver_sql(words, row).lastrowid))
        return positions

    def read(self, after: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        words = (
            "SELECT position, stream, version, name, state FROM naive WHERE position > %s ORDER BY position LIMIT %s"
        )
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql(words, (after, limit)).all()
        return [Recorded(place, stream, version, name, state.encode()) for place, stream, version, name, state in rows]

    def stream(
        self,
        stream: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        return []

    def read_back(self, before: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        raise NotImplementedError

    def histories(self, streams: Sequence[str], upto: int) -> list[Recorded]:
        raise NotImplementedError

    def head(self) -> int:
        raise NotImplementedError

    def wait(self, after: int, timeout_s: float) -> bool:
        raise NotImplementedError

    def listen(self, listener: Event) -> None:
        raise NotImplementedError

    def unlisten(self, listener: Event) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def naive(url: str) -> Iterator[AutoIncrement]:
    log = AutoIncrement(url)
    yield log
    log.close()


def test_a_log_that_numbers_events_before_their_commit_is_caught(mysql_url: str) -> None:
    with gate("mysql", mysql_url) as door, naive(mysql_url) as log, ExitStack() as stack:
        crowd = Crowd(log, stack.enter_context(ThreadPoolExecutor(4)))
        sent = [crowd.first()]
        slow = HeldWriter(door, stack, naive)
        hold = door.arm()
        mine = slow.write(0, a_round())
        assert hold.held.wait(30)
        sent += [other.result(30) for other in crowd.write(0, a_round())]
        seen = [stood(one) for one in log.read(0, 100)]
        hold.go.set()
        sent.append(mine.result(30))
        seen += [stood(one) for one in log.read(seen[-1].position, 100)]
        found = judged([stood(one) for one in log.read(0, 100)], sent, {"follower": seen})
    assert {Kind.MISSED, Kind.ORDER} <= {one.kind for one in found}


def test_a_round_is_what_the_trial_makes_of_it(bench: MakeBench) -> None:
    one = bench(held.NAME)
    with gate(one.store, one.url) as door, opened(one.url) as log, ExitStack() as stack:
        crowd = Crowd(log, stack.enter_context(ThreadPoolExecutor(4)))
        crowd.first()
        slow = HeldWriter(door, stack)
        this = a_round()._replace(rival=True, others=5)
        done = one_round(0, this, door, slow, crowd)
    assert sorted(attempt.outcome for attempt in done) == [Outcome.CONFLICT, *[Outcome.STORED] * 5]
