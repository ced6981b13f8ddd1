"""A log is moved with its positions and its keys, from any store to any other, and only ever onto its own beginning."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest
from eventsourcing.persistence import StoredEvent
from pymongo import MongoClient

from ledger import copying
from ledger.copying import copy, copy_keys, verify, verify_keys
from ledger.errors import CopyRefused, LogDamaged
from ledger.event_log import EventLog, opened
from ledger.person_keys import keys_at
from ledger.privacy import KeysInMemory, Personal, Vault
from ledger.store import Ledger
from tests.ledger.logged import remove_row
from tests.ledger.stored import fill, numbered
from tests.story import MASTER_KEY, Story, counted_bytes


def unheard(doing: str, reached: int, aim: int) -> None:
    """Progress that nobody looks at."""


FROM_TO = [
    ("event_store_url", "mysql_events_url"),
    ("mysql_events_url", "sqlite_events_url"),
    ("sqlite_events_url", "event_store_url"),
    ("event_store_url", "another_store_url"),
]
"""From each kind of store to another, and between two of the same kind."""


@pytest.fixture(params=FROM_TO, ids=["mongodb-mysql", "mysql-sqlite", "sqlite-mongodb", "mongodb-mongodb"])
def urls(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Where a log is copied from and to; a test that takes it runs once on each pair."""
    source, target = request.param
    return request.getfixturevalue(source), request.getfixturevalue(target)


@pytest.fixture
def source(urls: tuple[str, str]) -> Iterator[EventLog]:
    with opened(urls[0]) as log:
        yield log


@pytest.fixture
def target(urls: tuple[str, str]) -> Iterator[EventLog]:
    with opened(urls[1]) as log:
        yield log


def test_every_event_stands_at_its_position_with_every_byte(source: EventLog, target: EventLog) -> None:
    fill(source, 4_321, "phở")
    source.append([StoredEvent("odd", 1, "thing.happened", b"\x00\xff not text"), StoredEvent("odd", 2, "other", b"")])
    done = copy(source, target, unheard)
    assert (done.events, done.head) == (4_323, 4_323)
    assert done.size == sum(len(row.state) for row in source.read(0, 5_000))
    assert target.read(0, 5_000) == source.read(0, 5_000)
    assert target.stream("odd") == source.stream("odd")


def test_an_empty_log_is_copied_to_an_empty_log(source: EventLog, target: EventLog) -> None:
    assert copy(source, target, unheard).head == 0
    assert verify(source, target, unheard).head == 0


def test_a_copy_goes_on_where_the_target_stands(source: EventLog, target: EventLog) -> None:
    fill(source, 3_000)
    target.append(numbered(1, 77))
    assert copy(source, target, unheard).events == 2_923
    assert copy(source, target, unheard).events == 0
    fill(source, 10)
    assert copy(source, target, unheard).events == 10
    assert verify(source, target, unheard).head == 3_010


def test_what_comes_while_the_copy_runs_is_copied_up_to_the_head_it_then_sees(
    source: EventLog, target: EventLog
) -> None:
    fill(source, 100)
    calls = count()

    def grows(doing: str, reached: int, aim: int) -> None:
        if doing == "copying" and next(calls) < 2:
            fill(source, 5)

    assert copy(source, target, grows).head == 105
    assert (target.head(), source.head()) == (105, 110)


@pytest.mark.parametrize("position", [1, 2_000, 2_001, 2_500])
def test_a_target_that_holds_another_log_is_refused_and_left_alone(
    source: EventLog, target: EventLog, position: int
) -> None:
    fill(source, 3_000)
    fill(target, position - 1)
    target.append(numbered(position, position, "another"))
    fill(target, 10)
    for attempt in (copy, verify):
        with pytest.raises(CopyRefused, match=f"At position {position} the target holds another event") as refusal:
            attempt(source, target, unheard)
        assert refusal.value.facts == {"position": position}
        assert "state" in refusal.value.detail
    assert target.head() == position + 10


def test_a_target_that_is_longer_than_the_source_is_refused(source: EventLog, target: EventLog) -> None:
    fill(source, 10)
    fill(target, 11)
    for attempt in (copy, verify):
        with pytest.raises(CopyRefused, match="the target is another log, or in use already"):
            attempt(source, target, unheard)
    assert target.head() == 11


def test_another_writer_in_the_target_stops_the_copy_at_once(source: EventLog, target: EventLog) -> None:
    fill(source, 5_000)

    def intrudes(doing: str, reached: int, aim: int) -> None:
        if doing == "copying":
            target.append([StoredEvent("intruder", 1, "thing.happened", b"{}")])

    with pytest.raises(CopyRefused, match="Somebody else writes into the target"):
        copy(source, target, intrudes)
    assert target.head() == copying.READ + 1 + copying.EVENTS_MAX
    with pytest.raises(CopyRefused, match=f"At position {copying.READ + 1} "):
        copy(source, target, unheard)


def test_a_writer_that_takes_a_version_stops_the_copy_as_well(source: EventLog, target: EventLog) -> None:
    fill(source, 5_000)

    def intrudes(doing: str, reached: int, aim: int) -> None:
        if doing == "copying":
            target.append(numbered(copying.READ + 1, copying.READ + 1))

    with pytest.raises(CopyRefused, match="Somebody else writes into the target"):
        copy(source, target, intrudes)
    assert target.head() == copying.READ + 1


