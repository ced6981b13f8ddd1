"""Whatever is installed is pinned by hash, from no particular place, and every way in leads through ./socai."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def pins(lock: Path) -> dict[str, set[str]]:
    """Name -> versions; more than one where versions depend on the platform."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", lock.read_text(), re.M | re.I):
        found.setdefault(name, set()).add(version)
    return found


def socai(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "socai", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_pin_has_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n?", "", lock.read_text(), flags=re.M).strip())
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_names_a_place(lock: Path) -> None:
    assert not re.search(r"://|--index|--find-links|file:|@ ", lock.read_text())


def test_every_requirements_file_has_its_lock() -> None:
    files = {file.stem for file in (ROOT / "requirements").glob("*.in")}
    assert files == {lock.stem for lock in LOCKS}


def test_tests_run_on_the_very_versions_that_run_in_production() -> None:
    run, dev = (pins(ROOT / "requirements" / f"{name}.lock") for name in ("run", "dev"))
    assert {name: dev.get(name) for name in run} == run


def test_every_make_target_is_a_verb() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.M)[0].split())
    verbs = set(re.findall(r"^  (\w+) ", socai("help").stdout, re.M))
    assert targets <= verbs
    assert {"up", "down", "test", "check", "bench", "doctor", "help"} <= targets


def test_an_unknown_verb_is_refused_with_the_list() -> None:
    refused = socai("fly")
    assert refused.returncode == 1
    assert "no verb 'fly'" in refused.stderr
    assert "doctor" in refused.stderr


def test_a_bench_that_does_not_exist_is_refused() -> None:
    refused = socai("bench", "NAME=no-such-bench")
    assert refused.returncode == 1
    assert "make bench NAME=x" in refused.stderr


def test_continuous_integration_calls_make_and_nothing_else() -> None:
    steps = re.findall(r"sh '([^']*)'", (ROOT / "Jenkinsfile").read_text())
    assert steps
    assert all(re.fullmatch(r"make [a-z]+", step) for step in steps)
    run = (ROOT / ".ci" / "run").read_text()
    assert run.index("make check") < run.index("make test")


def test_the_image_runs_as_nobody_special_on_hashed_packages() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes --no-deps -r requirements/run.lock" in dockerfile
    assert re.search(r"^USER (?!root)\w+$", dockerfile, re.M)
