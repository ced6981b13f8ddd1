"""The fastest way we know to put finished rows into read tables: nothing is folded, encoded or hashed any more.

Whole files in order of the primary key, one LOAD DATA LOCAL INFILE a table, indexes behind it, two connections, the
largest table first. To it belongs bare reading of the log, without decoding.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Table, select

from ledger.store import Ledger
from projections.database import Database
from projections.encoding import encoder, sql
from projections.loading import Loading, Spooled, index_all
from projections.tables import Layout

READ_AT_ONCE = 5_000
ROWS_AT_ONCE = 10_000


class Finished(NamedTuple):
    """The rows of one table, written down in order of its key."""

    file: Path
    rows: int


def bare_reading(ledger: Ledger) -> float:
    """Seconds to read the whole log without decoding it."""
    began, position = time.perf_counter(), 0
    while rows := ledger.recorded(position, READ_AT_ONCE):
        position = rows[-1].position
    return time.perf_counter() - began


def finished(database: Database, layouts: Sequence[Layout], directory: Path) -> dict[str, Finished]:
    """Write down the rows of these tables, their proofs among them; by declared name."""
    found = {}
    for layout in layouts:
        for name, table in _tables(layout).items():
            file = directory / f"{name}.finished"
            found[name] = Finished(file, database.write(partial(_dump, table, file)))
    return found


def loaded(database: Database, layouts: Sequence[Layout], rows: dict[str, Finished]) -> float:
    """Seconds to put these rows into empty tables and to make their indexes."""
    tables = [(rows[name], table) for layout in layouts for name, table in _tables(layout).items()]
    with Loading(database) as one, Loading(database, one.folder) as two, ThreadPoolExecutor(2) as threads:
        # The largest last, from where they are taken: so both connections end together.
        queue = sorted(tables, key=lambda pair: pair[0].rows)
        for source, table in queue:
            os.link(source.file, one.folder / f"{table.name}.linked")
        began = time.perf_counter()
        for done in [threads.submit(_load_some, loading, queue) for loading in (one, two)]:
            done.result()
        return time.perf_counter() - began


def _load_some(loading: Loading, queue: list[tuple[Finished, Table]]) -> None:
    while queue:
        source, table = queue.pop()
        name = str(table.name)
        if source.rows:
            loading.load(table, [Spooled(name, str(loading.folder / f"{name}.linked"), source.rows)])
        index_all(loading, [table])


def _tables(layout: Layout) -> dict[str, Table]:
    return {**layout.tables, str(layout.projection.proof.name): layout.proof}


def _dump(source: Table, file: Path, connection: Connection) -> int:
    form, rows = encoder(source), 0
    found = connection.execute(select(source).order_by(*source.primary_key.columns)).mappings()
    with file.open("wb") as lines:
        for some in found.partitions(ROWS_AT_ONCE):
            lines.writelines(sql(line) + b"\n" for line in form.encoded(list(map(dict, some))).lines)
            rows += len(some)
    return rows
