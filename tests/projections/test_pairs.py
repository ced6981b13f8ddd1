"""Rows of two tables are told apart one by one, each by its key and the columns that differ."""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import Connection, delete, insert, update

from projections.columns import id_, key, number_key, prose, table
from projections.database import Database
from projections.pairs import Pair, RowDiffers, Some, first_keys, pair, some

WAS, WILL = (table(name, key("id"), number_key("part"), id_("owner"), prose("memo")) for name in ("was_", "will_"))


def _made(connection: Connection) -> Pair:
    for made in (WAS, WILL):
        made.create(connection)
        rows = [{"id": f"a_{n}", "part": n, "owner": "b", "memo": "Hoa"} for n in range(9)]
        connection.execute(insert(made), rows)
    connection.execute(delete(WAS).where(WAS.c.part > 6))
    connection.execute(delete(WILL).where(WILL.c.part == 0))
    connection.execute(update(WILL).where(WILL.c.part == 2).values(memo="hoa"))
    connection.execute(update(WILL).where(WILL.c.part == 3).values(memo="Hoa ", owner="B"))
    return pair(connection, WAS, WILL)


def test_rows_and_columns_that_differ_are_named(database: Database) -> None:
    def work(connection: Connection) -> None:
        both = _made(connection)
        assert both.counts(connection) == (1, 2, {"id": 0, "part": 0, "owner": 1, "memo": 2})
        assert both.differing(connection, 9) == [
            RowDiffers("a_2/2", ("memo",)),
            RowDiffers("a_3/3", ("owner", "memo")),
        ]
        assert both.differing(connection, 1) == [RowDiffers("a_2/2", ("memo",))]
        assert some(connection, both.only_before()) == Some(1, "a_0/0")
        assert some(connection, both.only_after()) == Some(2, "a_7/7")
        assert first_keys(connection, both.only_after(), 9) == ["a_7/7", "a_8/8"]
        assert (both.gone, both.fresh, both.keyed_alike) == ([], [], True)

    database.write(work)


def test_tables_that_are_the_same_are_joined_once(database: Database) -> None:
    asked: list[str] = []

    def note(connection: Connection, cursor: Any, statement: str, *others: Any) -> None:
        asked.append(statement)

    def work(connection: Connection) -> tuple[int, int]:
        both = _made(connection)
        connection.execute(delete(WILL))
        connection.execute(insert(WILL).from_select([c.name for c in WAS.columns], sqlalchemy.select(WAS)))
        sqlalchemy.event.listen(connection, "before_cursor_execute", note)
        assert both.counts(connection) == (0, 0, {"id": 0, "part": 0, "owner": 0, "memo": 0})
        joins = sum("JOIN" in statement for statement in asked)
        connection.execute(update(WILL).where(WILL.c.part == 2).values(memo="hoa"))
        asked.clear()
        assert both.counts(connection) == (0, 0, {"id": 0, "part": 0, "owner": 0, "memo": 1})
        return joins, sum("JOIN" in statement for statement in asked)

    assert database.write(work) == (1, 2)
