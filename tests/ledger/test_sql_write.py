"""Appending to SQL stores: every way an answer can get lost, and outcomes that are honest all the same."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import sqlalchemy
from eventsourcing.persistence import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import DBAPIError

from ledger.commits import OutcomeUnknown, Pair
from ledger.event_log import EVENT_BYTES_MAX, EventLog, opened, provider
from ledger.sql_engine import error_number
from ledger.sql_log import SqlLog
from ledger.sql_tables import is_any_of, is_of, log_tables
from local.mysql import SqlServer
from tests.ledger.logged import by_hand, event, versions, whole
from tests.ledger.relay import COMMIT, READABLE, Relay, hang_up, mysql, wait_for

HERE = Path(__file__).parents[2]
NO_SUCH_CONNECTION = 1094
"""What MySQL and MariaDB answer to KILL for a connection that is not there."""


@pytest.fixture
def relay(mysql_server: SqlServer) -> Iterator[Relay]:
    relay = Relay(("127.0.0.1", mysql_server.port), mysql)
    yield relay
    relay.close()


@contextmanager
def through(relay: Relay, url: str) -> Iterator[EventLog]:
    """The log behind the relay."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    with opened(parts._replace(netloc=f"{user}@{relay.address}", query=READABLE).geturl()) as log:
        log.append([event("po_1", 1)])
        yield log


def somebody_waits(url: str) -> Callable[[], bool]:
    """Whether a transaction waits for a lock now (information_schema.innodb_trx is not refreshed for hasty readers)."""

    def ask() -> bool:
        with by_hand(url) as connection:
            return "LOCK WAIT" in connection.exec_driver_sql("SHOW ENGINE INNODB STATUS").one()[2]

    return ask


def test_an_append_whose_answer_was_lost_is_found_and_not_written_again(relay: Relay, mysql_events_url: str) -> None:
    with opened(mysql_events_url) as log, through(relay, mysql_events_url) as ours:
        relay.arm(COMMIT, lambda server, request: server.sendall(request))
        assert ours.append([event("po_1", 2), event("je_1", 1)]) == [2, 3]
        assert relay.fault is None
        assert versions(log) == {"po_1": [1, 2], "je_1": [1]}


def test_a_commit_that_arrives_while_it_is_looked_for_is_waited_for(relay: Relay, mysql_events_url: str) -> None:
    def arrive_late(server: Any, request: bytes) -> None:
        wait_for(somebody_waits(mysql_events_url))
        server.sendall(request)

    with opened(mysql_events_url) as log, through(relay, mysql_events_url) as ours:
        relay.arm(COMMIT, arrive_late)
        assert ours.append([event("po_1", 2)]) == [2]
        assert log.append([event("po_1", 3)]) == [3]
        assert versions(log) == {"po_1": [1, 2, 3]}


def test_a_transaction_whose_client_fell_silent_is_ended_by_the_server_and_written_again(
    relay: Relay, mysql_events_url: str
) -> None:
    late: list[tuple[Any, bytes]] = []
    with opened(mysql_events_url) as log, through(relay, mysql_events_url) as ours:
        relay.arm(COMMIT, lambda server, request: late.append((server, request)))
        assert ours.append([event("po_1", 2)]) == [2]
        [(server, request)] = late
        with suppress(OSError):  # the server has hung up, which we may or may not have been told
            server.sendall(request)
        assert log.append([event("po_1", 3)]) == [3]
        assert versions(log) == {"po_1": [1, 2, 3]}


def test_another_ones_append_is_not_taken_for_ours_after_a_lost_request(relay: Relay, mysql_events_url: str) -> None:
    def lose_request(server: Any, request: bytes) -> None:
        hang_up(server)
        log.append([event("po_1", 2, state=b'{"amount":1}')])
        relay.lets_in.set()

    with opened(mysql_events_url) as log, through(relay, mysql_events_url) as ours:
        relay.arm(COMMIT, lose_request)
        relay.lets_in.clear()
        with pytest.raises(IntegrityError):
            ours.append([event("po_1", 2, state=b'{"amount":2}')])
        assert [one.state for one in whole(log)][1:] == [b'{"amount":1}']


def test_of_two_equal_appends_one_is_stored_even_after_a_lost_answer(relay: Relay, mysql_events_url: str) -> None:
    with through(relay, mysql_events_url) as ours, ThreadPoolExecutor(2) as threads:
        relay.arm(COMMIT, lambda server, request: server.sendall(request))
        futures = [threads.submit(ours.append, [event("po_1", 2)]) for _ in range(2)]
        errors = [future.exception(30) for future in futures]
        assert None in errors
        assert {type(error) for error in errors} <= {type(None), IntegrityError}
        assert versions(ours) == {"po_1": [1, 2]}


