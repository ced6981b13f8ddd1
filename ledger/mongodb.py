"""Event recorders over MongoDB for the eventsourcing library: thin classes over one commit log, and their factory.

Chosen by environment: PERSISTENCE_MODULE=ledger.mongodb and EVENT_STORE_URL=mongodb://host:27017/socai?replicaSet=rs0.
One database holds one log (`events`), its snapshots (`snapshots`) and tracking positions (`tracking`). Applications
that must not share a log name databases of their own, with the library's prefix: COUNTERS_EVENT_STORE_URL.

A follower that wants no library objects takes the `log` of a recorder: `read`, `head` and `wait`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from bson import Int64
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError

from ledger.commits import OutcomeUnknown
from ledger.mongodb_log import CommitLog, Connection, reported
from ledger.mongodb_read import described, state_of
from ledger.mongodb_write import HeadLost

TRANSACTIONS_MAX: Final = 50
"""Times a transaction begins again because another writer took its position."""

Result = TypeVar("Result")
Class = TypeVar("Class")


class MongoAggregateRecorder(AggregateRecorder):
    """Events by stream."""

    def __init__(self, log: CommitLog, **more: Any) -> None:
        super().__init__(**more)
        self.log = log

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Store the events together; raises IntegrityError when one of their versions is taken."""
        self.log.append(stored_events)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Events of one stream with gt < version <= lte, by version."""
        return self.log.stream(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)


class MongoApplicationRecorder(MongoAggregateRecorder, ApplicationRecorder):
    """Events by stream and by position."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Store the events together and give their positions; raises IntegrityError when a version is taken."""
        return self.log.append(stored_events)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """At most `limit` events from `start` to `stop`; raises LogDamaged at a hole."""
        after = (start or 0) - 1 if inclusive_of_start else (start or 0)
        return [
            Notification(event["s"], event["v"], event["t"], state_of(event), position)
            for position, event in self.log.positioned(max(after, 0), limit, stop=stop, names=topics)
        ]

    def max_notification_id(self) -> int | None:
        """The last position, None for an empty log."""
        return self.log.head() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Every event behind `gt`, then every new one as it comes."""
        return MongoSubscription(self, gt=gt, topics=topics)


class MongoSubscription(ListenNotifySubscription[MongoApplicationRecorder]):
    """A subscription woken by the log's change stream."""

    def __init__(self, recorder: MongoApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        recorder.log.listen(self._has_been_notified)

    def stop(self) -> None:
        """End the iteration."""
        self._recorder.log.unlisten(self._has_been_notified)
        super().stop()


class MongoTrackingRecorder(TrackingRecorder):
    """How far a follower has come in the log of each upstream application: one document an application, only forward.

    A subclass that keeps a view in the same database writes it with `in_transaction` and `track` together.
    """

    def __init__(self, connection: Connection, **more: Any) -> None:
        super().__init__(**more)
        self.connection = connection
        self._tracking = connection.collection("tracking")

    def insert_tracking(self, tracking: Tracking) -> None:
        """Go forward to `tracking`; raises IntegrityError when that or a later position is recorded."""
        self.in_transaction(lambda session: self.track(tracking, session))

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


class MongoProcessRecorder(MongoTrackingRecorder, MongoApplicationRecorder, ProcessRecorder):
    """Events together with the position they follow from."""

    def __init__(self, log: CommitLog) -> None:
        super().__init__(connection=log.connection, log=log)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Store the events, and the `tracking` given with them, together; raises IntegrityError for either."""
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking is None:
            return super().insert_events(stored_events, **kwargs)

        def both(session: ClientSession) -> list[int]:
            positions = self.log.append_in(session, stored_events)
            self.track(tracking, session)
            return positions

        try:
            return self.in_transaction(both)
        except OutcomeUnknown:
            if not stored_events:
                raise
            return self.log.resolved(stored_events)


class MongoFactory(InfrastructureFactory[MongoTrackingRecorder]):
    """Makes recorders for the database in EVENT_STORE_URL.

    EVENT_STORE_COMMITTER names the socket of this host's committer (`committer.py`), if it has one. CREATE_TABLE=n
    forbids making the unique index; it must stand there then.
    """

    EVENT_STORE_URL = "EVENT_STORE_URL"
    EVENT_STORE_COMMITTER = "EVENT_STORE_COMMITTER"
    CREATE_TABLE = "CREATE_TABLE"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        url = self.env.get(self.EVENT_STORE_URL)
        if not url:
            names = ", ".join(self.env.create_keys(self.EVENT_STORE_URL))
            raise InfrastructureFactoryError(
                f"Set {names} to the event store: mongodb://host:27017/socai?replicaSet=rs0."
            )
        self.connection = Connection(url)
        self._logs: dict[str, CommitLog] = {}

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """A recorder of events by stream; `purpose` names the collection ("snapshots")."""
        return MongoAggregateRecorder(self.log(purpose))

    def application_recorder(self) -> ApplicationRecorder:
        """A recorder of the log, of the class in APPLICATION_RECORDER_TOPIC if that is set."""
        return self._class(self.APPLICATION_RECORDER_TOPIC, MongoApplicationRecorder)(self.log())

    def tracking_recorder(
        self, tracking_recorder_class: type[MongoTrackingRecorder] | None = None
    ) -> MongoTrackingRecorder:
        """A recorder of positions, of the class given or named in TRACKING_RECORDER_TOPIC."""
        chosen = tracking_recorder_class or self._class(self.TRACKING_RECORDER_TOPIC, MongoTrackingRecorder)
        return chosen(self.connection)

    def process_recorder(self) -> ProcessRecorder:
        """A recorder of events and positions together, of the class in PROCESS_RECORDER_TOPIC if that is set."""
        return self._class(self.PROCESS_RECORDER_TOPIC, MongoProcessRecorder)(self.log())

    def close(self) -> None:
        """End every thread and connection of the recorders made here."""
        self.connection.close()

    def log(self, name: str = "events") -> CommitLog:
        """The log of that name: recorders of one factory share it, and with it the group commit."""
        if name not in self._logs:
            may_create = strtobool(self.env.get(self.CREATE_TABLE, "yes"))
            committer = self.env.get(self.EVENT_STORE_COMMITTER) if name == "events" else None
            self._logs[name] = CommitLog(
                self.connection, name, may_create=may_create, committer=Path(committer) if committer else None
            )
        return self._logs[name]

    def _class(self, setting: str, usual: type[Class]) -> type[Class]:
        topic = self.env.get(setting)
        chosen = resolve_topic(topic) if topic else usual
        if not (isinstance(chosen, type) and issubclass(chosen, usual)):
            raise InfrastructureFactoryError(f"{setting} must name a subclass of {usual.__name__}.")
        return chosen


Factory = MongoFactory
