"""The leg on MySQL counts what its tests did, and a planted failure of one is a violation with its command."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.found import ServerMissing, mysqld
from tests.torture import on_mysql
from tests.torture.on_mysql import SHORT, Suites
from tests.torture.trial import Bench, Violated

PLANTED = """
import os, pytest

def test_the_server_is_handed_on():
    assert os.environ["SOCAI_MYSQLD"] == {server!r}

@pytest.mark.parametrize("kind", ["a", "b"])
def test_fails(kind):
    assert kind == "a", "planted"

def test_is_left_out():
    pytest.skip("planted")
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(on_mysql.NAME, "mysql", "", tmp_path, 1)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Tests of which one fails and one is left out, for a server of this name."""
    file = tmp_path / "test_planted.py"
    file.write_text(PLANTED.format(server=str(tmp_path / "mysqld")))
    return file


def test_the_suites_of_the_short_form_pass_on_the_server_of_this_machine(bench: Bench) -> None:
    counts = on_mysql.run(bench, mysqld(), SHORT).counts
    assert counts["passed"] >= 6
    assert counts["failed"] == counts["skipped"] == 0


def test_what_passed_and_was_left_out_is_counted(bench: Bench, planted: Path, tmp_path: Path) -> None:
    suites = Suites((planted,), "not test_fails", processes=0)
    assert on_mysql.run(bench, tmp_path / "mysqld", suites).counts == {"passed": 1, "failed": 0, "skipped": 1}


def test_a_test_that_fails_is_a_violation_with_the_command_that_repeats_it(
    bench: Bench, planted: Path, tmp_path: Path
) -> None:
    with pytest.raises(Violated) as caught:
        on_mysql.run(bench, tmp_path / "mysqld", Suites((planted,), "test", processes=0))
    [violation] = caught.value.violations
    assert "SOCAI_MYSQLD=$(./socai mysql) ./socai test '" in str(violation)
    assert "test_planted.py::test_fails[b]'" in str(violation)
    assert "Run again: make torture SEED=1 NAME=mysql STORE=mysql" in str(caught.value)


@pytest.mark.parametrize("words", ["no_such_test", "is_left_out"])
def test_where_nothing_passed_nothing_was_shown(bench: Bench, planted: Path, tmp_path: Path, words: str) -> None:
    with pytest.raises(Violated, match="pytest ended with"):
        on_mysql.run(bench, tmp_path / "mysqld", Suites((planted,), words, processes=0))


def test_mariadb_is_not_taken_for_mysql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mysqld"
    program.write_text("#!/bin/sh\necho 'mysqld  Ver 10.11.19-MariaDB'\n")
    program.chmod(0o755)
    monkeypatch.setenv("SOCAI_MYSQLD", str(program))
    with pytest.raises(ServerMissing, match="names MariaDB"):
        on_mysql.server()
    program.write_text("#!/bin/sh\necho 'mysqld  Ver 9.7.4'\n")
    assert on_mysql.server() == program
