"""The committer of a host: what it carries, and that nothing rests on it: absent, dead, frozen or of another log."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from ledger.commits import Append
from ledger.committer import _REQUEST, DIRECT_AFTER_SILENCE, IDENTITY_BYTES, Client, Committer
from ledger.mongodb_log import CommitLog, Connection
from ledger.mongodb_write import append_of
from local.processes import Process, accepts
from tests.bench.committing import committer_process

ROOT = Path(__file__).parents[2]


def event(stream: str, version: int, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(stream, version, "payout.requested", state)


@contextmanager
def connected(url: str, committer: Path | None = None) -> Iterator[CommitLog]:
    connection = Connection(url)
    try:
        yield CommitLog(connection, committer=committer)
    finally:
        connection.close()


@contextmanager
def committing(url: str, path: Path) -> Iterator[Committer]:
    """A committer in a thread of this process."""
    stop = Event()
    with connected(url) as log:
        committer = Committer(path, log.writer(), log.identity())

        def run() -> None:
            while not stop.is_set():
                committer.step(0.05)

        thread = Thread(target=run)
        thread.start()
        try:
            yield committer
        finally:
            stop.set()
            thread.join()
            committer.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.sock"


@pytest.fixture
def process(event_store_url: str, path: Path) -> Iterator[Process]:
    """The committer as it is run: `python -m ledger committer`."""
    with committer_process(event_store_url, path) as process:
        process.wait_until(lambda: accepts(path))
        yield process


def whole(url: str) -> dict[str, list[int]]:
    """Versions by stream; the reader refuses holes itself."""
    with connected(url) as log:
        found: dict[str, list[int]] = {}
        for one in log.read(0, 100_000):
            found.setdefault(one.stream, []).append(one.version)
        return found


WRITER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tests.ledger.test_committer import connected, event
with connected(sys.argv[1], Path(sys.argv[2])) as log, ThreadPoolExecutor(4) as threads:
    def work(thread):
        for turn in range(50):
            log.append([event(f"po_{sys.argv[3]}_{thread}", turn + 1), event(f"je_{sys.argv[3]}_{thread}_{turn}", 1)])
    list(threads.map(work, range(4)))
"""


def test_processes_of_a_host_write_together_through_the_committer(
    event_store_url: str, path: Path, process: Process
) -> None:
    commands = [[sys.executable, "-c", WRITER, event_store_url, str(path), str(number)] for number in range(3)]
    writers = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = whole(event_store_url)
    assert len(found) == 3 * 4 * 51
    assert all(found[f"po_{number}_{thread}"] == list(range(1, 51)) for number in range(3) for thread in range(4))


def test_the_committer_really_carries_what_is_offered_and_settles_each_alone(event_store_url: str, path: Path) -> None:
    with committing(event_store_url, path), connected(event_store_url) as log:
        client = Client(path, log.identity)
        offered = [append_of([event("po_1", 1), event("je_1", 1)]), append_of([event("po_1", 1)])]
        for append in offered:
            client.offer(append)
        assert all(append.settled for append in offered)
        assert offered[0].result() == range(1, 3)
        with pytest.raises(IntegrityError, match="Version 1 of po_1"):
            offered[1].result()
        client.close()


def test_a_conflict_is_the_typed_one_and_reaches_only_its_caller(event_store_url: str, path: Path) -> None:
    with (
        committing(event_store_url, path),
        connected(event_store_url, path) as log,
        ThreadPoolExecutor(8) as threads,
    ):
        futures = [threads.submit(log.append, [event(f"po_{n % 4}", 1), event(f"je_{n}", 1)]) for n in range(8)]
        errors = [future.exception(30) for future in futures]
    assert sum(error is None for error in errors) == 4
    assert sum(isinstance(error, IntegrityError) for error in errors) == 4
    assert len(whole(event_store_url)) == 8


def test_without_a_committer_or_with_a_dead_ones_socket_appends_go_directly(event_store_url: str, path: Path) -> None:
    with connected(event_store_url, path) as log:
        assert log.append([event("po_1", 1)]) == [1]
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        assert log.append([event("po_1", 2)]) == [2]


def test_a_killed_committer_loses_and_doubles_nothing(event_store_url: str, path: Path, process: Process) -> None:
    killed = Event()

    with connected(event_store_url, path) as log, ThreadPoolExecutor(8) as threads:

        def work(thread: int) -> list[int]:
            kept = []
            for version in range(1, 60):
                if thread == 0 and version == 20:
                    process.kill()
                    killed.set()
                kept += log.append([event(f"po_{thread}", version)])
            return kept

        positions = [position for kept in threads.map(work, range(8)) for position in kept]
    assert killed.is_set()
    assert sorted(positions) == list(range(1, 8 * 59 + 1))
    assert whole(event_store_url) == {f"po_{thread}": list(range(1, 60)) for thread in range(8)}


