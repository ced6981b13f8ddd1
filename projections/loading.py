"""Rows put into fresh tables as fast as the server takes them, while Python goes on folding.

MySQL and MariaDB take a file of lines by LOAD DATA LOCAL INFILE where the operator allows it (`local_infile`), and
statements of many rows otherwise; SQLite takes many rows a transaction. A connection that may read files may read those
of our spool folder only: a hostile server could ask for any.

A file is cheapest by far when it is the first that a table takes: the server sorts it and writes its pages one after
another, and keeps no way back for each row. So rows are only spooled at first, to be loaded as one file at the end.
Whoever asks for a row of a table, or changes one, has its file loaded before, and what follows goes there at once.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import msgspec
from sqlalchemy import Connection, Table, select, text
from sqlalchemy.exc import DBAPIError

from ledger.errors import ReadTablesUnavailable
from projections import writing
from projections.database import Database, filling_database
from projections.encoding import Key, Lines, Row, sql
from projections.rows import primary
from projections.spool import Spool
from projections.tables import create_indexes

LOADED_AT_ONCE: Final = 50_000
"""Rows of one file, or of one transaction, where they cannot wait."""

SORTED_IN: Final = "128M"
"""The memory in which a file is sorted; what is larger goes through the folder."""

log = logging.getLogger(__name__)
T = TypeVar("T")


class RowsRefused(Exception):
    """The database did not take rows in bulk as they were sent; one by one it will show which."""


class Spooled(msgspec.Struct, frozen=True):
    """A file of lines that wait to be loaded into the table of this name."""

    table: str
    path: str
    rows: int


class Loading:
    """Writes to the tables of a build, in the background and in order: what is asked sees what was written.

    `database` says where; connections of its own are used. Made by `with`; leaving it waits, and removes what was
    spooled, unless `folder` is that of another, who then has the files. Methods raise what a write before them raised:
    RowsRefused, or what the database raises; and ReadTablesUnavailable when there is no room for the spool.
    """

    def __init__(self, database: Database, folder: Path | None = None) -> None:
        self._spool = Spool() if folder is None else None
        self.folder = folder or Path(self._spool.name if self._spool else "")
        self._own = filling_database(database, self.folder)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loading")
        self._pending: Future[Any] | None = None
        self._spooled: dict[str, Spooled] = {}
        self._begun: set[str] = set()
        self._uncounted: set[str] = set()
        self._is_mysql = database.is_mysql
        self.takes_files = database.is_mysql and self._own.write(_takes_files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._own.close()
        if self._spool is not None:
            self._spool.cleanup()

    def insert(self, table: Table, rows: Lines) -> None:
        """Rows that are not there yet."""
        if self.takes_files and table.name not in self._begun:
            if rows.lines:
                self._spool_rows(table, rows)
            return
        for start in range(0, len(rows.lines), LOADED_AT_ONCE):
            self._behind(partial(self._insert, table, rows.some(start, start + LOADED_AT_ONCE)))

    def upsert(self, table: Table, rows: Lines) -> None:
        """Rows that are there with other values."""
        if rows.lines:
            self._begin(table)
            self._behind(lambda: self._write(partial(writing.upsert, table=table, rows=rows)))

    def delete(self, table: Table, keys: Sequence[Key]) -> None:
        """Rows that are there stand no more."""
        if keys:
            self._begin(table)
            self._behind(lambda: self._write(partial(writing.remove, table=table, keys=keys)))

    def ask(self, table: Table, key: Key) -> Row | None:
        """The row with this key, or None."""
        self._begin(table)
        self.wait()
        return self._own.write(partial(_ask, table=table, key=key))

    def hand_over(self) -> list[Spooled]:
        """The files that wait to be loaded; whoever takes them loads them."""
        spooled, self._spooled = list(self._spooled.values()), {}
        return spooled

    def load(self, table: Table, spooled: Spooled) -> None:
        """Load a file, which lies in the folder; it is removed. Waits until it is done.

        Meanwhile the server counts nothing for its plans: it would do so several times while the table grows, which
        takes a third of the time. `index` lets it count again.
        """
        self._uncounted.add(str(table.name))
        self.write(partial(_run, statement=f"ALTER TABLE `{table.name}` STATS_AUTO_RECALC=0"))
        self._load(table, spooled)

    def index(self, table: Table) -> None:
        """Make the secondary indexes of a table, on MySQL and MariaDB all in one pass over its rows."""
        if not self._is_mysql:
            self.write(partial(create_indexes, table=table))
            return
        changes = [
            f"ADD INDEX `{index.name}` ({', '.join(f'`{column.name}`' for column in index.columns)})"
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
        is_uncounted = table.name in self._uncounted
        if is_uncounted:
            changes.append("STATS_AUTO_RECALC=DEFAULT")
        if changes:
            self.write(partial(_run, statement=f"ALTER TABLE `{table.name}` {', '.join(changes)}"))
        if is_uncounted:
            self._uncounted.discard(str(table.name))
            self.write(partial(_run, statement=f"ANALYZE TABLE `{table.name}`"))

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

    def _spool_rows(self, table: Table, rows: Lines) -> None:
        name = str(table.name)
        # Processes that share a folder spool rows of the same table.
        before = self._spooled.get(name) or Spooled(name, str(self.folder / f"{name}.{os.getpid()}.lines"), 0)
        _append(Path(before.path), rows)
        self._spooled[name] = Spooled(name, before.path, before.rows + len(rows.lines))

    def _begin(self, table: Table) -> None:
        """From now on rows of this table are not spooled any more."""
        if table.name not in self._begun:
            self._begun.add(str(table.name))
            spooled = self._spooled.pop(str(table.name), None)
            if spooled is not None:
                self._behind(partial(self._load, table, spooled))

    def _insert(self, table: Table, rows: Lines) -> None:
        if not self.takes_files:
            self._write(partial(writing.insert, table=table, rows=rows))
            return
        file = Path(self.folder) / f"{table.name}.{os.getpid()}.more"
        _append(file, rows)
        self._load(table, Spooled(str(table.name), str(file), len(rows.lines)))

    def _load(self, table: Table, spooled: Spooled) -> None:
        file = Path(spooled.path)
        self._write(partial(_load, table=table, file=file, expected=spooled.rows))
        file.unlink()

    def _write(self, work: Callable[[Connection], None]) -> None:
        try:
            self._own.write(work)
        except DBAPIError as error:
            raise RowsRefused(f"The database refused rows of a build ({type(error.orig).__name__}).") from error


def _append(file: Path, rows: Lines) -> None:
    with _room(file), file.open("ab") as lines:
        lines.write(sql(rows.text))


def size(spooled: Sequence[Spooled]) -> int:
    """The bytes of these files. Raises ReadTablesUnavailable when one is not there."""
    total = 0
    for one in spooled:
        with _room(Path(one.path)):
            total += Path(one.path).stat().st_size
    return total


def joined(spooled: Sequence[Spooled]) -> Spooled:
    """One file of all that are spooled for a table, sorted; they are removed.

    The server takes rows in the order of their key in half of the time. Lines begin with the key; texts stand in its
    order, numbers nearly so. The system's `sort` (POSIX) does it in two thirds of our time and beside us, in bounded
    memory. Raises ReadTablesUnavailable when it is missing, or when there is no room.
    """
    program = shutil.which("sort")
    if program is None:
        raise ReadTablesUnavailable("The program sort is missing, which sorts the rows of a build: install coreutils.")
    place = Path(spooled[0].path).with_suffix(".sorted")
    asked = [program, "-S", SORTED_IN, "-T", str(place.parent), "-o", str(place), *(one.path for one in spooled)]
    # By bytes: another language's order would be slower and none of a key.
    done = subprocess.run(asked, env={"LC_ALL": "C"}, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().rpartition("\n")[2] or f"sort ended with {done.returncode}"
        raise _no_room(place, why)
    for one in spooled:
        Path(one.path).unlink()
    return Spooled(spooled[0].table, str(place), sum(one.rows for one in spooled))


@contextmanager
def _room(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _no_room(file, error.strerror) from error


def _no_room(file: Path, why: str | None) -> ReadTablesUnavailable:
    return ReadTablesUnavailable(
        f"The rows of a build could not be kept in {file.parent} ({why}): make room there, or let TMPDIR name a folder"
        " that has it, and start again."
    )


def _run(connection: Connection, statement: str) -> None:
    done = connection.exec_driver_sql(statement)
    if done.returns_rows:
        done.all()


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
