"""What the trials ask about rebuilds: an unclear end, half a table and everything that remains are seen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from local.processes import Process
from projections.projection import PROJECTIONS
from projections.tables import Layout, serving
from tests.torture.judge import Kind
from tests.torture.read_models import SPOOL, Scene, Store, generations, half_tables
from tests.torture.rebuilds import (
    LOAD,
    START,
    mark_left,
    reached,
    remains,
    succeeded,
    unclear,
)
from tests.torture.trial import Bench, until

TYPED = "The read tables cannot be reached. The database of the read tables did not answer; try again."
BALANCES = PROJECTIONS["balances"]


@pytest.fixture
def scene(sqlite_bench: Bench, sqlite_tables: Store) -> Iterator[Scene]:
    """A log with some events and tables that follow it."""
    with Scene(sqlite_bench, sqlite_tables, 50) as opened:
        opened.feeder.feed(50)
        projector = opened.projector().start()
        assert opened.settled(projector) == []
        projector.stop()
        yield opened


def said(scene: Scene, words: str, code: int) -> Process:
    """A program that says this and ends."""
    program = f"import sys; print({words!r}); sys.exit({code})"
    process = Process("rebuild", [sys.executable, "-c", program], scene.bench.directory / f"{code}{len(words)}.log")
    process.start()
    assert until(lambda: not process.running)
    return process


def test_an_error_that_is_typed_is_clear_and_all_others_are_not(scene: Scene) -> None:
    assert unclear(said(scene, TYPED, 2)) == []
    assert unclear(said(scene, "all is well", 0)) == []
    for words, code in ((TYPED, 1), ("no such thing", 2), (f"Traceback\n{TYPED}", 2), ("", 1)):
        (violation,) = unclear(said(scene, words, code))
        assert violation.kind is Kind.UNEXPLAINED
    (violation,) = succeeded(said(scene, TYPED, 2))
    assert violation.kind is Kind.STALLED


def test_a_table_that_is_gone_or_not_whole_is_half_a_table(scene: Scene) -> None:
    assert list(half_tables(scene.database, "now")) == []
    place = serving(BALANCES).place
    scene.database.write(lambda connection: connection.execute(place.update().values(whole=False)))
    (violation,) = half_tables(scene.database, "now")
    assert violation.where == "balances lacks its place, now"
    scene.database.write(lambda connection: connection.exec_driver_sql("DROP TABLE balances__proof"))
    (violation,) = half_tables(scene.database, "now")
    assert violation == (Kind.HALF_TABLE, "balances lacks balances__proof, now")


def test_tables_processes_and_files_that_remain_are_seen(scene: Scene) -> None:
    assert remains(scene, "now") == []
    (scene.spool / "rows").mkdir()
    for generation in (1, 2):
        scene.database.write(Layout.beside(BALANCES, generation).create)
    environment = {**os.environ, SPOOL: str(scene.spool)}
    log = scene.bench.directory / "stray.log"
    waits = "import threading; threading.Event().wait(60)"
    with Process("stray", [sys.executable, "-c", waits], log, environment=environment) as stray:
        (violation,) = remains(scene, "now")
    assert violation.kind is Kind.LEFT_OVER
    for name in ("rows", "balances__g1, balances__place__g1", f"process {stray.pid}"):
        assert name in violation.where


def test_how_far_a_rebuild_is_does_not_lean_on_what_an_earlier_one_left(scene: Scene) -> None:
    before = generations(scene.database, ["balances"])
    assert reached(scene.database, before) == START
    beside = Layout.beside(BALANCES, before["balances"] + 1)
    scene.database.write(beside.create)
    assert reached(scene.database, before) == LOAD
    mark_left(scene.database, before)
    assert reached(scene.database, before) == START
