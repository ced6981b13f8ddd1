"""Server binaries are found where they are, and a missing one is named together with the command that brings it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.found import FINDERS, ServerMissing, beside, main, mysqld


@pytest.mark.parametrize("kind", sorted(FINDERS))
def test_every_server_the_tests_need_is_found(kind: str) -> None:
    assert os.access(FINDERS[kind](), os.X_OK)


def test_what_was_found_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redis"]) == 0
    assert capsys.readouterr().out.startswith("redis: /")


def test_a_missing_server_is_named_with_the_way_out(tmp_path: Path) -> None:
    """A Python without our packages, on a PATH without anything, and with no usual places."""
    program = "import local.found as f, sys; f._PLACES = (); sys.exit(f.main(['mysql']))"
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "apt-get install" in done.stdout
    assert "SOCAI_MYSQL_URL" in done.stdout


def test_the_server_that_was_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = tmp_path / "mysqld"
    named.touch(mode=0o755)
    monkeypatch.setenv("SOCAI_MYSQLD", str(named))
    assert mysqld() == named


def test_no_other_server_is_taken_for_the_one_that_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCAI_MYSQLD", str(tmp_path / "none"))
    with pytest.raises(ServerMissing, match="names no program"):
        mysqld()


def test_a_program_that_is_nowhere_is_none(tmp_path: Path) -> None:
    assert beside(tmp_path / "server", "no-such-program-anywhere") is None
