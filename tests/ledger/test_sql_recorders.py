"""Events and a tracking position in one transaction of an SQL store, also when the answer to its commit is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from eventsourcing.persistence import IntegrityError, ProcessRecorder, Tracking

from ledger.commits import OutcomeUnknown
from ledger.event_log import opened
from ledger.mysql import Factory
from local.mysql import SqlServer
from tests.ledger.logged import event, versions
from tests.ledger.relay import COMMIT, READABLE, Relay, mysql


@pytest.fixture
def relay(mysql_server: SqlServer) -> Iterator[Relay]:
    relay = Relay(("127.0.0.1", mysql_server.port), mysql)
    yield relay
    relay.close()


@contextmanager
def through(relay: Relay, url: str) -> Iterator[ProcessRecorder]:
    """A recorder behind the relay, with all tables made."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    factory = Factory({"EVENT_STORE_URL": parts._replace(netloc=f"{user}@{relay.address}", query=READABLE).geturl()})
    recorder = factory.process_recorder()
    recorder.insert_events([event("po_1", 1)], tracking=Tracking("up", 1))
    yield recorder
    factory.close()


def test_events_whose_commit_got_no_answer_are_found_with_their_position(relay: Relay, mysql_events_url: str) -> None:
    with through(relay, mysql_events_url) as recorder:
        relay.arm(COMMIT, lambda server, request: server.sendall(request))
        assert recorder.insert_events([event("po_1", 2)], tracking=Tracking("up", 2)) == [2]
        assert recorder.max_tracking_id("up") == 2


def test_events_whose_commit_never_arrived_are_told_as_not_stored(relay: Relay, mysql_events_url: str) -> None:
    def lose_request(server: Any, request: bytes) -> None:
        server.shutdown(2)

    with through(relay, mysql_events_url) as recorder, opened(mysql_events_url) as log:
        relay.arm(COMMIT, lose_request)
        with pytest.raises(Exception, match="Nothing of the append was stored") as refusal:
            recorder.insert_events([event("po_1", 2)], tracking=Tracking("up", 2))
        assert not isinstance(refusal.value, OutcomeUnknown | IntegrityError)
        assert versions(log) == {"po_1": [1]}
        assert recorder.max_tracking_id("up") == 1


def test_a_position_alone_whose_commit_got_no_answer_is_unknown(relay: Relay, mysql_events_url: str) -> None:
    with through(relay, mysql_events_url) as recorder:
        relay.arm(COMMIT, lambda server, request: server.sendall(request))
        with pytest.raises(OutcomeUnknown):
            recorder.insert_events([], tracking=Tracking("up", 2))
