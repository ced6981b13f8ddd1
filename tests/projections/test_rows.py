"""Rows: what a fold may do with them, and what it is told when it does what it may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection
from sqlalchemy.schema import CreateTable

from ledger.errors import FoldImpossible
from projections.columns import id_, key, number, table
from projections.database import Database, open_database
from projections.live_rows import LiveRows
from projections.rows import Rows

PLAIN = table("plain", key("id"), number("count"))
ONCE = table("once", key("id"), number("count"), once=True)
SUMS = table("sums", key("id"), id_("kind"), number("in"), number("out"), sums=("in", "out"))


@pytest.fixture
def fold(sqlite_url: str) -> Callable[[Callable[[Rows], object]], list[tuple[object, ...]]]:
    """Folds in a transaction on SQLite; gives the rows of the table of sums."""
    database: Database = open_database(sqlite_url)
    database.write(lambda connection: [connection.execute(CreateTable(one)) for one in (PLAIN, ONCE, SUMS)])

    def fold(change: Callable[[Rows], object]) -> list[tuple[object, ...]]:
        def work(connection: Connection) -> None:
            rows = LiveRows(connection, {"plain": PLAIN, "once": ONCE, "sums": SUMS})
            change(rows)
            rows.flush()

        database.write(work)
        return [tuple(row.values()) for row in database.rows(SUMS.select().order_by(SUMS.c.id))]

    return fold


Fold = Callable[[Callable[[Rows], object]], list[tuple[object, ...]]]


def test_sums_begin_at_nothing_and_are_added_to(fold: Fold) -> None:
    def twice(rows: Rows) -> None:
        rows.add(SUMS, {"id": "a", "kind": "k"}, **{"in": 5})
        rows.add(SUMS, {"id": "a", "kind": "k"}, **{"in": 2, "out": 1})
        rows.add(SUMS, {"id": "b", "kind": "k"})

    assert fold(twice) == [("a", "k", 7, 1), ("b", "k", 0, 0)]
    assert fold(twice) == [("a", "k", 14, 2), ("b", "k", 0, 0)]


def test_what_is_no_sum_stays_as_it_is(fold: Fold) -> None:
    fold(lambda rows: rows.add(SUMS, {"id": "a", "kind": "k"}, **{"in": 5}))
    with pytest.raises(FoldImpossible, match="sums keeps a with kind k, not other"):
        fold(lambda rows: rows.add(SUMS, {"id": "a", "kind": "other"}, **{"in": 5}))

    def within(rows: Rows) -> None:
        rows.add(SUMS, {"id": "c", "kind": "k"})
        rows.add(SUMS, {"id": "c", "kind": "other"})

    with pytest.raises(FoldImpossible, match="sums keeps c with kind k"):
        fold(within)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.get(SUMS, "a"),
        lambda rows: rows.put(SUMS, {"id": "a", "kind": "k", "in": 1, "out": 1}),
        lambda rows: rows.change(SUMS, "a", kind="k"),
        lambda rows: rows.delete(SUMS, "a"),
    ],
)
def test_sums_are_neither_read_nor_set(fold: Fold, change: Callable[[Rows], object]) -> None:
    with pytest.raises(FoldImpossible, match="sums"):
        fold(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.get(ONCE, "a"),
        lambda rows: rows.value(ONCE, "count", "a"),
        lambda rows: rows.change(ONCE, "a", count=2),
        lambda rows: rows.delete(ONCE, "a"),
    ],
)
def test_rows_that_are_put_once_are_never_read_or_changed(fold: Fold, change: Callable[[Rows], object]) -> None:
    fold(lambda rows: rows.put(ONCE, {"id": "a", "count": 1}))
    with pytest.raises(FoldImpossible, match="put once"):
        fold(change)


def test_a_row_that_is_not_of_the_table_is_refused(fold: Fold) -> None:
    with pytest.raises(FoldImpossible, match="see count"):
        fold(lambda rows: rows.put(PLAIN, {"id": "a"}))
    with pytest.raises(FoldImpossible, match="see kind"):
        fold(lambda rows: rows.add(SUMS, {"id": "a"}))
    with pytest.raises(FoldImpossible, match="see amount"):
        fold(lambda rows: rows.add(SUMS, {"id": "a", "kind": "k"}, amount=1))
    with pytest.raises(FoldImpossible, match="has no row a"):
        fold(lambda rows: rows.change(PLAIN, "a", count=1))


def test_what_was_given_out_or_handed_in_changes_nothing_later(fold: Fold) -> None:
    def work(rows: Rows) -> None:
        mine = {"id": "a", "count": 1}
        rows.put(PLAIN, mine)
        mine["count"] = 9
        given = rows.must_get(PLAIN, "a")
        given["count"] = 9
        assert rows.must_get(PLAIN, "a") == {"id": "a", "count": 1}

    fold(work)
