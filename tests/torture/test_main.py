"""The command behind `make torture`: what it prints, and what it exits with."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.found import ServerMissing
from tests.torture import __main__ as command
from tests.torture.catalogue import TRIALS, Trial
from tests.torture.judge import Kind, Violation
from tests.torture.servers import Servers
from tests.torture.trial import Bench, Report, Violated


@pytest.fixture(autouse=True)
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Records of these runs go here."""
    monkeypatch.setattr(command, "STAGE", tmp_path)
    return tmp_path


def fails(_: Servers, bench: Bench, short: bool) -> Report:
    raise Violated(bench, [Violation(Kind.LOST, "k1"), Violation(Kind.GAP, "at 7")])


def test_a_trial_that_passes_is_told_in_a_table_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], stage: Path
) -> None:
    assert command.main(["--seed", "7", "--name", "model", "--store", "sqlite", "--short"]) == 0
    told = capsys.readouterr().out
    assert "SEED=7" in told
    assert "violations" in told
    assert "1 trials, 0 with violations" in told
    assert list(stage.iterdir()) == []


def test_a_violation_ends_with_exit_code_1_the_command_to_repeat_it_and_its_records(
    capsys: pytest.CaptureFixture[str], stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "TRIALS", [Trial("planted", "x", "a fault", ("sqlite",), fails)])
    assert command.main(["--seed", "7", "--name", "planted"]) == 1
    told = capsys.readouterr().out
    assert "2 violations" in told
    assert "Run again: make torture SEED=7 NAME=planted STORE=sqlite" in told
    assert list(stage.glob("*/planted-sqlite"))


def test_a_seed_is_drawn_and_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "TRIALS", [Trial("planted", "x", "a fault", ("sqlite",), fails)])
    seeds = set()
    for _ in range(2):
        command.main(["--name", "planted"])
        seeds.add(capsys.readouterr().out.split()[0])
    assert all(seed.startswith("SEED=") for seed in seeds)
    assert len(seeds) == 2


def lacks(_: Servers, __: Bench, short: bool) -> Report:
    raise ServerMissing("There is no such server.")


def test_a_trial_without_its_server_says_so_and_is_no_pass(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "TRIALS", [Trial("planted", "x", "a server", ("sqlite",), lacks)])
    assert command.main(["--seed", "7", "--name", "planted"]) == 1
    told = capsys.readouterr().out
    assert "not run: There is no such server." in told
    assert "0 trials, 0 with violations, 1 not run" in told


def test_nothing_to_run_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command.main(["--seed", "1", "--name", "failover", "--store", "sqlite"]) == 1


def test_every_trial_of_the_list_is_there() -> None:
    assert sorted({trial.letter for trial in TRIALS}) == ["", "a", "b", "c", "d", "e"]
    assert len({trial.name for trial in TRIALS}) == len(TRIALS)
