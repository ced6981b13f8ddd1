"""The one parent of a local stage: starts every part in order, restarts what dies, and stops all when it is told to.

Run by `./socai up` as `python -m local.supervise`; it reads `.run/env`, writes `.run/status.json` and logs to
`.run/log/supervisor.log`. A part that keeps dying is tried again after 0.5, 1, 2, ... at most 15 seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from local.environment import Stage, read
from local.parts import Part, enrol, programs, servers
from local.processes import NotReady

ROOT = Path(__file__).parents[1]
PACKAGES = ("ledger", "commands", "projections", "banks", "web", "workers", "local")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
SETTLED_AFTER_S = 30.0
"""A part that ran this long has recovered: its next restart is quick again."""


class Supervisor:
    """Keeps parts running. `tick()` looks at each once; `stop()` ends them, the last started first."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.parts: list[Part] = []
        self.complete = False
        self._restarts: dict[str, int] = {}
        self._since: dict[str, float] = {}
        self._next_try: dict[str, float] = {}
        self._ready: set[str] = set()
        self._code = code_digest(stage.root)

    def add(self, part: Part) -> None:
        """Start a part and keep it running from now on."""
        self.parts.append(part)
        self._restarts[part.name] = 0
        self._start(part)

    def tick(self) -> None:
        """Restart what died and whose pause is over, see what has become ready, write the status."""
        for part in self.parts:
            now = time.monotonic()
            if not part.running:
                self._ready.discard(part.name)
                if part.name not in self._next_try:
                    self._schedule(part, now)
                elif now >= self._next_try[part.name]:
                    self._restarts[part.name] += 1
                    self._start(part)
            elif part.name not in self._ready and now - self._since[part.name] >= part.steady_s and part.ready():
                self._ready.add(part.name)
        self.write_status()

    def stop(self) -> None:
        """Stop the programs side by side, then the servers, last started first."""
        ours = [part for part in self.parts if part.name not in ("mongodb", "mysql", "redis")]
        for group in (ours, [part for part in self.parts if part not in ours]):
            processes = [process for part in reversed(group) for process in part.processes]
            for process in processes:
                process.ask_to_stop()
            for process in processes:
                process.stop()
        self.stage.status_file.unlink(missing_ok=True)

    def write_status(self) -> None:
        """What runs, in `.run/status.json`: written beside and moved into place."""
        parts = {
            part.name: {
                "pids": [process.pid for process in part.processes if process.running],
                "ready": part.name in self._ready and part.running,
                "restarts": self._restarts[part.name],
            }
            for part in self.parts
        }
        status = {"code": self._code, "complete": self.complete}
        beside = self.stage.status_file.with_suffix(".new")
        beside.write_text(json.dumps(status | {"parts": parts}, indent=1))
        beside.replace(self.stage.status_file)

    def _start(self, part: Part) -> None:
        self._next_try.pop(part.name, None)
        self._since[part.name] = time.monotonic()
        try:
            part.start()
        except NotReady as fault:
            say(f"{part.name}: {fault}")

    def _schedule(self, part: Part, now: float) -> None:
        if now - self._since[part.name] > SETTLED_AFTER_S:
            self._restarts[part.name] = 0
        pause = min(FIRST_PAUSE_S * 2 ** min(self._restarts[part.name], 10), LONGEST_PAUSE_S)
        self._next_try[part.name] = now + pause
        say(f"{part.name} ended; it is started again in {pause:g} s")


def code_digest(root: Path) -> str:
    """A digest of every source file that runs here: `up` restarts a stage whose code has changed since."""
    files = sorted(file for package in PACKAGES for file in (root / package).rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(root)} {file.stat().st_mtime_ns} {file.stat().st_size}\n".encode())
    return digest.hexdigest()


def say(text: str) -> None:
    """A line in the supervisor's log."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


def raise_stage(supervisor: Supervisor) -> None:
    """Start everything: servers, then the bank's enrolment, then our programs."""
    stage = supervisor.stage
    values = read(stage)
    for part in servers(stage, values):
        supervisor.add(part)
        supervisor.tick()
    enrol(stage, values)
    for part in programs(stage, values):
        supervisor.add(part)
        supervisor.tick()
    supervisor.complete = True


def keep(supervisor: Supervisor) -> None:
    """Raise the stage and look after it until SIGTERM or SIGINT; a fault while raising it ends everything again."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: sys.exit(0))
    try:
        raise_stage(supervisor)
        while True:
            supervisor.tick()
            time.sleep(0.2)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop()


def main() -> int:
    """One supervisor for each stage: a second one sees the lock and leaves."""
    stage = Stage(ROOT)
    with held(stage) as mine:
        if not mine:
            say("another supervisor looks after this stage")
            return 1
        try:
            keep(Supervisor(stage))
        except (NotReady, OSError, subprocess.TimeoutExpired) as fault:
            say(str(fault))
            return 1
    return 0


@contextlib.contextmanager
def held(stage: Stage) -> Iterator[bool]:
    """Hold the lock of the stage, with our process id in it; false when another supervisor holds it.

    Somebody who only looks (`holder`) has it for a moment, so we ask for a second.
    """
    with stage.lock_file.open("a+") as file:
        if not any(_locked(file) for _ in range(20)):
            yield False
            return
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield True
        file.truncate(0)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(0.05)
        return False
    return True


def holder(stage: Stage) -> int | None:
    """Process id of the supervisor that looks after this stage; None when there is none."""
    if not stage.lock_file.exists():
        return None
    with stage.lock_file.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read() or 0) or None
    return None


if __name__ == "__main__":
    sys.exit(main())
