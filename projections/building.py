"""Fresh tables filled from the beginning of the log, at the speed of the database.

The work is divided into units, a projection or a part of its streams, and spread over processes; one reads the log for
all, and each folds in memory and spools its rows. At the end sums of parts are added up, each table is loaded in one go
and its indexes are made. The places are written last: tables that are not whole serve nobody and are removed by the
next build.

What the database refuses in bulk is built again one transaction after another, which finds the event at fault.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection as PipeEnd
from typing import Final

from sqlalchemy import Connection, Table

from ledger.store import Ledger
from projections import bulk_fold, log_pieces
from projections.aside import Aside
from projections.beside import Told, follow
from projections.building_processes import fold_in_processes, without_collector
from projections.bulk_fold import Folded, fold_log
from projections.database import Database
from projections.encoding import Key, Row, encoder
from projections.finishing import Finishing
from projections.follower import tell_set_aside
from projections.loading import Loading, RowsRefused
from projections.log_pieces import LogReader, Piece
from projections.projection import PROJECTIONS
from projections.proof import Bucket, Proof, SetHash
from projections.rows import increased, shape
from projections.spreading import spread
from projections.tables import Layout
from projections.units import Takers, Unit
from projections.writing import Statements

SMALL: Final = 20_000
"""Events that are folded sooner here than other processes are started."""

PROCESSES_MAX: Final = 4

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

    def fold(units: Sequence[Unit], pieces: Iterable[Piece], reached: Callable[[int], None]) -> Folded:
        mine = [by_name[unit.projection] for unit in units]
        with without_collector():
            return fold_log(pieces, loading, mine, at, reached, bulk_fold.ROWS_IN_MEMORY)

    divide = partial(spread, ledger, layouts, upto, processes)
    reader = partial(_reader, ledger, by_name, upto)
    parts = fold_in_processes(
        database, loading.folder, processes, divide, reader, fold, upto, at, lambda reached: told(reached, upto)
    )
    _finish(database, loading, layouts, parts)
    aside = [_aside(layout, parts) for layout in layouts]
    loading.write(partial(_end, layouts=layouts, aside=aside, upto=upto))
    for entries in aside:
        for entry in entries:
            if entry.cause is not None:
                tell_set_aside(f"rebuild of {entry.follower}", entry, entry.cause)


def _reader(
    ledger: Ledger,
    by_name: Mapping[str, Layout],
    upto: int,
    units: Sequence[Sequence[Unit]],
    pipes: Sequence[PipeEnd],
) -> LogReader:
    """What reads the log for processes that have these units each; the first is this one, without a pipe."""
    takers = Takers(units, {name: layout.projection for name, layout in by_name.items()})
    size = min(log_pieces.READ_AT_ONCE, bulk_fold.ROWS_IN_MEMORY)
    return LogReader(ledger, upto, size, takers, dict(enumerate(pipes, 1)))


def _finish(database: Database, loading: Loading, layouts: Sequence[Layout], parts: Sequence[Folded]) -> None:
    """Load what all parts have spooled, their sums and their proofs, and make the indexes."""
    spooled = [one for part in parts for one in part.spooled] + loading.hand_over()
    with Finishing(database, loading) as finishing:
        # The server begins with the rows, and sums are added up meanwhile.
        finishing.load([made for layout in layouts for made in layout.tables.values() if not shape(made).sums], spooled)
        for layout, proof in zip(layouts, _proofs(layouts, parts), strict=True):
            summed = {name: made for name, made in layout.tables.items() if shape(made).sums}
            _load_sums(loading, summed, parts, proof)
            loading.wait()
            finishing.load(list(summed.values()), loading.hand_over())
            finishing.write(partial(_write_proof, layout=layout, proof=proof))


def _processes(layouts: Sequence[Layout], upto: int, wanted: int | None) -> int:
    """How many processes fold: one for a small log, and for projections that only this process knows."""
    known = all(type(layout.projection).__module__.startswith("projections.") for layout in layouts)
    known = known and all(PROJECTIONS.get(layout.projection.name) is layout.projection for layout in layouts)
    if wanted is None:
        wanted = min(os.cpu_count() or 1, PROCESSES_MAX) if upto >= SMALL else 1
    return wanted if known else 1


def _proofs(layouts: Sequence[Layout], parts: Sequence[Folded]) -> list[Proof]:
    """The proof of each layout, put together from those of all parts."""
    proofs = [Proof() for _ in layouts]
    of_table = {name: proof for layout, proof in zip(layouts, proofs, strict=True) for name in layout.tables}
    for part in parts:
        of_each: dict[str, dict[Bucket, SetHash]] = {name: {} for name in of_table}
        for bucket, found in part.proof.items():
            of_each[bucket[0]][bucket] = found
        for name, hashes in of_each.items():
            of_table[name].merge(hashes)
    return proofs


def _load_sums(loading: Loading, tables: Mapping[str, Table], parts: Sequence[Folded], proof: Proof) -> None:
    """Add up the sums of all parts, write or spool them, and prove them as well."""
    for name, table in tables.items():
        summed = _added_up(table, [part.sums.get(name, {}) for part in parts])
        rows = encoder(table).encoded(list(summed.values()))
        proof.add_all(name, rows.lines, rows.buckets)
        loading.insert(table, rows)


def _added_up(table: Table, parts: Sequence[dict[Key, Row]]) -> dict[Key, Row]:
    like, total = shape(table), dict[Key, Row]()
    for part in parts:
        for key, row in part.items():
            standing = total.get(key)
            amounts = {sum_: row[sum_] for sum_ in like.sums}
            total[key] = row if standing is None else increased(like, standing, row, amounts)
    return total


def _write_proof(connection: Connection, layout: Layout, proof: Proof) -> None:
    statements = Statements(connection)
    proof.write(statements, layout.proof)
    statements.send()


def _aside(layout: Layout, parts: Sequence[Folded]) -> list[Aside]:
    found = [entry for part in parts for entry in part.aside.get(layout.projection.name, [])]
    return sorted(found, key=lambda entry: entry.position)


def _end(connection: Connection, layouts: Sequence[Layout], aside: Sequence[list[Aside]], upto: int) -> None:
    """All of them serve from now on, or none."""
    for layout, entries in zip(layouts, aside, strict=True):
        layout.aside.add(connection, entries)
        layout.become_whole(connection, position=upto, aside=len(entries))


def _build_carefully(ledger: Ledger, database: Database, layout: Layout, upto: int, at: datetime, told: Told) -> None:
    """The same in transactions of some thousand events: slower, but it finds the event whose rows are refused."""
    follow(ledger, database, layout, 0, upto, at, told)
    database.write(layout.create_indexes)
    database.write(layout.become_whole)
