"""Fresh tables filled from the beginning of the log, at the speed of the database.

The work is divided into units, a projection or a part of its streams, and spread over processes; each makes one pass
over the log, folds in memory and spools its rows. At the end sums of parts are added up, each table is loaded in one go
and its indexes are made. The places are written last: tables that are not whole serve nobody and are removed by the
next build.

What the database refuses in bulk is built again one transaction after another, which finds the event at fault.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection, Table

from ledger.store import Ledger
from projections import bulk_fold
from projections.aside import Aside
from projections.beside import Told, follow
from projections.building_processes import fold_in_processes, without_collector
from projections.bulk_fold import Folded, Unit, fold_log
from projections.database import Database
from projections.encoding import Key, Row, encoder
from projections.follower import tell_set_aside
from projections.loading import Loading, RowsRefused, Spooled, index_all
from projections.projection import PROJECTIONS
from projections.proof import Proof
from projections.rows import increased, shape
from projections.spreading import spread
from projections.tables import Layout
from projections.writing import Statements

SMALL: Final = 20_000
"""Events that are folded sooner here than other processes are started."""

PROCESSES_MAX: Final = 4
CONNECTIONS: Final = 4
"""That load and index at the end: some wait for the disk while others work."""

log = logging.getLogger(__name__)


def build(
    ledger: Ledger,
    database: Database,
    layouts: Sequence[Layout],
    upto: int,
    at: datetime,
    told: Told = lambda reached, upto: None,
    processes: int | None = None,
) -> None:
    """Fill fresh tables (made, empty, without indexes) with what follows from the log up to a position.

    `at`: now, to be kept with what must be set aside. `processes`: how many fold; the cores there are when left out.
    Raises TooManySetAside, RebuildOvertaken, RebuildCut when a process of ours ended, ReadTablesUnavailable,
    EventStoreUnavailable, LogDamaged at a hole, LogCutShort; the tables are not whole then.
    """
    try:
        with Loading(database) as loading:
            _build(ledger, database, loading, layouts, upto, at, told, _processes(layouts, upto, processes))
    except RowsRefused as refused:
        log.warning("%s The tables are built again in small steps, to find the event at fault.", refused)
        for layout in layouts:
            database.write(layout.create)
            _build_carefully(ledger, database, layout, upto, at, told)


def _build(
    ledger: Ledger,
    database: Database,
    loading: Loading,
    layouts: Sequence[Layout],
    upto: int,
    at: datetime,
    told: Told,
    processes: int,
) -> None:
    if database.is_mysql and not loading.takes_files:
        log.warning("The server takes no files (local_infile is off): rows are sent as statements, which is slower.")
    by_name = {layout.projection.name: layout for layout in layouts}

    def fold(units: Sequence[Unit], reached: Callable[[int], None]) -> Folded:
        tasks = [(unit, by_name[unit.projection]) for unit in units]
        with without_collector():
            return fold_log(ledger, loading, tasks, upto, at, reached, bulk_fold.ROWS_IN_MEMORY)

    divide = partial(spread, ledger, layouts, upto, processes)
    parts = fold_in_processes(
        ledger.url, database, loading.folder, processes, divide, fold, upto, at, lambda reached: told(reached, upto)
    )
    proofs = [_load_sums(loading, layout, parts) for layout in layouts]
    spooled = [one for part in parts for one in part.spooled] + loading.hand_over()
    _finish_tables(database, loading, layouts, spooled)
    for layout, proof in zip(layouts, proofs, strict=True):
        aside = _aside(layout, parts)
        loading.write(partial(_end, layout=layout, proof=proof, aside=aside, upto=upto))
        for entry in aside:
            if entry.cause is not None:
                tell_set_aside(f"rebuild of {entry.follower}", entry, entry.cause)


def _processes(layouts: Sequence[Layout], upto: int, wanted: int | None) -> int:
    """How many processes fold: one for a small log, and for projections that only this process knows."""
    known = all(type(layout.projection).__module__.startswith("projections.") for layout in layouts)
    known = known and all(PROJECTIONS.get(layout.projection.name) is layout.projection for layout in layouts)
    if wanted is None:
        wanted = min(os.cpu_count() or 1, PROCESSES_MAX) if upto >= SMALL else 1
    return wanted if known else 1


def _load_sums(loading: Loading, layout: Layout, parts: Sequence[Folded]) -> Proof:
    """Add up the sums of all parts and load them; the proof of all tables of the layout."""
    proof = Proof()
    for part in parts:
        proof.merge({bucket: found for bucket, found in part.proof.items() if bucket[0] in layout.tables})
    for name, table in layout.tables.items():
        summed = _added_up(table, [part.sums.get(name, {}) for part in parts])
        rows = encoder(table).encoded(list(summed.values()))
        proof.add_all(name, rows.lines, rows.buckets)
        loading.insert(table, rows)
    return proof


def _added_up(table: Table, parts: Sequence[dict[Key, Row]]) -> dict[Key, Row]:
    like, total = shape(table), dict[Key, Row]()
    for part in parts:
        for key, row in part.items():
            standing = total.get(key)
            amounts = {sum_: row[sum_] for sum_ in like.sums}
            total[key] = row if standing is None else increased(like, standing, row, amounts)
    return total


def _finish_tables(database: Database, loading: Loading, layouts: Sequence[Layout], spooled: Sequence[Spooled]) -> None:
    """Load what was spooled and make the indexes, over several connections where the server can do things at once."""
    if not database.is_mysql:
        for layout in layouts:
            loading.write(layout.create_indexes)
        return
    rows = Counter[str]()
    for one in spooled:
        rows[one.table] += one.rows
    # The largest last, from where they are taken: so all connections end together.
    queue = sorted((made for layout in layouts for made in layout.tables.values()), key=lambda made: rows[made.name])
    loading.wait()
    with ExitStack() as open_, ThreadPoolExecutor(CONNECTIONS) as threads:
        others = [open_.enter_context(Loading(database, loading.folder)) for _ in range(CONNECTIONS - 1)]
        for done in [threads.submit(_finish_some, one, queue, spooled) for one in (loading, *others)]:
            done.result()


def _finish_some(loading: Loading, queue: list[Table], spooled: Sequence[Spooled]) -> None:
    while True:
        try:
            table = queue.pop()
        except IndexError:
            return
        loading.load(table, [one for one in spooled if one.table == table.name])
        index_all(loading, [table])


def _aside(layout: Layout, parts: Sequence[Folded]) -> list[Aside]:
    found = [entry for part in parts for entry in part.aside.get(layout.projection.name, [])]
    return sorted(found, key=lambda entry: entry.position)


def _end(connection: Connection, layout: Layout, proof: Proof, aside: list[Aside], upto: int) -> None:
    layout.aside.add(connection, aside)
    statements = Statements(connection)
    proof.write(statements, layout.proof)
    statements.send()
    layout.become_whole(connection, position=upto, aside=len(aside))


def _build_carefully(ledger: Ledger, database: Database, layout: Layout, upto: int, at: datetime, told: Told) -> None:
    """The same in transactions of some thousand events: slower, but it finds the event whose rows are refused."""
    follow(ledger, database, layout, 0, upto, at, told)
    database.write(layout.create_indexes)
    database.write(layout.become_whole)
