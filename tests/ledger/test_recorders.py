"""The recorders and their factories: every case the eventsourcing library ships for providers, on each of our stores.

The cases for dynamic consistency boundaries are left out: they want a recorder of tagged decisions, and our stores keep
streams with versions. The library's cases are unittest classes, which take no parameters, so a class is made of each
case for each store at the end of this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    IntegrityError,
    InterfaceError,
    ProcessRecorder,
    ProgrammingError,
    Tracking,
    TrackingRecorder,
)

# The modules, not the classes: pytest would collect the bare cases here as well.
from eventsourcing.tests import application, persistence, projection
from eventsourcing.utils import Environment, get_topic
from pymongo.client_session import ClientSession
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select, update
from sqlalchemy.schema import CreateTable

from ledger.event_log import opened, provider, provider_module
from ledger.mongodb import Factory as MongoFactory
from ledger.mongodb import MongoApplicationRecorder, MongoProcessRecorder, MongoTrackingRecorder
from ledger.mysql import Factory as MySqlFactory
from ledger.recorders import LogAggregateRecorder, LogApplicationRecorder, LogFactory, LogProcessRecorder
from ledger.sql_recorders import SqlApplicationRecorder, SqlProcessRecorder, SqlTrackingRecorder
from ledger.sqlite import Factory as SqliteFactory
from local.mysql import SqlServer
from tests.conftest import fresh_events
from tests.ledger.logged import event

AnyFactory = LogFactory[Any, Any]


class MongoCounters(MongoTrackingRecorder, projection.EventCountersView):
    """The view that the library's projection cases want, kept in the same database as the positions."""

    def get_created_event_counter(self) -> int:
        return self._count("created")

    def get_subsequent_event_counter(self) -> int:
        return self._count("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._increment("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._increment("subsequent", tracking)

    def _count(self, name: str) -> int:
        found = self.connection.collection("counters").find_one({"_id": name})
        return int(found["count"]) if found else 0

    def _increment(self, name: str, tracking: Tracking) -> None:
        def both(session: ClientSession) -> None:
            counters = self.connection.collection("counters")
            counters.update_one({"_id": name}, {"$inc": {"count": 1}}, upsert=True, session=session)
            self.track(tracking, session)

        self.in_transaction(both)


COUNTERS = Table("counters", MetaData(), Column("name", String(20), primary_key=True), Column("count", Integer))


class SqlCounters(SqlTrackingRecorder, projection.EventCountersView):
    """The same in a table beside the positions."""

    def get_created_event_counter(self) -> int:
        return self._count("created")

    def get_subsequent_event_counter(self) -> int:
        return self._count("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._increment("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._increment("subsequent", tracking)

    def _count(self, name: str) -> int:
        def work(session: Connection) -> int:
            session.execute(CreateTable(COUNTERS, if_not_exists=True))
            return session.scalar(select(COUNTERS.c.count).where(COUNTERS.c.name == name)) or 0

        return self.in_transaction(work)

    def _increment(self, name: str, tracking: Tracking) -> None:
        self._count(name)

        def both(session: Connection) -> None:
            mine = update(COUNTERS).where(COUNTERS.c.name == name).values(count=COUNTERS.c.count + 1)
            if not session.execute(mine).rowcount:
                session.execute(insert(COUNTERS).values(name=name, count=1))
            self.track(tracking, session)

        self.in_transaction(both)


@pytest.fixture
def other_event_store_url(event_store_url: str) -> str:
    return event_store_url.replace("socai_", "socai_counters_")


@pytest.fixture
def other_mysql_events_url(mysql_server: SqlServer) -> Iterator[str]:
    with fresh_events(mysql_server) as url:
        yield url


@pytest.fixture
def other_sqlite_events_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'counters.db'}"


class OnStore:
    """Gives a library case a fresh store; what is made from it is closed afterwards."""

    fixture: ClassVar[str]
    view_class: ClassVar[type[Any]]
    application_class: ClassVar[type[LogApplicationRecorder[Any]]]
    process_class: ClassVar[type[LogProcessRecorder[Any, Any]]]
    tracking_class: ClassVar[type[TrackingRecorder]]
    factory_class: ClassVar[type[AnyFactory]]
    factory_at_hand: AnyFactory
    url: str
    module: str

    @pytest.fixture(autouse=True)
    def _store(self, request: pytest.FixtureRequest) -> Iterator[None]:
        self.url = request.getfixturevalue(self.fixture)
        self.module = provider_module(self.url)
        self.factory_at_hand = self.factory_class({"EVENT_STORE_URL": self.url})
        yield
        self.factory_at_hand.close()


class OnMongoDB(OnStore):
    fixture = "event_store_url"
    factory_class = MongoFactory
    view_class = MongoCounters
    application_class = MongoApplicationRecorder
    process_class = MongoProcessRecorder
    tracking_class = MongoTrackingRecorder


class OnMySql(OnStore):
    fixture = "mysql_events_url"
    factory_class = MySqlFactory
    view_class = SqlCounters
    application_class = SqlApplicationRecorder
    process_class = SqlProcessRecorder
    tracking_class = SqlTrackingRecorder


class OnSqlite(OnStore):
    fixture = "sqlite_events_url"
    factory_class = SqliteFactory
    view_class = SqlCounters
    application_class = SqlApplicationRecorder
    process_class = SqlProcessRecorder
    tracking_class = SqlTrackingRecorder


class OfAggregateRecorder(OnStore):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory_at_hand.aggregate_recorder()


class OfSnapshotRecorder(OnStore):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory_at_hand.aggregate_recorder("snapshots")


class OfApplicationRecorder(OnStore):
    def create_recorder(self) -> LogApplicationRecorder[Any]:
        return self.application_class(self.factory_at_hand.log())

    def test_insert_subscribe(self) -> None:
        persistence.ApplicationRecorderTestCase.optional_test_insert_subscribe(self)  # type: ignore[arg-type]


class OfTrackingRecorder(OnStore):
    def create_recorder(self) -> TrackingRecorder:
        found: TrackingRecorder = self.factory_at_hand.tracking_recorder()
        return found


class OfProcessRecorder(OnStore):
    def create_recorder(self) -> LogProcessRecorder[Any, Any]:
        return self.process_class(self.factory_at_hand.log())


class OfNonInterleaving(OnStore):
    insert_num = 1000

    def create_recorder(self) -> LogApplicationRecorder[Any]:
        return self.application_class(self.factory_at_hand.log())


class OfFactory(OnStore):
    @pytest.fixture(autouse=True)
    def _environment(self, _store: None) -> None:
        self.env = Environment(env={"PERSISTENCE_MODULE": self.module, "EVENT_STORE_URL": self.url})

    def expected_factory_class(self) -> type[AnyFactory]:
        return self.factory_class

    def expected_aggregate_recorder_class(self) -> type[LogAggregateRecorder[Any]]:
        return LogAggregateRecorder

    def expected_application_recorder_class(self) -> type[LogApplicationRecorder[Any]]:
        return self.application_class

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return self.tracking_class

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return self.view_class

    def expected_process_recorder_class(self) -> type[LogProcessRecorder[Any, Any]]:
        return self.process_class


class OfEnvironment(OnStore):
    """Points the applications of a library case to the store by the process environment."""

    @pytest.fixture(autouse=True)
    def _environment(self, _store: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PERSISTENCE_MODULE", self.module)
        monkeypatch.setenv("EVENT_STORE_URL", self.url)
        self.__dict__["expected_factory_topic"] = get_topic(self.factory_class)


class OfCountersView(OnStore):
    def construct_event_counters_view(self) -> projection.EventCountersView:
        view = self.factory_at_hand.tracking_recorder(self.view_class)
        assert isinstance(view, projection.EventCountersView)
        return view


class OfCountersProjection(OnStore):
    @pytest.fixture(autouse=True)
    def _environment(self, _store: None) -> None:
        self.__dict__["env"] = {"PERSISTENCE_MODULE": self.module, "EVENT_STORE_URL": self.url}


class OfEventSourcedProjection(OnStore):
    @pytest.fixture(autouse=True)
    def _environment(self, _store: None, request: pytest.FixtureRequest) -> None:
        # Two applications, two logs: the projection must not follow what it records itself.
        self.__dict__["env"] = {
            "PERSISTENCE_MODULE": self.module,
            "APPLICATION_EVENT_STORE_URL": self.url,
            "COUNTERS_EVENT_STORE_URL": request.getfixturevalue(f"other_{self.fixture}"),
        }


CASES: list[tuple[type[OnStore], type[Any]]] = [
    (OfAggregateRecorder, persistence.AggregateRecorderTestCase),
    (OfSnapshotRecorder, persistence.AggregateRecorderTestCase),
    (OfApplicationRecorder, persistence.ApplicationRecorderTestCase),
    (OfTrackingRecorder, persistence.TrackingRecorderTestCase),
    (OfProcessRecorder, persistence.ProcessRecorderTestCase),
    (OfNonInterleaving, persistence.NonInterleavingNotificationIDsBaseCase),
    (OfFactory, persistence.InfrastructureFactoryTestCase),
    (OfEnvironment, application.ExampleApplicationTestCase),
    (OfEnvironment, application.ApplicationTestCase),
    (OfCountersView, projection.EventCountersViewTestCase),
    (OfCountersProjection, projection.AggregateEventCountersProjectionTestCase),
    (OfEventSourcedProjection, projection.EventSourcedProjectionTestCase),
]
for store in (OnMongoDB, OnMySql, OnSqlite):
    for ours, shipped in CASES:
        name = f"Test{ours.__name__}{shipped.__name__}{store.__name__}"
        # One of the library's cases asks for a deprecation warning.
        marks = (
            [pytest.mark.filterwarnings("default::DeprecationWarning")]
            if shipped is application.ApplicationTestCase
            else []
        )
        globals()[name] = type(name, (ours, store, shipped), {"__module__": __name__, "pytestmark": marks})


@pytest.fixture
def factory(event_log_url: str) -> Iterator[AnyFactory]:
    made = provider(event_log_url)
    assert isinstance(made, LogFactory)
    yield made
    made.close()


@pytest.fixture
def process_recorder(factory: AnyFactory) -> ProcessRecorder:
    return factory.process_recorder()


def test_a_refused_tracking_position_keeps_its_events_out(process_recorder: ProcessRecorder) -> None:
    process_recorder.insert_events([event("po_1", 1)], tracking=Tracking("up", 5))
    with pytest.raises(IntegrityError):
        process_recorder.insert_events([event("po_2", 1)], tracking=Tracking("up", 5))
    assert process_recorder.select_events("po_2") == []
    assert process_recorder.max_notification_id() == 1


def test_a_refused_event_keeps_its_tracking_position_out(process_recorder: ProcessRecorder) -> None:
    process_recorder.insert_events([event("po_1", 1)], tracking=Tracking("up", 5))
    with pytest.raises(IntegrityError):
        process_recorder.insert_events([event("po_1", 1)], tracking=Tracking("up", 6))
    assert process_recorder.max_tracking_id("up") == 5


def test_events_with_and_without_tracking_share_one_log(process_recorder: ProcessRecorder, factory: AnyFactory) -> None:
    assert process_recorder.insert_events([event("po_1", 1)]) == [1]
    assert process_recorder.insert_events([event("po_1", 2)], tracking=Tracking("up", 1)) == [2]
    assert process_recorder.insert_events([event("po_1", 3), event("po_1", 4)]) == [3, 4]
    assert process_recorder.insert_events([], tracking=Tracking("up", 2)) == []
    assert [found.version for found in factory.log().read(0, 10)] == [1, 2, 3, 4]


def test_a_process_recorder_still_waits_for_tracking_positions(process_recorder: ProcessRecorder) -> None:
    process_recorder.insert_events([event("po_1", 1)], tracking=Tracking("up", 5))
    process_recorder.wait("up", 5, timeout=0.1)
    with pytest.raises(TimeoutError):
        process_recorder.wait("up", 6, timeout=0.1)


def test_notifications_honour_start_stop_limit_and_topics(factory: AnyFactory) -> None:
    recorder = factory.application_recorder()
    for n in range(1, 10):
        recorder.insert_events([event("po_1", n, "payout.requested" if n % 3 else "payout.paid")])

    def ids(*args: Any, **more: Any) -> list[int]:
        return [found.id for found in recorder.select_notifications(*args, **more)]

    assert ids(None, 3) == [1, 2, 3]
    assert ids(3, 3) == [3, 4, 5]
    assert ids(3, 3, inclusive_of_start=False) == [4, 5, 6]
    assert ids(3, 10, stop=4) == [3, 4]
    assert ids(5, 10, stop=4) == []
    assert ids(-3, 2) == [1, 2]
    assert ids(2, 10, stop=8, topics=["payout.paid"]) == [3, 6]
    assert recorder.max_notification_id() == 9


@pytest.mark.parametrize("module", ["ledger.mongodb", "ledger.mysql", "ledger.sqlite"])
def test_a_missing_url_is_refused_with_the_names_that_are_read(module: str) -> None:
    with pytest.raises(InfrastructureFactoryError, match="LEDGER_EVENT_STORE_URL, EVENT_STORE_URL") as refusal:
        InfrastructureFactory.construct(Environment("Ledger", {"PERSISTENCE_MODULE": module}))
    assert f"{module.removeprefix('ledger.')}:" in str(refusal.value)


URLS = [
    "mongodb://user:s3cret@127.0.0.1:1/?replicaSet=rs0",
    "mongodb://",
    "mysql://user:s3cret@127.0.0.1:3306",
    "mysql://user:s3cret@127.0.0.1:port/socai",
    "mysql:///socai",
    "mysql:",
    "sqlite://",
    "sqlite:///:memory:",
    "sqlite://s3cret/events.db",
    "sqlite:///events.db?mode=s3cret",
]


@pytest.mark.parametrize("url", URLS)
def test_an_unusable_url_is_refused_with_an_example_and_without_repeating_it(url: str) -> None:
    with pytest.raises(InterfaceError, match="EVENT_STORE_URL") as refusal:
        provider(url)
    assert f" {url.partition(':')[0]}://" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def kind_of(url: str) -> type[AnyFactory]:
    kinds: dict[str, type[AnyFactory]] = {"mongodb": MongoFactory, "mysql": MySqlFactory, "sqlite": SqliteFactory}
    return kinds[url.partition(":")[0]]


def test_a_recorder_class_of_another_kind_is_refused(event_log_url: str) -> None:
    env: dict[str, Any] = {"EVENT_STORE_URL": event_log_url, "PROCESS_RECORDER_TOPIC": "uuid:UUID"}
    factory = kind_of(event_log_url)(env)
    with pytest.raises(InfrastructureFactoryError, match="PROCESS_RECORDER_TOPIC"):
        factory.process_recorder()
    factory.close()


def test_tables_and_indexes_are_made_only_where_that_is_allowed(event_log_url: str) -> None:
    careful = kind_of(event_log_url)({"EVENT_STORE_URL": event_log_url, "CREATE_TABLE": "n"})
    with pytest.raises(ProgrammingError, match="CREATE_TABLE=y"):
        careful.log().append([event("po_1", 1)])
    with opened(event_log_url) as log:
        log.append([event("po_1", 1)])
    assert careful.log().append([event("po_1", 2)]) == [2]
    careful.close()
