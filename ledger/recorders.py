"""The eventsourcing library's recorders and factory over an `EventLog`: what is the same on every store, once.

A provider (`ledger/mongodb.py`, `mysql.py`, `sqlite.py`) adds what differs: how its log gives notifications, how a
transaction holds events and a tracking position together, and how its URL is opened.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    ListenNotifySubscription,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool

from ledger.commits import OutcomeUnknown
from ledger.event_log import EventLog

Log = TypeVar("Log", bound=EventLog)
Session = TypeVar("Session")
Result = TypeVar("Result")
Class = TypeVar("Class")
Tracker = TypeVar("Tracker", bound=TrackingRecorder)


class LogAggregateRecorder(AggregateRecorder, Generic[Log]):
    """Events by stream."""

    def __init__(self, log: Log, **more: Any) -> None:
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


class LogApplicationRecorder(LogAggregateRecorder[Log], ApplicationRecorder):
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
        return self._notifications(max(after, 0), limit, stop, topics)

    @abstractmethod
    def _notifications(self, after: int, limit: int, stop: int | None, names: Sequence[str]) -> list[Notification]:
        """At most `limit` events behind `after`, none behind `stop`; streams are of the type they were stored with."""

    def max_notification_id(self) -> int | None:
        """The last position, None for an empty log."""
        return self.log.head() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Every event behind `gt`, then every new one as it comes."""
        return LogSubscription(self, gt=gt, topics=topics)


class LogSubscription(ListenNotifySubscription[LogApplicationRecorder[Any]]):
    """A subscription woken by the log itself."""

    def __init__(
        self, recorder: LogApplicationRecorder[Any], gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        recorder.log.listen(self._has_been_notified)

    def stop(self) -> None:
        """End the iteration."""
        self._recorder.log.unlisten(self._has_been_notified)
        super().stop()


class PositionTracker(TrackingRecorder, Generic[Session]):
    """How far a follower has come in the log of each upstream application: one row an application, only forward.

    A subclass that keeps a view in the same database writes it with `in_transaction` and `track` together.
    """

    def insert_tracking(self, tracking: Tracking) -> None:
        """Go forward to `tracking`; raises IntegrityError when that or a later position is recorded."""
        self.in_transaction(lambda session: self.track(tracking, session))

    @abstractmethod
    def in_transaction(self, work: Callable[[Session], Result]) -> Result:
        """Do `work` in a transaction: all of it is durable, or none. Raises OutcomeUnknown when that cannot be told."""

    @abstractmethod
    def track(self, tracking: Tracking, session: Session) -> None:
        """Go forward to `tracking` inside a transaction; raises IntegrityError like `insert_tracking`."""


class LogProcessRecorder(LogApplicationRecorder[Log], PositionTracker[Session], ProcessRecorder):
    """Events together with the position they follow from."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Store the events, and the `tracking` given with them, together; raises IntegrityError for either."""
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking is None:
            return super().insert_events(stored_events, **kwargs)

        def both(session: Session) -> list[int]:
            positions = self._append_in(session, stored_events)
            self.track(tracking, session)
            return positions

        try:
            return self.in_transaction(both)
        except OutcomeUnknown:
            if not stored_events:
                raise
            return self._resolved(stored_events)

    @abstractmethod
    def _append_in(self, session: Session, events: Sequence[StoredEvent]) -> list[int]:
        """Append inside a transaction; the positions."""

    @abstractmethod
    def _resolved(self, events: Sequence[StoredEvent]) -> list[int]:
        """The positions of events whose commit got no answer; raises what became of them otherwise."""


class LogFactory(InfrastructureFactory[Tracker], Generic[Tracker, Log]):
    """Makes recorders for the store in EVENT_STORE_URL; `log(name)` is one object for one name.

    CREATE_TABLE=n forbids making tables and indexes; they must stand there then.
    """

    EVENT_STORE_URL = "EVENT_STORE_URL"
    CREATE_TABLE = "CREATE_TABLE"

    EXAMPLE: ClassVar[str]
    """What EVENT_STORE_URL may look like."""
    AGGREGATE: ClassVar[type[LogAggregateRecorder[Any]]]
    APPLICATION: ClassVar[type[LogApplicationRecorder[Any]]]
    TRACKING: ClassVar[type[TrackingRecorder]]
    PROCESS: ClassVar[type[LogProcessRecorder[Any, Any]]]

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        url = self.env.get(self.EVENT_STORE_URL)
        if not url:
            names = ", ".join(self.env.create_keys(self.EVENT_STORE_URL))
            raise InfrastructureFactoryError(f"Set {names} to the event store: {self.EXAMPLE}.")
        self._open(url)
        self._logs: dict[str, Log] = {}

    @abstractmethod
    def _open(self, url: str) -> None:
        """Take the store at this URL; nothing is contacted yet. Raises InterfaceError for a URL that is none."""

    @abstractmethod
    def _new_log(self, name: str, *, may_create: bool) -> Log:
        """A log of the store that was opened."""

    @abstractmethod
    def _new_tracker(self, kind: type[Tracker]) -> Tracker:
        """A tracking recorder of this class on the store that was opened."""

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """A recorder of events by stream; `purpose` names the log ("snapshots")."""
        return self.AGGREGATE(self.log(purpose))

    def application_recorder(self) -> ApplicationRecorder:
        """A recorder of the log, of the class in APPLICATION_RECORDER_TOPIC if that is set."""
        return self._class(self.APPLICATION_RECORDER_TOPIC, self.APPLICATION)(self.log())

    def tracking_recorder(self, tracking_recorder_class: type[Tracker] | None = None) -> Tracker:
        """A recorder of positions, of the class given or named in TRACKING_RECORDER_TOPIC."""
        named = self._class(self.TRACKING_RECORDER_TOPIC, self.TRACKING)
        return self._new_tracker(tracking_recorder_class or cast("type[Tracker]", named))

    def process_recorder(self) -> ProcessRecorder:
        """A recorder of events and positions together, of the class in PROCESS_RECORDER_TOPIC if that is set."""
        return self._class(self.PROCESS_RECORDER_TOPIC, self.PROCESS)(self.log())

    def log(self, name: str = "events") -> Log:
        """The log of that name: recorders of one factory share it, and with it the group commit."""
        if name not in self._logs:
            self._logs[name] = self._new_log(name, may_create=self._may_create())
        return self._logs[name]

    def _may_create(self) -> bool:
        return strtobool(self.env.get(self.CREATE_TABLE, "yes"))

    def _class(self, setting: str, usual: type[Class]) -> type[Class]:
        topic = self.env.get(setting)
        chosen = resolve_topic(topic) if topic else usual
        if not (isinstance(chosen, type) and issubclass(chosen, usual)):
            raise InfrastructureFactoryError(f"{setting} must name a subclass of {usual.__name__}.")
        return chosen
