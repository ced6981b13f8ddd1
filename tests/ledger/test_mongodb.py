"""The recorders and their factory: every case the eventsourcing library ships for providers, on a real replica set.

The cases for dynamic consistency boundaries are left out: they want a recorder of tagged decisions, and this store
keeps streams with versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    IntegrityError,
    InterfaceError,
    StoredEvent,
    Tracking,
)

# The modules, not the classes: pytest would collect the bare cases here as well.
from eventsourcing.tests import application, persistence, projection
from eventsourcing.utils import Environment
from pymongo.client_session import ClientSession

from ledger.mongodb import (
    Factory,
    MongoAggregateRecorder,
    MongoApplicationRecorder,
    MongoFactory,
    MongoProcessRecorder,
    MongoTrackingRecorder,
)

MODULE = "ledger.mongodb"


class OnMongoDB:
    """Gives a library case a fresh database; what is made from it is closed afterwards."""

    factory_at_hand: MongoFactory

    @pytest.fixture(autouse=True)
    def _store(self, event_store_url: str) -> Iterator[None]:
        self.factory_at_hand = MongoFactory({"EVENT_STORE_URL": event_store_url})
        yield
        self.factory_at_hand.close()


class TestAggregateRecorder(OnMongoDB, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory_at_hand.aggregate_recorder()


class TestSnapshotRecorder(OnMongoDB, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory_at_hand.aggregate_recorder("snapshots")


class TestApplicationRecorder(OnMongoDB, persistence.ApplicationRecorderTestCase[MongoApplicationRecorder]):
    def create_recorder(self) -> MongoApplicationRecorder:
        return MongoApplicationRecorder(self.factory_at_hand.log())

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(OnMongoDB, persistence.TrackingRecorderTestCase):
    def create_recorder(self) -> MongoTrackingRecorder:
        return self.factory_at_hand.tracking_recorder()


class TestProcessRecorder(OnMongoDB, persistence.ProcessRecorderTestCase):
    def create_recorder(self) -> MongoProcessRecorder:
        return MongoProcessRecorder(self.factory_at_hand.log())


class TestNonInterleaving(OnMongoDB, persistence.NonInterleavingNotificationIDsBaseCase):
    insert_num = 1000

    def create_recorder(self) -> MongoApplicationRecorder:
        return MongoApplicationRecorder(self.factory_at_hand.log())


class CounterView(MongoTrackingRecorder, projection.EventCountersView):
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


class TestFactory(OnMongoDB, persistence.InfrastructureFactoryTestCase[MongoFactory]):
    @pytest.fixture(autouse=True)
    def _environment(self, event_store_url: str) -> None:
        self.env = Environment(env={"PERSISTENCE_MODULE": MODULE, "EVENT_STORE_URL": event_store_url})

    def expected_factory_class(self) -> type[MongoFactory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[MongoAggregateRecorder]:
        return MongoAggregateRecorder

    def expected_application_recorder_class(self) -> type[MongoApplicationRecorder]:
        return MongoApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[MongoTrackingRecorder]:
        return MongoTrackingRecorder

    def tracking_recorder_subclass(self) -> type[MongoTrackingRecorder]:
        return CounterView

    def expected_process_recorder_class(self) -> type[MongoProcessRecorder]:
        return MongoProcessRecorder


class OfEnvironment(OnMongoDB):
    """Points the applications of a library case to the database by the process environment."""

    @pytest.fixture(autouse=True)
    def _environment(self, event_store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PERSISTENCE_MODULE", MODULE)
        monkeypatch.setenv("EVENT_STORE_URL", event_store_url)


class TestExampleApplication(OfEnvironment, application.ExampleApplicationTestCase):
    expected_factory_topic = "ledger.mongodb:MongoFactory"


@pytest.mark.filterwarnings("default::DeprecationWarning")
class TestApplication(OfEnvironment, application.ApplicationTestCase):
    """One of the cases asks for a deprecation warning, so warnings are no errors here."""


class TestEventCountersView(OnMongoDB, projection.EventCountersViewTestCase):
    def construct_event_counters_view(self) -> projection.EventCountersView:
        view = self.factory_at_hand.tracking_recorder(CounterView)
        assert isinstance(view, CounterView)
        return view


class TestAggregateEventCountersProjection(OnMongoDB, projection.AggregateEventCountersProjectionTestCase):
    view_class = CounterView

    @pytest.fixture(autouse=True)
    def _environment(self, event_store_url: str) -> None:
        self.__dict__["env"] = {"PERSISTENCE_MODULE": MODULE, "EVENT_STORE_URL": event_store_url}


class TestEventSourcedProjection(OnMongoDB, projection.EventSourcedProjectionTestCase):
    @pytest.fixture(autouse=True)
    def _environment(self, event_store_url: str) -> None:
        # Two applications, two logs: the projection must not follow what it records itself.
        self.__dict__["env"] = {
            "PERSISTENCE_MODULE": MODULE,
            "APPLICATION_EVENT_STORE_URL": event_store_url,
            "COUNTERS_EVENT_STORE_URL": event_store_url.replace("socai_", "socai_counters_"),
        }


def event(stream: str, version: int, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(stream, version, "payout.requested", state)


@pytest.fixture
def process_recorder(event_store_url: str) -> Iterator[MongoProcessRecorder]:
    factory = MongoFactory({"EVENT_STORE_URL": event_store_url})
    yield MongoProcessRecorder(factory.log())
    factory.close()


def test_a_refused_tracking_position_keeps_its_events_out(process_recorder: MongoProcessRecorder) -> None:
    process_recorder.insert_events([event("po_1", 1)], tracking=Tracking("up", 5))
    with pytest.raises(IntegrityError):
        process_recorder.insert_events([event("po_2", 1)], tracking=Tracking("up", 5))
    assert process_recorder.select_events("po_2") == []
    assert process_recorder.max_notification_id() == 1


def test_a_refused_event_keeps_its_tracking_position_out(process_recorder: MongoProcessRecorder) -> None:
    process_recorder.insert_events([event("po_1", 1)], tracking=Tracking("up", 5))
    with pytest.raises(IntegrityError):
        process_recorder.insert_events([event("po_1", 1)], tracking=Tracking("up", 6))
    assert process_recorder.max_tracking_id("up") == 5


def test_events_with_and_without_tracking_share_one_log(process_recorder: MongoProcessRecorder) -> None:
    assert process_recorder.insert_events([event("po_1", 1)]) == [1]
    assert process_recorder.insert_events([event("po_1", 2)], tracking=Tracking("up", 1)) == [2]
    assert process_recorder.insert_events([event("po_1", 3), event("po_1", 4)]) == [3, 4]
    assert [found.version for found in process_recorder.log.read(0, 10)] == [1, 2, 3, 4]


def test_a_process_recorder_still_waits_for_tracking_positions(process_recorder: MongoProcessRecorder) -> None:
    process_recorder.insert_events([event("po_1", 1)], tracking=Tracking("up", 5))
    process_recorder.wait("up", 5, timeout=0.1)
    with pytest.raises(TimeoutError):
        process_recorder.wait("up", 6, timeout=0.1)


@pytest.mark.parametrize(
    "url",
    ["mongodb://user:s3cret@127.0.0.1:1/?replicaSet=rs0", "postgres://user:s3cret@host/db", "s3cret", "mongodb://"],
)
def test_an_unusable_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InterfaceError) as refusal:
        MongoFactory({"EVENT_STORE_URL": url})
    assert "mongodb://host:27017/socai?replicaSet=rs0" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_a_missing_url_is_refused_with_the_names_that_are_read() -> None:
    with pytest.raises(InfrastructureFactoryError, match="LEDGER_EVENT_STORE_URL, EVENT_STORE_URL"):
        InfrastructureFactory.construct(Environment("Ledger", {"PERSISTENCE_MODULE": MODULE}))


def test_a_recorder_class_of_another_kind_is_refused(event_store_url: str) -> None:
    env: dict[str, Any] = {"EVENT_STORE_URL": event_store_url, "PROCESS_RECORDER_TOPIC": "uuid:UUID"}
    factory = MongoFactory(env)
    with pytest.raises(InfrastructureFactoryError, match="PROCESS_RECORDER_TOPIC"):
        factory.process_recorder()
    factory.close()


def test_a_closed_factory_leaves_no_thread_and_refuses_with_a_clear_error(event_store_url: str) -> None:
    factory = MongoFactory({"EVENT_STORE_URL": event_store_url})
    recorder = MongoApplicationRecorder(factory.log())
    recorder.insert_events([event(f"po_{uuid4()}", 1)])
    assert recorder.log.wait(0, 5.0)
    factory.close()
    factory.close()
    with pytest.raises(InterfaceError):
        recorder.insert_events([event("po_1", 1)])
    with pytest.raises(InterfaceError):
        recorder.max_notification_id()
    with pytest.raises(InterfaceError):
        recorder.log.wait(0, 1.0)
