"""The Ledger: get an aggregate, keep several all or nothing, follow the log.

Thin over the eventsourcing library: its Application, Repository and EventStore, with our mapper (canonical bytes, typed
decoding) and our recorders, chosen by the event store's URL.
"""

from __future__ import annotations

import sys
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, Self, TypeVar, cast

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    InterfaceError,
    Mapper,
    OperationalError,
    PersistenceError,
    StoredEvent,
    Transcoder,
)
from eventsourcing.utils import Environment, EnvType

from ledger.accounts import Account
from ledger.aggregate import Aggregate, Envelope, decode, encode
from ledger.completeness import Completeness
from ledger.discovery import import_all
from ledger.errors import EventStoreUnavailable, LogCutShort, NotFound
from ledger.event_log import EventLog, Recorded, environment_of
from ledger.person_keys import OpenKeys, keys_at
from ledger.privacy import PersonKeys, Vault
from ledger.settings import Settings, SettingsInvalid
from ledger.snapshots import Snapshots

A = TypeVar("A", bound=Aggregate)


UPTO_THE_END: Final = 2**53
"""Beyond every position."""


class HasLog(Protocol):
    """Our application recorders: the library's interface, and the log under it."""

    @property
    def log(self) -> EventLog:
        """The log itself."""


class EnvelopeMapper(Mapper[str]):
    """Between envelopes and stored bytes. The topic is the stored name, never a Python path."""

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """The stored form of an envelope."""
        envelope = cast("Envelope", domain_event)
        return StoredEvent(envelope.stream, envelope.version, envelope.name, encode(envelope))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        """The envelope again."""
        stream, version = str(stored_event.originator_id), stored_event.originator_version
        envelope = decode(stored_event.topic, stream, version, stored_event.state)
        return cast("DomainEventProtocol[str]", envelope)


