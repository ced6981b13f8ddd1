"""A rebuild gives the tables that following gave, while they are read and while events arrive."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
import sqlalchemy
from sqlalchemy import delete, update

from ledger.errors import DifferencesFound, RebuildOvertaken, TooManySetAside
from ledger.store import Ledger
from projections import positions
from projections.aside import STREAMS_MAX
from projections.database import Database, open_database
from projections.follower import advance, read_section, run_batch, run_round
from projections.payments import PAYMENTS, payments
from projections.places import heads, places
from projections.projection import PROJECTIONS
from projections.rebuild import rebuild, rebuild_all
from projections.tables import Layout, serving
from tests.projections.dumped import dump, dump_all
from tests.projections.planted import Planted
from tests.projections.tale import Tale
from tests.story import START, Story

Follow = Callable[[], None]


def test_rebuilt_tables_equal_those_that_followed(tale: Tale, database: Database, tables_on_sqlite: Database) -> None:
    for projection in PROJECTIONS.values():
        assert rebuild(tale.story.ledger, database, projection, START) == tale.story.ledger.head()
    assert dump_all(database) == dump_all(tables_on_sqlite)


def test_a_rebuild_mends_rows_that_were_altered(tale: Tale, database: Database, tables_on_sqlite: Database) -> None:
    projection = PROJECTIONS["payments"]
    run_batch(tale.story.ledger, database, projection, START, limit=10_000)
    database.write(lambda connection: connection.execute(update(PAYMENTS).values(received=1)))
    database.write(lambda c: c.execute(delete(PAYMENTS).where(PAYMENTS.c.id == tale.payments["exact"])))
    with pytest.raises(DifferencesFound, match=r"payments: rows more; payments\.received"):
        rebuild(tale.story.ledger, database, projection, START)
    (found,) = rebuild_all(tale.story.ledger, database, [projection], START)
    assert not found.swapped
    groups = [one.group for one in found.compared.differences]
    rebuild(tale.story.ledger, database, projection, START, accepted=groups)
    assert dump(database, projection) == dump(tables_on_sqlite, projection)


def test_a_rebuild_keeps_the_tables_that_served_and_no_others(tale: Tale, database: Database) -> None:
    projection = PROJECTIONS["journal"]
    declared = {made.name for made in serving(projection).all}
    for generation in (1, 2, 3):
        rebuild(tale.story.ledger, database, projection, START)
        there = set(sqlalchemy.inspect(database.engine).get_table_names())
        kept = {f"{name}__g{generation - 1}" for name in declared}
        assert there == declared | kept | {"positions", "positions__aside"}
        assert places(database)["journal"].generation == generation
    indexes = sqlalchemy.inspect(database.engine).get_indexes("journal_postings")
    assert {tuple(index["column_names"]) for index in indexes} == {
        ("account", "position", "value_date", "currency", "units"),
        ("merchant_id", "position"),
    }


def test_following_goes_on_behind_a_rebuild(story: Story, database: Database, follow: Follow) -> None:
    merchant_id = story.funded(50_000)
    follow()
    for projection in PROJECTIONS.values():
        rebuild(story.ledger, database, projection, START)
    story.requested(merchant_id, 1_000)
    follow()
    live = dump_all(database)
    for projection in PROJECTIONS.values():
        rebuild(story.ledger, database, projection, START)
    assert dump_all(database) == live


def test_a_rebuild_says_how_far_it_is(tale: Tale, database: Database) -> None:
    told: list[tuple[int, int]] = []
    head = tale.story.ledger.head()
    rebuild(tale.story.ledger, database, PROJECTIONS["alarms"], START, lambda reached, end: told.append((reached, end)))
    assert told[-1] == (head, head)


def test_an_interrupted_rebuild_is_begun_again_clean(
    tale: Tale, database: Database, tables_on_sqlite: Database
) -> None:
    projection = PROJECTIONS["balances"]
    run_batch(tale.story.ledger, database, projection, START, limit=10_000)
    half = Layout.beside(projection, 1)
    database.write(half.create)
    section = read_section(tale.story.ledger, 0, 100)
    database.write(lambda connection: advance(connection, half, section, START))
    rebuild(tale.story.ledger, database, projection, START)
    assert dump(database, projection) == dump(tables_on_sqlite, projection)


def test_a_rebuild_whose_tables_another_one_made_anew_stops(tale: Tale, database: Database) -> None:
    first = Layout.beside(PROJECTIONS["balances"], 1)
    sections = [read_section(tale.story.ledger, after, 100) for after in (0, 100)]
    database.write(first.create)
    database.write(lambda connection: advance(connection, first, sections[0], START))
    database.write(first.create)
    with pytest.raises(RebuildOvertaken):
        database.write(lambda connection: advance(connection, first, sections[1], START))


def test_what_a_rebuild_cannot_fold_is_set_aside_beside_the_new_tables(
    ledger: Ledger, database: Database, planted: Planted
) -> None:
    planted.happens(ledger, ("add", "tl_a"), ("raise", "tl_b"), ("add", "tl_b"), ("raise", "tl_c"), ("add", "tl_a"))
    run_batch(ledger, database, planted.tallies, START)
    before = planted.aside(database)
    later = START + timedelta(hours=1)
    rebuild(ledger, database, planted.tallies, later)
    assert planted.aside(database) == before == [(2, True), (3, False), (4, True)]
    assert planted.sums(database) == {"tl_a": 2}
    assert [(entry.attempts, entry.first_seen_at) for entry in heads(database, 9)] == [(2, START), (2, START)]
    planted.mend()
    # What could not be folded and now can is a difference like any other.
    folded = ["tallies: rows more", "tally_turns: rows more"]
    with pytest.raises(DifferencesFound, match="; ".join(folded)):
        rebuild(ledger, database, planted.tallies, later)
    assert planted.sums(database) == {"tl_a": 2}
    rebuild(ledger, database, planted.tallies, later, accepted=folded)
    assert planted.aside(database) == []
    assert planted.sums(database) == {"tl_a": 2, "tl_b": 2, "tl_c": 1}
    assert places(database)["tallies"].aside == 0


def test_a_rebuild_that_would_set_aside_too_much_leaves_the_old_tables(
    ledger: Ledger, database: Database, planted: Planted
) -> None:
    planted.happens(ledger, *(("raise", f"tl_{number}") for number in range(STREAMS_MAX + 1)))
    planted.mend()
    run_batch(ledger, database, planted.tallies, START)
    planted.unmend()
    with pytest.raises(TooManySetAside):
        rebuild(ledger, database, planted.tallies, START)
    assert len(planted.sums(database)) == STREAMS_MAX + 1


def test_poison_that_comes_during_the_exchange_is_set_aside_before_the_next_attempt(
    ledger: Ledger, database: Database, planted: Planted
) -> None:
    planted.happens(ledger, ("add", "tl_a"))
    run_batch(ledger, database, planted.tallies, START)

    def told(reached: int, head: int) -> None:
        if ledger.head() < 3:
            planted.happens(ledger, ("raise", "tl_b"), ("add", "tl_a"))
            run_batch(ledger, database, planted.tallies, START)

    rebuild(ledger, database, planted.tallies, START, told)
    assert planted.aside(database) == [(2, True)]
    assert planted.sums(database) == {"tl_a": 2}


@pytest.mark.timeout(240)
def test_a_rebuild_while_events_arrive_fails_no_reading_and_loses_nothing(
    story: Story, ledger: Ledger, database: Database, read_tables_url: str
) -> None:
    merchant_id = story.funded(5_000_000, approvals=0)
    while run_round(ledger, database, START).applied:
        pass
    over = Event()

    def happen() -> int:
        made = 0
        while not over.is_set():
            story.bank_says(story.row(1_000, story.intent(merchant_id, 1_000).code))
            story.requested(merchant_id, 1_000)
            made += 1
            over.wait(0.01)  # events shall arrive during every rebuild, not hold up all of them
        return made

    def follow() -> None:
        own = open_database(read_tables_url)
        while not over.is_set():
            run_round(ledger, own, START)
            over.wait(0.002)
        own.close()

    def read() -> list[tuple[int, int]]:
        own = open_database(read_tables_url)
        seen = [(0, 0)]
        while not over.is_set():
            position = positions(own)["payments"]
            seen.append((position, len(payments(own, limit=100_000))))
            over.wait(0.002)
        own.close()
        return seen

    with ThreadPoolExecutor(3) as threads:
        made, _, seen = threads.submit(happen), threads.submit(follow), threads.submit(read)
        try:
            for _ in range(2):
                for projection in PROJECTIONS.values():
                    rebuild(ledger, database, projection, START)
        finally:
            over.set()
        assert made.result() > 0
        shown = seen.result()
    assert shown == sorted(shown), "a reader was shown an earlier state after a later one"
    while run_round(ledger, database, START).applied:
        pass
    live = dump_all(database)
    for projection in PROJECTIONS.values():
        rebuild(ledger, database, projection, START)
    assert dump_all(database) == live
