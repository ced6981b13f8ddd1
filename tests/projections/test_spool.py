"""The folder of a build goes with it, and the next build removes what a killed one left."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from projections.spool import PREFIX, Spool, remove_left
from tests.torture.trial import ROOT

HOLDS = "from projections.spool import Spool; spool = Spool(); print(spool.name, flush=True); input()"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Temporary files go here."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_it_is_there_until_it_is_cleaned_up(folder: Path) -> None:
    spool = Spool()
    (Path(spool.name) / "rows").write_text("1")
    assert [path.name for path in folder.iterdir()] == [Path(spool.name).name]
    spool.cleanup()
    spool.cleanup()
    assert list(folder.iterdir()) == []


def test_it_goes_with_whoever_forgets_it(folder: Path) -> None:
    spool = Spool()
    del spool
    assert list(folder.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays(folder: Path) -> None:
    command = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        remove_left()
        assert list(folder.iterdir()) == [theirs]
        other.kill()
    assert list(folder.iterdir()) == [theirs]
    ours = Spool()
    assert [str(path) for path in folder.iterdir()] == [ours.name]


def test_others_files_are_left_alone(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / f"{PREFIX}file").write_text("")
    (folder / f"{PREFIX}file").chmod(0)
    remove_left()
    assert (folder / "other").is_dir()
