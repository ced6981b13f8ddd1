"""The benchmark of the read models measures what it says: the same rows, the same events, with and without a proof."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update

from ledger.store import Ledger
from local.mysql import SqlServer, drop_schema
from projections import follower
from projections.building import build
from projections.comparing import compare
from projections.database import Database, open_database
from projections.live_rows import LiveRows
from projections.projection import PROJECTIONS
from projections.proof import NOTED_FOR
from projections.tables import Layout, make_tables, serving
from tests.bench import following, past_pages, visible
from tests.bench.ceiling import bare_reading, finished, loaded
from tests.bench.projections import by_ratio, fresh, main
from tests.bench.visible import Reader
from tests.generated import events
from tests.projections.built import serve
from tests.story import START
from tests.torture.projector import open_ledger

SOME = 4_000


@pytest.fixture
def ledger(sqlite_events_url: str) -> Iterator[Ledger]:
    """The first events of the month."""
    with closing(open_ledger(sqlite_events_url)) as opened:
        opened.recorder.insert_events(list(events(SOME)))
        yield opened


@pytest.fixture
def database(mysql_url: str) -> Iterator[Database]:
    """Read tables without tables."""
    with closing(open_database(mysql_url)) as opened:
        yield opened


@pytest.fixture
def built(ledger: Ledger, database: Database) -> list[Layout]:
    """Every read model, built beside."""
    layouts = fresh(database, 1)
    build(ledger, database, layouts, SOME, START)
    return layouts


def test_the_ceiling_puts_the_very_same_rows_into_the_same_tables(
    ledger: Ledger, database: Database, built: list[Layout], tmp_path: Path
) -> None:
    rows = finished(database, built, tmp_path)
    again = fresh(database, 2)
    assert loaded(database, again, rows) > 0 < bare_reading(ledger)
    assert sum(one.rows for one in rows.values()) > SOME
    for old, new in zip(built, again, strict=True):
        with database.snapshot() as connection:
            assert compare(connection, old, new) == []
    written = {name: one.file.read_bytes() for name, one in rows.items()}
    (tmp_path / "again").mkdir()
    assert {
        name: one.file.read_bytes() for name, one in finished(database, again, tmp_path / "again").items()
    } == written


def test_the_ceiling_notices_a_row_that_was_not_taken(database: Database, built: list[Layout], tmp_path: Path) -> None:
    rows = finished(database, built, tmp_path)
    file = rows["payments"].file
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(AssertionError, match="rows of payments__g2"):
        loaded(database, fresh(database, 2), rows)


def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WARM", 1), ("BATCHES", 4), ("SINGLY", 5)):
        monkeypatch.setattr(following, name, value)


@pytest.fixture
def open_fresh(mysql_server: SqlServer) -> Iterator[Callable[[], Database]]:
    """Opens read tables without tables, of another schema each time."""
    opened: dict[str, Database] = {}

    def another() -> Database:
        schema = f"bench_{secrets.token_hex(6)}"
        opened[schema] = open_database(mysql_server.create_schema(schema))
        return opened[schema]

    yield another
    for schema, database in opened.items():
        database.close()
        drop_schema(mysql_server.url, schema)


def test_the_proof_is_kept_on_one_side_only(
    ledger: Ledger, open_fresh: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    _short(monkeypatch)
    figures = following.figures(ledger, open_fresh)
    assert [figure.bar for figure in figures] == [20, 0.95, None]
    monkeypatch.setattr(following, "Unproven", LiveRows)
    with pytest.raises(AssertionError, match="not what was meant"):
        following.figures(ledger, open_fresh)


def test_what_few_batches_take_longer_is_borne_by_all() -> None:
    assert following.share(0.04, []) == 0
    assert following.share(0.04, [0.04 + 0.1, 9.0, 0.04 + 0.2]) == pytest.approx(0.2 * follower.BATCH / NOTED_FOR)
    assert following.share(0.04, [0.03]) == 0


def test_pairs_are_put_in_order_by_their_ratio_and_stay_together() -> None:
    assert by_ratio([(90.0, 100.0), (50.0, 200.0), (10.0, 20.0)]) == [(50.0, 200.0), (10.0, 20.0), (90.0, 100.0)]


def test_pages_of_the_past_are_timed(ledger: Ledger, database: Database, built: list[Layout]) -> None:
    serve(database, built)
    assert all(figure.value > 0 for figure in past_pages.figures(ledger, database))


def test_a_log_that_is_too_short_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(following.EVENTS_MIN - 1)]) == 2
    assert str(following.EVENTS_MIN) in capsys.readouterr().out


def test_whoever_looks_sees_what_is_committed_and_does_not_look_for_ever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tables(database)
    place = serving(PROJECTIONS["webhooks"]).place
    with closing(Reader(database)) as reader:
        assert reader.look() == 0
        database.write(lambda connection: connection.execute(update(place).values(position=7)))
        assert reader.look() == 7
        assert [position for position, _ in reader.seen] == [0, 7]
    monkeypatch.setattr(visible, "PATIENT_S", -1)
    with closing(Reader(database)) as reader, pytest.raises(TimeoutError, match="stand at 0"):
        reader.look()
