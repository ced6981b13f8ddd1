"""The whole way on real parts, as `make up` raises them: over HTTP only, and every check ends green."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.environment import BANKS, CHOSEN, Stage, read
from local.parts import whole
from local.processes import free_port

ROOT = Path(__file__).parents[2]
PACKAGES = ("ledger", "commands", "projections", "banks", "web", "workers", "local")


def run(tree: Path, *words: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=200)


STAGES = {"mongodb": ",".join(BANKS), "mysql": "acb", "sqlite": "acb"}
"""Stores of events, and the banks of the stage beside each."""


@pytest.fixture(params=sorted(STAGES))
def tree(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A project tree with a stage of its own, everything running, its events in each of the stores."""
    for package in PACKAGES:
        (tmp_path / package).symlink_to(ROOT / package)
    # Not the usual port: a stage of another test process may be about to take that.
    wishes = {
        "SOCAI_WEB_PORT": str(free_port()),
        "EVENT_STORE_URL": f"{request.param}://",
        CHOSEN: STAGES[request.param],
    }
    started = run(tmp_path, "local", "start", environment=os.environ | wishes)
    assert started.returncode == 0, started.stdout + started.stderr
    yield tmp_path
    run(tmp_path, "local", "down")


@pytest.mark.timeout(300)
def test_money_comes_in_and_goes_out_and_every_book_agrees(tree: Path) -> None:
    stage = Stage(tree)
    environment = whole(stage, read(stage))
    shown = run(tree, "local.demo", environment=environment)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    green, checks = re.findall(r"(\d+) of (\d+) checks green", shown.stdout)[0]
    assert green == checks == str(11 + len(read(stage)[CHOSEN].split(",")))
    again = run(tree, "local.demo", environment=environment)
    assert again.returncode == 0, again.stdout + again.stderr

    payout = re.findall(r"ledger history (po_\w+)", shown.stdout)[0]
    plain = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    story = run(tree, "ledger", "history", payout, environment=plain)
    for happening in ("payout.requested", "payout.submitted", "account.hold_captured", "statement_line.matched"):
        assert happening in story.stdout, story.stdout + story.stderr