class Ledger(Application[str]):
    """The record of everything that happened, and the only writer of events.

    `environment`: the library's variables (PERSISTENCE_MODULE, EVENT_STORE_URL, …); `vault`: seals personal data.
    """

    snapshot_intervals: ClassVar[dict[type[Any], int]] = {Account: 100, Completeness: 100}

    def __init__(self, environment: EnvType, vault: Vault) -> None:
        super().__init__(environment)
        self.vault = vault
        self._own_keys: OpenKeys | None = None
        kept = self.factory.aggregate_recorder("snapshots")
        self._snapshots = Snapshots(self.recorder, kept, self.snapshot_intervals)

    @classmethod
    def open(cls, settings: Settings, token: Callable[[int], bytes]) -> Self:
        """The ledger that these settings name. `token`: source of random bytes, for new person keys.

        Raises SettingsInvalid, without the URL, when EVENT_STORE_URL is none: every door prints that and ends.
        """
        key = b64decode(settings.master_key.reveal())
        try:
            return cls.at(settings.event_store_url, key, token, committer=settings.event_store_committer)
        except InterfaceError as error:
            raise SettingsInvalid(f"{error}") from None

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
        environment = environment_of(url, committer)
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
        return Environment(name, {**(env or {})})

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
        with reachable():
            if kind in self.snapshot_intervals:
                found = self._snapshots.find(kind, stream, version)
            else:
                # Most kinds have no snapshots: looking for one would cost every reading a round trip.
                found = self._folded(stream, version)
        return found if isinstance(found, kind) else None

    def find_all(self, streams: Sequence[str]) -> dict[str, Aggregate]:
        """Those of these aggregates that there are, by stream, in one reading of the log. For kinds without snapshots.

        Raises EventStoreUnavailable, LogDamaged.
        """
        if not hasattr(self.recorder, "log"):  # one of the library's own, which reads a stream at a time
            there = ((stream, self._folded(stream, None)) for stream in streams)
            return {stream: aggregate for stream, aggregate in there if aggregate is not None}
        found: dict[str, Aggregate] = {}
        for row in self.histories(streams, UPTO_THE_END):
            envelope = decode(row.name, row.stream, row.version, row.state, row.position)
            folded = envelope.mutate(found.get(row.stream))
            if folded is not None:
                found[row.stream] = folded
        return found

    def keep(self, *aggregates: Aggregate) -> int:
        """Keep the new events of all these aggregates in one atomic insertion; the position of the last.

        Raises the library's IntegrityError when another was first with one of them (decide again from what is there
        now), its DataError for an event that no store takes, EventStoreUnavailable when the store is out of reach.
        Durable when it returns.
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

    def histories(self, streams: Sequence[str], upto: int) -> list[Recorded]:
        """Every event of these streams up to a position, in order, as they stand in the log: for a page of things.

        Raises EventStoreUnavailable, and LogDamaged for an event that is not as it was written.
        """
        with reachable():
            return self._log.histories(streams, upto)

    def read(self, after: int, limit: int, names: Sequence[str] = ()) -> list[Envelope]:
        """Up to `limit` events after a position, in global order.

        Raises LogDamaged at a hole, LogCutShort when the log ends before the position.
        """
        rows = self.recorded(after, limit, names)
        return [decode(row.name, row.stream, row.version, row.state, row.position) for row in rows]

    def recorded(self, after: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """The same as they stand in the log, for followers that decode by themselves."""
        with reachable():
            rows = self._log.read(after, limit, names)
            if not rows and after > (head := self._log.head()):
                raise _cut_short(after, head)
        return rows

    def follow(self, after: int = 0, section: int = 1000) -> Iterator[Envelope]:
        """Every event after a position up to the present end, in order."""
        while rows := self.recorded(after, section):
            for row in rows:
                yield decode(row.name, row.stream, row.version, row.state, row.position)
            after = rows[-1].position

    def head(self) -> int:
        """The last position, 0 for an empty log."""
        with reachable():
            return self.recorder.max_notification_id() or 0

    def wait(self, after: int, timeout_s: float) -> bool:
        """Whether there is an event after this position; waits up to `timeout_s` seconds for one."""
        with reachable():
            return self._log.wait(after, timeout_s)

    @property
    def url(self) -> str:
        """The URL of the event store, with its password: for other processes of ours that read the same log."""
        return self.env["EVENT_STORE_URL"]

    @property
    def _log(self) -> EventLog:
        return cast("HasLog", self.recorder).log

    def _folded(self, stream: str, version: int | None) -> Aggregate | None:
        try:
            found: Aggregate = self.repository.get(stream, version=version)
        except AggregateNotFoundError:
            return None
        return found

    def _snapshot_where_due(self, aggregates: Sequence[Aggregate], envelopes: Sequence[Envelope]) -> None:
        for aggregate in aggregates:
            if type(aggregate) in self.snapshot_intervals:
                kept = [self.mapper.to_stored_event(e) for e in envelopes if e.stream == aggregate.id]
                self._snapshots.take_where_due(aggregate, kept)


def _cut_short(position: int, head: int) -> LogCutShort:
    return LogCutShort(
        f"The event log ends at position {head}, and a follower has seen it up to {position}: it was cut, or an older"
        " backup was put in its place. Stop the writers and restore the newest log there is. Only when what stood"
        " behind is lost for good, empty the read tables, so that they are built anew.",
        head=head,
        position=position,
    )


@contextmanager
def reachable() -> Iterator[None]:
    """Turns the store's troubles into EventStoreUnavailable, with the sentence and the cure of the store.

    Lost races and events that can never be stored (IntegrityError, DataError) pass as they are. The sentences are those
    of our own stores, which hold no URL and no value. A store that is merely away has lost nothing; of one that is
    damaged or wrongly made nobody could say so.
    """
    try:
        yield
    except (IntegrityError, DataError):
        raise
    except OperationalError as error:
        raise EventStoreUnavailable(f"{error} Nothing accepted is lost; try again.") from error
    except PersistenceError as error:
        raise EventStoreUnavailable(f"{error}") from error


# Whoever opens the log must know every stored name, whichever aggregates it imports itself.
import_all(sys.modules["ledger"])
