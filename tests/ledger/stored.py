"""Stored events by the thousand, for tests of the log that do not care what they say, and those of a busy account."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from eventsourcing.persistence import StoredEvent

from ledger.accounts import Account
from ledger.aggregate import Envelope, Event, encode
from ledger.event_log import EventLog
from ledger.money import Money
from tests.story import START

APPEND = 250


def numbered(first: int, last: int, word: str = "") -> list[StoredEvent]:
    """One event for each number, each in a stream of its own."""
    return [
        StoredEvent(f"s_{number}", 1, "thing.happened", f'{{"number":{number},"word":"{word}"}}'.encode())
        for number in range(first, last + 1)
    ]


def fill(log: EventLog, events: int, word: str = "") -> None:
    """Append so many numbered events behind those that are there."""
    begun = log.head()
    for first in range(begun + 1, begun + events + 1, APPEND):
        log.append(numbered(first, min(first + APPEND - 1, begun + events), word))


def movements(name: str, events: int, *, held_every: int = 10) -> Iterator[StoredEvent]:
    """The stored events of a busy account: opened, then credits of 3 and debits of 1, and holds placed and released."""
    for version in range(1, events + 1):
        event: Event
        if version == 1:
            event = Account.Opened(currency="VND")
        elif version % held_every == 0:
            event = Account.HoldPlaced(hold_id=f"po_{version}", amount=Money(1, "VND"))
        elif version % held_every == 1 and version > held_every:
            event = Account.HoldReleased(hold_id=f"po_{version - 1}", amount=Money(1, "VND"))
        elif version % 2:
            event = Account.Debited(amount=Money(1, "VND"), entry_id=f"je_{version}")
        else:
            event = Account.Credited(amount=Money(3, "VND"), entry_id=f"je_{version}")
        yield _stored(name, version, event)


def _stored(name: str, version: int, event: Event) -> StoredEvent:
    at = START + timedelta(milliseconds=version)
    envelope = Envelope(
        stream=name,
        version=version,
        name=event.stored_name,
        schema=1,
        at=at,
        effective_on=at.date(),
        actor="operator:linh",
        command_id=f"cmd_{version}",
        correlation_id=f"cmd_{version}",
        causation_id=None,
        event=event,
    )
    return StoredEvent(name, version, envelope.name, encode(envelope))