def test_verifying_alone_writes_nothing_and_says_what_is_lacking(source: EventLog, target: EventLog) -> None:
    fill(source, 30)
    target.append(numbered(1, 20))
    with pytest.raises(CopyRefused, match="equal to the source up to position 20 and lacks 10 events"):
        verify(source, target, unheard)
    assert target.head() == 20


def test_a_hole_in_the_source_is_never_copied_over(urls: tuple[str, str], source: EventLog, target: EventLog) -> None:
    fill(source, 250)
    source.append(numbered(251, 251))
    fill(source, 499)
    remove_row(urls[0], 251)
    with pytest.raises(LogDamaged, match="251"):
        copy(source, target, unheard)
    assert target.head() <= 250


def test_large_events_go_in_appends_of_bounded_size(source: EventLog, target: EventLog) -> None:
    large = b'"' + b"x" * (3 * 1024 * 1024) + b'"'
    for number in range(6):
        source.append([StoredEvent(f"large_{number}", 1, "thing.happened", large)])
    assert copy(source, target, unheard).size == 6 * len(large)


def test_a_target_that_is_away_for_a_moment_is_waited_for(
    mongo_url: str, sqlite_events_url: str, event_store_url: str
) -> None:
    with MongoClient[dict[str, object]](mongo_url) as client:
        times: dict[str, object] = {"mode": {"times": 6}}
        what = {"failCommands": ["insert"], "closeConnection": True, "appName": "socai"}
        with opened(sqlite_events_url) as source, opened(event_store_url) as target:
            fill(source, 600)
            client.admin.command({"configureFailPoint": "failCommand", **times, "data": what})
            assert copy(source, target, unheard).events == 600


COPY = "import sys; from ledger.__main__ import main; sys.exit(main(sys.argv[1:], {}))"


def test_a_copy_that_is_killed_at_any_moment_goes_on(urls: tuple[str, str], source: EventLog, target: EventLog) -> None:
    fill(source, 8_000)
    kills, reached = 0, 0
    while kills < 2:
        command = [sys.executable, "-c", COPY, "copy", "--from", urls[0], "--to", urls[1]]
        child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.getcwd()}, stderr=subprocess.DEVNULL)
        while child.poll() is None and target.head() == reached:
            pass
        child.kill()
        child.wait()
        kills += 1
        reached = target.head()
    assert 0 < reached < 8_000
    assert copy(source, target, unheard).events == 8_000 - reached
    assert verify(source, target, unheard).head == 8_000


def test_sealed_names_can_be_read_at_the_target(urls: tuple[str, str]) -> None:
    with Ledger.at(urls[0], MASTER_KEY, counted_bytes()) as ledger:
        payout = Story(ledger).submitted(Story(ledger).funded(2_000_000), 1_000_000)
    with opened(urls[0]) as log, opened(urls[1]) as other:
        copy(log, other, unheard)
    with closing(keys_at(urls[0])) as keys, closing(keys_at(urls[1])) as other_keys:
        assert copy_keys(keys, other_keys, unheard) == len(list(keys.everyone())) > 0
    with Ledger.at(urls[1], MASTER_KEY, counted_bytes()) as moved:
        again = Story(moved).payout(payout.id)
        assert moved.vault.open(again.beneficiary_name) == "TRAN THI BINH"
        assert vars(again) == vars(payout)


def filled(persons: int = 1_234) -> KeysInMemory:
    keys = KeysInMemory()
    keys.keep_all({f"person_{number}": f"wrapped {number}".encode() for number in range(persons)})
    return keys


def test_keys_are_copied_again_and_again_without_harm() -> None:
    keys, other = filled(), KeysInMemory()
    assert [copy_keys(keys, other, unheard), copy_keys(keys, other, unheard)] == [1_234, 1_234]
    assert dict(other.everyone()) == dict(keys.everyone())
    assert verify_keys(keys, other) == 1_234


def test_another_key_of_a_person_is_never_replaced() -> None:
    keys, other = filled(), KeysInMemory()
    other.keep("person_700", b"another")
    with pytest.raises(CopyRefused, match="another key of person_700"):
        copy_keys(keys, other, unheard)
    assert other.find("person_700") == b"another"


def test_a_missing_key_is_found_by_verifying() -> None:
    keys, other = filled(), filled()
    other.forget("person_700")
    with pytest.raises(CopyRefused, match="no key of person_700"):
        verify_keys(keys, other)


def test_whom_the_source_has_erased_is_erased_at_the_target_only_when_asked() -> None:
    keys, other = filled(), filled()
    sealed = Vault(MASTER_KEY, keys, counted_bytes()).seal("person_x", Personal("NGUYEN VAN ANH"))
    copy_keys(keys, other, unheard)
    keys.forget(sealed.person)
    with pytest.raises(CopyRefused, match=r"keys of 1 persons .* --forget-erased"):
        copy_keys(keys, other, unheard)
    assert other.find(sealed.person) is not None
    assert copy_keys(keys, other, unheard, forget=True) == 1_234
    assert Vault(MASTER_KEY, other, counted_bytes()).open(sealed) == "[erased]"
