"""The supervisor restarts what dies, ever more slowly, tells what runs, and leaves nothing behind."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.environment import Stage
from local.parts import Part
from local.processes import Process, alive
from local.supervise import Supervisor, code_digest, held, holder


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    stage = Stage(tmp_path)
    stage.run.mkdir()
    supervisor = Supervisor(stage)
    yield supervisor
    supervisor.stop()


def part(stage: Stage, name: str, program: str) -> Part:
    process = Process(name, [sys.executable, "-c", program], stage.log(name))
    return Part(name, [process], process.start)


def tick_until(supervisor: Supervisor, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        supervisor.tick()
        time.sleep(0.02)


def status(supervisor: Supervisor) -> dict[str, dict[str, object]]:
    parts: dict[str, dict[str, object]] = json.loads(supervisor.stage.status_file.read_text())["parts"]
    return parts


def test_a_killed_part_is_started_again(supervisor: Supervisor) -> None:
    sleeper = part(supervisor.stage, "sleeper", "import time; time.sleep(60)")
    supervisor.add(sleeper)
    first = sleeper.processes[0].pid
    sleeper.processes[0].kill()
    tick_until(supervisor, lambda: sleeper.running)
    assert sleeper.processes[0].pid != first
    tick_until(supervisor, lambda: status(supervisor)["sleeper"]["ready"] is True)
    assert status(supervisor)["sleeper"]["restarts"] == 1


def test_a_part_that_keeps_dying_is_tried_ever_more_slowly(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.add(part(supervisor.stage, "doomed", "raise SystemExit(1)"))
    supervisor.tick()
    tick_until(supervisor, lambda: status(supervisor)["doomed"]["restarts"] == 2)
    said = capsys.readouterr().out
    assert said.index("again in 0.5 s") < said.index("again in 1 s")


def test_a_part_is_ready_only_when_it_says_so(supervisor: Supervisor, tmp_path: Path) -> None:
    slow = part(supervisor.stage, "slow", "import time; time.sleep(60)")
    slow.ready = (tmp_path / "sign").exists
    supervisor.add(slow)
    supervisor.tick()
    assert status(supervisor)["slow"]["ready"] is False
    (tmp_path / "sign").touch()
    supervisor.tick()
    assert status(supervisor)["slow"]["ready"] is True


def test_stopping_leaves_nothing_behind(supervisor: Supervisor) -> None:
    parts = [part(supervisor.stage, name, "import time; time.sleep(60)") for name in ("one", "two")]
    for each in parts:
        supervisor.add(each)
    pids = [each.processes[0].pid for each in parts]
    supervisor.stop()
    assert not any(alive(pid) for pid in pids)
    assert not supervisor.stage.status_file.exists()


def test_a_stage_has_one_supervisor(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.run.mkdir()
    assert holder(stage) is None
    with held(stage) as first, held(stage) as second:
        assert first
        assert not second
        assert holder(stage) is not None
    assert holder(stage) is None


def test_changed_code_has_another_digest(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "wsgi.py").write_text("x = 1")
    before = code_digest(tmp_path)
    (tmp_path / "web" / "wsgi.py").write_text("x = 22")
    assert code_digest(tmp_path) != before
