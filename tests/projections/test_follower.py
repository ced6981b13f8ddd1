"""The log reaches the tables once and in order, whoever else follows, whatever kills us, whatever cannot be folded."""

from __future__ import annotations

import copy
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from bson import Int64
from eventsourcing.persistence import StoredEvent
from pymongo import MongoClient
from sqlalchemy import event, update

from commands.merchants import RegisterMerchant
from commands.payments import CancelPaymentIntent
from ledger.errors import EventStoreUnavailable, LogCutShort, LogDamaged, ProjectionFailing, ProjectionOutdated
from ledger.event_log import checksum
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from local.processes import free_port
from projections import positions
from projections.aside import STREAMS_MAX, Retried
from projections.database import Database, open_database
from projections.follower import apply, read_section, run_batch, run_round
from projections.places import heads, piles, places
from projections.projection import PROJECTIONS
from projections.rebuild import rebuild
from projections.retry import retry
from tests.projections.dumped import dump, dump_all
from tests.projections.planted import Planted
from tests.projections.tale import Tale
from tests.story import MASTER_KEY, START, Story, counted_bytes, dong

Follow = Callable[[], None]
Poison = Callable[[str, str, int, bytes], None]

FOLLOWER = """
import sys
from ledger.event_log import checksum
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from projections.database import open_database
from projections.follower import run_round
from tests.story import MASTER_KEY, START, counted_bytes

ledger = Ledger.at(sys.argv[1], MASTER_KEY, counted_bytes(), keys=KeysInMemory())
database = open_database(sys.argv[2])
while run_round(ledger, database, START, limit=3).applied:
    pass
"""


@pytest.fixture
def poison(ledger: Ledger) -> Poison:
    """Puts an event into the log that no aggregate of ours has made."""

    def insert(name: str, stream: str, version: int, state: bytes) -> None:
        ledger.recorder.insert_events([StoredEvent(stream, version, name, state)])

    return insert


def test_every_projection_comes_to_the_end_of_the_log(tale: Tale, tables: Database) -> None:
    assert set(positions(tables).values()) == {tale.story.ledger.head()}


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_the_size_of_a_batch_does_not_matter(
    tale: Tale, database: Database, tables_on_sqlite: Database, size: int
) -> None:
    for name in ("balances", "webhooks"):
        while run_batch(tale.story.ledger, database, PROJECTIONS[name], START, limit=size):
            pass
        assert dump(database, PROJECTIONS[name]) == dump(tables_on_sqlite, PROJECTIONS[name])


def test_a_round_says_from_where_there_is_more_to_do(story: Story, ledger: Ledger, database: Database) -> None:
    story.merchant()
    first = run_round(ledger, database, START, limit=1)
    assert (first.applied, first.position) == (len(PROJECTIONS), 0)
    while run_round(ledger, database, START).applied:
        pass
    assert run_round(ledger, database, START).position == ledger.head()


def test_projections_that_stand_together_are_moved_in_one_transaction(
    story: Story, ledger: Ledger, database: Database, follow: Follow
) -> None:
    follow()
    story.funded(50_000)
    commits: list[object] = []
    event.listen(database.engine, "commit", commits.append)
    assert run_round(ledger, database, START).applied == len(PROJECTIONS) * ledger.head()
    assert set(positions(database).values()) == {ledger.head()}
    assert len(commits) == 1


def test_a_projection_that_is_being_exchanged_does_not_hold_up_the_others(
    story: Story, ledger: Ledger, mysql_url: str
) -> None:
    database = open_database(mysql_url)
    run_round(ledger, database, START)
    story.funded(50_000)
    with database.fenced("payments"):
        run_round(ledger, database, START)
        stand = positions(database)
    assert stand.pop("payments") == 0
    assert set(stand.values()) == {ledger.head()}
    run_round(ledger, database, START)
    assert set(positions(database).values()) == {ledger.head()}
    database.close()


def test_an_empty_log_leaves_everything_at_the_beginning(ledger: Ledger, database: Database) -> None:
    assert run_round(ledger, database, START).applied == 0
    assert run_batch(ledger, database, PROJECTIONS["payments"], START) == 0
    assert set(positions(database).values()) == {0}


def test_two_projectors_at_once_never_apply_an_event_twice(
    tale: Tale, read_tables_url: str, database: Database, tables_on_sqlite: Database
) -> None:
    balances = PROJECTIONS["balances"]
    head = tale.story.ledger.head()

    def follow() -> int:
        own = open_database(read_tables_url)
        applied = 0
        while positions(own).get("balances", 0) < head:
            applied += run_batch(tale.story.ledger, own, balances, START, limit=5)
        own.close()
        return applied

    run_batch(tale.story.ledger, database, balances, START, limit=1)
    with ThreadPoolExecutor(3) as threads:
        applied = [done.result() for done in [threads.submit(follow) for _ in range(3)]]
    assert sum(applied) == head - 1
    assert dump(database, balances) == dump(tables_on_sqlite, balances)


