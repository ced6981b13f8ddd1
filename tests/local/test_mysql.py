"""The SQL server of the local stage keeps its data, speaks utf8mb4 and searches Vietnamese as people do."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from local.found import mysqld
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


def test_the_server_is_the_one_that_was_found(mysql_server: SqlServer) -> None:
    assert mysql_server.binary == mysqld()
    assert ("mariadb" in str(scalar(mysql_server.url, "SELECT VERSION()")).lower()) == mysql_server.is_mariadb


def test_names_are_found_without_their_accents(mysql_url: str) -> None:
    assert scalar(mysql_url, "SELECT 'Nguyễn Đức' = 'nguyen duc'") == 1


def test_every_schema_handed_out_is_empty(mysql_url: str) -> None:
    assert scalar(mysql_url, "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()") == 0


def test_a_data_directory_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data.new").write_text("in the way")
    with pytest.raises(NotReady, match="could not be made"):
        SqlServer(tmp_path, password="any").start()


def test_data_of_the_other_make_of_server_are_left_alone(tmp_path: Path) -> None:
    server = SqlServer(tmp_path, password="any")
    (tmp_path / "data" / "mysql").mkdir(parents=True)
    if server.is_mariadb:
        (tmp_path / "data" / "mysql.ibd").touch()
    with pytest.raises(NotReady, match="SOCAI_MYSQLD"):
        server.start()
    assert not server.running
