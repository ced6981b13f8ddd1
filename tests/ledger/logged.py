"""The few words in which the tests of the event log speak, and what only a careless hand would do to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from eventsourcing.persistence import IntegrityError, StoredEvent
from pymongo import MongoClient

from ledger.event_log import EventLog, Recorded


def event(
    stream: str, version: int, name: str = "payout.requested", state: bytes = b'{"amount":150000}'
) -> StoredEvent:
    """An event with the least to say."""
    return StoredEvent(stream, version, name, state)


def whole(log: EventLog) -> list[Recorded]:
    """The log from its beginning; the reader refuses holes itself."""
    found: list[Recorded] = []
    while more := log.read(len(found), 1_000):
        found += more
    assert [one.position for one in found] == list(range(1, len(found) + 1))
    return found


def versions(log: EventLog) -> dict[str, list[int]]:
    """The versions of each stream in the order of the log."""
    by_stream: dict[str, list[int]] = {}
    for one in whole(log):
        by_stream.setdefault(one.stream, []).append(one.version)
    return by_stream


def append_next(log: EventLog, stream: str, count: int) -> tuple[int, int]:
    """Append `count` events behind the last version of a contended stream; its first position and the races lost."""
    for lost in range(1_000):
        last = log.stream(stream, desc=True, limit=1)
        version = last[0].originator_version + 1 if last else 1
        try:
            return log.append([event(stream, version + i) for i in range(count)])[0], lost
        except IntegrityError:
            continue
    raise AssertionError("Lost a thousand races.")


def remove_row(url: str, position: int) -> None:
    """Take the event at a position out of the store by hand (on MongoDB the commit that begins there)."""
    if url.startswith("mongodb"):
        with MongoClient[dict[str, Any]](url) as client:
            client.get_default_database()["events"].delete_one({"_id": position})
        return
    with by_hand(url) as connection:
        connection.execute(sqlalchemy.text("DELETE FROM events WHERE position = :position"), {"position": position})


@contextmanager
def by_hand(url: str) -> Iterator[sqlalchemy.Connection]:
    """A connection to an SQL store behind the log's back; committed at the end."""
    engine = sqlalchemy.create_engine(url.replace("mysql:", "mysql+mysqlconnector:"), poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        yield connection
