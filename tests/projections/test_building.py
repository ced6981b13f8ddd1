"""Tables that were built in bulk are those that were followed, proofs and all, however the work is divided."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import Table

from ledger.store import Ledger
from projections import bulk_fold
from projections.building import build
from projections.database import Database, open_database
from projections.encoding import Key, Row
from projections.follower import run_round
from projections.loading import Loading
from projections.places import places
from projections.projection import PROJECTIONS
from tests.projections.built import fresh, serve
from tests.projections.dumped import dump, dump_all
from tests.projections.planted import Planted
from tests.projections.tale import Tale
from tests.story import START
from tests.torture.tales import events


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_built_tables_equal_followed_ones(
    tale: Tale, database: Database, tables_on_sqlite: Database, processes: int, caplog: pytest.LogCaptureFixture
) -> None:
    layouts, head = fresh(database, *PROJECTIONS.values()), tale.story.ledger.head()
    seen: list[tuple[int, int]] = []
    build(tale.story.ledger, database, layouts, head, START, lambda *told: seen.append(told), processes)
    serve(database, layouts)
    assert dump_all(database) == dump_all(tables_on_sqlite)
    assert {(place.position, place.whole, place.generation) for place in places(database).values()} == {(head, True, 1)}
    assert seen[-1] == (head, head)
    assert "small steps" not in caplog.text


def test_rows_that_were_forgotten_are_asked_for_again(
    tale: Tale, database: Database, tables_on_sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_fold, "ROWS_IN_MEMORY", 3)
    layouts = fresh(database, *PROJECTIONS.values())
    build(tale.story.ledger, database, layouts, tale.story.ledger.head(), START)
    serve(database, layouts)
    assert dump_all(database) == dump_all(tables_on_sqlite)


def test_a_long_log_is_built_with_few_rows_in_memory(
    ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bulk_fold, "ROWS_IN_MEMORY", 1_000)
    ledger.recorder.insert_events(list(events(Random(3), 5_000)))
    asked: list[str] = []
    ask = Loading.ask

    def counted(loading: Loading, table: Table, key: Key) -> Row | None:
        asked.append(str(table.name))
        return ask(loading, table, key)

    monkeypatch.setattr(Loading, "ask", counted)
    layouts = fresh(database, *PROJECTIONS.values())
    build(ledger, database, layouts, 5_000, START)
    while run_round(ledger, database, START, 1_000).applied:
        pass
    followed = dump_all(database)
    serve(database, layouts)
    assert asked
    assert dump_all(database) == followed
    assert "small steps" not in caplog.text


@pytest.mark.parametrize("rows_in_memory", [1, 1_000])
def test_odd_ids_are_found_again_after_they_were_forgotten(
    ledger: Ledger, database: Database, planted: Planted, monkeypatch: pytest.MonkeyPatch, rows_in_memory: int
) -> None:
    monkeypatch.setattr(bulk_fold, "ROWS_IN_MEMORY", rows_in_memory)
    odd = {
        "tl_a b": "tl_a b",
        "tl_é": "tl_\\xe9",
        "tl_'\"": "tl_'\"",
        "tl_\\": "tl_\\",
        "tl_ ": "tl_\\x20",
        "tl_x": "tl_x",
    }
    planted.happens(ledger, *(("add", stream) for _ in range(4) for stream in odd))
    layouts = fresh(database, planted.tallies)
    build(ledger, database, layouts, ledger.head(), START)
    serve(database, layouts)
    assert planted.aside(database) == []
    assert dump(database, planted.tallies)["tallies"] == [{"id": id_, "count": 4} for id_ in sorted(odd.values())]


def test_a_build_ends_where_it_is_told_and_following_goes_on_there(
    tale: Tale, database: Database, tables_on_sqlite: Database
) -> None:
    layouts = fresh(database, *PROJECTIONS.values())
    build(tale.story.ledger, database, layouts, 50, START)
    serve(database, layouts)
    assert {place.position for place in places(database).values()} == {50}
    while run_round(tale.story.ledger, database, START).applied:
        pass
    assert dump_all(database) == dump_all(tables_on_sqlite)


def test_rows_the_database_refuses_are_built_in_small_steps(
    ledger: Ledger, mysql_url: str, planted: Planted, caplog: pytest.LogCaptureFixture
) -> None:
    database = open_database(mysql_url)
    planted.happens(ledger, *(("add", stream) for stream in ("tl_a", f"tl_{'x' * 150}", "tl_b", "tl_a")))
    layouts = fresh(database, planted.tallies)
    build(ledger, database, layouts, ledger.head(), START)
    serve(database, layouts)
    assert "small steps" in caplog.text
    assert planted.sums(database) == {"tl_a": 2, "tl_b": 1}
    assert planted.aside(database) == [(2, True)]
    dump(database, planted.tallies)
    database.close()
