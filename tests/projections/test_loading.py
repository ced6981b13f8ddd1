"""Rows are loaded whatever the server allows, or the build ends with an error of ours."""

from __future__ import annotations

import random
import resource
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.schema import CreateTable, DropTable

from ledger.errors import ReadTablesUnavailable
from local.mysql import SqlServer
from projections import bulk_fold
from projections import loading as loading_module
from projections.building import build
from projections.columns import key, prose, table
from projections.database import Database, open_database
from projections.encoding import Row, encoder
from projections.loading import Loading, RowsRefused, Spooled, joined
from projections.projection import PROJECTIONS
from tests.projections.built import fresh, is_whole, serve
from tests.projections.dumped import dump_all
from tests.projections.tale import Tale
from tests.story import START

ONE, OTHER = (table(name, key("id"), prose("text")) for name in ("loaded_one", "loaded_other"))
TEXT = "q\" ' \\ ]\n[ \x0c Đức"


@pytest.fixture
def files_url(mysql_url: str, mysql_server: SqlServer) -> Iterator[str]:
    """Read tables on a server that takes files: MariaDB does so by itself, MySQL when it is told to."""
    with closing(open_database(mysql_server.url)) as root:
        allowed = root.column(text("SELECT @@GLOBAL.local_infile"))[0]
        root.write(lambda connection: connection.execute(text("SET GLOBAL local_infile = 1")))
        yield mysql_url
        root.write(lambda connection: connection.execute(text(f"SET GLOBAL local_infile = {allowed}")))


@pytest.mark.parametrize("rows_in_memory", [3, 60_000])
def test_a_server_that_takes_no_files_is_sent_statements(
    tale: Tale,
    mysql_url: str,
    mysql_server: SqlServer,
    tables_on_sqlite: Database,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    rows_in_memory: int,
) -> None:
    monkeypatch.setattr(bulk_fold, "ROWS_IN_MEMORY", rows_in_memory)
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


def test_rows_are_spooled_until_one_of_their_table_is_asked_for(files_url: str) -> None:
    database = open_database(files_url)
    form = encoder(ONE)
    database.write(_make)
    with Loading(database) as loading, Loading(database, loading.folder) as child:
        for table in (ONE, OTHER):
            child.insert(table, form.encoded(_rows(0, 10)))
        assert _count(database, ONE) == 0
        assert child.ask(ONE, ("r3",)) == {"id": "r3", "text": TEXT}
        assert child.ask(ONE, ("none",)) is None
        assert (_count(database, ONE), _count(database, OTHER)) == (10, 0)
        child.insert(ONE, form.encoded(_rows(10, 12)))
        child.upsert(ONE, form.encoded([{"id": "r4", "text": "other"}]))
        child.delete(ONE, [("r5",)])
        assert child.ask(ONE, ("r4",)) == {"id": "r4", "text": "other"}
        assert child.ask(ONE, ("r5",)) is None
        loading.insert(OTHER, form.encoded(_rows(20, 21)))
        child.insert(OTHER, form.encoded(_rows(10, 11)))
        # One process has one file a table: here the two are the same.
        (spooled,) = child.hand_over()
        assert (spooled.table, spooled.rows) == (str(OTHER.name), 11)
        assert child.hand_over() == []
        folder = loading.folder
    assert _count(database, ONE) == 11
    assert not folder.exists()
    database.close()


def test_files_of_several_are_loaded_as_one(files_url: str) -> None:
    database = open_database(files_url)
    form = encoder(ONE)
    database.write(_make)
    with Loading(database) as loading:
        spooled = []
        for start, end in ((0, 3), (3, 10), (10, 12)):
            loading.insert(ONE, form.encoded(_rows(start, end)))
            (one,) = loading.hand_over()
            path = Path(one.path).rename(loading.folder / f"part.{start}")
            spooled.append(Spooled(one.table, str(path), one.rows))
        loading.load(ONE, joined(spooled))
        assert list(loading.folder.iterdir()) == []
        loading.insert(ONE, form.encoded(_rows(20, 21)))
        with pytest.raises(RowsRefused):
            loading.load(ONE, Spooled(str(ONE.name), loading.hand_over()[0].path, 2))
    assert [row["text"] for row in database.rows(select(ONE).limit(12))] == [TEXT] * 12
    database.close()


@pytest.mark.parametrize("memory", [loading_module.SORTED_IN, "64K"])
def test_files_of_several_are_sorted_by_bytes_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    monkeypatch.setattr(loading_module, "SORTED_IN", memory)
    chance = random.Random(6)
    lines = [b'["%s",%d]\n' % (chance.choice("aZ_ ơđ").encode() * chance.randint(1, 9), n) for n in range(20_000)]
    spooled = [Spooled("one", str(tmp_path / f"one.{part}.lines"), len(lines[part::3])) for part in range(3)]
    for part, one in enumerate(spooled):
        Path(one.path).write_bytes(b"".join(lines[part::3]))
    found = joined(spooled)
    assert (found.table, found.rows) == ("one", len(lines))
    assert Path(found.path).read_bytes() == b"".join(sorted(lines))
    assert list(tmp_path.iterdir()) == [Path(found.path)]


def test_what_cannot_be_sorted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Spooled("one", str(tmp_path / "one.1.lines"), 3)
    with pytest.raises(ReadTablesUnavailable, match=r"could not be kept in .*one\.1\.lines.*make room there"):
        joined([gone])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReadTablesUnavailable, match="install coreutils"):
        joined([gone])


def test_no_room_for_the_spool_ends_a_build_and_leaves_nothing(
    tale: Tale, files_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(files_url)
    layouts = fresh(database, *PROJECTIONS.values())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The system refuses to let any file of ours grow beyond this, as it does when a disk is full.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(ReadTablesUnavailable, match="make room there"):
            build(tale.story.ledger, database, layouts, tale.story.ledger.head(), START)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
    assert not any(is_whole(database, layout) for layout in layouts)
    database.close()


def _make(connection: Connection) -> None:
    for one in (ONE, OTHER):
        connection.execute(DropTable(one, if_exists=True))
        connection.execute(CreateTable(one))


def _rows(start: int, end: int) -> list[Row]:
    return [{"id": f"r{number}", "text": TEXT} for number in range(start, end)]


def _count(database: Database, table: Table) -> int:
    return int(database.column(select(func.count()).select_from(table))[0])


def test_the_server_counts_for_its_plans_once_rows_are_there_and_by_itself_from_then_on(files_url: str) -> None:
    database = open_database(files_url)
    database.write(_make)
    with Loading(database) as loading:
        loading.insert(ONE, encoder(ONE).encoded(_rows(0, 300)))
        loading.load(ONE, joined(loading.hand_over()))
        loading.index(ONE)
    asked = "SELECT {} FROM information_schema.tables WHERE table_name = 'loaded_one' AND table_schema = DATABASE()"
    assert "stats_auto_recalc" not in str(database.column(text(asked.format("create_options")))).lower()
    assert database.column(text(asked.format("table_rows"))) == [300]
    database.close()