def test_an_outcome_that_cannot_be_learned_is_called_unknown(own_servers: Path) -> None:
    with SqlServer(own_servers, password=secrets.token_hex(8)) as server:
        url = server.create_schema("socai").partition("?")[0]
        with closing(Relay(("127.0.0.1", server.port), mysql)) as relay, through(relay, url) as ours:
            relay.arm(COMMIT, lambda _, request: server.kill())
            with pytest.raises(OutcomeUnknown):
                ours.append([event("po_1", 2)])
            server.start()
            assert ours.append([event("po_1", 2)]) == [2]
            assert versions(ours) == {"po_1": [1, 2]}


class Told:
    """What became of each append, as its caller was told."""

    def __init__(self) -> None:
        self.stored: dict[str, list[int]] = {}
        self.refused: list[str] = []
        self.unknown: list[str] = []

    def append(self, log: EventLog, stream: str) -> None:
        try:
            self.stored[stream] = log.append([event(stream, 1), event(f"je_{stream}", 1)])
        except OutcomeUnknown:
            self.unknown.append(stream)
        except OperationalError:
            self.refused.append(stream)

    def must_agree_with(self, log: EventLog) -> None:
        at: dict[str, list[int]] = {}
        for one in whole(log):
            at.setdefault(one.stream.removeprefix("je_"), []).append(one.position)
        assert all(len(positions) == 2 for positions in at.values())
        assert {stream: at[stream] for stream in self.stored} == self.stored
        assert not set(self.refused) & set(at)
        assert set(at) <= {*self.stored, *self.unknown}


@contextmanager
def written_to(log: EventLog, threads: int = 6) -> Iterator[Told]:
    """What threads that append to the log are told, as long as the block lasts."""
    told, done = Told(), Event()

    def work(thread: int) -> None:
        for turn in range(100_000):
            if done.is_set():
                return
            told.append(log, f"po_{thread}_{turn}")

    with ThreadPoolExecutor(threads) as pool:
        writers = [pool.submit(work, thread) for thread in range(threads)]
        try:
            yield told
        finally:
            done.set()
        for writer in writers:
            writer.result(60)


def kill_the_others(url: str) -> None:
    """Kill every other connection to this schema; one that has ended by itself meanwhile is as good as killed."""
    others = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    with by_hand(url) as connection:
        for number in connection.exec_driver_sql(others).scalars().all():
            try:
                connection.exec_driver_sql(f"KILL {number}")
            except DBAPIError as error:
                if error_number(error) != NO_SUCH_CONNECTION:
                    raise


def test_connections_that_are_killed_leave_every_append_told_as_it_is(mysql_events_url: str) -> None:
    with opened(mysql_events_url) as log:
        assert log.head() == 0
        with written_to(log) as told:
            for kill in range(1, 31):
                wait_for(lambda kill=kill: len(told.stored) >= kill * 5)  # type: ignore[misc]
                kill_the_others(mysql_events_url)
        told.must_agree_with(log)
    assert len(told.stored) >= 150


def test_a_server_that_is_killed_and_comes_back_leaves_every_append_told_as_it_is(own_servers: Path) -> None:
    with SqlServer(own_servers, password=secrets.token_hex(8)) as server:
        url = server.create_schema("socai").partition("?")[0]
        with opened(url) as log:
            assert log.head() == 0
            with written_to(log) as told:
                for kill in range(1, 4):
                    wait_for(lambda kill=kill: len(told.stored) >= kill * 50)  # type: ignore[misc]
                    server.kill()
                    server.start()
                wait_for(lambda: len(told.stored) >= 250)
            told.must_agree_with(log)
    assert told.refused


WRITER = """
import sys
from ledger.event_log import opened
from tests.ledger.logged import append_next
with opened(sys.argv[1]) as log:
    while True:
        print(append_next(log, "acc_1", 3)[0], flush=True)
"""


def test_a_writer_that_is_killed_leaves_whole_appends_and_no_lock(sql_events_url: str) -> None:
    acknowledged = 0
    with opened(sql_events_url) as log:
        for _ in range(5):
            writer = subprocess.Popen([sys.executable, "-c", WRITER, sql_events_url], cwd=HERE, stdout=subprocess.PIPE)
            assert writer.stdout is not None
            for _ in range(10):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
            assert log.append([event("po_1", acknowledged)])
            found = versions(log)["acc_1"]
            assert found == list(range(1, len(found) + 1))
            assert len(found) % 3 == 0
            assert log.head() > acknowledged


def sql_log(url: str) -> SqlLog:
    log = provider(url).log()
    assert isinstance(log, SqlLog)
    return log


