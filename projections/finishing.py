"""The end of a build: what was spooled is loaded, indexes are made, proofs are written, several at once where it helps.

The server has most to do here, so it is given the largest table first and is never left waiting: what remains to be
computed is computed while it works. A database that does one thing at a time is given one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Final, Self

from sqlalchemy import Connection, Table

from projections.database import Database
from projections.loading import Loading, Spooled, joined, size

CONNECTIONS: Final = 4
"""Some wait for the disk while others work."""


class Finishing:
    """Takes work for several connections at once. Made by `with`; leaving it waits for everything.

    `loading` is that of the build, which may go on with it. Leaving raises RowsRefused and what the database raises,
    `load` ReadTablesUnavailable when there is no room to sort in.
    """

    def __init__(self, database: Database, loading: Loading) -> None:
        self._at_once = not database.is_mysql
        self._opened = ExitStack()
        self._idle = SimpleQueue[Loading]()
        for one in [loading] if self._at_once else [Loading(database, loading.folder) for _ in range(CONNECTIONS)]:
            self._idle.put(one if one is loading else self._opened.enter_context(one))
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="finishing")
        self._given: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        with self._opened, self._threads:
            for given in self._given:
                given.result()

    def load(self, tables: Sequence[Table], spooled: Sequence[Spooled]) -> None:
        """Load what is spooled for these tables, and make their indexes."""
        files: dict[str, list[Spooled]] = {}
        for one in spooled:
            files.setdefault(one.table, []).append(one)

        # The largest first, so that all connections end together. They are sorted one by one: together they would take
        # as long, and the server would have nothing to do.
        for table in sorted(tables, key=lambda table: size(files.get(table.name, ())), reverse=True):
            self._give(_table, table, joined(files[table.name]) if table.name in files else None)

    def write(self, work: Callable[[Connection], None]) -> None:
        """Do this in a transaction of its own."""
        self._give(Loading.write, work)

    def _give(self, work: Callable[..., None], *arguments: object) -> None:
        given = self._threads.submit(self._with_one, work, *arguments)
        if self._at_once:
            given.result()
        self._given.append(given)

    def _with_one(self, work: Callable[..., None], *arguments: object) -> None:
        loading = self._idle.get()
        try:
            work(loading, *arguments)
        finally:
            self._idle.put(loading)


def _table(loading: Loading, table: Table, file: Spooled | None) -> None:
    if file is not None:
        loading.load(table, file)
    loading.index(table)
