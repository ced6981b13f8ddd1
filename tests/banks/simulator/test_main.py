"""The command line, run as a process of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from banks.simulator.__main__ import parser
from banks.simulator.simulator import free_port
from tests.banks.simulator.customer import ControlPort, Customer

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-W", "error", "-m", "banks.simulator"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_flags_override_the_environment() -> None:
    environ = {"SOCAI_SIMULATOR_CONTROL_PORT": "1", "SOCAI_BANK_KEYS": "/keys", "SOCAI_SIMULATOR_STATE": "/state"}
    given = parser(environ).parse_args(["serve", "--control-port", "2"])
    assert (given.control_port, given.keys, given.state) == (2, Path("/keys"), Path("/state"))
    assert (given.host, given.webhook_url) == ("127.0.0.1", None)


def test_enrolling_twice_keeps_the_first(tmp_path: Path) -> None:
    arguments = ["enrol", "--keys", str(tmp_path), "--bank", "acb=http://127.0.0.1:9416", "--webhook-key", "k"]
    first = run(*arguments, "--account", "acb=12345678", "--account", "acb=22345678")
    assert (first.returncode, first.stderr) == (0, "")
    before = (tmp_path / "accounts.json").read_text()
    rows = json.loads(before)["bank_accounts"]
    assert [(one["id"], one["account_number"]) for one in rows] == [
        ("ba_acb_main", "12345678"),
        ("ba_acb_2", "22345678"),
    ]
    assert "kept" in run(*arguments).stdout
    assert (tmp_path / "accounts.json").read_text() == before


def test_the_banks_serve_until_they_are_terminated(tmp_path: Path) -> None:
    port, control_port = free_port(), free_port()
    assert run("enrol", "--keys", str(tmp_path), "--bank", f"acb=http://127.0.0.1:{port}").returncode == 0
    environment = {
        "SOCAI_SIMULATOR_CONTROL_PORT": str(control_port),
        "SOCAI_BANK_KEYS": str(tmp_path),
        "SOCAI_SIMULATOR_STATE": str(tmp_path / "state"),
    }
    with subprocess.Popen(
        [*COMMAND, "serve"], cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 30)[0], "the bank did not say that it is ready"
        assert process.stdout.readline() == f"bank acb http://127.0.0.1:{port}\n"
        assert process.stdout.readline().startswith(f"control http://127.0.0.1:{control_port} ")
        row = json.loads((tmp_path / "accounts.json").read_text())["bank_accounts"][0]
        customer = Customer(row, f"http://127.0.0.1:{port}")
        assert customer.balance().status_code == 200
        control = ControlPort(f"http://127.0.0.1:{control_port}/acb")
        assert control.get("/state")["trial_balance_sum"] == 0
        assert control.http.get("/../banks").json()[0]["code"] == "acb"
        assert "text/html" in control.http.get("/../").headers["Content-Type"]
        customer.http.close()
        control.http.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert (tmp_path / "state" / "acb" / "journal.jsonl").exists()


def test_a_bank_without_an_enrolment_does_not_start(tmp_path: Path) -> None:
    done = run("serve", SOCAI_BANK_KEYS=str(tmp_path))
    assert done.returncode == 1
    assert "enrol --keys DIR" in done.stderr
    assert "Traceback" not in done.stderr
    assert "give --keys" in run("serve").stderr
