"""Rows are loaded whatever the server allows, or the build ends with an error of ours."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from ledger.errors import ReadTablesUnavailable
from local.mysql import SqlServer
from projections.building import build
from projections.database import Database, open_database
from projections.projection import PROJECTIONS
from tests.projections.built import fresh, serve
from tests.projections.dumped import dump_all
from tests.projections.tale import Tale
from tests.story import START


def test_a_server_that_takes_no_files_is_sent_statements(
    tale: Tale, mysql_url: str, mysql_server: SqlServer, tables_on_sqlite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database = open_database(mysql_url)
    root = open_database(mysql_server.url)
    allowed = root.column(text("SELECT @@GLOBAL.local_infile"))[0]
    root.write(lambda connection: connection.execute(text("SET GLOBAL local_infile = 0")))
    try:
        layouts = fresh(database, *PROJECTIONS.values())
        build(tale.story.ledger, database, layouts, tale.story.ledger.head(), START)
    finally:
        root.write(lambda connection: connection.execute(text(f"SET GLOBAL local_infile = {allowed}")))
        root.close()
    serve(database, layouts)
    assert "takes no files" in caplog.text
    assert dump_all(database) == dump_all(tables_on_sqlite)
    database.close()


def test_tables_that_are_away_end_a_build(tale: Tale, database: Database) -> None:
    layouts = fresh(database, PROJECTIONS["payments"])

    def remove(connection: Connection) -> None:
        connection.execute(text("DROP TABLE payments__g1"))

    database.write(remove)
    with pytest.raises(ReadTablesUnavailable):
        build(tale.story.ledger, database, layouts, tale.story.ledger.head(), START)
