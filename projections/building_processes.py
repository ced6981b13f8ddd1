"""The processes of a build: each folds its units as the log is read to it and gives back what must be put together.

They are started anew rather than forked, since connections and threads do not survive a fork. What they are to do, the
URLs included, reaches them through a pipe: a command line can be read by everybody on the host.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

import msgspec

from ledger.errors import Problem, RebuildCut
from projections.bulk_fold import Folded, fold_log
from projections.database import Database, open_database
from projections.loading import Loading, RowsRefused
from projections.log_pieces import LOOK_S, LogReader, Piece, PieceReceiver
from projections.projection import PROJECTIONS
from projections.tables import Layout
from projections.units import Unit


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What one process is to do. `folder`: where it spools rows."""

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
    database: Database,
    folder: Path,
    how_many: int,
    divide: Callable[[], Sequence[Sequence[Unit]]],
    reader: Callable[[Sequence[Sequence[Unit]], Sequence[Connection]], LogReader],
    fold: Callable[[Sequence[Unit], Iterable[Piece], Callable[[int], None]], Folded],
    upto: int,
    at: datetime,
    told: Callable[[int], None],
) -> list[Folded]:
    """Fold in so many processes, this one among them; what each gave.

    `folder`: where the others spool rows, which are left there. `divide` gives the units of each process, while they
    start; `reader` makes what reads the log for all of them, `fold` does the units of this one. `told` hears how far
    the slowest has come. Raises what a process raised, RebuildCut when one ended without a word.
    """
    tables = database.engine.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    processes: dict[Connection, BaseProcess] = {}
    with ExitStack() as ending:
        for _ in range(how_many - 1):
            ours, theirs = context.Pipe()
            ending.callback(ours.close)
            process: BaseProcess = context.Process(target=fold_as_told, args=(theirs,), daemon=True)
            process.start()
            ending.callback(_end, process)
            theirs.close()
            processes[ours] = process
        units = divide()
        for ours, some in zip(processes, units[1:], strict=True):
            ours.send(Order(tables=tables, folder=str(folder), units=list(some), upto=upto, at=at))
        heard = Progress(told, list(processes))
        reading = ending.enter_context(closing(reader(units, list(processes))))
        # Processes end before the reading does: nobody takes any more what it would hand on, so it does not wait.
        ending.callback(_end, *processes.values())
        found = [fold(units[0], reading.pieces(partial(heard.listen, 0)), heard.here)]
        while len(heard.found) < len(processes):
            heard.listen(LOOK_S)
        return found + [heard.found[pipe] for pipe in processes]


def _end(*processes: BaseProcess) -> None:
    for process in processes:
        process.kill()
        process.join()


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
    with closing(open_database(order.tables)) as database, closing(PieceReceiver(pipe, order.upto)) as received:
        try:
            with Loading(database, Path(order.folder)) as loading, without_collector():
                layouts = [Layout(PROJECTIONS[unit.projection], suffix=unit.suffix) for unit in order.units]
                folded = fold_log(received.pieces(), loading, layouts, order.at, pipe.send)
            # Whoever hears it ends us at once: nothing may be left to remove.
            pipe.send(folded)
        except (Problem, RowsRefused) as error:
            pipe.send(error)
        except (EOFError, ConnectionError):
            return  # Nobody is there any more who could be told.