def test_a_copy_that_slept_through_a_batch_does_not_apply_it(tale: Tale, database: Database) -> None:
    balances = PROJECTIONS["balances"]
    run_batch(tale.story.ledger, database, balances, START, limit=5)
    slept = read_section(tale.story.ledger, 5, 20)
    run_batch(tale.story.ledger, database, balances, START, limit=10)
    before = dump(database, balances)
    assert apply(database, balances, slept, START) == 0
    assert dump(database, balances) == before


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_projector_killed_at_any_moment_leaves_tables_as_if_it_had_not_been(
    tale: Tale, database: Database, read_tables_url: str, mongo_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    url = mongo_url.replace("/?", "/socai_tale?")
    head = tale.story.ledger.head()
    ends = [_killed(url, read_tables_url, database, to) for to in sorted(chance.sample(range(5, head - 20), 3))]
    assert -signal.SIGKILL in ends
    while run_round(tale.story.ledger, database, START).applied:
        pass
    live = dump_all(database)
    for projection in PROJECTIONS.values():
        rebuild(tale.story.ledger, database, projection, START)
    assert dump_all(database) == live


def _killed(event_store_url: str, read_tables_url: str, database: Database, target: int) -> int:
    """Run a projector in another process until the fastest projection is at `target`, then kill it; its exit code."""
    command = [sys.executable, "-c", FOLLOWER, event_store_url, read_tables_url]
    with subprocess.Popen(command, env={"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()}) as process:
        deadline = time.monotonic() + 60
        while max(positions(database).values(), default=0) < target and time.monotonic() < deadline:
            assert process.poll() in (None, 0)
            Event().wait(0.002)  # who asks without a pause takes the processor from the one that is asked about
        process.send_signal(signal.SIGKILL)
        return process.wait()


def _stopped(database: Database) -> set[str]:
    return {name for name, place in places(database).items() if place.failing is not None}


def test_an_event_that_cannot_be_read_holds_up_its_stream_where_it_is_followed(
    story: Story, ledger: Ledger, database: Database, follow: Follow, poison: Poison
) -> None:
    intent = story.intent(story.merchant(), 1_000)
    before = ledger.head()
    poison("payment_intent.paid", intent.id, 2, b'{"not":"an event"}')
    other = story.intent(story.merchant(), 2_000)
    follow()
    assert set(positions(database).values()) == {ledger.head()}
    assert piles(database).keys() == {"payments", "webhooks"}
    (entry,) = [entry for entry in heads(database, 10) if entry.follower == "payments"]
    assert (entry.stream, entry.version, entry.position) == (intent.id, 2, before + 1)
    assert (entry.name, entry.attempts, entry.first_seen_at) == ("payment_intent.paid", 1, START)
    assert entry.cause is not None
    assert "EventUnreadable" in entry.cause
    assert {row["id"] for row in dump(database, PROJECTIONS["payments"])["payments"]} == {intent.id, other.id}


def test_an_event_of_an_unknown_name_is_set_aside_by_who_follows_its_aggregate(
    story: Story, ledger: Ledger, database: Database, follow: Follow, poison: Poison
) -> None:
    story.merchant()
    poison("payout.levitated", "po_x", 1, b"{}")
    story.merchant()
    follow()
    assert piles(database).keys() == {"payouts", "statement_lines", "webhooks"}
    assert set(positions(database).values()) == {ledger.head()}
    assert all("install that release" in (entry.cause or "") for entry in heads(database, 10))


def test_a_row_that_is_missing_is_the_fault_of_one_stream(
    story: Story, ledger: Ledger, database: Database, poison: Poison
) -> None:
    intent = story.intent(story.merchant(), 1_000)
    story.when(CancelPaymentIntent(merchant_id=intent.merchant_id, payment_intent_id=intent.id, reason="x"))
    cancelled = ledger.recorder.select_events(intent.id)[1]
    poison(cancelled.topic, "pi_stray", 2, cancelled.state)
    run_batch(ledger, database, PROJECTIONS["payments"], START)
    assert positions(database)["payments"] == ledger.head()
    assert "no row pi_stray" in (heads(database, 10)[0].cause or "")
    assert [row["status"] for row in dump(database, PROJECTIONS["payments"])["payments"]] == ["cancelled"]


def test_a_value_the_database_refuses_is_set_aside_too(story: Story, ledger: Ledger, mysql_url: str) -> None:
    database = open_database(mysql_url)
    good = story.merchant()
    command = RegisterMerchant(name="x", bank_account_id="b" * 500, fee_bps=1, payout_fee=dong(1), approvals_needed=1)
    story.when(command)
    also_good = story.merchant()
    run_batch(ledger, database, PROJECTIONS["merchants"], START)
    (entry,) = heads(database, 10)
    assert entry.cause is not None
    assert "DataError" in entry.cause
    assert "bbb" not in entry.cause
    assert {row["id"] for row in dump(database, PROJECTIONS["merchants"])["merchants"]} == {good, also_good}
    database.close()


@pytest.mark.parametrize("place", [0, 1, 3, 6])
@pytest.mark.parametrize("size", [1, 4, 7, 100])
def test_wherever_in_a_batch_poison_stands_everything_else_is_folded_once(
    ledger: Ledger, sqlite_url: str, planted: Planted, place: int, size: int
) -> None:
    database = open_database(sqlite_url)
    happened = [("raise" if number == place else "add", f"tl_{number}") for number in range(7)]
    planted.happens(ledger, *happened)
    while run_batch(ledger, database, planted.tallies, START, limit=size):
        pass
    assert planted.sums(database) == {f"tl_{number}": 1 for number in range(7) if number != place}
    assert planted.aside(database) == [(place + 1, True)]
    database.close()


def test_what_follows_in_a_poisoned_stream_waits_untried_and_the_others_go_on(
    ledger: Ledger, database: Database, planted: Planted
) -> None:
    planted.happens(ledger, ("add", "tl_a"), ("raise", "tl_a"), ("add", "tl_b"), ("raise", "tl_c"), ("add", "tl_a"))
    run_batch(ledger, database, planted.tallies, START)
    planted.happens(ledger, ("add", "tl_a"), ("raise", "tl_a"), ("add", "tl_b"), ("add", "tl_c"))
    run_batch(ledger, database, planted.tallies, START)
    assert planted.sums(database) == {"tl_a": 1, "tl_b": 2}
    assert planted.aside(database) == [(2, True), (4, True), (5, False), (6, False), (7, False), (9, False)]
    assert piles(database)["tallies"].events == places(database)["tallies"].aside == 6
    assert piles(database)["tallies"].streams == 2


def test_nothing_of_a_fold_that_changed_rows_before_it_failed_is_kept(
    ledger: Ledger, database: Database, planted: Planted
) -> None:
    planted.happens(ledger, ("add", "tl_a"), ("halfway", "tl_b"), ("add", "tl_c"))
    run_batch(ledger, database, planted.tallies, START)
    assert planted.sums(database) == {"tl_a": 1, "tl_c": 1}


def test_the_cause_repeats_no_value_of_an_event(ledger: Ledger, database: Database, planted: Planted) -> None:
    planted.happens(ledger, ("quote", "tl_a"))
    run_batch(ledger, database, planted.tallies, START)
    (entry,) = heads(database, 10)
    assert entry.cause is not None
    assert entry.cause.startswith("ValueError in happened")
    assert "secret" not in entry.cause


@pytest.mark.parametrize("altered", [1, 2, 4])
def test_an_event_whose_checksum_does_not_fit_holds_up_its_stream_alone(
    ledger: Ledger, database: Database, planted: Planted, event_store_url: str, altered: int
) -> None:
    planted.happens(ledger, *(("add", f"tl_{number}") for number in range(1, 5)))
    with MongoClient[dict[str, Any]](event_store_url) as client:
        commits = client.get_default_database()["events"]
        (commit,) = commits.find()
        whole = commit["e"]
        changed = copy.deepcopy(whole)
        changed[altered - 1]["d"] = changed[altered - 1]["d"].replace("operator:linh", "operator:mallory")
        changed[altered - 1]["t"] = "somebody.elses"
        commits.update_one({}, {"$set": {"e": changed}})
        while run_batch(ledger, database, planted.tallies, START):
            pass
        assert planted.sums(database) == {f"tl_{number}": 1 for number in range(1, 5) if number != altered}
        assert planted.aside(database) == [(altered, True)]
        assert "mallory" not in (heads(database, 9)[0].cause or "")
        assert retry(ledger, database, planted.tallies).left == 1
        commits.update_one({}, {"$set": {"e": whole}})
        assert retry(ledger, database, planted.tallies) == Retried(taken=1, left=0)
        assert len(planted.sums(database)) == 4


def test_a_fold_that_fails_for_every_stream_stops_at_a_limit_and_says_so(
    ledger: Ledger, database: Database, planted: Planted
) -> None:
    planted.happens(ledger, *(("raise", f"tl_{number}") for number in range(STREAMS_MAX + 1)))
    for _ in range(2):
        with pytest.raises(ProjectionFailing, match="retry"):
            run_batch(ledger, database, planted.tallies, START)
    place = places(database)["tallies"]
    assert (place.position, place.aside, place.failing_at) == (STREAMS_MAX, STREAMS_MAX, STREAMS_MAX + 1)
    assert run_round(ledger, database, START).applied > 0
    assert _stopped(database) == {"tallies"}
    planted.mend()
    retry(ledger, database, planted.tallies)
    assert run_batch(ledger, database, planted.tallies, START) == 1
    assert len(planted.sums(database)) == STREAMS_MAX + 1


def written_by_hand(url: str, position: int, name: str, stream: str, version: int) -> None:
    """An event put into the log past every limit of ours."""
    event = {"s": stream, "v": version, "t": name, "d": "{}", "c": checksum(stream, version, name, b"{}")}
    with MongoClient[dict[str, object]](url) as client:
        client.get_default_database()["events"].insert_one({"_id": Int64(position), "n": 1, "e": [event]})


def test_a_projection_outlives_an_entry_that_a_foreign_hand_named(
    ledger: Ledger, database: Database, event_store_url: str
) -> None:
    stream = "po_" + "đ" * 300
    written_by_hand(event_store_url, 1, "payout.bay lên " + "x" * 300, stream, 1)
    written_by_hand(event_store_url, 2, "payout.bay lên", stream.upper(), 1)
    written_by_hand(event_store_url, 3, "payout.bay lên", stream, 2)
    run_batch(ledger, database, PROJECTIONS["payouts"], START)
    assert [(entry.stream, entry.version) for entry in heads(database, 10)] == [(stream, 1), (stream.upper(), 1)]
    assert retry(ledger, database, PROJECTIONS["payouts"], stream) == Retried(taken=0, left=3)


def test_tables_of_another_definition_are_not_touched(story: Story, ledger: Ledger, database: Database) -> None:
    story.intent(story.merchant(), 1_000)
    payments = PROJECTIONS["payments"]
    run_batch(ledger, database, payments, START)
    database.write(lambda connection: connection.execute(update(payments.place).values(definition="0" * 64)))
    story.intent(story.merchant(), 2_000)
    with pytest.raises(ProjectionOutdated, match="rebuild payments"):
        run_batch(ledger, database, payments, START)
    run_round(ledger, database, START)
    assert positions(database)["payments"] < ledger.head()
    assert positions(database)["merchants"] == ledger.head()
    rebuild(ledger, database, payments, START)
    assert positions(database)["payments"] == ledger.head()
    assert run_batch(ledger, database, payments, START) == 0


def test_empty_tables_of_another_definition_are_made_anew(story: Story, ledger: Ledger, database: Database) -> None:
    run_round(ledger, database, START)
    payments = PROJECTIONS["payments"]
    database.write(lambda connection: connection.execute(update(payments.place).values(definition="0" * 64)))
    story.intent(story.merchant(), 1_000)
    assert run_batch(ledger, database, payments, START) == ledger.head()


def test_a_hole_in_the_log_stops_everybody_before_it(
    story: Story, ledger: Ledger, database: Database, event_store_url: str
) -> None:
    story.merchant()
    before = ledger.head()
    story.merchant()
    story.merchant()
    with MongoClient[dict[str, object]](event_store_url) as client:
        client.get_default_database()["events"].delete_one({"_id": before + 1})
    with pytest.raises(LogDamaged):
        run_round(ledger, database, START)
    assert max(positions(database).values()) <= before


def test_a_log_that_ends_before_what_was_followed_is_noticed(
    story: Story, ledger: Ledger, database: Database, event_store_url: str
) -> None:
    story.merchant()
    restored = ledger.head()
    story.merchant()
    while run_round(ledger, database, START).applied:
        pass
    head = ledger.head()
    with MongoClient[dict[str, object]](event_store_url) as client:
        client.get_default_database()["events"].delete_many({"_id": {"$gt": restored}})
    for _ in range(2):
        with pytest.raises(LogCutShort, match=f"ends at position {restored}, .* up to {head}.* restore the newest log"):
            run_round(ledger, database, START)
    with pytest.raises(LogCutShort):
        run_batch(ledger, database, PROJECTIONS["payments"], START)
    assert set(positions(database).values()) == {head}


def test_an_event_store_that_is_away_changes_nothing(database: Database) -> None:
    url = f"mongodb://127.0.0.1:{free_port(None)}/socai?replicaSet=rs0&serverSelectionTimeoutMS=200&timeoutMS=500"
    away = Ledger.at(url, MASTER_KEY, counted_bytes(), keys=KeysInMemory())
    with pytest.raises(EventStoreUnavailable):
        run_round(away, database, START)
    assert set(positions(database).values()) == {0}
    away.close()


def test_the_same_events_give_equal_rows_on_every_database(
    tale: Tale, tables_on_sqlite: Database, database: Database
) -> None:
    while run_round(tale.story.ledger, database, START, limit=50).applied:
        pass
    assert dump_all(database) == dump_all(tables_on_sqlite)
