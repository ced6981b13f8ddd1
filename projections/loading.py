"""Rows put into fresh tables as fast as the server takes them, while Python goes on folding.

MySQL and MariaDB take a file of lines by LOAD DATA LOCAL INFILE where the operator allows it (`local_infile`), and
statements of many rows otherwise; SQLite takes many rows a transaction. A connection that may read files may read those
of our spool folder only: a hostile server could ask for any.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Connection, Table, select, text
from sqlalchemy.exc import DBAPIError

from projections import writing
from projections.database import Database, filling_database
from projections.encoding import Key, Row, sql
from projections.rows import primary
from projections.spool import Spool
from projections.writing import Encoded

LOADED_AT_ONCE: Final = 50_000
"""Rows of one file, or of one transaction."""

log = logging.getLogger(__name__)
T = TypeVar("T")


class RowsRefused(Exception):
    """The database did not take rows in bulk as they were sent; one by one it will show which."""


class Loading:
    """Writes to the tables of a build, in the background and in order: what is asked sees what was written.

    `database` says where; connections of its own are used. Made by `with`; leaving it waits, and removes what was
    spooled. Methods raise what a write before them raised: RowsRefused, or what the database raises.
    """

    def __init__(self, database: Database) -> None:
        self._spool = Spool()
        self._own = filling_database(database, Path(self._spool.name))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loading")
        self._pending: Future[Any] | None = None
        self.takes_files = database.is_mysql and self._own.write(_takes_files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._own.close()
        self._spool.cleanup()

    def insert(self, table: Table, rows: Sequence[Encoded]) -> None:
        """Rows that are not there yet."""
        for start in range(0, len(rows), LOADED_AT_ONCE):
            self._behind(partial(self._insert, table, rows[start : start + LOADED_AT_ONCE]))

    def upsert(self, table: Table, rows: Sequence[Encoded]) -> None:
        """Rows that are there with other values."""
        if rows:
            self._behind(lambda: self._write(partial(writing.upsert, table=table, rows=rows)))

    def delete(self, table: Table, keys: Sequence[Key]) -> None:
        """Rows that are there stand no more."""
        if keys:
            self._behind(lambda: self._write(partial(writing.remove, table=table, keys=keys)))

    def ask(self, table: Table, key: Key) -> Row | None:
        """The row with this key, or None."""
        self.wait()
        return self._own.write(partial(_ask, table=table, key=key))

    def wait(self) -> None:
        """Wait until everything is written."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Everything else, in a transaction behind what was written."""
        self.wait()
        return self._own.write(work)

    def _behind(self, work: Callable[[], None]) -> None:
        self.wait()
        self._pending = self._thread.submit(work)

    def _insert(self, table: Table, rows: Sequence[Encoded]) -> None:
        if not self.takes_files:
            self._write(partial(writing.insert, table=table, rows=rows))
            return
        file = Path(self._spool.name) / f"{table.name}.lines"
        with file.open("wb") as lines:
            lines.writelines(sql(row.line) + b"\n" for row in rows)
        self._write(partial(_load, table=table, file=file, expected=len(rows)))
        file.unlink()

    def _write(self, work: Callable[[Connection], None]) -> None:
        try:
            self._own.write(work)
        except DBAPIError as error:
            raise RowsRefused(f"The database refused rows of a build ({type(error.orig).__name__}).") from error


def index_all(loading: Loading, tables: Sequence[Table]) -> None:
    """Make the secondary indexes of these tables, all those of one in one pass over its rows."""
    for table in sorted(tables, key=lambda table: str(table.name)):
        added = [
            f"ADD INDEX `{index.name}` ({', '.join(f'`{column.name}`' for column in index.columns)})"
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
        if added:
            loading.write(partial(_run, statement=f"ALTER TABLE `{table.name}` {', '.join(added)}"))


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


def _takes_files(connection: Connection) -> bool:
    return bool(connection.scalar(text("SELECT @@local_infile")))


def _load(connection: Connection, table: Table, file: Path, expected: int) -> None:
    """LOCAL makes warnings of errors and skips rows that are there: so both are looked for."""
    loaded = connection.exec_driver_sql(
        f"LOAD DATA LOCAL INFILE '{file.as_posix()}' INTO TABLE `{table.name}` CHARACTER SET utf8mb4"
        " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '\\\\'"
        " LINES STARTING BY '[' TERMINATED BY ']\\n'"
    ).rowcount
    warnings = connection.exec_driver_sql("SELECT @@warning_count").scalar()
    if loaded != expected or warnings:
        raise RowsRefused(f"{loaded} of {expected} rows of {table.name} were taken, with {warnings} warnings.")


def _ask(connection: Connection, table: Table, key: Key) -> Row | None:
    wanted = (column == value for column, value in zip(primary(table), key, strict=True))
    found = connection.execute(select(table).where(*wanted)).mappings().first()
    return None if found is None else dict(found)
