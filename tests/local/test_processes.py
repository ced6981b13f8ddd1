"""Child processes end when they are told to, when they must, and when their parent is gone."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.processes import NotReady, Process, accepts, alive, free_port, listens, tail

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_stopped_child_is_gone(tmp_path: Path) -> None:
    with Process("sleeper", SLEEPER, tmp_path / "log") as child:
        pid = child.pid
        assert alive(pid)
    assert not alive(pid)


def test_starting_a_running_child_changes_nothing(tmp_path: Path) -> None:
    with Process("sleeper", SLEEPER, tmp_path / "log") as child:
        assert child.pid == child.start().pid


def test_a_child_deaf_to_sigterm_is_killed(tmp_path: Path) -> None:
    child = Process("deaf", STUBBORN, tmp_path / "log", firm_after_s=0.2).start()
    child.wait_until(lambda: "deaf" in tail(tmp_path / "log"))
    child.stop()
    assert not child.running


def test_a_paused_child_can_be_stopped(tmp_path: Path) -> None:
    child = Process("sleeper", SLEEPER, tmp_path / "log").start()
    child.pause()
    assert child.running
    child.stop()
    assert not child.running


def test_a_child_that_ends_early_is_reported_with_its_last_words(tmp_path: Path) -> None:
    child = Process("brief", [sys.executable, "-c", "print('no licence')"], tmp_path / "log").start()
    with pytest.raises(NotReady, match="no licence"):
        child.wait_until(lambda: False)


def test_a_child_that_never_gets_ready_is_reported(tmp_path: Path) -> None:
    with Process("sleeper", SLEEPER, tmp_path / "log") as child, pytest.raises(NotReady, match="not ready within"):
        child.wait_until(lambda: False, within_s=0.1)


def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from local.processes import Process\n"
        f"child = Process('c', {SLEEPER!r}, Path({str(tmp_path / 'log')!r})).start()\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    assert eventually(lambda: not alive(pid))


def test_a_wanted_port_is_kept_when_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port
    assert not listens(port)


def test_the_tail_of_a_missing_log_is_a_sentence(tmp_path: Path) -> None:
    assert tail(tmp_path / "none.log") == "(no log at none.log)"


def test_a_unix_socket_accepts_while_somebody_listens(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert not accepts(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert accepts(path)
    assert not accepts(path)
