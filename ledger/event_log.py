"""What every store of events offers beneath the library's recorders, and which store a URL names.

    with opened("mongodb://host:27017/socai?replicaSet=rs0") as log:
        log.append(events); log.read(after=0, limit=500); log.wait(after=log.head(), timeout_s=1.0)

A provider is a module with a `Factory` (the library's infrastructure factory) whose `log()` is an `EventLog`. The same
contract tests run on each; nothing above knows which one it has.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Final, Protocol, cast
from uuid import UUID

import msgspec
from eventsourcing.persistence import DataError, InterfaceError, StoredEvent

from ledger.errors import EventDamaged

PROVIDERS: Final = {
    "mongodb": "ledger.mongodb",
    "mongodb+srv": "ledger.mongodb",
    "mysql": "ledger.mysql",
    "mysql+mysqlconnector": "ledger.mysql",
    "mariadb": "ledger.mysql",
    "sqlite": "ledger.sqlite",
}
"""Which module keeps the events, by the scheme of EVENT_STORE_URL."""


NAME_MAX: Final = 255
"""Characters a stream or a stored name may have: what an index of every SQL store takes."""

EVENT_BYTES_MAX: Final = 7 * 1024 * 1024
"""Bytes of one state: escaped in an SQL statement it can double, and every server must take the packet."""


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """One event as it stands in the log: for followers that need no library objects."""

    position: int
    """Place in the log, from 1, without gaps."""
    stream: str
    version: int
    name: str
    """Stored name."""
    state: bytes


class EventLog(Protocol):
    """One log of events in one global order: positions 1, 2, 3, … without a gap.

    Calls raise the library's persistence errors: OperationalError when the store is away (nothing changed) or, as its
    subclass OutcomeUnknown, when an outcome cannot be told; InterfaceError when the log is closed or its URL is no URL;
    NotSupportedError and ProgrammingError when the server is not fit, InternalError when its file or a text in it is
    damaged, each with the cure. Reading raises LogDamaged where the log was altered or cut by hand. No message repeats
    a URL or a value.
    """

    def append(self, events: Sequence[StoredEvent]) -> list[int]:
        """Store `events` together or not at all, durably; gives their positions.

        Raises IntegrityError when a version of a stream is taken, DataError when an event cannot be stored.
        """

    def stream(
        self,
        stream: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """Events of one stream with gt < version <= lte in order of version, newest first if `desc`."""

    def read(self, after: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """At most `limit` events behind position `after`, oldest first; only those of stored `names` if any are given.

        Raises LogDamaged rather than step over a hole.
        """

    def read_back(self, before: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """At most `limit` events in front of position `before`, newest first; otherwise like `read`."""

    def histories(self, streams: Sequence[str], upto: int) -> list[Recorded]:
        """Every event of these streams up to position `upto`, in order of position; for the streams of one page."""

    def head(self) -> int:
        """The last position, 0 for an empty log."""

    def wait(self, after: int, timeout_s: float) -> bool:
        """Block until there is an event behind `after`, at most `timeout_s` seconds; says whether there is."""

    def listen(self, listener: Event) -> None:
        """Set `listener` now and whenever the log grows."""

    def unlisten(self, listener: Event) -> None:
        """Leave `listener` alone from now on."""


class Provider(Protocol):
    """What we use of a provider's factory beside the library's interface."""

    def log(self, name: str = "events") -> EventLog:
        """The log of that name; one object for one name, so that its users share the group commit."""

    def close(self) -> None:
        """End every thread and connection; harmless when repeated."""


def provider_module(url: str) -> str:
    """The module that keeps the events of a URL. Raises InterfaceError, never repeating the URL, for another scheme."""
    module = PROVIDERS.get(url.partition(":")[0])
    if module is None:
        known = ", ".join(f"{scheme}:" for scheme in PROVIDERS)
        raise InterfaceError(f"EVENT_STORE_URL must begin with one of {known}")
    return module


def environment_of(url: str, committer: Path | None = None) -> dict[str, str]:
    """The library's variables for a URL. Raises InterfaceError for one of another scheme.

    `committer`: the socket of this host's committer, if there is one; only MongoDB's log looks at it.
    """
    variables = {"PERSISTENCE_MODULE": provider_module(url), "EVENT_STORE_URL": url}
    return variables if committer is None else {**variables, "EVENT_STORE_COMMITTER": str(committer)}


def provider(url: str, committer: Path | None = None) -> Provider:
    """The factory for a URL; nothing is contacted yet. Raises InterfaceError for a URL that is none."""
    variables = environment_of(url, committer)
    return cast("Provider", import_module(variables["PERSISTENCE_MODULE"]).Factory(variables))


@contextmanager
def opened(url: str, committer: Path | None = None) -> Iterator[EventLog]:
    """The log of events at a URL, closed at the end."""
    found = provider(url, committer)
    try:
        yield found.log()
    finally:
        found.close()


def refuse_too_long(event: StoredEvent) -> None:
    """Raises DataError, without the value, for an event that some store could not hold.

    Every store keeps to the same limits, so that a log can move from any of them to any other.
    """
    stream, name = event.originator_id, event.topic
    if (isinstance(stream, str) and len(stream) > NAME_MAX) or len(name) > NAME_MAX:
        raise DataError(f"A stream and a stored name are text of at most {NAME_MAX} characters; choose a shorter one.")
    if len(event.state) > EVENT_BYTES_MAX:
        raise DataError(
            f"{len(event.state)} bytes are too many for one event; the limit is {EVENT_BYTES_MAX}. Divide it into"
            " several events."
        )


def checksum(stream: UUID | str, version: int, name: str, state: bytes) -> int:
    """CRC-32 (ISO 3309, as zlib counts it) over what stands in the log for one event, kept beside it.

    It catches a bad disk and a careless hand, on every reading and for next to nothing. It does not stop a forger, who
    can count again: that is the task of hashes published elsewhere.
    """
    return zlib.crc32(state, zlib.crc32(f"{stream}\0{version}\0{name}\0".encode()))


def altered(
    stream: UUID | str | None, version: int | None, name: str | None, position: int | None = None
) -> EventDamaged:
    """The error for an event that does not fit the checksum beside it; the facts say what is stored of it now."""
    return EventDamaged(
        f"Version {version} of {stream} is not as it was written: its checksum does not fit. Find out who changed it,"
        " restore it from a backup that holds it unchanged, then retry what was set aside.",
        stream=str(stream),
        version=version,
        name=str(name),
        position=position,
    )
