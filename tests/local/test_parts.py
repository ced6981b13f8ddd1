"""The parts of a stage: servers that answer, one-shot programs that fail loudly, processes that can be told apart."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from ledger.event_log import opened
from local.environment import Stage, prepare
from local.parts import answers, marked, one_shot, program, servers
from local.processes import NotReady
from projections.database import open_database
from projections.places import places
from projections.projection import PROJECTIONS
from projections.tables import make_tables


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@contextlib.contextmanager
def module(stage: Stage, name: str, text: str) -> Iterator[dict[str, str]]:
    """A program `python -m NAME` and the variables it starts with."""
    (stage.root / f"{name}.py").write_text(text)
    yield prepare(stage, {}) | {"PYTHONPATH": str(stage.root)}


def test_the_servers_of_a_stage_start_and_answer(stage: Stage) -> None:
    values = prepare(stage, {})
    started = {part.name: part for part in servers(stage, values)}
    assert list(started) == ["mongodb", "mysql", "redis"]
    part = started["redis"]
    try:
        part.start()
        assert part.running
        with redis.Redis.from_url(values["REDIS_URL"]) as client:
            assert client.ping()
    finally:
        for process in part.processes:
            process.stop()
    assert not part.running


def test_the_sql_server_of_a_stage_starts_with_its_schemas(stage: Stage) -> None:
    values = prepare(stage, {**os.environ, "EVENT_STORE_URL": "mysql:", "SOCAI_MYSQL_URL": ""})
    [part] = [part for part in servers(stage, values) if part.name == "mysql"]
    try:
        part.start()
        with (
            opened(values["EVENT_STORE_URL"]) as log,
            contextlib.closing(open_database(values["READ_TABLES_URL"])) as database,
        ):
            make_tables(database)
            assert log.head() == 0
            assert places(database).keys() == PROJECTIONS.keys()
    finally:
        for process in part.processes:
            process.stop()


def test_a_one_shot_program_gives_what_it_prints(stage: Stage) -> None:
    with module(stage, "says", "import os; print(os.environ['SOCAI_WEB_HOST'])") as values:
        assert one_shot(stage, values, "says", "says") == "127.0.0.1\n"


def test_a_failing_one_shot_program_is_reported_with_its_log(stage: Stage) -> None:
    with (
        module(stage, "fails", "raise SystemExit('no key ring')") as values,
        pytest.raises(NotReady, match="no key ring"),
    ):
        one_shot(stage, values, "fails", "fails")


def test_processes_of_a_stage_are_told_from_all_others(stage: Stage, tmp_path: Path) -> None:
    with module(stage, "sleeps", "import time; time.sleep(60)") as values:
        part = program(stage, values, "sleeps", "sleeps")
        with part.processes[0] as process:
            process.wait_until(lambda: marked(stage) == [process.pid])
            assert os.getpid() not in marked(stage)
            assert marked(Stage(tmp_path / "other")) == []


def test_an_address_where_nobody_listens_does_not_answer() -> None:
    assert not answers("http://127.0.0.1:9/ready")
