"""Reading the log in MySQL, MariaDB or SQLite: by stream, in order, and never past a hole.

An append and the head that counts it become visible in one commit, and appends commit one after the other, so what is
read up to the head of one moment is whole. Where head and events do not fit, rows were removed or added by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from sqlalchemy import Connection, and_, false, func, select

from ledger.errors import LogDamaged
from ledger.event_log import Recorded
from ledger.sql_tables import EventRow, LogTables, is_of, recorded, stored_event

WINDOW: Final = 5_000
"""Positions asked for in one query: bounds the memory of a follower."""


class LogReader:
    """Reads one log over a connection that is given. Lets SQLAlchemy's errors through; `sql_store.py` words them."""

    def __init__(self, tables: LogTables) -> None:
        self._events = tables.events
        counted = select(tables.heads.c.position).where(tables.heads.c.log == tables.name).scalar_subquery()
        # In one statement, so that both are of one moment.
        self._ends = select(counted, select(func.max(tables.events.c.position)).scalar_subquery())

    def head(self, connection: Connection) -> int:
        """The last position, 0 for an empty log. Raises LogDamaged when head and events do not fit."""
        counted, last = connection.execute(self._ends).one()
        if counted is None or counted != (last or 0):
            raise damaged(min(counted or 0, last or 0) + 1)
        return int(counted)

    def stream(
        self,
        connection: Connection,
        stream: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """Events of one stream with gt < version <= lte, by version, `desc` for newest first, at most `limit`."""
        events = self._events.c
        wanted = [is_of(self._events, stream)]
        wanted += [] if gt is None else [events.version > gt]
        wanted += [] if lte is None else [events.version <= lte]
        query = select(self._events).where(*wanted).order_by(events.version.desc() if desc else events.version)
        rows = connection.execute(query if limit is None else query.limit(limit))
        return [stored_event(EventRow._make(row)) for row in rows]

    def read(self, connection: Connection, after: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """At most `limit` events behind position `after`, in order; raises LogDamaged rather than step over a hole."""
        return [recorded(row) for row in self.rows(connection, after, limit, names=names)]

    def read_back(self, connection: Connection, before: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """At most `limit` events in front of position `before`, newest first; otherwise like `read`."""
        found: list[Recorded] = []
        upto = min(before - 1, self.head(connection))
        while upto > 0 and len(found) < limit:
            after = max(upto - (WINDOW if names else min(WINDOW, limit - len(found))), 0)
            window = list(self._window(connection, after, upto, names))
            found += [recorded(row) for row in reversed(window)]
            upto = after
        return found[:limit]

    def histories(self, connection: Connection, streams: Sequence[str], upto: int) -> list[Recorded]:
        """Every event of these streams up to position `upto`, in order."""
        events = self._events.c
        wanted = [events.stream.in_(sorted(streams)), events.is_uuid == false(), events.position <= upto]
        # Put in order here: asked to, a server may walk the whole log by position rather than the index of streams.
        found = [EventRow._make(row) for row in connection.execute(select(self._events).where(*wanted))]
        return [recorded(row) for row in sorted(found, key=attrgetter("position"))]

    def rows(
        self, connection: Connection, after: int, limit: int, *, stop: int | None = None, names: Sequence[str] = ()
    ) -> list[EventRow]:
        """The same as `read` as rows that are not yet compared with their checksums; none behind position `stop`."""
        head = self.head(connection)
        upto = head if stop is None else min(head, stop)
        after = max(after, 0)
        found: list[EventRow] = []
        while after < upto and len(found) < limit:
            reach = min(after + (WINDOW if names else min(WINDOW, limit - len(found))), upto)
            found += self._window(connection, after, reach, names)
            after = reach
        return found[:limit]

    def _window(self, connection: Connection, after: int, upto: int, names: Sequence[str]) -> Iterator[EventRow]:
        """The events at after < position <= upto, all of which must be there; only those of `names` if given."""
        position = self._events.c.position
        inside = and_(position > after, position <= upto)
        query = select(self._events).where(inside).order_by(position)
        rows = connection.execute(query.where(self._events.c.name.in_(names)) if names else query)
        found = [EventRow._make(row) for row in rows]
        if names:
            places = list(connection.execute(select(position).where(inside).order_by(position)).scalars())
        else:
            places = [row.position for row in found]
        for expected, place in zip(range(after + 1, upto + 1), [*places, None], strict=False):
            if place != expected:
                raise damaged(expected)
        yield from found


def damaged(position: int) -> LogDamaged:
    """What is raised where the log has a hole, or ends elsewhere than its head says."""
    return LogDamaged(
        f"The event log does not hold what it must at position {position}. Nothing behind it is read. Stop the"
        " followers and restore the tables from a backup that holds this position.",
        position=position,
    )
