"""What ends a trial badly is told: a follower that died or stands still, rows that differ, a log with a hole."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy
from eventsourcing.persistence import StoredEvent
from sqlalchemy import update

from ledger.event_log import opened
from projections.balances import BALANCES
from projections.database import open_database
from projections.follower import run_round
from tests.story import START
from tests.torture import kills
from tests.torture.judge import Kind
from tests.torture.plan import Style, events, steps
from tests.torture.projector import open_ledger
from tests.torture.trial import Bench, Violated, broken, follower, program, until
from tests.torture.verdict import verdict


@pytest.fixture
def bench(sqlite_events_url: str, tmp_path: Path) -> Bench:
    """A log of one event, whose attempt is not on record."""
    with opened(sqlite_events_url) as log:
        log.append([StoredEvent("st_1", 1, "tally.counted", b"{}")])
    return Bench("planted", "sqlite", sqlite_events_url, tmp_path, 1)


def test_a_log_with_an_event_of_nobodys_is_no_pass_and_its_followers_are_stopped(bench: Bench) -> None:
    following = [follower(bench, "follower0").start()]
    with pytest.raises(Violated, match="make torture SEED=1 NAME=planted STORE=sqlite") as caught:
        verdict(bench, following, began=0.0)
    assert set(caught.value.kinds) == {Kind.INVENTED}
    assert not following[0].running


def test_a_follower_that_died_is_told_with_its_last_words(bench: Bench) -> None:
    one = program(
        bench, "tests.torture.follower", "follower0", ["nowhere:", bench.directory / "follower0.seen"]
    ).start()
    until(lambda: not one.running)
    with pytest.raises(Violated, match="EVENT_STORE_URL must begin with") as caught:
        verdict(bench, [one], began=0.0)
    assert caught.value.kinds[Kind.STALLED] == 2
    assert broken([one])


def test_a_hole_in_the_log_is_a_gap_and_ends_the_followers(bench: Bench) -> None:
    with opened(bench.url) as log:
        log.append([StoredEvent("st_1", 2, "tally.counted", b"{}"), StoredEvent("st_1", 3, "tally.counted", b"{}")])
    engine = sqlalchemy.create_engine(bench.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM events WHERE position = 2")
    engine.dispose()
    one = follower(bench, "follower0").start()
    with pytest.raises(Violated) as caught:
        verdict(bench, [one], began=0.0)
    assert caught.value.kinds[Kind.GAP] == 1
    assert one.exit_code == 3


def test_rows_that_differ_from_a_fold_from_scratch_are_told(bench: Bench) -> None:
    plan = steps(1, "w", Style(entries=True))
    ledger, lived = open_ledger(bench.url), open_database(kills.tables_url(bench))
    with opened(bench.url) as log:
        for number in range(20):
            step = next(plan)._replace(stream=f"st_{number}")
            log.append(events(step, step.key, 2 if number == 1 else 1))
    while run_round(ledger, lived, START).applied:
        pass
    assert list(kills.differences(bench)) == []
    lived.write(lambda connection: connection.execute(update(BALANCES).values(posted=BALANCES.c.posted + 1)))
    lived.close()
    ledger.close()
    assert [one.kind for one in kills.differences(bench)] == [Kind.FOLD, Kind.FOLD]
