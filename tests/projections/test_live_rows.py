"""Rows: what a fold changes is what is written, no more and no less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, event, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from ledger.errors import FoldImpossible
from projections.columns import key, number, number_key, table
from projections.database import Database
from projections.live_rows import LiveRows, read
from projections.recent import RecentRows
from projections.rows import Habit
from projections.writing import Statements

ONE = table("one", key("id"), number("count"))
TWO = table("two", key("id"), number_key("number"), number("count"))
TABLES = {"one": ONE, "two": TWO}

T = TypeVar("T")


@pytest.fixture
def made(database: Database) -> Database:
    """A database with two tables."""
    database.write(lambda connection: [connection.execute(CreateTable(declared)) for declared in TABLES.values()])
    return database


def _fold(database: Database, change: Callable[[LiveRows], T]) -> T:
    def work(connection: Connection) -> T:
        rows = LiveRows(connection, TABLES)
        result = change(rows)
        rows.flush()
        return result

    return database.write(work)


def _all(database: Database) -> list[tuple[object, ...]]:
    found = [tuple(row.values()) for row in database.rows(select(ONE).order_by(ONE.c.id))]
    return found + [tuple(row.values()) for row in database.rows(select(TWO).order_by(TWO.c.id, TWO.c.number))]


def test_new_and_known_rows_are_put_changed_and_deleted(made: Database) -> None:
    def first(rows: LiveRows) -> None:
        for number_ in range(3):
            rows.put(ONE, {"id": f"r{number_}", "count": 0})
            rows.put(TWO, {"id": "r", "number": number_, "count": 0})

    def second(rows: LiveRows) -> None:
        rows.change(ONE, "r1", count=5)
        rows.delete(ONE, "r2")
        rows.delete(ONE, "never there")
        rows.change(TWO, "r", 1, count=7)
        rows.delete(TWO, "r", 2)

    _fold(made, first)
    _fold(made, second)
    assert _all(made) == [("r0", 0), ("r1", 5), ("r", 0, 0), ("r", 1, 7)]


def test_a_row_put_and_deleted_in_one_transaction_is_not_there(made: Database) -> None:
    def change(rows: LiveRows) -> object:
        rows.put(ONE, {"id": "a", "count": 1})
        rows.delete(ONE, "a")
        return rows.get(ONE, "a")

    assert _fold(made, change) is None
    assert _all(made) == []


def test_a_fold_that_alters_a_row_it_got_changes_nothing_until_it_puts_it(made: Database) -> None:
    def change(rows: LiveRows) -> object:
        rows.put(ONE, {"id": "a", "count": 1})
        got = rows.must_get(ONE, "a")
        got["count"] = 99
        return rows.must_get(ONE, "a")["count"]

    assert _fold(made, change) == 1
    assert _all(made) == [("a", 1)]


def test_a_row_that_should_be_there_and_is_not_cannot_be_changed(made: Database) -> None:
    with pytest.raises(FoldImpossible, match="one has no row a"):
        _fold(made, lambda rows: rows.change(ONE, "a", count=1))


@pytest.mark.parametrize("row", [{"id": "a"}, {"id": "a", "count": 1, "colour": "red"}])
def test_a_row_has_exactly_the_columns_of_its_table(made: Database, row: dict[str, object]) -> None:
    with pytest.raises(FoldImpossible, match="exactly the columns"):
        _fold(made, lambda rows: rows.put(ONE, row))


def _said(rows: LiveRows, change: Callable[[], object]) -> dict[str, int]:
    """How many statements of each kind a change costs, as the server counts them; SQLite counts none, so we do."""
    connection, said = rows._connection, Counter[str]()
    if connection.dialect.name == "sqlite":

        def count(*given: Any) -> None:
            said[given[2].partition(" ")[0].lower()] += 1

        event.listen(connection.engine, "before_cursor_execute", count)
        change()
        event.remove(connection.engine, "before_cursor_execute", count)
        return said
    before = _counters(connection)
    change()
    return {kind: count - before[kind] for kind, count in _counters(connection).items()}


def _counters(connection: Connection) -> dict[str, int]:
    found = connection.execute(text("SHOW SESSION STATUS WHERE Variable_name IN ('Com_select', 'Com_insert')"))
    return {name.removeprefix("Com_"): int(count) for name, count in found}


def test_a_thousand_rows_are_read_in_a_few_questions_and_each_once(made: Database) -> None:
    names = [f"r{number_}" for number_ in range(1_000)]

    def fill(rows: LiveRows) -> None:
        for name in names:
            rows.put(ONE, {"id": name, "count": 1})

    def change(rows: LiveRows) -> dict[str, int]:
        def work() -> None:
            read(rows._connection, [(rows, rows.expected({name: ["one"] for name in names}))])
            assert sum(rows.must_get(ONE, name)["count"] for name in names * 2) == 2_000

        return _said(rows, work)

    _fold(made, fill)
    assert _fold(made, change)["select"] == 2


def test_what_an_event_asks_for_or_makes_under_its_stream_becomes_a_habit(made: Database) -> None:
    asker, maker, wrong = Habit(), Habit(), Habit()
    _fold(made, lambda rows: rows.put(ONE, {"id": "there", "count": 1}))

    def change(rows: LiveRows) -> None:
        rows.begin("there", asker)
        rows.get(ONE, "there")
        rows.get(TWO, "there", 1)
        rows.begin("fresh", maker)
        rows.put(ONE, {"id": "fresh", "count": 1})
        rows.get(ONE, "fresh")
        rows.get(ONE, "of another stream")

    _fold(made, change)
    assert (asker.asks, asker.makes) == ({"one"}, set())
    assert (maker.asks, maker.makes) == (set(), {"one"})

    def guess(rows: LiveRows) -> None:
        rows.begin("there", wrong)
        rows.put(ONE, {"id": "there", "count": 2})

    _fold(made, guess)
    assert (wrong.asks, wrong.makes) == ({"one"}, {"one"})
    assert _all(made) == [("fresh", 1), ("there", 2)]


def test_what_is_only_read_is_not_written(made: Database) -> None:
    _fold(made, lambda rows: rows.put(ONE, {"id": "a", "count": 1}))

    def change(rows: LiveRows) -> dict[str, int]:
        return _said(rows, lambda: [rows.get(ONE, "a"), rows.flush()])

    assert _fold(made, change).get("insert", 0) == 0


def test_rows_known_from_before_are_not_asked_for(made: Database) -> None:
    recent = RecentRows()

    def first(connection: Connection) -> None:
        rows = LiveRows(connection, TABLES, recent=recent)
        rows.put(ONE, {"id": "a", "count": 1})
        rows.delete(ONE, "never there")
        rows.flush()
        recent.keep(rows.seen)

    def second(connection: Connection) -> dict[str, int]:
        rows = LiveRows(connection, TABLES, recent=recent)

        def work() -> None:
            assert rows.get(ONE, "never there") is None
            rows.change(ONE, "a", count=rows.must_get(ONE, "a")["count"] + 1)
            rows.flush()

        return _said(rows, work)

    made.write(first)
    assert made.write(second).get("select", 0) == 0
    assert _all(made) == [("a", 2)]


def test_what_is_taken_for_new_and_is_not_is_refused_as_a_whole(made: Database) -> None:
    _fold(made, lambda rows: rows.put(ONE, {"id": "b", "count": 1}))

    def work(connection: Connection) -> None:
        rows, statements = LiveRows(connection, TABLES), Statements(connection)
        for name in "abc":
            rows.put(ONE, {"id": name, "count": 7})
        rows.put(TWO, {"id": "a", "number": 1, "count": 7})
        rows.write(statements)
        statements.send()

    with pytest.raises(IntegrityError) as refused:
        made.write(work)
    assert "7" not in str(refused.value.statement)
    assert _all(made) == [("b", 1)]
