"""The processes of a build: each folds its units in one pass over the log and gives back what must be put together.

They are started anew rather than forked, since connections and threads do not survive a fork. What they are to do, the
URLs included, reaches them through a pipe: a command line can be read by everybody on the host.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, cast

import msgspec

from ledger.errors import Problem, RebuildCut
from ledger.privacy import KeysInMemory
from ledger.store import Ledger
from projections.bulk_fold import Folded, Unit, fold_log
from projections.database import Database, open_database
from projections.loading import Loading, RowsRefused
from projections.projection import PROJECTIONS
from projections.tables import Layout

LOOK_S: Final = 0.05
NO_KEY: Final = bytes(32)
"""Nothing sealed is opened by a fold."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What one process is to do. `folder`: where it spools rows."""

    events: str
    tables: str
    folder: str
    units: list[Unit]
    upto: int
    at: datetime


class Progress:
    """How far each of some processes has come; `told` hears how far the slowest has."""

    def __init__(self, told: Callable[[int], None], pipes: Sequence[Connection]) -> None:
        self._told = told
        self._reached: dict[Connection | None, int] = dict.fromkeys([None, *pipes], 0)
        self.found: dict[Connection, Folded] = {}

    def here(self, position: int) -> None:
        """This process, which folds as well, has come so far. Raises what another has raised."""
        self._heard(None, position)
        self.listen(0)

    def listen(self, seconds: float) -> None:
        """Take what others have said, waiting so long for one. Raises what one raised, RebuildCut when one ended."""
        waiting = [pipe for pipe in self._reached if pipe is not None and pipe not in self.found]
        for pipe in cast(list[Connection], wait(waiting, seconds)):
            try:
                said = pipe.recv()
            except (EOFError, ConnectionError):
                raise RebuildCut("A process that folded ended before it was done; start the rebuild again.") from None
            if isinstance(said, Exception):
                raise said
            if isinstance(said, Folded):
                self.found[pipe] = said
            else:
                self._heard(pipe, said)

    def _heard(self, who: Connection | None, position: int) -> None:
        self._reached[who] = position
        self._told(min(self._reached.values()))


def fold_in_processes(
    events: str,
    database: Database,
    folder: Path,
    how_many: int,
    divide: Callable[[], Sequence[Sequence[Unit]]],
    fold: Callable[[Sequence[Unit], Callable[[int], None]], Folded],
    upto: int,
    at: datetime,
    told: Callable[[int], None],
) -> list[Folded]:
    """Fold in so many processes, this one among them; what each gave. `events`: URL of the log.

    `folder`: where the others spool rows, which are left there. `divide` gives the units of each process, while they
    start; `fold` does those of this one. `told` hears how far the slowest has come. Raises what a process raised,
    RebuildCut when one ended without a word.
    """
    tables = database.engine.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    processes: dict[Connection, BaseProcess] = {}
    try:
        for _ in range(how_many - 1):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(target=fold_as_told, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            processes[ours] = process
        mine, *others = divide()
        for ours, some in zip(processes, others, strict=True):
            ours.send(Order(events=events, tables=tables, folder=str(folder), units=list(some), upto=upto, at=at))
        heard = Progress(told, list(processes))
        found = [fold(mine, heard.here)]
        while len(heard.found) < len(processes):
            heard.listen(LOOK_S)
        return found + [heard.found[pipe] for pipe in processes]
    finally:
        for pipe, process in processes.items():
            process.kill()
            process.join()
            pipe.close()


@contextmanager
def without_collector() -> Iterator[None]:
    """No collector of cycles: rows hold none, and looking for some among 100,000 of them takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def fold_as_told(pipe: Connection) -> None:
    """The work of one process: says how far it has come, and at last what came of it, or why nothing did."""
    order: Order = pipe.recv()
    ledger = Ledger.at(order.events, NO_KEY, bytes, keys=KeysInMemory())
    database = open_database(order.tables)
    try:
        with Loading(database, Path(order.folder)) as loading, without_collector():
            tasks = [(unit, Layout(PROJECTIONS[unit.projection], suffix=unit.suffix)) for unit in order.units]
            folded = fold_log(ledger, loading, tasks, order.upto, order.at, pipe.send)
        # Whoever hears it ends us at once: nothing may be left to remove.
        pipe.send(folded)
    except (Problem, RowsRefused) as error:
        pipe.send(error)
    finally:
        database.close()
        ledger.close()
