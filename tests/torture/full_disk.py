"""A disk that fills up under MongoDB: what was acknowledged is there when there is room again, and nothing is half.

The server's data lies on a small file system in memory (tmpfs), which a filler takes up but for a little. Writers
append until the server gives up (mongod ends itself when it cannot write), go on trying, and are told nothing but the
library's OperationalError. Then the filler goes, the server starts on what is on its disk, and the log is held against
what the writers were told. Mounting needs root; `NoSmallDisk` says so where it is not allowed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

from eventsourcing.persistence import OperationalError, StoredEvent

from ledger.event_log import EventLog, opened
from local.mongodb import ReplicaSet
from tests.torture.judge import Kind, Violation
from tests.torture.trial import Bench, Report, Violated

NAME = "full_disk"
DISK_MB = 512
ROOM_MB = 48
"""What the filler leaves: some hundred appends."""
WRITERS = 4
REFUSALS = 2
"""Refused attempts after which a writer gives up."""
APPENDS_MAX = 20_000
LARGEST = 20_000
"""Bytes of the largest event."""


class NoSmallDisk(RuntimeError):
    """This machine does not let us mount a small disk."""


class Told(NamedTuple):
    """What one writer was told about its appends: positions of those acknowledged, errors of the others."""

    name: str
    acknowledged: dict[int, list[int]]
    refused: list[str]


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A folder on a file system of this size. Raises NoSmallDisk where mounting is not allowed."""
    with tempfile.TemporaryDirectory(prefix="socai-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
        try:
            subprocess.run(mount, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoSmallDisk("Mounting a small disk needs root (and a kernel that lets root mount).") from error
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def full_disk(seed: int) -> dict[str, int]:
    """Run it once; counts of what happened. Raises AssertionError with the seed when the log broke its word."""
    with small_disk(DISK_MB) as disk, ReplicaSet(disk / "mongodb") as mongo:
        url = urlsplit(mongo.url)._replace(path="/full").geturl()
        filler = disk / "filler"
        fill(filler, disk, ROOM_MB)
        with ThreadPoolExecutor(WRITERS) as threads:
            told = list(threads.map(lambda number: write(url, f"w{number}", seed), range(WRITERS)))
        filler.unlink()
        ended_by_itself = not mongo.nodes[0].running
        mongo.nodes[0].start()
        mongo.wait_for_primary()
        with opened(url) as log:
            counts = judge(log, told, seed)
            head = log.head()
            assert log.append([StoredEvent("after", 1, "thing.happened", b"{}")]) == [head + 1], f"seed {seed}"
    return {**counts, "ended by itself": int(ended_by_itself)}


def run(bench: Bench, times: int) -> Report:
    """The trial, so many times. Raises Violated; `NoSmallDisk` is told as a trial that did not take place."""
    began = time.monotonic()
    counts: Counter[str] = Counter()
    try:
        for number in range(times):
            counts.update(full_disk(bench.seed + number))
    except NoSmallDisk:
        counts["left out: mounting a small disk needs root"] = 1
    except AssertionError as broken:
        raise Violated(bench, [Violation(Kind.LOST, str(broken))]) from broken
    return Report(bench.trial, bench.store, bench.seed, dict(counts), time.monotonic() - began)


def fill(filler: Path, disk: Path, room_mb: int) -> None:
    """Take up all of a disk but so many megabytes."""
    piece = b"\xa5" * (1 << 20)
    with filler.open("wb") as file:
        while free_mb(disk) > room_mb:
            file.write(piece)
            file.flush()


def free_mb(disk: Path) -> int:
    """Megabytes that are free on the file system of a folder."""
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize >> 20


def write(url: str, name: str, seed: int) -> Told:
    """Append until the store has refused several times in a row; an append is two events in streams of their own."""
    dice = Random(f"{seed}/{name}")
    told = Told(name, {}, [])
    with opened(url) as log:
        for number in range(APPENDS_MAX):
            try:
                told.acknowledged[number] = log.append(pair(name, number, dice))
            except OperationalError as error:
                told.refused.append(f"{type(error).__name__}: {error}")
                if len(told.refused) == REFUSALS:
                    break
    return told


def pair(name: str, number: int, dice: Random) -> list[StoredEvent]:
    """The events of one append."""
    states = [f'{{"x":"{dice.randbytes(dice.randrange(1, LARGEST) // 2).hex()}"}}'.encode() for _ in range(2)]
    return [StoredEvent(f"{name}_{number}_{half}", 1, "thing.happened", state) for half, state in enumerate(states)]


def judge(log: EventLog, told: list[Told], seed: int) -> dict[str, int]:
    """Hold the log against what the writers were told."""
    places: dict[str, int] = {}
    after = 0
    while rows := log.read(after, 500):
        assert [row.position for row in rows] == list(range(after + 1, after + 1 + len(rows))), f"a hole, seed {seed}"
        places |= {row.stream: row.position for row in rows}
        after = rows[-1].position
    acknowledged = 0
    for one in told:
        assert len(one.refused) == REFUSALS, f"{one.name} was never refused, seed {seed}"
        for number, positions in one.acknowledged.items():
            stands = [places.get(f"{one.name}_{number}_{half}") for half in range(2)]
            assert stands == positions, f"{one.name} append {number} is not where it was acknowledged, seed {seed}"
            acknowledged += 1
    halves = {stream.rpartition("_")[0] for stream in places}
    assert len(places) == 2 * len(halves), f"an append is half there, seed {seed}"
    return {"acknowledged": acknowledged, "stored without an answer": len(halves) - acknowledged, "events": after}


if __name__ == "__main__":
    print(full_disk(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
