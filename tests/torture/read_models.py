"""What the trials of the read models share: a log that is fed, a projector, rebuilds, and tables nobody disturbs.

Beside the tables of a trial stand others in an SQLite file of its own, which follow the same log in peace: at every
position at which both stand, both must hold the same rows. Whole tables are what is asked for at every look: all of
them there, marked whole, their proof fitting their rows.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import sqlalchemy
from sqlalchemy import text

from local.processes import Process
from projections.database import Database, open_database
from projections.follower import run_round
from projections.places import places
from projections.projection import PROJECTIONS, Projection
from projections.rebuild import rebuild
from projections.tables import Place, serving
from tests.projections.dumped import dump
from tests.story import START
from tests.torture.feeding import Feeder
from tests.torture.judge import Kind, Violation
from tests.torture.projector import open_ledger
from tests.torture.records import last_position
from tests.torture.table_judge import differences
from tests.torture.tales import events
from tests.torture.trial import ROOT, Bench, broken, program, until
from tests.web.stage import MASTER_KEY, NOWHERE

PROJECTOR = "tests.torture.projector"
REBUILD = "projections"
"""The program that rebuilds; a planted fault takes its place."""

SPOOL = "TMPDIR"
"""The variable that says where temporary files go."""


class Store(NamedTuple):
    """Where the read tables of a trial are."""

    tables: str
    """URL of empty read tables."""
    other_tables: str
    """URL of further empty ones on the same server, for a rebuild from scratch."""


class Scene:
    """One log of `count` events, the read tables under trial and those in peace. Everything ends with it."""

    def __init__(self, bench: Bench, store: Store, count: int) -> None:
        self.bench = bench
        self.store = store
        self._stack = ExitStack()
        told = events(bench.dice("events"), count)
        self.feeder = self._stack.enter_context(Feeder(bench.url, told, bench.dice("appends")))
        self.ledger = self._stack.enter_context(closing(open_ledger(bench.url)))
        self.database = self._stack.enter_context(closing(open_database(store.tables)))
        in_peace = f"sqlite:///{bench.directory / 'in_peace.db'}"
        self.in_peace = self._stack.enter_context(closing(open_database(in_peace)))
        self.spool = bench.directory / "spool"
        self.spool.mkdir()
        self._started: list[Process] = []

    @property
    def progress(self) -> Path:
        """The record of the projector's positions."""
        return self.bench.directory / "projector.positions"

    def position(self) -> int:
        """How far the projector has told that it has come."""
        return last_position(self.progress)

    def projector(self, limit: int = 500, module: str = PROJECTOR) -> Process:
        """A projector process, not started yet."""
        words = [self.bench.url, self.store.tables, self.progress, "--limit", limit]
        return self._ours(program(self.bench, module, "projector", words))

    def rebuild(self, names: Sequence[str] = (), module: str = REBUILD) -> Process:
        """A process that rebuilds these projections or all, not started yet: the command of operators.

        Its folder for temporary files is `spool`, by which its children are known as well.
        """
        words = [sys.executable, "-m", *module.split(), "rebuild", *names]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "EVENT_STORE_URL": self.bench.url,
            "READ_TABLES_URL": self.store.tables,
            "REDIS_URL": NOWHERE,
            "SOCAI_MASTER_KEY": MASTER_KEY,
            "SOCAI_BANK_ACCOUNTS": str(self.bench.directory / "no_accounts.json"),
            SPOOL: str(self.spool),
        }
        name = f"rebuild{len(self._started)}"
        return self._ours(Process(name, words, self.bench.directory / f"{name}.log", environment=environment))

    def settled(self, projector: Process) -> list[Violation]:
        """Wait until all that was asked for stands in the log and the projector has come to its end."""
        self.feeder.wait()
        if until(lambda: self.position() >= self.feeder.position or not projector.running):
            return broken([projector])
        where = f"the projector stands at {self.position()} of {self.feeder.position}"
        return [Violation(Kind.STALLED, where), *broken([projector])]

    def differing(self, when: str) -> list[Violation]:
        """Where the tables that serve are not whole or not those in peace. The projector must be settled."""
        while run_round(self.ledger, self.in_peace, START, limit=2_000).applied:
            pass
        return list(compared(self.in_peace, self.database, when))

    def from_scratch(self, when: str) -> list[Violation]:
        """Where the tables that serve differ from a rebuild from scratch into empty ones on the same server.

        The projector must be settled.
        """
        with closing(open_database(self.store.other_tables)) as scratch:
            for projection in PROJECTIONS.values():
                rebuild(self.ledger, scratch, projection, START)
            return list(compared(scratch, self.database, when))

    def in_transaction(self) -> bool:
        """Whether somebody has changed rows of the tables under trial and not committed yet."""
        if self.database.is_mysql:
            changing = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_rows_modified > 0"
            return bool(self.database.column(text(changing))[0])
        file = self.database.engine.url.database
        with closing(sqlite3.connect(str(file), timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False

    def _ours(self, process: Process) -> Process:
        self._started.append(process)
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._started:
            process.kill()
        self._stack.close()


def compared(expected: Database, found: Database, when: str) -> Iterator[Violation]:
    """Where the tables of one database are not whole, or differ from those of another that stand at its position."""
    standing, wanted = places(found), places(expected)
    for projection in PROJECTIONS.values():
        place = standing.get(projection.name)
        missing = _missing(found, projection, place)
        if place is None or missing:
            yield Violation(Kind.HALF_TABLE, f"{projection.name} lacks {missing}, {when}")
            continue
        for name in ("position", "aside", "failing_at"):
            if getattr(place, name) != getattr(wanted[projection.name], name):
                told = f"{name} {getattr(place, name)}, not {getattr(wanted[projection.name], name)}"
                yield Violation(Kind.FOLD, f"{projection.name} has {told}, {when}")
        try:
            dumped = dump(found, projection)
        except AssertionError:
            yield Violation(Kind.FOLD, f"{projection.name}: its proof does not fit its rows, {when}")
            continue
        yield from differences(dump(expected, projection), dumped, _keys(projection), when)


def left_over(database: Database) -> list[str]:
    """Tables of rebuilds that nobody will read: all but one whole set for each projection, kept to switch back."""
    found = sqlalchemy.inspect(database.engine).get_table_names()
    unread: list[str] = []
    for projection in PROJECTIONS.values():
        declared = {table.name for table in serving(projection).all}
        sets: dict[str, set[str]] = {}
        for name in found:
            parts = re.fullmatch(r"(\w+?)(__g\d+)", name)
            if parts and parts[1] in declared:
                sets.setdefault(parts[2], set()).add(parts[1])
        kept = max((suffix for suffix, names in sets.items() if names == declared), key=_generation, default=None)
        unread += [name + suffix for suffix, names in sets.items() if suffix != kept for name in names]
    return sorted(unread)


def generations(database: Database, names: Collection[str] = ()) -> dict[str, int]:
    """How often each of these projections, or of all, was rebuilt."""
    return {name: place.generation for name, place in places(database).items() if not names or name in names}


def _generation(suffix: str) -> int:
    return int(suffix.removeprefix("__g"))


def half_tables(database: Database, when: str) -> Iterator[Violation]:
    """Tables that serve and are not whole, or not there."""
    standing = places(database)
    for projection in PROJECTIONS.values():
        missing = _missing(database, projection, standing.get(projection.name))
        if missing:
            yield Violation(Kind.HALF_TABLE, f"{projection.name} lacks {missing}, {when}")


def _missing(database: Database, projection: Projection, place: Place | None) -> str:
    """What the tables that serve lack to be whole: names of tables, or their place; "" when nothing."""
    missing = serving(projection).missing(set(sqlalchemy.inspect(database.engine).get_table_names()))
    return ", ".join(missing) or ("" if place is not None and place.whole else "its place")


def _keys(projection: Projection) -> dict[str, tuple[str, ...]]:
    return {table.name: tuple(column.name for column in table.primary_key.columns) for table in projection.tables}
