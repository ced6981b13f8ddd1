"""The Ledger: get an aggregate, keep several all or nothing, follow the log.

Thin over the eventsourcing library: its Application, Repository and EventStore, with our mapper (canonical bytes, typed
decoding) and our recorders, chosen by the event store's URL.
"""

from __future__ import annotations

import logging
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar, cast

import msgspec
from eventsourcing.application import AggregateNotFoundError, Application, Repository
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import IntegrityError, Mapper, PersistenceError, StoredEvent, Transcoder
from eventsourcing.utils import Environment, EnvType

from ledger.accounts import Account
from ledger.aggregate import Aggregate, Envelope, Snapshot, decode, encode
from ledger.discovery import import_all
from ledger.errors import EventStoreUnavailable, NotFound
from ledger.event_log import EventLog, provider_module
from ledger.person_keys import OpenKeys, keys_at
from ledger.privacy import PersonKeys, Vault
from ledger.settings import Settings

A = TypeVar("A", bound=Aggregate)

log = logging.getLogger(__name__)


class HasLog(Protocol):
    """Our application recorders: the library's interface, and the log under it."""

    @property
    def log(self) -> EventLog:
        """The log itself."""


class EnvelopeMapper(Mapper[str]):
    """Between envelopes (or snapshots) and stored bytes. The topic is the stored name, never a Python path."""

    SNAPSHOT: ClassVar[str] = "snapshot"

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """The stored form of an envelope or snapshot."""
        if isinstance(domain_event, Snapshot):
            state = msgspec.json.encode([domain_event.noun, domain_event.state], order="sorted")
            topic = self.SNAPSHOT
        else:
            envelope = cast("Envelope", domain_event)
            state, topic = encode(envelope), envelope.name
        return StoredEvent(domain_event.originator_id, domain_event.originator_version, topic, state)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        """The envelope or snapshot again."""
        stream, version = str(stored_event.originator_id), stored_event.originator_version
        if stored_event.topic == self.SNAPSHOT:
            noun, state = msgspec.json.decode(stored_event.state)
            snapshot = Snapshot(originator_id=stream, originator_version=version, noun=noun, state=state)
            return cast("DomainEventProtocol[str]", snapshot)
        envelope = decode(stored_event.topic, stream, version, stored_event.state)
        return cast("DomainEventProtocol[str]", envelope)


