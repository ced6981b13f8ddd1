"""The processes of a build: each folds its units in one pass over the log and gives back what must be put together.

They are started anew rather than forked, since connections and threads do not survive a fork. What they are to do, the
URLs included, reaches them through a pipe: a command line can be read by everybody on the host.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

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


def fold_in_processes(
    events: str,
    database: Database,
    folder: Path,
    how_many: int,
    divide: Callable[[], Sequence[Sequence[Unit]]],
    upto: int,
    at: datetime,
    told: Callable[[int], None],
) -> list[Folded]:
    """Fold in so many processes; what each gave. `events`: URL of the log.

    `folder`: where they spool rows, which are left there. `divide` gives the units of each process, while they start.

    `told` hears how far the slowest has come. Raises what a process raised, RebuildCut when one ended without a word.
    """
    tables = database.engine.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    processes: dict[Connection, BaseProcess] = {}
    try:
        for _ in range(how_many):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(target=fold_as_told, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            processes[ours] = process
        for ours, some in zip(processes, divide(), strict=True):
            order = Order(events=events, tables=tables, folder=str(folder), units=list(some), upto=upto, at=at)
            ours.send(order)
        return _heard(list(processes), told)
    finally:
        for pipe, process in processes.items():
            process.kill()
            process.join()
            pipe.close()


def _heard(pipes: list[Connection], told: Callable[[int], None]) -> list[Folded]:
    reached, found = dict.fromkeys(pipes, 0), dict[Connection, Folded]()
    while len(found) < len(pipes):
        for pipe in pipes:
            if pipe in found or not pipe.poll(LOOK_S):
                continue
            try:
                said = pipe.recv()
            except (EOFError, ConnectionError):
                raise RebuildCut("A process that folded ended before it was done; start the rebuild again.") from None
            if isinstance(said, Exception):
                raise said
            if isinstance(said, Folded):
                found[pipe] = said
            else:
                reached[pipe] = said
                told(min(reached.values()))
    return [found[pipe] for pipe in pipes]


def fold_as_told(pipe: Connection) -> None:
    """The work of one process: says how far it has come, and at last what came of it, or why nothing did."""
    order: Order = pipe.recv()
    # Rows hold no cycles, and looking for some among a hundred thousand of them takes a third of the time.
    gc.disable()
    ledger = Ledger.at(order.events, NO_KEY, bytes, keys=KeysInMemory())
    database = open_database(order.tables)
    try:
        with Loading(database, Path(order.folder)) as loading:
            tasks = [(unit, Layout(PROJECTIONS[unit.projection], suffix=unit.suffix)) for unit in order.units]
            folded = fold_log(ledger, loading, tasks, order.upto, order.at, pipe.send)
        # Whoever hears it ends us at once: nothing may be left to remove.
        pipe.send(folded)
    except (Problem, RowsRefused) as error:
        pipe.send(error)
    finally:
        database.close()
        ledger.close()
