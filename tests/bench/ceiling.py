"""The fastest way found to put finished rows into read tables: nothing is folded, encoded or hashed any more.

Whole files in order of the primary key, one LOAD DATA LOCAL INFILE a table, its indexes made behind it in one pass, the
largest table first, over four connections: on two cores they were faster than two, since some wait for the disk. What
the server counts for its plans it counts once, in the end. To it belongs bare reading of the log, without decoding.
Statement and connections are its own, so that it stays what it is when ours change.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, select

from ledger.store import Ledger
from projections.database import Database
from projections.encoding import encoder, sql
from projections.tables import Layout
from tests.bench.driver import bare_connection

READ_AT_ONCE: Final = 5_000
ROWS_AT_ONCE: Final = 10_000
CONNECTIONS: Final = 4


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


def loaded(database: Database, layouts: Sequence[Layout], rows: Mapping[str, Finished]) -> float:
    """Seconds to put these rows into empty tables (made, without indexes) and to make their indexes.

    Raises mysql.connector.Error where the server takes no files, AssertionError when it did not take every row.
    """
    tables = [(rows[name], table) for layout in layouts for name, table in _tables(layout).items()]
    # The largest last, from where they are taken: so all connections end together.
    queue = sorted(tables, key=lambda pair: pair[0].file.stat().st_size)
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for done in [threads.submit(_load_some, database, queue) for _ in range(CONNECTIONS)]:
            done.result()
    return time.perf_counter() - began


def _load_some(database: Database, queue: list[tuple[Finished, Table]]) -> None:
    connection = bare_connection(database, allow_local_infile=True)
    with closing(connection), closing(connection.cursor()) as cursor:
        cursor.execute("SET SESSION unique_checks = 0, SESSION foreign_key_checks = 0")
        while queue:
            _load(cursor, *queue.pop())


def _load(cursor: Any, source: Finished, table: Table) -> None:
    # Names of ours.
    changes = [
        f"ADD INDEX `{index.name}` ({', '.join(f'`{column.name}`' for column in index.columns)})"
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    if source.rows:
        # The server would count for its plans several times while the table grows.
        cursor.execute(f"ALTER TABLE `{table.name}` STATS_AUTO_RECALC=0")
        cursor.execute(
            f"LOAD DATA LOCAL INFILE '{source.file.as_posix()}' INTO TABLE `{table.name}` CHARACTER SET utf8mb4"
            " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '\\\\'"
            " LINES STARTING BY '[' TERMINATED BY ']\\n'"
        )
        if cursor.rowcount != source.rows:
            raise AssertionError(f"{cursor.rowcount} of {source.rows} rows of {table.name} were taken")
        changes.append("STATS_AUTO_RECALC=DEFAULT")
    if changes:
        cursor.execute(f"ALTER TABLE `{table.name}` {', '.join(changes)}")
    if source.rows:
        cursor.execute(f"ANALYZE TABLE `{table.name}`")
        cursor.fetchall()


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