class Ledger(Application[str]):
    """The record of everything that happened, and the only writer of events.

    `environment`: the library's variables (PERSISTENCE_MODULE, EVENT_STORE_URL, …); `vault`: seals personal data.
    """

    snapshotting_intervals: ClassVar[dict[type[Any], int]] = {Account: 100}
    snapshot_class = cast("Any", Snapshot)

    def __init__(self, environment: EnvType, vault: Vault) -> None:
        super().__init__(environment)
        self.vault = vault
        self._own_keys: OpenKeys | None = None
        # Most kinds have no snapshots: looking for one would cost every reading a round trip.
        self._without_snapshots = Repository(self.events)

    @classmethod
    def open(cls, settings: Settings, token: Callable[[int], bytes]) -> Self:
        """The ledger that these settings name. `token`: source of random bytes, for new person keys."""
        key = b64decode(settings.master_key.reveal())
        return cls.at(settings.event_store_url, key, token, committer=settings.event_store_committer)

    @classmethod
    def at(
        cls,
        url: str,
        master_key: bytes,
        token: Callable[[int], bytes],
        keys: PersonKeys | None = None,
        *,
        committer: Path | None = None,
    ) -> Self:
        """The ledger at an event store URL; `keys` replaces the key store that belongs to the URL.

        `committer`: the socket of this host's committer, if there is one.
        """
        environment = {"PERSISTENCE_MODULE": provider_module(url), "EVENT_STORE_URL": url}
        if committer is not None:
            environment["EVENT_STORE_COMMITTER"] = str(committer)
        if keys is not None:
            return cls(environment, Vault(master_key, keys, token))
        own = keys_at(url)
        ledger = cls(environment, Vault(master_key, own, token))
        ledger._own_keys = own
        return ledger

    def close(self) -> None:
        """Let the connections go, and those of a key store that was opened here."""
        super().close()
        if self._own_keys is not None:
            self._own_keys.close()

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Only what was handed in: the process environment is read at the doors, not here."""
        return Environment(name, {"IS_SNAPSHOTTING_ENABLED": "y", **(env or {})})

    def construct_transcoder(self) -> Transcoder:
        """The library's, unused: our mapper encodes and decodes by itself."""
        return self.factory.transcoder()

    def construct_mapper(self) -> Mapper[str]:
        """Canonical bytes and typed envelopes."""
        return EnvelopeMapper(transcoder=self.construct_transcoder())

    def get(self, kind: type[A], stream: str, missing: type[NotFound] = NotFound) -> A:
        """The aggregate of this stream. Raises `missing` when there is none, EventStoreUnavailable when away."""
        found = self.find(kind, stream)
        if found is None:
            raise missing(f"There is no {kind.noun.replace('_', ' ')} {stream!r}.", id=stream)
        return found

    def find(self, kind: type[A], stream: str, version: int | None = None) -> A | None:
        """The aggregate of this stream, at `version` if given, or None when there is none of this kind."""
        repository = self.repository if kind in self.snapshotting_intervals else self._without_snapshots
        with reachable():
            try:
                found: Aggregate = repository.get(stream, version=version)
            except AggregateNotFoundError:
                return None
        return found if isinstance(found, kind) else None

    def keep(self, *aggregates: Aggregate) -> int:
        """Keep the new events of all these aggregates in one atomic insertion; the position of the last.

        Raises the library's IntegrityError when another was first with one of them (decide again from what is there
        now), EventStoreUnavailable when the store is out of reach. Durable when it returns.
        """
        envelopes = [envelope for aggregate in aggregates for envelope in aggregate.collect_events()]
        if not envelopes:
            return self.head()
        with reachable():
            recordings = self.events.put(cast("list[DomainEventProtocol[str]]", envelopes))
        self._snapshot_where_due(aggregates, envelopes)
        return recordings[-1].notification.id

    def history(self, stream: str) -> list[Envelope]:
        """All events of one stream in order (without positions)."""
        with reachable():
            return cast("list[Envelope]", list(self.events.get(stream)))

    def read(self, after: int, limit: int, names: Sequence[str] = ()) -> list[Envelope]:
        """Up to `limit` events after a position, in global order; raises LogDamaged at a hole."""
        with reachable():
            rows = self._log.read(after, limit, names)
        return [decode(row.name, row.stream, row.version, row.state, row.position) for row in rows]

    def follow(self, after: int = 0, section: int = 1000) -> Iterator[Envelope]:
        """Every event after a position up to the present end, in order."""
        while envelopes := self.read(after, section):
            yield from envelopes
            after = envelopes[-1].position

    def head(self) -> int:
        """The last position, 0 for an empty log."""
        with reachable():
            return self.recorder.max_notification_id() or 0

    def wait(self, after: int, timeout_s: float) -> bool:
        """Whether there is an event after this position; waits up to `timeout_s` seconds for one."""
        with reachable():
            return self._log.wait(after, timeout_s)

    @property
    def _log(self) -> EventLog:
        return cast("HasLog", self.recorder).log

    def _snapshot_where_due(self, aggregates: Sequence[Aggregate], envelopes: Sequence[Envelope]) -> None:
        by_stream = {aggregate.id: aggregate for aggregate in aggregates}
        for envelope in envelopes:
            interval = self.snapshotting_intervals.get(type(by_stream[envelope.stream]))
            if self.snapshots is None or interval is None or envelope.version % interval:
                continue
            try:
                self.take_snapshot(envelope.stream, version=envelope.version)
            except PersistenceError:
                # The events are durable: a missing or doubled snapshot only costs reading time.
                log.warning("no snapshot of %s was taken", envelope.id)


@contextmanager
def reachable() -> Iterator[None]:
    """Turns the library's connection troubles into EventStoreUnavailable; lost races pass as they are."""
    try:
        yield
    except IntegrityError:
        raise
    except PersistenceError as error:
        raise EventStoreUnavailable("The event store did not answer; nothing accepted is lost. Try again.") from error


# Whoever opens the log must know every stored name, whichever aggregates it imports itself.
import_all(sys.modules["ledger"])
