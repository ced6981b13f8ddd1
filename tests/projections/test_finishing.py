"""The end of a build: what is given is done over all connections, and what fails is raised in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy
from sqlalchemy import Connection, Table, text

from ledger.errors import ReadTablesUnavailable
from projections.database import Database
from projections.encoding import encoder
from projections.finishing import Finishing
from projections.loading import Loading, RowsRefused, Spooled
from projections.projection import PROJECTIONS
from projections.statements import OWNERS
from tests.projections.built import fresh


@pytest.fixture
def tables(database: Database) -> dict[str, Table]:
    """Fresh tables of two read models."""
    layouts = fresh(database, PROJECTIONS["statement_lines"], PROJECTIONS["payments"])
    return {name: made for layout in layouts for name, made in layout.tables.items()}


@pytest.fixture
def loading(database: Database) -> Iterator[Loading]:
    with Loading(database) as found:
        yield found


def _owners(loading: Loading, table: Table, how_many: int) -> list[Spooled]:
    rows = [{"owner_id": f"pi_{number}", "merchant_id": "mer_1"} for number in range(how_many)]
    loading.insert(table, encoder(table).encoded(rows))
    loading.wait()
    return loading.hand_over()


def _count(database: Database, table: Table) -> int:
    return len(database.column(sqlalchemy.select(table.c[0]).limit(1_000)))


def _indexes(database: Database, table: Table) -> set[str]:
    names = database.write(lambda connection: sqlalchemy.inspect(connection).get_indexes(table.name))
    return {str(index["name"]) for index in names}


def test_rows_are_loaded_and_every_table_gets_its_indexes(
    database: Database, loading: Loading, tables: dict[str, Table]
) -> None:
    owners = tables[str(OWNERS.name)]
    assert not any(_indexes(database, made) for made in tables.values())
    with Finishing(database, loading) as finishing:
        finishing.load(list(tables.values()), _owners(loading, owners, 300))
    assert _count(database, owners) == 300
    for made in tables.values():
        assert _indexes(database, made) == {str(index.name) for index in made.indexes}
    assert list(loading.folder.iterdir()) == []


def test_the_build_may_go_on_writing_meanwhile(database: Database, loading: Loading, tables: dict[str, Table]) -> None:
    owners = tables[str(OWNERS.name)]
    with Finishing(database, loading) as finishing:
        finishing.load([made for made in tables.values() if made is not owners], [])
        finishing.load([owners], _owners(loading, owners, 20))
    assert _count(database, owners) == 20


def test_what_fails_is_raised_in_the_end_and_the_rest_is_done(
    database: Database, loading: Loading, tables: dict[str, Table]
) -> None:
    owners, done = tables[str(OWNERS.name)], list[int]()

    def fails(connection: Connection) -> None:
        connection.execute(text("SELECT nothing FROM nowhere"))

    def both() -> None:
        with Finishing(database, loading) as finishing:
            finishing.write(lambda connection: done.append(1))
            finishing.write(fails)

    with pytest.raises(ReadTablesUnavailable):
        both()
    assert done == [1]
    assert _count(database, owners) == 0


def test_rows_that_the_server_refuses_are_told(database: Database, loading: Loading, tables: dict[str, Table]) -> None:
    owners = tables[str(OWNERS.name)]
    spooled = _owners(loading, owners, 3)
    if not loading.takes_files:
        assert spooled == []
        return
    with pytest.raises(RowsRefused), Finishing(database, loading) as finishing:
        finishing.load([owners], [Spooled(spooled[0].table, spooled[0].path, 2)])
