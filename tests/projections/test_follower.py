"""The log reaches the tables once and in order, whoever else follows, whatever kills us, whatever cannot be folded."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from eventsourcing.persistence import StoredEvent
from pymongo import MongoClient
from sqlalchemy import update

from commands.merchants import RegisterMerchant
from commands.payments import CancelPaymentIntent
from ledger.errors import EventStoreUnavailable, LogCutShort, LogDamaged, ProjectionFailing, ProjectionOutdated
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from local.processes import free_port
from projections import positions
from projections.database import Database, open_database
from projections.follower import apply, read_section, resume, run_batch, run_round
from projections.places import places
from projections.projection import PROJECTIONS
from projections.rebuild import rebuild
from tests.projections.dumped import dump, dump_all
from tests.projections.tale import Tale
from tests.story import MASTER_KEY, Story, counted_bytes, dong

Follow = Callable[[], None]
Poison = Callable[[str, str, int, bytes], None]

FOLLOWER = """
import sys
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from projections.database import open_database
from projections.follower import run_round
from tests.story import MASTER_KEY, counted_bytes

ledger = Ledger.at(sys.argv[1], MASTER_KEY, counted_bytes(), keys=KeysInMemory())
database = open_database(sys.argv[2])
while run_round(ledger, database, limit=3).applied:
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
        while run_batch(tale.story.ledger, database, PROJECTIONS[name], limit=size):
            pass
        assert dump(database, PROJECTIONS[name]) == dump(tables_on_sqlite, PROJECTIONS[name])


def test_a_round_says_from_where_there_is_more_to_do(story: Story, ledger: Ledger, database: Database) -> None:
    story.merchant()
    first = run_round(ledger, database, limit=1)
    assert (first.applied, first.position) == (len(PROJECTIONS), 0)
    while run_round(ledger, database).applied:
        pass
    assert run_round(ledger, database).position == ledger.head()


def test_an_empty_log_leaves_everything_at_the_beginning(ledger: Ledger, database: Database) -> None:
    assert run_round(ledger, database).applied == 0
    assert run_batch(ledger, database, PROJECTIONS["payments"]) == 0
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
            applied += run_batch(tale.story.ledger, own, balances, limit=5)
        own.close()
        return applied

    run_batch(tale.story.ledger, database, balances, limit=1)
    with ThreadPoolExecutor(3) as threads:
        applied = [done.result() for done in [threads.submit(follow) for _ in range(3)]]
    assert sum(applied) == head - 1
    assert dump(database, balances) == dump(tables_on_sqlite, balances)


def test_a_copy_that_slept_through_a_batch_does_not_apply_it(tale: Tale, database: Database) -> None:
    balances = PROJECTIONS["balances"]
    run_batch(tale.story.ledger, database, balances, limit=5)
    slept = read_section(tale.story.ledger, 5, 20)
    run_batch(tale.story.ledger, database, balances, limit=10)
    before = dump(database, balances)
    assert apply(database, balances, slept) == 0
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
    while run_round(tale.story.ledger, database).applied:
        pass
    live = dump_all(database)
    for projection in PROJECTIONS.values():
        rebuild(tale.story.ledger, database, projection)
    assert dump_all(database) == live


