"""A subscription: a named, durable place in the log for a follower whose effect lies outside these tables.

    subscription = Subscription(database, "reactor", follows)
    while subscription.step(ledger, take, at=clock()): ...

The effect comes first and the position is moved behind it, so an event is taken at least once: the effect must be
harmless when repeated. What cannot be taken is set aside per stream, in the transaction that moves the position, as a
projection does (`projections/aside.py`). A new follower is a function that takes an event, and a name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, insert, update

from ledger.aggregate import Envelope, decode
from ledger.errors import ReadTablesUnavailable
from ledger.event_log import Recorded
from ledger.store import Ledger
from projections.aside import EVENTS_MAX, Aside, Retried, SetAside, is_poison, told
from projections.database import Database
from projections.follower import BATCH, concerns_follower, read_section, tell_set_aside
from projections.places import begin, locked, position_of
from projections.retry import PIECE, chosen_heads, recorded
from projections.tables import ASIDE, POSITIONS, make_tables

T = TypeVar("T")
Take = Callable[[Envelope], None]
"""Takes one event in. Raises Unavailable when a part is away: the event is tried again; anything else is poison."""


class Subscription:
    """The place of one follower. `follows`: whether an event of this stored name concerns it.

    Its tables are made when missing. Every method raises ReadTablesUnavailable.
    """

    def __init__(self, database: Database, name: str, follows: Callable[[str], bool]) -> None:
        self.name = name
        self._database = database
        self._follows = follows
        self._aside = SetAside(ASIDE, name)

    def position(self) -> int | None:
        """How far it has come; None when it has not begun: one that began on an empty log stands at 0."""
        return self._made(lambda: position_of(self._database, self.name))

    def begin(self, position: int) -> None:
        """Begin behind this position rather than at the beginning of the log; harmless when it has begun."""
        self._made(lambda: begin(self._database, self.name, position))

    def step(self, ledger: Ledger, take: Take, at: datetime, limit: int = BATCH) -> int:
        """Take the next events, at most `limit`, and move behind them; how many there were. `at`: now.

        Raises what `take` raises about a part that is away (the position stays), TooManySetAside,
        EventStoreUnavailable, LogDamaged at a hole.
        """
        after = self.position() or 0
        section = read_section(ledger, after, limit)
        if not section:
            return 0
        known = self._made(lambda: self._database.write(self._aside.heads))
        entries = self._taken(section.rows, take, at, known.keys())
        if self._database.write(partial(self._move, after, section.upto, known, entries)):
            for entry in entries:
                if entry.cause is not None:
                    tell_set_aside(self.name, _row_of(section.rows, entry), entry.cause)
        return len(section)

    def retry(self, ledger: Ledger, take: Take, stream: str | None = None) -> Retried:
        """Take what was set aside, of one stream or all: each stream in its order, up to the first that fails again.

        Raises NothingSetAside for a stream that has nothing set aside, and what `step` raises.
        """
        heads = self._made(lambda: self._database.write(self._aside.heads))
        chosen = chosen_heads(self.name, heads, stream)
        taken = sum(self._drain(ledger, take, head.stream) for head in chosen)
        return Retried(taken=taken, left=self._database.write(self._aside.count))

    def _taken(self, rows: Sequence[Recorded], take: Take, at: datetime, known: Set[str]) -> list[Aside]:
        """Have the rows taken; those that could not be, or that wait behind such a one."""
        entries: list[Aside] = []
        waiting = set(known)
        for row in filter(lambda row: concerns_follower(row, self._follows), rows):
            if row.stream in waiting:
                entries.append(Aside.of(self.name, row, at))
                continue
            try:
                take(_decoded(row))
            except Exception as error:
                if not is_poison(error):
                    raise
                entries.append(Aside.of(self.name, row, at, told(error)))
                waiting.add(row.stream)
        return entries

    def _made(self, ask: Callable[[], T]) -> T:
        """What `ask` gives, once its tables are made."""
        try:
            return ask()
        except ReadTablesUnavailable as error:
            if not error.facts.get("missing_table"):
                raise
        make_tables(self._database, ())
        return ask()

    def _move(
        self,
        after: int,
        upto: int,
        known: dict[str, Aside],
        entries: list[Aside],
        connection: Connection,
    ) -> bool:
        """False when another copy was first, or a retry changed who waits: the same events are looked at again."""
        position = locked(connection, self.name)
        if (position or 0) != after or self._aside.heads(connection).keys() != known.keys():
            return False
        self._aside.add(connection, entries)
        if position is None:
            connection.execute(insert(POSITIONS), [{"name": self.name, "position": upto}])
        else:
            connection.execute(update(POSITIONS).where(POSITIONS.c.name == self.name).values(position=upto))
        return True

    def _drain(self, ledger: Ledger, take: Take, stream: str) -> int:
        taken = 0
        for _ in range(2 * EVENTS_MAX):
            entries = self._database.write(partial(self._aside.of_stream, stream=stream, limit=PIECE))
            if not entries:
                break
            done: list[Aside] = []
            removed, cause = 0, None
            try:
                for entry in entries:
                    take(_decoded(recorded(ledger, entry)))
                    done.append(entry)
            except Exception as error:
                if not is_poison(error):
                    raise
                cause = told(error)
            finally:
                # Nobody knows how often they were taken in; they are removed once.
                removed = self._database.write(partial(self._remove, done)) if done else 0
            taken += removed
            # Where another copy was first, the one that failed may not stand first: it is tried again.
            if cause is not None and removed == len(done):
                self._database.write(partial(self._failed_again, entries[len(done)], cause))
                break
        return taken

    def _failed_again(self, entry: Aside, cause: str, connection: Connection) -> None:
        locked(connection, self.name)
        self._aside.failed_again(connection, entry, cause)

    def _remove(self, entries: list[Aside], connection: Connection) -> int:
        locked(connection, self.name)
        if self._aside.of_stream(connection, entries[0].stream, len(entries)) != entries:
            return 0
        self._aside.take(connection, entries)
        return len(entries)


def _decoded(row: Recorded) -> Envelope:
    return decode(row.name, row.stream, row.version, row.state, row.position)


def _row_of(rows: Sequence[Recorded], entry: Aside) -> Recorded:
    return rows[entry.position - rows[0].position]