def test_a_frozen_committer_is_left_and_does_no_harm_when_it_wakes(
    event_store_url: str, path: Path, process: Process
) -> None:
    with connected(event_store_url, path) as log:
        assert log.append([event("po_1", 1)]) == [1]
        process.pause()
        assert log.append([event("po_1", 2)]) == [2]
        assert log.append([event("po_1", 3)]) == [3]
        process.resume()
        with connected(event_store_url, path) as other:
            assert other.append([event("po_1", 4)]) == [4]
    assert whole(event_store_url) == {"po_1": [1, 2, 3, 4]}


def test_a_frozen_committer_that_does_not_even_greet_is_left_as_well(
    event_store_url: str, path: Path, process: Process
) -> None:
    process.pause()
    with connected(event_store_url, path) as log:
        client = Client(path, log.identity)
        append = append_of([event("po_1", 1)])
        client.offer(append)
        assert not append.settled
        assert client.direct == DIRECT_AFTER_SILENCE
        client.close()
    process.resume()


def test_a_committer_that_leaves_does_not_take_its_successors_socket_along(event_store_url: str, path: Path) -> None:
    with connected(event_store_url) as log:
        old = Committer(path, log.writer(), log.identity())
        new = Committer(path, log.writer(), log.identity())
        old.close()
        assert accepts(path)
        new.close()
        assert not path.exists()


def test_the_committer_of_another_log_is_not_used(event_store_url: str, path: Path) -> None:
    other = event_store_url.replace("socai_", "socai_other_")
    with committing(other, path), connected(event_store_url, path) as log:
        assert log.append([event("po_1", 1)]) == [1]
    assert whole(event_store_url) == {"po_1": [1]}
    assert whole(other) == {}


@pytest.mark.parametrize(
    "nonsense",
    [b"GET / HTTP/1.1\r\n\r\n", _REQUEST.pack(0, 1), _REQUEST.pack(9, 1) + b"\x09\0\0\0\x02x\0\0\0"],
    ids=["http", "empty", "no events"],
)
def test_nonsense_costs_its_sender_the_connection_and_nobody_else_anything(
    event_store_url: str, path: Path, nonsense: bytes
) -> None:
    with committing(event_store_url, path), connected(event_store_url, path) as log:
        with socket.socket(socket.AF_UNIX) as vandal:
            vandal.settimeout(10)
            vandal.connect(str(path))
            assert len(vandal.recv(100)) == IDENTITY_BYTES
            vandal.sendall(nonsense)
            assert vandal.recv(100) == b""
        assert log.append([event("po_1", 1)]) == [1]


def test_an_altered_event_in_a_request_is_not_written(event_store_url: str, path: Path) -> None:
    with committing(event_store_url, path), connected(event_store_url) as log:
        client = Client(path, log.identity)
        append = append_of([event("po_1", 1, b'{"amount":1}')])
        append.body[0] = append.body[0].replace(b'"amount":1', b'"amount":9')
        client.offer(append)
        assert not append.settled
        client.close()
    assert whole(event_store_url) == {}


def test_a_client_that_hangs_up_before_its_answer_has_its_append_stored_whole(event_store_url: str, path: Path) -> None:
    with connected(event_store_url) as log:
        append = append_of([event("po_1", 1), event("je_1", 1)])
        with committing(event_store_url, path), socket.socket(socket.AF_UNIX) as hasty:
            hasty.connect(str(path))
            hasty.recv(IDENTITY_BYTES)
            hasty.sendall(_REQUEST.pack(append.size, 7) + b"".join(append.body))
            hasty.close()
            assert log.wait(1, 10)
    assert whole(event_store_url) == {"po_1": [1], "je_1": [1]}


def test_the_socket_is_ours_alone_and_goes_with_the_committer(event_store_url: str, path: Path) -> None:
    with committing(event_store_url, path):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()


def test_a_large_append_comes_through_whole(event_store_url: str, path: Path) -> None:
    with committing(event_store_url, path), connected(event_store_url) as log:
        client = Client(path, log.identity)
        append: Append[list[bytes]] = append_of([event(f"po_{n}", 1, b"x" * 100_000) for n in range(40)])
        client.offer(append)
        assert append.result() == range(1, 41)
        client.close()
