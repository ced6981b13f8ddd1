"""The end of a build: what is given is done over all connections, and what fails is raised in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy
from sqlalchemy import Connection, Table, text

import projections.finishing
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
    """Fresh tables of three read models."""
    layouts = fresh(database, *(PROJECTIONS[name] for name in ("statement_lines", "payments", "webhooks")))
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


def test_the_largest_file_is_loaded_first(
    database: Database, loading: Loading, tables: dict[str, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the longest: wide rows take longer."""
    monkeypatch.setattr(projections.finishing, "CONNECTIONS", 1)
    loaded: list[str] = []
    load = Loading.load

    def told(loading: Loading, table: Table, spooled: Spooled) -> None:
        loaded.append(str(table.name))
        load(loading, table, spooled)

    monkeypatch.setattr(Loading, "load", told)
    listeners, endpoints = (tables[name] for name in ("webhook_listeners", "webhook_endpoints"))
    loading.insert(listeners, encoder(listeners).encoded([{"merchant_id": "mer_1", "endpoint_ids": ("we_1",) * 100}]))
    rows = [{"id": f"we_{number}", "merchant_id": "mer_1", "removed": False} for number in range(3)]
    loading.insert(endpoints, encoder(endpoints).encoded(rows))
    with Finishing(database, loading) as finishing:
        finishing.load([endpoints, listeners], loading.hand_over())
    assert loaded == ([listeners.name, endpoints.name] if loading.takes_files else [])
    assert (_count(database, endpoints), _count(database, listeners)) == (3, 1)


def test_a_file_that_is_gone_ends_a_build(database: Database, loading: Loading, tables: dict[str, Table]) -> None:
    owners = tables[str(OWNERS.name)]
    gone = Spooled(str(owners.name), str(loading.folder / "gone.lines"), 3)
    with pytest.raises(ReadTablesUnavailable), Finishing(database, loading) as finishing:
        finishing.load([owners], [gone])
