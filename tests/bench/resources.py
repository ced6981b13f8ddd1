"""What a piece of work costs in memory: samples of the resident pages of this process and those it started."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def most_memory() -> Iterator[list[float]]:
    """Samples of the resident memory of this process and its children, in MiB, taken ten times a second."""
    samples, over = [_resident()], threading.Event()

    def sample() -> None:
        while not over.wait(0.1):
            samples.append(_resident())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def _resident() -> float:
    pids = ["self", *(str(child.pid) for child in multiprocessing.active_children())]
    return sum(_resident_of(pid) for pid in pids)


def _resident_of(pid: str) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS")), 0.0)
