"""The verbs of the local stage, in a project tree whose parts are small stand-in programs on real servers.

The tree holds our own `local` package beside programs that only listen or wait, so that starting, finding again,
repairing and stopping are seen whole and quickly; the demo over the real parts is what `./socai up` itself shows.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.__main__ import addresses, status
from local.environment import Stage, prepare
from local.parts import marked
from local.processes import free_port

ROOT = Path(__file__).parents[2]
WEB_PORT = free_port()
"""Not the usual one: a stage of another test process may be about to take that."""

LISTENS = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
if "enrol" not in sys.argv:
    HTTPServer(("127.0.0.1", int(os.environ[{port!r}])), Ready).serve_forever()
"""
WORKERS = """
import sys, time
print("bank.acb.pay\\nwebhooks") if sys.argv[1] == "queues" else time.sleep(600)
"""
SECOND_PORT = """
import os, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
if "enrol" not in sys.argv:
    banks = [name for name in os.environ if name.startswith("SOCAI_LOCAL_BANK_") and "_ACB_" not in name]
    for name in ("SOCAI_SIMULATOR_CONTROL_PORT", *banks):
        other = HTTPServer(("127.0.0.1", int(os.environ[name])), BaseHTTPRequestHandler)
        threading.Thread(target=other.serve_forever, daemon=True).start()
"""
PROGRAMS = {
    "web": LISTENS.format(port="SOCAI_WEB_PORT"),
    "banks/simulator": SECOND_PORT + LISTENS.format(port="SOCAI_LOCAL_BANK_ACB_PORT"),
    "workers": WORKERS,
}


def local(tree: Path, verb: str, **given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local", verb]
    environment = os.environ | {"SOCAI_WEB_PORT": str(WEB_PORT)} | given
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=100)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    for package in ("local", "ledger"):
        (tmp_path / package).symlink_to(ROOT / package)
    for package, program in PROGRAMS.items():
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__main__.py").write_text(program)
    yield tmp_path
    local(tmp_path, "down")


def test_start_twice_then_a_crash_then_down(tree: Path) -> None:
    first = local(tree, "start")
    assert first.returncode == 0, first.stderr
    stage = Stage(tree)
    before = status(stage)["parts"]
    assert {"mongodb", "redis", "simulator", "web", "projector", "worker-bank.acb.pay", "worker-webhooks"} <= set(
        before
    )

    assert local(tree, "start").returncode == 0
    assert status(stage)["parts"] == before

    os.kill(before["web"]["pids"][0], signal.SIGKILL)
    assert eventually(lambda: status(stage)["parts"]["web"]["restarts"] == 1)
    assert local(tree, "start").returncode == 0
    assert local(tree, "status").returncode == 0

    assert "Stopped." in local(tree, "down").stdout
    assert marked(stage) == []
    assert local(tree, "status").returncode == 1
    assert "Nothing was running." in local(tree, "down").stdout


def test_a_killed_supervisor_takes_everything_along_and_start_repairs_it_and_once_more_for_changed_code(
    tree: Path,
) -> None:
    assert local(tree, "start").returncode == 0
    stage = Stage(tree)
    os.kill(int(stage.lock_file.read_text()), signal.SIGKILL)
    assert eventually(lambda: marked(stage) == [])
    again = local(tree, "start")
    assert again.returncode == 0, again.stderr
    assert status(stage)["parts"]["web"]["ready"]

    (tree / "workers" / "__main__.py").write_text(WORKERS + "# changed\n")
    assert "The code has changed" in local(tree, "start").stdout


def test_a_part_that_cannot_run_is_reported_with_its_log(tree: Path) -> None:
    (tree / "banks" / "simulator" / "__main__.py").write_text("raise SystemExit('the key directory is not ours')")
    failed = local(tree, "start")
    assert failed.returncode == 1
    assert "the key directory is not ours" in failed.stderr
    assert marked(Stage(tree)) == []


def test_the_doctor_names_every_server(tree: Path) -> None:
    found = local(tree, "doctor")
    assert found.returncode == 0
    assert all(word in found.stdout for word in ("python", "mongod", "mysql", "redis", "The stage is down"))


def test_the_servers_that_must_be_found_follow_from_the_event_store(tree: Path) -> None:
    def needed(**given: str) -> list[str]:
        return local(tree, "needs", **given).stdout.split()

    assert needed() == ["mongod", "redis"]
    assert needed(EVENT_STORE_URL="mysql://") == ["mysql", "redis"]
    assert needed(EVENT_STORE_URL="sqlite://", SOCAI_REDIS_URL="redis://bell:6379/3") == []
    assert needed(SOCAI_MONGO_URL="mongodb://db1,db2/?replicaSet=live") == ["redis"]
    refused = local(tree, "needs", EVENT_STORE_URL="postgres://s3cret")
    assert refused.returncode == 1
    assert "EVENT_STORE_URL must begin with" in refused.stderr
    assert "s3cret" not in refused.stderr


def test_a_stage_on_sqlite_starts_no_mongod_and_refuses_another_event_store_while_it_runs(tree: Path) -> None:
    assert local(tree, "start", EVENT_STORE_URL="sqlite://").returncode == 0
    stage = Stage(tree)
    before = status(stage)["parts"]
    assert "mongodb" not in before
    assert local(tree, "start").returncode == 0
    refused = local(tree, "start", EVENT_STORE_URL="mongodb://")
    assert refused.returncode == 1
    assert "EVENT_STORE_URL=sqlite:, or begin anew" in refused.stderr
    assert status(stage)["parts"] == before


def test_addresses_show_no_password(tmp_path: Path) -> None:
    mysql = "mysql://socai:hunter2@127.0.0.1:3306/socai"
    values = prepare(Stage(tmp_path), {"SOCAI_MYSQL_URL": mysql, "EVENT_STORE_URL": mysql})
    shown = addresses(values)
    assert "hunter2" not in shown
    assert "mysql+mysqlconnector://socai@127.0.0.1:3306/socai" in shown
