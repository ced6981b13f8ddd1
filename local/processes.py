"""Child processes of the local stage: start, stop gently then firmly, kill, pause, resume, and never leave an orphan.

A child asks the kernel to be killed when its parent dies (Linux, PR_SET_PDEATHSIG), so a test run that is killed takes
its servers along. The kernel means the parent *thread*: start children from a thread that lives as long as they shall.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class NotReady(RuntimeError):
    """Something that was started did not become ready; the message ends with the last lines of its log."""


class Process:
    """One child process with its log file.

    `command` is the argument list, `log` the file that takes its output, `environment` replaces the whole environment
    when given. With `outlives_parent` the child survives us (the supervisor of `up` does, nothing else).
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        outlives_parent: bool = False,
        firm_after_s: float = 10.0,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log = log
        self.firm_after_s = firm_after_s
        self._environment = environment
        self._outlives_parent = outlives_parent
        self._child: subprocess.Popen[bytes] | None = None
        self._was_asked = False

    def start(self) -> Self:
        """Start the child; does nothing while it runs."""
        if self.running:
            return self
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._was_asked = False
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if self._environment is None else dict(self._environment),
                start_new_session=True,
                preexec_fn=None if self._outlives_parent else _die_with_parent,
            )
        return self

    @property
    def running(self) -> bool:
        """Whether the child runs (a paused one does)."""
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What the child ended with (minus the number of a signal), None while it runs or was never started."""
        return None if self._child is None else self._child.poll()

    @property
    def pid(self) -> int:
        """Process id of the child; raises NotReady when it was never started."""
        if self._child is None:
            raise NotReady(f"{self.name} was not started.")
        return self._child.pid

    def ask_to_stop(self) -> None:
        """Ask the child to end (SIGTERM), once: a second time means "at once" to some programs. Does not wait."""
        if not self._was_asked:
            self._was_asked = True
            self.resume()
            self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask the child to end, and after `firm_after_s` seconds make it."""
        if self._child is None:
            return
        self.ask_to_stop()
        try:
            self._child.wait(self.firm_after_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the child at once, as a power cut would (SIGKILL)."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def pause(self) -> None:
        """Freeze the child (SIGSTOP): connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen child go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def wait_until(self, ready: Callable[[], bool], *, within_s: float = 30.0) -> None:
        """Poll `ready` until it is true. Raises NotReady when the child ends first or the time is over."""
        deadline = time.monotonic() + within_s
        while not ready():
            if not self.running:
                raise NotReady(f"{self.name} ended instead of becoming ready.\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} was not ready within {within_s:g} s.\n{tail(self.log)}")
            time.sleep(0.05)

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None and self.running:
            self._child.send_signal(number)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def tail(log: Path, lines: int = 12) -> str:
    """The last `lines` lines of a log file, or a sentence when there is none."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return f"(no log at {log.name})"
    return "\n".join(text.splitlines()[-lines:])


def free_port(wanted: int | None = None) -> int:
    """A TCP port of 127.0.0.1 that nobody listens on: `wanted` when it is free, any other otherwise.

    Others lie below the range from which systems take ports for outgoing connections (32768 and up on Linux, 49152
    elsewhere): a port from there may be taken again before our server has opened it.
    """
    others = (20_000 + secrets.randbelow(12_000) for _ in range(100))
    for port in (wanted, *others):
        if port is None:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise NotReady("This machine has no free port on 127.0.0.1.")


def listens(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def accepts(path: Path) -> bool:
    """Whether something accepts connections on this Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        return probe.connect_ex(str(path)) == 0


def alive(pid: int) -> bool:
    """Whether a process with this id exists (a zombie does not count where /proc can tell)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True
