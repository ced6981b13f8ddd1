"""The SQL server of the local stage keeps its data, speaks utf8mb4 and searches Vietnamese as people do."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from local.mysql import SqlServer
from local.processes import NotReady


def scalar(url: str, statement: str) -> object:
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        result = connection.exec_driver_sql(statement)
        return result.scalar() if result.returns_rows else None


def test_a_killed_server_comes_back_with_its_rows(tmp_path: Path) -> None:
    with SqlServer(tmp_path, password="first") as sql:
        url = sql.create_schema("kept")
        scalar(url, "CREATE TABLE row_kept (id INT PRIMARY KEY)")
        scalar(url, "INSERT INTO row_kept VALUES (7)")
        sql.kill()
        sql.start()
        assert scalar(url, "SELECT id FROM row_kept") == 7


def test_temporary_tables_lie_where_no_other_server_empties_them(mysql_server: SqlServer) -> None:
    assert scalar(mysql_server.url, "SELECT @@tmpdir") == str(mysql_server.data.parent / "tmp")


def test_names_are_found_without_their_accents(mysql_url: str) -> None:
    assert scalar(mysql_url, "SELECT 'Nguyễn Đức' = 'nguyen duc'") == 1


def test_every_schema_handed_out_is_empty(mysql_url: str) -> None:
    assert scalar(mysql_url, "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()") == 0


def test_a_data_directory_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data.new").write_text("in the way")
    with pytest.raises(NotReady, match="could not be made"):
        SqlServer(tmp_path, password="any").start()
