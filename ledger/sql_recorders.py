"""What the library's recorders do on MySQL, MariaDB and SQLite: notifications, tracking positions, their factory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import sqlalchemy
from eventsourcing.persistence import IntegrityError, Notification, StoredEvent, Tracking
from sqlalchemy import Connection, insert, select, update

from ledger.recorders import (
    LogAggregateRecorder,
    LogApplicationRecorder,
    LogFactory,
    LogProcessRecorder,
    PositionTracker,
)
from ledger.sql_log import SqlLog
from ledger.sql_store import SqlStore, reported
from ledger.sql_tables import tracking_table

Result = TypeVar("Result")


class SqlApplicationRecorder(LogApplicationRecorder[SqlLog]):
    """Events by stream and by position."""

    def _notifications(self, after: int, limit: int, stop: int | None, names: Sequence[str]) -> list[Notification]:
        return self.log.notifications(after, limit, stop=stop, names=names)


class SqlTrackingRecorder(PositionTracker[Connection]):
    """How far a follower has come, one row an application. `may_create` lets it make its table."""

    def __init__(self, store: SqlStore, *, may_create: bool = True, **more: Any) -> None:
        super().__init__(**more)
        self.store = store
        self._tracking = tracking_table()
        self._may_create = may_create

    def max_tracking_id(self, application_name: str) -> int | None:
        """The position reached in the log of an application, None before the first."""
        table = self._tracking.c
        with reported("reading a tracking position"):
            self._check()
            with self.store.asking() as connection:
                return connection.scalar(select(table.position).where(table.application == application_name))

    def in_transaction(self, work: Callable[[Connection], Result]) -> Result:
        """Do `work` in a transaction: all of it is durable, or none."""
        with reported("a transaction"):
            self._check()
            return self.store.transaction(work)

    def track(self, tracking: Tracking, session: Connection) -> None:
        """Go forward to `tracking` inside a transaction."""
        name, position = tracking.application_name, tracking.notification_id
        table = self._tracking.c
        forward = update(self._tracking).where(table.application == name, table.position < position)
        if session.execute(forward.values(position=position)).rowcount:
            return
        try:
            session.execute(insert(self._tracking).values(application=name, position=position))
        except sqlalchemy.exc.IntegrityError:
            raise IntegrityError(f"{name} is tracked up to {position} or beyond already.") from None

    def _check(self) -> None:
        self.store.fit([self._tracking], may_create=self._may_create)


class SqlProcessRecorder(LogProcessRecorder[SqlLog, Connection], SqlTrackingRecorder, SqlApplicationRecorder):
    """Events together with the position they follow from."""

    def __init__(self, log: SqlLog) -> None:
        super().__init__(log=log, store=log.store, may_create=log.may_create)

    def _append_in(self, session: Connection, events: Sequence[StoredEvent]) -> list[int]:
        return self.log.append_in(session, events)

    def _resolved(self, events: Sequence[StoredEvent]) -> list[int]:
        return self.log.resolved(events)

    def _check(self) -> None:
        self.log.check()
        super()._check()


class SqlFactory(LogFactory[SqlTrackingRecorder, SqlLog]):
    """Makes recorders for the database in EVENT_STORE_URL."""

    AGGREGATE = LogAggregateRecorder
    APPLICATION = SqlApplicationRecorder
    TRACKING = SqlTrackingRecorder
    PROCESS = SqlProcessRecorder

    @abstractmethod
    def open_store(self, url: str) -> SqlStore:
        """The database at a URL; nothing is contacted yet. Raises InterfaceError for a URL that is none."""

    def _open(self, url: str) -> None:
        self.store = self.open_store(url)

    def _new_log(self, name: str, *, may_create: bool) -> SqlLog:
        return SqlLog(self.store, name, may_create=may_create)

    def _new_tracker(self, kind: type[SqlTrackingRecorder]) -> SqlTrackingRecorder:
        return kind(self.store, may_create=self._may_create())

    def close(self) -> None:
        """End every thread and connection of the recorders made here."""
        self.store.close()
