"""The group commit by itself: who leads, what travels together, and that nobody waits for ever."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from ledger.commits import APPENDS_MAX, BATCH_BYTES_MAX, Append, GroupCommit, OutcomeUnknown


def append(*versions: int, size: int = 100) -> Append[None]:
    return Append(
        [StoredEvent("po_1", version, "payout.requested", b"{}") for version in versions], body=None, size=size
    )


class Log:
    """A store that keeps batches; the first write waits until `opened`."""

    def __init__(self) -> None:
        self.batches: list[list[Append[None]]] = []
        self.writing = Event()
        self.opened = Event()
        self._head = 0

    def write(self, batch: Sequence[Append[None]]) -> None:
        self.batches.append(list(batch))
        self.writing.set()
        assert self.opened.wait(10)
        for one in batch:
            if one.events[0].originator_version < 0:
                one.refused(IntegrityError("taken"))
            else:
                one.stored(self._head + 1)
                self._head += len(one)


def queued(group: GroupCommit[None], one: Append[None]) -> None:
    for _ in range(10_000):
        if one in group.waiting():
            return
        Event().wait(0.001)
    raise AssertionError("The append never came to the queue.")


def submitted(log: Log, group: GroupCommit[None], appends: Sequence[Append[None]]) -> list[range | BaseException]:
    """Submit the first append, the others while it is being written; what each got, in order."""
    with ThreadPoolExecutor(len(appends)) as threads:
        futures = [threads.submit(group.submit, appends[0])]
        assert log.writing.wait(10)
        for one in appends[1:]:
            futures.append(threads.submit(group.submit, one))
            queued(group, one)
        log.opened.set()
        return [future.exception(10) or future.result(10) for future in futures]


def test_what_comes_during_a_write_travels_together_in_the_next() -> None:
    log = Log()
    appends = [append(1, 2), append(3), append(4, 5, 6)]
    assert submitted(log, GroupCommit(log.write), appends) == [range(1, 3), range(3, 4), range(4, 7)]
    assert log.batches == [appends[:1], appends[1:]]


def test_a_refusal_reaches_only_the_caller_whose_append_it_is() -> None:
    log = Log()
    first, refused, last = submitted(log, GroupCommit(log.write), [append(1), append(-1), append(2)])
    assert (first, last) == (range(1, 2), range(2, 3))
    assert isinstance(refused, IntegrityError)


def test_a_batch_is_bounded_in_appends() -> None:
    log = Log()
    group = GroupCommit(log.write)
    submitted(log, group, [append(version) for version in range(1, APPENDS_MAX + 12)])
    assert [len(batch) for batch in log.batches] == [1, APPENDS_MAX, 10]


def test_a_batch_is_bounded_in_bytes_and_a_larger_append_travels_alone() -> None:
    log = Log()
    sizes = [1, BATCH_BYTES_MAX * 2, BATCH_BYTES_MAX - 1, 1, 1]
    submitted(log, GroupCommit(log.write), [append(version, size=size) for version, size in enumerate(sizes)])
    assert [[one.size for one in batch] for batch in log.batches] == [[1], sizes[1:2], sizes[2:4], [1]]


def test_an_interrupted_write_is_reported_as_unknown_and_the_next_goes_on() -> None:
    interrupted: list[bool] = []

    def write(batch: Sequence[Append[None]]) -> None:
        if not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        for one in batch:
            one.stored(7)

    group = GroupCommit(write)
    lost = append(1)
    with pytest.raises(KeyboardInterrupt):
        group.submit(lost)
    with pytest.raises(OutcomeUnknown):
        lost.result()
    assert group.submit(append(2)) == range(7, 8)


def test_a_caller_interrupted_while_it_waits_is_taken_out_of_the_queue() -> None:
    class Interrupted(Append[None]):
        def wait(self) -> None:
            raise KeyboardInterrupt

    log = Log()
    group = GroupCommit(log.write)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(group.submit, append(1))
        assert log.writing.wait(10)
        with pytest.raises(KeyboardInterrupt):
            group.submit(Interrupted(append(2).events, body=None, size=1))
        assert group.waiting() == []
        log.opened.set()
        assert first.result(10) == range(1, 2)
    assert group.submit(append(3)) == range(2, 3)


def test_a_version_twice_in_one_append_is_refused() -> None:
    with pytest.raises(IntegrityError):
        append(1, 1)


def test_a_caller_interrupted_while_its_batch_is_written_keeps_nobody_from_an_answer() -> None:
    class Interrupted(Append[None]):
        def wait(self) -> None:
            assert log.second.wait(10)
            raise KeyboardInterrupt

    class Slow(Log):
        """Holds the second batch, too, until its member has been interrupted."""

        def __init__(self) -> None:
            super().__init__()
            self.second = Event()
            self.interrupted = Event()

        def write(self, batch: Sequence[Append[None]]) -> None:
            if len(self.batches) == 1:
                self.second.set()
                assert self.interrupted.wait(10)
            super().write(batch)

    log = Slow()
    group = GroupCommit(log.write)
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(group.submit, append(1))]
        assert log.writing.wait(10)
        hasty = Interrupted(append(3).events, body=None, size=1)
        for one in (append(2), hasty, append(4)):
            futures.append(threads.submit(group.submit, one))
            queued(group, one)
        log.opened.set()
        assert isinstance(futures[2].exception(10), KeyboardInterrupt)
        log.interrupted.set()
        assert [futures[number].result(10) for number in (0, 1, 3)] == [range(1, 2), range(2, 3), range(4, 5)]
    assert [len(batch) for batch in log.batches] == [1, 3]


def test_a_leader_interrupted_before_it_took_anything_leaves_the_lead_to_the_next() -> None:
    log = Log()
    log.opened.set()
    group = GroupCommit(log.write)

    def interrupted() -> None:
        raise KeyboardInterrupt

    taken, group.__dict__["_linger"] = group._linger, interrupted
    with pytest.raises(KeyboardInterrupt):
        group.submit(append(1))
    group.__dict__["_linger"] = taken
    assert group.submit(append(2)) == range(1, 2)


def test_who_was_forgotten_notices_it() -> None:
    class Forgotten(Append[None]):
        def wake(self) -> None:
            """Whoever should do it was interrupted."""

    log = Log()
    group = GroupCommit(log.write)
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(group.submit, append(1))]
        assert log.writing.wait(10)
        for one in (append(2), Forgotten(append(3).events, body=None, size=1), append(4)):
            futures.append(threads.submit(group.submit, one))
            queued(group, one)
        log.opened.set()
        assert [future.result(20) for future in futures] == [range(n, n + 1) for n in (1, 2, 3, 4)]