def _killed(event_store_url: str, read_tables_url: str, database: Database, target: int) -> int:
    """Run a projector in another process until the fastest projection is at `target`, then kill it; its exit code."""
    command = [sys.executable, "-c", FOLLOWER, event_store_url, read_tables_url]
    with subprocess.Popen(command, env={"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()}) as process:
        deadline = time.monotonic() + 60
        while max(positions(database).values(), default=0) < target and time.monotonic() < deadline:
            assert process.poll() in (None, 0)
        process.send_signal(signal.SIGKILL)
        return process.wait()


def _left_behind(database: Database) -> set[str]:
    return {name for name, place in places(database).items() if place.failing is not None}


def test_an_event_that_cannot_be_read_stops_only_who_follows_it(
    story: Story, ledger: Ledger, database: Database, follow: Follow, poison: Poison
) -> None:
    intent = story.intent(story.merchant(), 1_000)
    before = ledger.head()
    poison("payment_intent.paid", intent.id, 2, b'{"not":"an event"}')
    story.merchant()
    follow()
    assert _left_behind(database) == {"payments", "webhooks"}
    assert positions(database)["payments"] == before
    assert positions(database)["merchants"] == ledger.head()
    failing = places(database)["payments"]
    assert failing.failing_at == before + 1
    assert failing.failing is not None
    assert f"payment_intent.paid {intent.id}@2" in failing.failing


def test_an_event_of_an_unknown_name_stops_who_follows_its_aggregate(
    story: Story, ledger: Ledger, database: Database, follow: Follow, poison: Poison
) -> None:
    story.merchant()
    poison("payout.levitated", "po_x", 1, b"{}")
    story.merchant()
    follow()
    assert _left_behind(database) == {"payouts", "statement_lines", "webhooks"}
    assert positions(database)["journal"] == ledger.head()


def test_a_row_that_is_missing_stops_a_projection_and_keeps_what_came_before(
    story: Story, ledger: Ledger, database: Database, poison: Poison
) -> None:
    intent = story.intent(story.merchant(), 1_000)
    story.when(CancelPaymentIntent(merchant_id=intent.merchant_id, payment_intent_id=intent.id, reason="x"))
    cancelled = ledger.recorder.select_events(intent.id)[1]
    before = ledger.head()
    poison(cancelled.topic, "pi_stray", 2, cancelled.state)
    for _ in range(2):
        with pytest.raises(ProjectionFailing, match="no row pi_stray"):
            run_batch(ledger, database, PROJECTIONS["payments"])
    assert positions(database)["payments"] == before
    assert [row["status"] for row in dump(database, PROJECTIONS["payments"])["payments"]] == ["cancelled"]


def test_a_value_the_database_refuses_stops_a_projection_too(story: Story, ledger: Ledger, mysql_url: str) -> None:
    database = open_database(mysql_url)
    good = story.merchant()
    command = RegisterMerchant(name="x", bank_account_id="b" * 500, fee_bps=1, payout_fee=dong(1), approvals_needed=1)
    story.when(command)
    with pytest.raises(ProjectionFailing, match="DataError"):
        run_batch(ledger, database, PROJECTIONS["merchants"])
    assert [row["id"] for row in dump(database, PROJECTIONS["merchants"])["merchants"]] == [good]
    database.close()


def test_a_projection_that_stopped_tries_again_when_it_is_told_to(
    story: Story, ledger: Ledger, database: Database, follow: Follow, poison: Poison
) -> None:
    story.merchant()
    poison("payout.levitated", "po_x", 1, b"{}")
    follow()
    resume(database, PROJECTIONS["payouts"])
    assert "payouts" not in _left_behind(database)
    with pytest.raises(ProjectionFailing):
        run_batch(ledger, database, PROJECTIONS["payouts"])
    assert "payouts" in _left_behind(database)


def test_tables_of_another_definition_are_not_touched(story: Story, ledger: Ledger, database: Database) -> None:
    story.intent(story.merchant(), 1_000)
    payments = PROJECTIONS["payments"]
    run_batch(ledger, database, payments)
    database.write(lambda connection: connection.execute(update(payments.place).values(definition="0" * 64)))
    story.intent(story.merchant(), 2_000)
    with pytest.raises(ProjectionOutdated, match="rebuild payments"):
        run_batch(ledger, database, payments)
    run_round(ledger, database)
    assert positions(database)["payments"] < ledger.head()
    assert positions(database)["merchants"] == ledger.head()
    rebuild(ledger, database, payments)
    assert positions(database)["payments"] == ledger.head()
    assert run_batch(ledger, database, payments) == 0


def test_empty_tables_of_another_definition_are_made_anew(story: Story, ledger: Ledger, database: Database) -> None:
    run_round(ledger, database)
    payments = PROJECTIONS["payments"]
    database.write(lambda connection: connection.execute(update(payments.place).values(definition="0" * 64)))
    story.intent(story.merchant(), 1_000)
    assert run_batch(ledger, database, payments) == ledger.head()


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
        run_round(ledger, database)
    assert max(positions(database).values()) <= before


def test_a_log_that_ends_before_what_was_followed_is_noticed(
    story: Story, ledger: Ledger, database: Database, event_store_url: str
) -> None:
    story.merchant()
    restored = ledger.head()
    story.merchant()
    while run_round(ledger, database).applied:
        pass
    head = ledger.head()
    with MongoClient[dict[str, object]](event_store_url) as client:
        client.get_default_database()["events"].delete_many({"_id": {"$gt": restored}})
    for _ in range(2):
        with pytest.raises(LogCutShort, match=f"ends at position {restored}, .* up to {head}.* restore the newest log"):
            run_round(ledger, database)
    with pytest.raises(LogCutShort):
        run_batch(ledger, database, PROJECTIONS["payments"])
    assert set(positions(database).values()) == {head}


def test_an_event_store_that_is_away_changes_nothing(database: Database) -> None:
    url = f"mongodb://127.0.0.1:{free_port(None)}/socai?replicaSet=rs0&serverSelectionTimeoutMS=200&timeoutMS=500"
    away = Ledger.at(url, MASTER_KEY, counted_bytes(), keys=KeysInMemory())
    with pytest.raises(EventStoreUnavailable):
        run_round(away, database)
    assert set(positions(database).values()) == {0}
    away.close()


def test_the_same_events_give_equal_rows_on_every_database(
    tale: Tale, tables_on_sqlite: Database, database: Database
) -> None:
    while run_round(tale.story.ledger, database, limit=50).applied:
        pass
    assert dump_all(database) == dump_all(tables_on_sqlite)
