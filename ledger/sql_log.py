"""The event log in MySQL, MariaDB or SQLite as one thing: fitness, appending, reading, waiting, errors in words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Event
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent
from sqlalchemy import Connection, insert, select

from ledger.event_log import Recorded
from ledger.sql_read import LogReader
from ledger.sql_store import Begin, SqlStore, reported
from ledger.sql_tables import log_tables, stored_event
from ledger.sql_watch import Watcher
from ledger.sql_write import LogWriter


class SqlLog:
    """One log: `name` is its table. `may_create` lets it make missing tables; otherwise their absence is refused.

    An `EventLog`; see there for what each call gives and raises. A log is made without touching the database, so that a
    web process that starts before it answers "unavailable" instead of dying.
    """

    def __init__(self, store: SqlStore, name: str = "events", *, may_create: bool = True) -> None:
        self.store = store
        self._tables = log_tables(name)
        self._reader = LogReader(self._tables)
        self._writer = LogWriter(store, self._tables)
        # It must not hold the store: a log that nobody holds any more is closed.
        peek = partial(store.make.peek, store.engine, name)
        self._watcher = Watcher(name, peek, store.make.pause_s, (store.engine.dialect.loaded_dbapi.Error,))
        store.closes(self._watcher)
        self.may_create = may_create

    def append(self, events: Sequence[StoredEvent]) -> list[int]:
        """Store `events` together or not at all; gives their positions. IntegrityError when a version is taken."""
        with reported("appending"):
            self.check()
            positions = self._writer.append(events)
        if positions:
            self._watcher.reached(positions[-1])
        return positions

    def append_in(self, connection: Connection, events: Sequence[StoredEvent]) -> list[int]:
        """The same in the transaction of `connection`. Lets SQLAlchemy's errors through."""
        return self._writer.append_in(connection, events)

    def resolved(self, events: Sequence[StoredEvent]) -> list[int]:
        """What became of events whose commit got no answer: their positions if they stand in the log.

        Raises IntegrityError when a version is another's, OperationalError when nothing was stored.
        """
        with reported("asking for the outcome"):
            return self._writer.resolved(events)

    def stream(
        self,
        stream: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """Events of one stream with gt < version <= lte in order of version, newest first if `desc`."""
        with reported("reading a stream"):
            self.check()
            with self.store.asking() as connection:
                return self._reader.stream(connection, stream, gt=gt, lte=lte, desc=desc, limit=limit)

    def notifications(
        self, after: int, limit: int, *, stop: int | None = None, names: Sequence[str] = ()
    ) -> list[Notification]:
        """Events behind `after`, none behind `stop`, as the library's notifications; raises LogDamaged at a hole."""
        with reported("reading the log"):
            self.check()
            with self.store.asking() as connection:
                rows = self._reader.rows(connection, after, limit, stop=stop, names=names)
        found = []
        for row in rows:
            event = stored_event(row)
            found.append(
                Notification(event.originator_id, event.originator_version, event.topic, event.state, row.position)
            )
        return found

    def read(self, after: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """At most `limit` events behind position `after`; raises LogDamaged at a hole."""
        with reported("reading the log"):
            self.check()
            with self.store.asking() as connection:
                return self._reader.read(connection, after, limit, names)

    def read_back(self, before: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """At most `limit` events in front of position `before`, newest first; raises LogDamaged at a hole."""
        with reported("reading the log"):
            self.check()
            with self.store.asking() as connection:
                return self._reader.read_back(connection, before, limit, names)

    def histories(self, streams: Sequence[str], upto: int) -> list[Recorded]:
        """Every event of these streams up to position `upto`, in order of position."""
        with reported("reading streams"):
            self.check()
            with self.store.asking() as connection:
                return self._reader.histories(connection, streams, upto)

    def head(self) -> int:
        """The last position, 0 for an empty log; raises LogDamaged when the last events were removed."""
        with reported("reading the head of the log"):
            self.check()
            with self.store.asking() as connection:
                return self._reader.head(connection)

    def wait(self, after: int, timeout_s: float) -> bool:
        """Block until there is an event behind `after`, at most `timeout_s` seconds; says whether there is."""
        with reported("waiting for news"):
            self.check()
        return self._watcher.wait(after, timeout_s)

    def listen(self, listener: Event) -> None:
        """Set `listener` now and whenever the log grows."""
        with reported("waiting for news"):
            self.check()
        self._watcher.listen(listener)

    def unlisten(self, listener: Event) -> None:
        """Leave `listener` alone from now on."""
        self._watcher.unlisten(listener)

    def check(self) -> None:
        """See once that the database is fit and has the tables. Lets SQLAlchemy's errors through."""
        name, events, heads = self._tables
        asked = select(heads.c.position).where(heads.c.log == name)
        begin = Begin(asked, insert(heads).values(log=name, position=0))
        self.store.fit([events, heads], may_create=self.may_create, begin=begin)
