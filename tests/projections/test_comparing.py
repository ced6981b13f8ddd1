"""Every kind of difference is found by the server and told under a name that gives nobody's values away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, insert, update

from ledger.privacy import Sealed
from projections.columns import (
    day,
    flag,
    id_,
    ids,
    instant,
    instant_or_none,
    key,
    number,
    number_key,
    number_or_none,
    prose_or_none,
    sealed_or_none,
    table,
    word,
)
from projections.comparing import GROUPS_MAX, Difference, compare, unexplained
from projections.database import Database, open_database
from projections.projection import PROJECTIONS, Projection
from projections.tables import Layout

SAMPLES = table(
    "samples",
    key("id"),
    number_key("part"),
    word("status"),
    number("fees"),
    number_or_none("limit_units"),
    flag("sent"),
    instant("at"),
    instant_or_none("ended_at"),
    day("value_date"),
    id_("owner"),
    prose_or_none("reason"),
    sealed_or_none("name"),
    ids("members"),
)
AT = datetime(2026, 11, 25, 3, 0, 0, 5, tzinfo=UTC)
LARGE = 2**63 - 1


class Samples(Projection):
    """One column of each kind."""

    name = "samples"
    tables = (SAMPLES,)


PROJECTIONS.pop("samples")


def _row(number: int) -> dict[str, Any]:
    return {
        "id": f"sm_{number:03}",
        "part": number % 7,
        "status": "submitted",
        "fees": 100 + number,
        "limit_units": number if number % 2 else None,
        "sent": False,
        "at": AT + timedelta(hours=number),
        "ended_at": AT if number % 2 else None,
        "value_date": date(2026, 1, 31),
        "owner": f"mch_{number}",
        "reason": "khách đổi ý" if number % 2 else None,
        "name": Sealed(person="mch_1", key="k", text="abc", digest="0") if number % 2 else None,
        "members": ("a", "b"),
    }


Both = tuple[Layout, Layout]


@pytest.fixture
def both(database: Database) -> Both:
    """The same forty rows twice: as they serve and as they would."""
    return _made_on(database)


def _made_on(database: Database) -> Both:
    projection = Samples()
    PROJECTIONS.pop("samples", None)
    layouts = Layout(projection), Layout.beside(projection, 1)

    def make(connection: Connection) -> None:
        for layout in layouts:
            layout.create(connection)
            connection.execute(insert(layout.tables["samples"]), [_row(number) for number in range(40)])

    database.write(make)
    return layouts


def _compared(database: Database, both: Both) -> list[Difference]:
    return database.write(lambda connection: compare(connection, *both))


def _groups(database: Database, both: Both) -> list[tuple[str, int]]:
    return [(one.group, one.rows) for one in _compared(database, both)]


def _change(database: Database, changed: Table, values: Callable[[dict[str, Any]], dict[str, Any]], rows: int) -> None:
    """Let the first rows of a table have other values."""

    def work(connection: Connection) -> None:
        for number_ in range(rows):
            row = _row(number_)
            connection.execute(update(changed).where(changed.c.id == row["id"]).values(**values(row)))

    database.write(work)


def test_equal_tables_do_not_differ(database: Database, both: Both) -> None:
    assert _compared(database, both) == []


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        (lambda row: {"status": "confirmed"}, [("samples.status: submitted -> confirmed", 4)]),
        (lambda row: {"status": "NGUYEN VAN A"}, [("samples.status: submitted -> a value", 4)]),
        (lambda row: {"status": "Submitted"}, [("samples.status: submitted -> a value", 4)]),
        (lambda row: {"fees": row["fees"] + 11_000}, [("samples.fees: +11000", 4)]),
        (lambda row: {"fees": row["fees"] - 1}, [("samples.fees: -1", 4)]),
        (lambda row: {"fees": -row["fees"]}, [("samples.fees: sign", 4)]),
        (lambda row: {"fees": row["fees"] - LARGE}, [(f"samples.fees: -{LARGE}", 4)]),
        (lambda row: {"sent": True}, [("samples.sent: no -> yes", 4)]),
        (lambda row: {"at": row["at"] + timedelta(hours=7)}, [("samples.at: +7:00:00", 4)]),
        (lambda row: {"at": row["at"] - timedelta(microseconds=5)}, [("samples.at: -0:00:00.000005", 4)]),
        (lambda row: {"at": row["at"] + timedelta(days=1, hours=1)}, [("samples.at: +1 day 1:00:00", 4)]),
        (lambda row: {"value_date": date(2026, 2, 1)}, [("samples.value_date: +1 day", 4)]),
        (lambda row: {"value_date": date(2026, 1, 28)}, [("samples.value_date: -3 days", 4)]),
        (lambda row: {"owner": "mch_other"}, [("samples.owner: differs", 4)]),
        (lambda row: {"members": ("b", "a")}, [("samples.members: differs", 4)]),
        (
            lambda row: {"reason": "Khách đổi ý"},
            [("samples.reason: NULL -> a value", 2), ("samples.reason: differs", 2)],
        ),
        (lambda row: {"reason": row["reason"] and "khach doi y"}, [("samples.reason: differs", 2)]),
        (lambda row: {"reason": row["reason"] and "khách đổi ý "}, [("samples.reason: differs", 2)]),
        (lambda row: {"reason": None}, [("samples.reason: a value -> NULL", 2)]),
        (lambda row: {"limit_units": None}, [("samples.limit_units: a value -> NULL", 2)]),
        (lambda row: {"ended_at": AT}, [("samples.ended_at: NULL -> a value", 2)]),
        (lambda row: {"name": None}, [("samples.name: a value -> NULL", 2)]),
        (
            lambda row: {"fees": row["fees"] + 1, "status": "failed"},
            [("samples.fees: +1", 4), ("samples.status: submitted -> failed", 4)],
        ),
    ],
)
def test_values_are_grouped_by_how_they_differ(
    database: Database,
    both: Both,
    values: Callable[[dict[str, Any]], dict[str, Any]],
    groups: list[tuple[str, int]],
) -> None:
    _change(database, both[1].tables["samples"], values, 4)
    assert sorted(_groups(database, both)) == groups


def test_each_group_names_one_of_its_rows(database: Database, both: Both) -> None:
    _change(database, both[1].tables["samples"], lambda row: {"status": "failed"}, 1)
    assert [one.example for one in _compared(database, both)] == ["sm_000/0"]


def test_rows_that_only_one_has_are_told(database: Database, both: Both) -> None:
    old, new = (layout.tables["samples"] for layout in both)
    database.write(lambda connection: connection.execute(delete(new).where(new.c.part == 3)))
    database.write(lambda connection: connection.execute(delete(old).where(old.c.id == "sm_039")))
    database.write(lambda connection: connection.execute(update(old).where(old.c.id == "sm_000").values(part=9)))
    found = _compared(database, both)
    assert [(one.group, one.rows, one.example) for one in found] == [
        ("samples: rows missing", 7, "sm_000/9"),
        ("samples: rows more", 2, "sm_000/0"),
    ]


def test_many_groups_of_one_column_are_put_together(database: Database, both: Both) -> None:
    _change(database, both[1].tables["samples"], lambda row: {"fees": row["fees"] + int(row["id"][3:]) + 1}, 30)
    found = _compared(database, both)
    assert len(found) == GROUPS_MAX + 1
    assert found[-1].group == "samples.fees: others"
    assert sum(one.rows for one in found) == 30


def test_a_column_that_only_one_has_is_explained_by_another_definition_only(database: Database, both: Both) -> None:
    old = both[0].tables["samples"]

    def age(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE samples DROP COLUMN reason")
        connection.exec_driver_sql("ALTER TABLE samples ADD COLUMN remark VARCHAR(9)")

    database.write(age)
    database.write(lambda connection: connection.execute(update(old).values(fees=old.c.fees + 1)))
    structure = {"samples.reason: column new", "samples.remark: column gone"}
    found = _compared(database, both)
    assert {one.group for one in unexplained(found, [])} == structure | {"samples.fees: -1"}
    _redefine(database, both)
    found = _compared(database, both)
    assert {one.group for one in found} == structure | {"samples.fees: -1"}
    assert [one.group for one in unexplained(found, [])] == ["samples.fees: -1"]
    assert unexplained(found, ["samples.fees: -1"]) == []


def test_a_table_or_a_key_of_another_definition_is_explained(database: Database, both: Both) -> None:
    _redefine(database, both)
    kept = insert(both[0].proof).values(of_table="sample_notes", day="", merchant_id="", rows_kept=1, low=1, high=1)
    database.write(lambda connection: connection.execute(kept))
    assert _groups(database, both) == [("sample_notes: table gone", 0)]
    old = both[0].tables["samples"]
    keyed = table("samples", key("id"), id_("owner"))
    database.write(old.drop)
    database.write(keyed.create)
    found = _compared(database, both)
    assert "samples: key changed" in {one.group for one in found}
    assert unexplained(found, []) == []
    database.write(old.drop)
    assert "samples: table new" in {one.group for one in _compared(database, both)}


def _redefine(database: Database, both: Both) -> None:
    other = update(both[0].place).values(definition="0" * 64)
    database.write(lambda connection: connection.execute(other))


def test_what_sqlite_keeps_of_another_kind_is_found(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    both = _made_on(database)
    for column, value in (
        ("fees", "'much'"),
        ("at", "x'6162'"),
        ("status", "x'6162'"),
        ("sent", "7"),
        ("owner", "1.5"),
    ):
        change = f"UPDATE samples__g1 SET {column} = {value} WHERE id = 'sm_001'"  # noqa: S608
        database.write(partial(Connection.exec_driver_sql, statement=change))
    assert {one.column for one in _compared(database, both)} == {"fees", "at", "status", "sent", "owner"}
    database.close()
