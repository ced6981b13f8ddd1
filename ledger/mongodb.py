"""The event log in MongoDB for the eventsourcing library: what its recorders do differently, and their factory.

Chosen by environment: PERSISTENCE_MODULE=ledger.mongodb and EVENT_STORE_URL=mongodb://host:27017/socai?replicaSet=rs0.
One database holds one log (`events`), its snapshots (`snapshots`) and tracking positions (`tracking`). Applications
that must not share a log name databases of their own, with the library's prefix: COUNTERS_EVENT_STORE_URL.

A follower that wants no library objects takes the `log` of a recorder: `read`, `head` and `wait`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from bson import Int64
from eventsourcing.persistence import IntegrityError, Notification, OperationalError, StoredEvent, Tracking
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError

from ledger.commits import OutcomeUnknown
from ledger.mongodb_log import CommitLog, Connection, reported
from ledger.mongodb_read import described, state_of
from ledger.mongodb_write import HeadLost
from ledger.recorders import (
    LogAggregateRecorder,
    LogApplicationRecorder,
    LogFactory,
    LogProcessRecorder,
    PositionTracker,
)

TRANSACTIONS_MAX: Final = 50
"""Times a transaction begins again because another writer took its position."""

Result = TypeVar("Result")


class MongoApplicationRecorder(LogApplicationRecorder[CommitLog]):
    """Events by stream and by position."""

    def _notifications(self, after: int, limit: int, stop: int | None, names: Sequence[str]) -> list[Notification]:
        return [
            Notification(event["s"], event["v"], event["t"], state_of(event), position)
            for position, event in self.log.positioned(after, limit, stop=stop, names=names)
        ]


class MongoTrackingRecorder(PositionTracker[ClientSession]):
    """How far a follower has come, one document an application."""

    def __init__(self, connection: Connection, **more: Any) -> None:
        super().__init__(**more)
        self.connection = connection
        self._tracking = connection.collection("tracking")

    def max_tracking_id(self, application_name: str) -> int | None:
        """The position reached in the log of an application, None before the first."""
        with reported("reading a tracking position"):
            found = self._tracking.find_one({"_id": application_name})
        return int(found["position"]) if found else None

    def in_transaction(self, work: Callable[[ClientSession], Result]) -> Result:
        """Do `work` in a transaction: all of it is durable, or none."""
        with reported("a transaction"):
            for _ in range(TRANSACTIONS_MAX):
                try:
                    return self.connection.transaction(work)
                except HeadLost:
                    continue
                except PyMongoError as error:
                    if error.has_error_label("UnknownTransactionCommitResult"):
                        raise OutcomeUnknown(f"Whether it is stored cannot be told now: {described(error)}.") from error
                    raise
        raise OperationalError("Nothing was stored: other processes kept taking the next position.")

    def track(self, tracking: Tracking, session: ClientSession) -> None:
        """Go forward to `tracking` inside a transaction."""
        try:
            self._tracking.update_one(
                {"_id": tracking.application_name, "position": {"$lt": tracking.notification_id}},
                {"$set": {"position": Int64(tracking.notification_id)}},
                upsert=True,
                session=session,
            )
        except DuplicateKeyError as error:
            raise IntegrityError(
                f"{tracking.application_name} is tracked up to {tracking.notification_id} or beyond already."
            ) from error


class MongoProcessRecorder(
    LogProcessRecorder[CommitLog, ClientSession], MongoTrackingRecorder, MongoApplicationRecorder
):
    """Events together with the position they follow from."""

    def __init__(self, log: CommitLog) -> None:
        super().__init__(log=log, connection=log.connection)

    def _append_in(self, session: ClientSession, events: Sequence[StoredEvent]) -> list[int]:
        return self.log.append_in(session, events)

    def _resolved(self, events: Sequence[StoredEvent]) -> list[int]:
        return self.log.resolved(events)


class MongoFactory(LogFactory[MongoTrackingRecorder, CommitLog]):
    """Makes recorders for the database in EVENT_STORE_URL.

    EVENT_STORE_COMMITTER names the socket of this host's committer (`committer.py`), if it has one.
    """

    EVENT_STORE_COMMITTER = "EVENT_STORE_COMMITTER"
    EXAMPLE = "mongodb://host:27017/socai?replicaSet=rs0"
    AGGREGATE = LogAggregateRecorder
    APPLICATION = MongoApplicationRecorder
    TRACKING = MongoTrackingRecorder
    PROCESS = MongoProcessRecorder

    def _open(self, url: str) -> None:
        self.connection = Connection(url)

    def _new_log(self, name: str, *, may_create: bool) -> CommitLog:
        committer = self.env.get(self.EVENT_STORE_COMMITTER) if name == "events" else None
        path = Path(committer) if committer else None
        return CommitLog(self.connection, name, may_create=may_create, committer=path)

    def _new_tracker(self, kind: type[MongoTrackingRecorder]) -> MongoTrackingRecorder:
        return kind(self.connection)

    def close(self) -> None:
        """End every thread and connection of the recorders made here."""
        self.connection.close()


Factory = MongoFactory