def test_a_full_disk_is_told_and_leaves_nothing_half(sqlite_events_url: str) -> None:
    log = sql_log(sqlite_events_url)
    limits = ["100000"]

    @sqlalchemy.event.listens_for(log.store.engine, "checkout")
    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limits[-1]}")

    log.append([event("po_1", 1)])
    with by_hand(sqlite_events_url) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    limits.append(str(pages))

    def fill() -> None:
        for version in range(2, 200):
            log.append([event("po_1", version, state=b"x" * 3_000), event(f"je_{version}", 1)])

    with pytest.raises(OperationalError, match="disk is full") as refusal:
        fill()
    assert not isinstance(refusal.value, OutcomeUnknown)
    found = versions(log)
    last = found["po_1"][-1]
    assert set(found) == {"po_1", *(f"je_{version}" for version in range(2, last + 1))}
    limits.append("100000")
    assert log.append([event("po_1", last + 1, state=b"x" * 3_000)]) == [2 * last]
    log.store.close()


def test_an_event_beyond_what_every_server_takes_is_refused(sql_events_url: str) -> None:
    with opened(sql_events_url) as log:
        with pytest.raises(DataError, match="too many"):
            log.append([event("po_1", 1, state=b"'" * (EVENT_BYTES_MAX + 1))])
        assert log.append([event("po_1", 1, state=b"'" * EVENT_BYTES_MAX)]) == [1]
        assert log.append([event("po_1", 2, state=b"\xff" * EVENT_BYTES_MAX)]) == [2]


@pytest.mark.parametrize("damage", ["UPDATE heads SET position = 1", "DELETE FROM heads"])
def test_nothing_is_written_behind_a_head_that_does_not_fit(sql_events_url: str, damage: str) -> None:
    with opened(sql_events_url) as log:
        for version in range(1, 4):
            log.append([event("po_1", version)])
        with by_hand(sql_events_url) as connection:
            connection.execute(sqlalchemy.text(damage))
        with ThreadPoolExecutor(4) as threads:
            futures = [threads.submit(log.append, [event(f"po_{n}", 4)]) for n in range(4)]
            errors = [future.exception(30) for future in futures]
        assert {type(error) for error in errors} == {OperationalError}
        assert all("restore the tables" in str(error) for error in errors)
        with by_hand(sql_events_url) as connection:
            connection.execute(sqlalchemy.text("DELETE FROM heads"))
            connection.execute(sqlalchemy.text("INSERT INTO heads VALUES ('events', 3)"))
        assert log.append([event("po_1", 4)]) == [4]


def test_a_writer_that_keeps_the_file_locked_is_named(sqlite_events_url: str) -> None:
    log = sql_log(sqlite_events_url)
    log.append([event("po_1", 1)])

    @sqlalchemy.event.listens_for(log.store.engine, "checkout")
    def impatient(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    engine = sqlalchemy.create_engine(sqlite_events_url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="kept the file locked"):
            log.append([event("po_1", 2)])
        assert [found.version for found in log.read(0, 10)] == [1]
        other.exec_driver_sql("ROLLBACK")
    assert log.append([event("po_1", 2)]) == [2]
    log.store.close()


def test_what_is_taken_and_the_newest_of_a_stream_are_found_by_the_index(sql_events_url: str) -> None:
    log = sql_log(sql_events_url)
    log.append([event(f"po_{n}", 1) for n in range(500)] + [event("acc_1", n) for n in range(500)])
    events = log_tables("events").events
    pairs: list[Pair] = [("po_7", 1), ("acc_1", 9), ("acc_1", 10), (UUID(int=1), 1)]
    newest = sqlalchemy.select(events).where(is_of(events, "acc_1")).order_by(events.c.version.desc()).limit(1)
    for asked in (sqlalchemy.select(events).where(is_any_of(events, pairs)), newest):
        text = str(asked.compile(log.store.engine, compile_kwargs={"literal_binds": True}))
        with log.store.asking() as connection:
            if connection.dialect.name == "sqlite":
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
                assert not any(step[3].startswith("SCAN") for step in plan), plan
            else:
                [step] = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {text}").mappings().all()
                assert step["key"] == "events_stream_version", step
                assert step["type"] in ("range", "ref"), step
    log.store.close()


def test_many_who_claim_one_version_at_once_are_told_that_one_has_it(sql_events_url: str) -> None:
    with opened(sql_events_url) as log, ThreadPoolExecutor(24) as threads:
        for version in range(1, 6):
            futures = [threads.submit(log.append, [event("acc_1", version, state=b"%d" % n)]) for n in range(24)]
            errors = [future.exception(30) for future in futures]
            assert errors.count(None) == 1
            assert {type(error) for error in errors} == {type(None), IntegrityError}
        assert versions(log) == {"acc_1": [1, 2, 3, 4, 5]}
