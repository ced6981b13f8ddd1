"""Trial: the disk of the read tables' server fills up while a projector projects and while everything is rebuilt.

The server's data lies on a small file system in memory, which a filler takes up but for a little. The projector must
wait, and set nothing aside for want of room; a rebuild must end with an error that is clear, while what serves goes on.
With room again (a server that ended itself is started) the projector goes on by itself, the rebuild succeeds when it is
started again, and every row of every table is that of a rebuild from scratch.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from local.mysql import SqlServer
from local.processes import Process
from tests.torture.full_disk import NoSmallDisk, fill, free_mb, small_disk
from tests.torture.judge import Kind, Violation
from tests.torture.read_models import REBUILD, Scene, half_tables
from tests.torture.rebuilds import ended, remains, succeeded
from tests.torture.servers import fresh_tables
from tests.torture.trial import Bench, Report, Violated, until

NAME = "read_tables_full_disk"
DISK_MB = 640
ROOM_MB = 1
"""What the filler leaves."""
PIECE = 500
"""Events that come at once while the disk fills up."""
STILL_S = 3.0
"""A projector that has not moved for so long has no room; it moves many times a second."""


class Size(NamedTuple):
    """How large. `standing`: events before the disk is full; `events_max`: that come at the most while it fills up."""

    rounds: int
    standing: int
    events_max: int
    names: tuple[str, ...] = ()


SHORT = Size(rounds=1, standing=600, events_max=30_000, names=("balances", "journal", "payouts"))
FULL = Size(rounds=2, standing=8_000, events_max=50_000)


class Disk:
    """The small disk and the server on it."""

    def __init__(self, folder: Path, sql: SqlServer) -> None:
        self.folder = folder
        self.sql = sql
        self._fillers: list[Path] = []

    @contextmanager
    def full(self, counts: Counter[str]) -> Iterator[None]:
        """There is hardly any room meanwhile; then there is, and the server runs."""
        self.fill_up()
        try:
            yield
        finally:
            while self._fillers:
                self._fillers.pop().unlink()
            counts["ended by itself"] += not self.sql.running
            self.sql.start()

    def fill_up(self) -> bool:
        """Take the room that there is, but for a little; False, to be asked again and again."""
        if free_mb(self.folder) > ROOM_MB:
            self._fillers.append(self.folder / f"filler{len(self._fillers)}")
            fill(self._fillers[-1], self.folder, ROOM_MB)
        return False


def run(bench: Bench, size: Size = FULL, *, rebuild_from: str = REBUILD) -> Report:
    """The trial; where mounting is not allowed it is told as one that did not take place. Raises Violated."""
    began = time.monotonic()
    try:
        with small_disk(DISK_MB) as folder, SqlServer(folder / "mysql", password=secrets.token_hex(16)) as sql:
            counts = full_disk(bench, Disk(folder, sql), size, rebuild_from)
    except NoSmallDisk:
        counts = {"left out: mounting a small disk needs root": 1}
    return Report(bench.trial, bench.store, bench.seed, counts, time.monotonic() - began)


def full_disk(bench: Bench, disk: Disk, size: Size, rebuild_from: str = REBUILD) -> dict[str, int]:
    """Fill the disk and make room again, then compare; counts of what happened. Raises Violated."""
    words = ("full while projecting", "full while rebuilding", "ended by itself")
    counts = Counter(dict.fromkeys(words, 0))
    with Scene(bench, fresh_tables(disk.sql), size.standing + size.events_max * size.rounds) as scene:
        scene.feeder.feed(size.standing)
        projector = scene.projector().start()
        found = scene.settled(projector)
        for _ in range(size.rounds):
            found = found or _projecting(scene, projector, disk, size, counts)
            found = found or _rebuilding(scene, projector, disk, size, counts, rebuild_from)
        projector.stop()
        found = found or scene.from_scratch("after the full disk")
    if found:
        raise Violated(bench, found)
    return dict(counts)


def _projecting(scene: Scene, projector: Process, disk: Disk, size: Size, counts: Counter[str]) -> list[Violation]:
    """Events come until the projector has no room for their rows."""
    aim = scene.feeder.position + size.events_max
    with disk.full(counts):
        while has_room := _has_room(scene):
            disk.fill_up()
            if scene.feeder.position == aim:
                break
            scene.feeder.feed(min(scene.feeder.position + PIECE, aim))
        found = [Violation(Kind.STALLED, "the disk was never full for a projector")] if has_room else []
    counts["full while projecting"] += not found
    found = found or scene.settled(projector)
    return found or [*half_tables(scene.database, "with room again"), *scene.differing("with room again")]


def _has_room(scene: Scene) -> bool:
    """Whether the projector comes to the end of the log, if need be by little and little."""
    while (position := scene.position()) < scene.feeder.position:
        if not until(lambda seen=position: scene.position() > seen, within_s=STILL_S):  # type: ignore[misc]
            return False
    return True


def _rebuilding(
    scene: Scene, projector: Process, disk: Disk, size: Size, counts: Counter[str], rebuild_from: str
) -> list[Violation]:
    """A rebuild has no room for its tables."""
    with disk.full(counts):
        rebuild = scene.rebuild(size.names, rebuild_from).start()
        # It begins by removing tables that nobody reads, which makes room.
        until(lambda: disk.fill_up() or not rebuild.running)
        found = ended(rebuild)
    if not found and not rebuild.exit_code:
        found = [Violation(Kind.STALLED, "the disk was never full for a rebuild")]
    counts["full while rebuilding"] += not found
    found += half_tables(scene.database, "after a rebuild without room")
    found = found or succeeded(scene.rebuild(size.names, rebuild_from).start())
    found = found or scene.settled(projector)
    return found or [*scene.differing("after a rebuild with room"), *remains(scene, "after a rebuild with room")]
