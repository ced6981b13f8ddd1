"""A busy account is read from its newest snapshot and the few events behind it, and is always what its events say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, cast

import pytest
from eventsourcing.persistence import AggregateRecorder, OperationalError, StoredEvent

from ledger.accounts import Account
from ledger.aggregate import Aggregate, Envelope, Event, decode, follows
from ledger.errors import LogDamaged
from ledger.money import Money
from ledger.privacy import KeysInMemory
from ledger.snapshots import SECTION, Snapshots, definition
from ledger.store import Ledger
from tests.ledger.stored import movements
from tests.story import MASTER_KEY, Story, counted_bytes, dong, ledger_in_memory

ACCOUNT = "merchant:mer_1:available"
INTERVAL = Ledger.snapshot_intervals[Account]


class Counting:
    """A recorder, and how many events were read from it."""

    def __init__(self, recorder: AggregateRecorder) -> None:
        self._recorder = recorder
        self.read = 0

    def insert_events(self, stored_events: Sequence[StoredEvent]) -> Sequence[int] | None:
        return self._recorder.insert_events(stored_events)

    def select_events(self, originator_id: str, **more: Any) -> Sequence[StoredEvent]:
        rows = self._recorder.select_events(originator_id, **more)
        self.read += len(rows)
        return rows


class Busy:
    """What the tests look at of one ledger: a busy account, its snapshots, and both recorders."""

    def __init__(self, ledger: Ledger, kept: Counting | None = None) -> None:
        self.ledger = ledger
        self.events = Counting(cast("AggregateRecorder", ledger.recorder))
        self.kept = kept or Counting(ledger.factory.aggregate_recorder("snapshots"))
        self.snapshots = Snapshots(self.events, self.kept, Ledger.snapshot_intervals)

    def add(self, upto: int) -> None:
        """Append the movements behind those that are there, up to a version."""
        last = self.events.select_events(ACCOUNT, desc=True, limit=1)
        rows = islice(movements(ACCOUNT, upto), last[0].originator_version if last else 0, None)
        while some := list(islice(rows, 500)):
            self.events.insert_events(some)

    def found(self, version: int | None = None) -> Account:
        """The account, read as the ledger reads it."""
        self.events.read = self.kept.read = 0
        return cast("Account", self.snapshots.find(Account, ACCOUNT, version))

    def folded(self, version: int | None = None) -> Account:
        """The account as the whole of its stream says, without any snapshot."""
        account = Account(ACCOUNT)
        for row in self.events.select_events(ACCOUNT, lte=version):
            account.follow(decode(row.topic, ACCOUNT, row.originator_version, row.state))
        return account

    @property
    def taken(self) -> list[int]:
        """The versions at which snapshots stand."""
        rows = self.kept.select_events(f"{ACCOUNT}#{definition(Account)}")
        return [row.originator_version for row in rows]


@pytest.fixture
def real(event_log_url: str) -> Iterator[Busy]:
    """A ledger on each kind of store."""
    with Ledger.at(event_log_url, MASTER_KEY, counted_bytes(), KeysInMemory()) as ledger:
        yield Busy(ledger)


@pytest.fixture
def memory() -> Busy:
    """A ledger in memory, where the store cannot tell that bytes were altered."""
    return Busy(ledger_in_memory())


def test_reading_touches_the_newest_snapshot_and_the_events_behind_it(real: Busy) -> None:
    real.add(7_300)
    real.found()
    assert real.taken == [7_300]
    real.add(7_350)
    account = real.found()
    assert (real.kept.read, real.events.read) == (1, 51)
    assert vars(account) == vars(real.folded())
    assert account.version == 7_350


def test_snapshots_are_taken_as_the_account_moves_and_none_is_ever_far_behind(real: Busy) -> None:
    story = Story(real.ledger)
    account = Account.open(story.context(), name=ACCOUNT, currency="VND")
    story.ledger.keep(account)
    for number in range(40):
        for _ in range(1 + number % 13):
            account.credit(story.context(), amount=dong(5), entry_id=f"je_{number}")
        story.ledger.keep(account)
        account = real.found()
        assert real.events.read <= INTERVAL + 13
    assert len(real.taken) == account.version // INTERVAL
    assert vars(account) == vars(real.folded())


def test_however_many_have_piled_up_one_is_read(real: Busy) -> None:
    for version in range(300, 3_300, 300):
        real.add(version)
        real.found()
    assert len(real.taken) == 10
    assert vars(real.found()) == vars(real.folded())
    assert (real.kept.read, real.events.read) == (1, 1 + 3_000)


@pytest.mark.parametrize("version", [1, 99, 100, 101, 299, 300, 301, 599, 600, 650])
def test_an_earlier_version_comes_from_an_earlier_snapshot(memory: Busy, version: int) -> None:
    for upto in (300, 600, 650):
        memory.add(upto)
        memory.found()
    assert memory.taken == [300, 600]
    assert vars(memory.found(version)) == vars(memory.folded(version))


def altered(account: Busy, version: int, change: Callable[[bytes], bytes]) -> None:
    """Put another snapshot in front of the newest: the state of one that was written, changed."""
    key = f"{ACCOUNT}#{definition(Account)}"
    written = account.kept.select_events(key, desc=True, limit=1)[0]
    account.kept.insert_events([StoredEvent(key, version, "snapshot", change(written.state))])


ALTERATIONS: list[Callable[[bytes], bytes]] = [
    lambda state: b"",
    lambda state: b"\xff\xfe",
    lambda state: b"[]",
    lambda state: state[:-10],
    lambda state: state.replace(b'"units":', b'"units":7'),
    lambda state: state.replace(b"holds", b"hoIds"),
    lambda state: b'[1,2,{"posted":{"units":1000000,"currency":"VND"},"holds":{}}]',
]


@pytest.mark.parametrize("change", ALTERATIONS)
def test_a_damaged_snapshot_is_left_alone_and_an_earlier_one_used(
    memory: Busy, change: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    memory.add(550)
    memory.found()
    memory.add(600)
    altered(memory, 590, change)
    assert vars(memory.found()) == vars(memory.folded())
    assert "is left alone" in caplog.text
    assert memory.kept.read == 2
    assert memory.events.read - 600 <= 11 + 51


def test_a_snapshot_that_lacks_a_field_is_not_used(memory: Busy) -> None:
    memory.add(550)
    memory.found()
    row = memory.events.select_events(ACCOUNT, desc=True, limit=1)[0]
    half = Account(ACCOUNT)
    half.version, half.posted = 550, Money(1, "VND")
    fresh = Busy(ledger_in_memory())
    fresh.add(550)
    fresh.snapshots._take(half, row)
    assert fresh.taken == [550]
    assert vars(fresh.found()) == vars(memory.folded())


def test_a_snapshot_of_a_history_that_was_lost_is_not_used(memory: Busy) -> None:
    memory.add(600)
    memory.found()
    restored = Busy(ledger_in_memory(), memory.kept)
    restored.add(90)
    assert vars(restored.found()) == vars(restored.folded())
    others = list(movements(ACCOUNT, 700, held_every=7))
    restored.events.insert_events(others[90:])
    assert restored.found().version == 700
    assert vars(restored.found()) == vars(restored.folded())


def test_two_readers_that_take_the_same_snapshot_do_no_harm(memory: Busy) -> None:
    memory.add(500)
    one = memory.found()
    memory.snapshots._take(one, memory.events.select_events(ACCOUNT, desc=True, limit=1)[0])
    assert memory.taken == [500]
    assert vars(memory.found()) == vars(one)


class Away(Counting):
    """A recorder of snapshots whose store takes nothing more."""

    def insert_events(self, stored_events: Sequence[StoredEvent]) -> Sequence[int] | None:
        raise OperationalError("away")


def test_a_snapshot_that_cannot_be_stored_is_no_error(memory: Busy, caplog: pytest.LogCaptureFixture) -> None:
    memory.add(500)
    memory.kept = Away(memory.ledger.factory.aggregate_recorder("snapshots"))
    memory.snapshots = Snapshots(memory.events, memory.kept, Ledger.snapshot_intervals)
    assert vars(memory.found()) == vars(memory.folded())
    assert "no snapshot" in caplog.text


def test_a_long_stream_without_a_snapshot_is_folded_in_sections(memory: Busy) -> None:
    memory.add(2 * SECTION)
    assert vars(memory.found()) == vars(memory.folded())
    assert memory.taken == [2 * SECTION]


def test_a_stream_that_is_not_there_is_none(memory: Busy) -> None:
    assert memory.snapshots.find(Account, ACCOUNT) is None
    assert memory.snapshots.find(Account, ACCOUNT, 7) is None


def test_a_missing_stretch_is_never_taken_for_the_end(memory: Busy) -> None:
    rows = list(movements(ACCOUNT, 3 * SECTION))
    memory.events.insert_events(rows[:SECTION] + rows[2 * SECTION :])
    with pytest.raises(LogDamaged, match=f"missing behind version {SECTION}"):
        memory.found()


def test_what_an_account_keeps_does_not_grow_with_its_movements(memory: Busy) -> None:
    memory.add(3_000)
    assert len(memory.found().holds) <= 1


class Tally(Aggregate):
    """An aggregate as one release had it."""

    noun = "planted_tally"
    total: int

    class Counted(Event):
        """One more."""

        number: int

    @follows(Counted)
    def _counted(self, event: Counted, envelope: Envelope) -> None:
        self.total = event.number


class TallyInOtherWords(Aggregate):
    """The same for its state: only words and decisions differ."""

    noun = "planted_tally"
    total: int

    class Counted(Event):
        """And one more."""

        number: int

    def decide(self) -> None:
        """A decision is no part of the state."""

    @follows(Counted)
    def _counted(self, event: Counted, envelope: Envelope) -> None:
        """What follows."""
        self.total = event.number  # as it was


class TallyFoldedOtherwise(Aggregate):
    """The same fields, folded to another sum."""

    noun = "planted_tally"
    total: int

    class Counted(Event):
        """One more."""

        number: int

    @follows(Counted)
    def _counted(self, event: Counted, envelope: Envelope) -> None:
        self.total = self.total + event.number


class TallyWithAnotherField(Aggregate):
    """One field more."""

    noun = "planted_tally"
    total: int
    last: int

    class Counted(Event):
        """One more."""

        number: int

    @follows(Counted)
    def _counted(self, event: Counted, envelope: Envelope) -> None:
        self.total = event.number


class TallyOfAnotherEvent(Aggregate):
    """Its event has another field."""

    noun = "planted_tally"
    total: int

    class Counted(Event):
        """One more."""

        number: str

    @follows(Counted)
    def _counted(self, event: Counted, envelope: Envelope) -> None:
        self.total = event.number  # type: ignore[assignment]  # what another release would have


def test_a_release_that_folds_otherwise_never_sees_the_snapshots_of_another() -> None:
    assert definition(TallyInOtherWords) == definition(Tally)
    others = (TallyFoldedOtherwise, TallyWithAnotherField, TallyOfAnotherEvent)
    assert len({definition(kind) for kind in (Tally, *others)}) == 4


def test_snapshots_of_an_older_release_are_ignored_and_one_of_today_is_taken(memory: Busy) -> None:
    memory.add(650)
    key = f"{ACCOUNT}#{'0' * 16}"
    old = b'[1,2,{"posted":{"currency":"VND","units":1000000},"blocked":3}]'
    memory.kept.insert_events([StoredEvent(key, 650, "snapshot", old)])
    memory.kept.insert_events([StoredEvent(ACCOUNT, 650, "snapshot", b'["account",{"posted":7}]')])
    assert vars(memory.found()) == vars(memory.folded())
    assert memory.taken == [650]
