"""Snapshots of busy aggregates: an economy, never a truth. Whatever is wrong with one, the events are used instead.

A snapshot of a stream is kept under `stream#definition`. The definition is a digest of everything the fold is made of,
so a release that folds otherwise, or keeps other fields, never sees the snapshots of another, and two releases can work
side by side. The newest is found by one look-up in the unique index, however many have piled up.

A snapshot names the checksum of the event it was taken at, and is believed only when that event stands at its version:
one that survived the restoring of an older log, or came from a history that was lost, is left alone. Whoever had to
fold much more than the interval takes a snapshot, so that the next reader need not.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import logging
import textwrap
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Protocol

import msgspec
from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent

from ledger.aggregate import Aggregate, Snapshot, decode
from ledger.errors import LogDamaged
from ledger.event_log import checksum
from ledger.ids import of_event

TOPIC: Final = "snapshot"

SECTION: Final = 1_000
"""Versions read at a time: bounds the memory and the time of one query, however long a stream is."""

TRIED_MAX: Final = 3
"""Snapshots that are looked at, newest first, before the whole stream is folded."""

log = logging.getLogger(__name__)


class Recorder(Protocol):
    """What is used of the library's recorders: one of the events, one of the snapshots."""

    def insert_events(self, stored_events: Sequence[StoredEvent]) -> Sequence[int] | None:
        """Store these together or not at all; raises IntegrityError when a version is taken."""

    def select_events(
        self,
        originator_id: str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Events of one stream with gt < version <= lte, by version, newest first if `desc`."""


class Body(msgspec.Struct, frozen=True, array_like=True):
    """What stands in a snapshot: the checksum of its event, that of the state's JSON, and the state."""

    event: int
    state_crc: int
    state: msgspec.Raw


class Candidate(msgspec.Struct, frozen=True):
    """A snapshot that was read, and the checksum of the event it was taken at."""

    snapshot: Snapshot
    event: int

    @property
    def version(self) -> int:
        """The version of the stream it was taken at."""
        return self.snapshot.originator_version

    def is_at(self, events: Sequence[StoredEvent]) -> bool:
        """Whether the first of these events is the one it was taken at."""
        return bool(events) and events[0].originator_version == self.version and _crc(events[0]) == self.event


class Snapshots:
    """Reads and takes the snapshots of the kinds in `intervals`; `events` and `kept`: the library's recorders."""

    def __init__(self, events: Recorder, kept: Recorder, intervals: Mapping[type[Any], int]) -> None:
        self._events = events
        self._kept = kept
        self._intervals = intervals
        # Now, and not when first asked for: the source of a running release may be replaced on the disk.
        self._definitions = {kind: definition(kind) for kind in intervals}

    def find(self, kind: type[Aggregate], stream: str, version: int | None = None) -> Aggregate | None:
        """The aggregate of a stream at `version` (the last if None), None when there is no such stream.

        Raises LogDamaged where the events do not fit together, and the store's persistence errors.
        """
        for candidate in self._candidates(kind, stream, version):
            sections = self._sections(stream, candidate.version - 1, version)
            first = next(sections, [])
            aggregate = _thawed(candidate.snapshot) if candidate.is_at(first) else None
            if aggregate is not None:
                return self._folded(aggregate, chain([first[1:]], sections), version)
            log.warning("the snapshot %s does not fit and is left alone", of_event(stream, candidate.version))
        return self._folded(None, self._sections(stream, 0, version), version)

    def take_where_due(self, aggregate: Aggregate, kept: Sequence[StoredEvent]) -> None:
        """A snapshot of an aggregate whose events `kept` were just stored, if they reached or passed an interval."""
        interval = self._intervals.get(type(aggregate))
        if interval is None or not kept:
            return
        if kept[-1].originator_version // interval > (kept[0].originator_version - 1) // interval:
            self._take(aggregate, kept[-1])

    def _take(self, aggregate: Aggregate, last: StoredEvent) -> None:
        state = msgspec.json.encode(Snapshot.take(aggregate).state, order="sorted")
        body = msgspec.json.encode(Body(_crc(last), zlib.crc32(state), msgspec.Raw(state)))
        what = of_event(aggregate.id, aggregate.version)
        snapshot = StoredEvent(self._key(type(aggregate), aggregate.id), aggregate.version, TOPIC, body)
        try:
            self._kept.insert_events([snapshot])
        except IntegrityError:
            log.debug("somebody else took the snapshot %s", what)
        except PersistenceError:
            # The events are durable: a missing snapshot only costs reading time.
            log.warning("no snapshot %s was taken", what)

    def _key(self, kind: type[Aggregate], stream: str) -> str:
        return f"{stream}#{self._definitions[kind]}"

    def _candidates(self, kind: type[Aggregate], stream: str, version: int | None) -> Iterator[Candidate]:
        """The snapshots that may be used, newest first; what cannot be read is passed over."""
        for _ in range(TRIED_MAX):
            try:
                rows = self._kept.select_events(self._key(kind, stream), desc=True, limit=1, lte=version)
            except LogDamaged:
                log.warning("the snapshots of %s are damaged and are left alone", stream)
                return
            if not rows:
                return
            candidate = _candidate(kind, stream, rows[0])
            if candidate is None:
                log.warning(
                    "the snapshot %s is damaged and is left alone", of_event(stream, rows[0].originator_version)
                )
            else:
                yield candidate
            version = rows[0].originator_version - 1

    def _sections(self, stream: str, after: int, version: int | None) -> Iterator[Sequence[StoredEvent]]:
        """The events behind version `after` up to `version`; raises LogDamaged when a whole section is missing."""
        rows: Sequence[StoredEvent] = []
        begun = after
        while version is None or after < version:
            lte = after + SECTION if version is None else min(after + SECTION, version)
            rows = self._events.select_events(stream, gt=after, lte=lte)
            if rows:
                yield rows
            if len(rows) < SECTION:
                break
            after = lte
        if after > begun:
            last = self._events.select_events(stream, lte=version, desc=True, limit=1)
            if last and last[0].originator_version > after + len(rows):
                raise LogDamaged(f"Events of {stream} are missing behind version {after}.", version=after)

    def _folded(
        self, aggregate: Aggregate | None, sections: Iterable[Sequence[StoredEvent]], version: int | None
    ) -> Aggregate | None:
        folded = 0
        last: StoredEvent | None = None
        for rows in sections:
            for last in rows:
                envelope = decode(last.topic, str(last.originator_id), last.originator_version, last.state)
                aggregate = envelope.mutate(aggregate)
            folded += len(rows)
        if aggregate is not None and last is not None and version is None:
            interval = self._intervals.get(type(aggregate))
            if interval is not None and folded > 2 * interval:
                self._take(aggregate, last)
        return aggregate


def definition(kind: type[Aggregate]) -> str:
    """16 hex digits over what an aggregate's state is made of: its fields, its events' fields, and what follows them.

    Decisions, messages, comments and docstrings do not count, and neither does code outside the class.
    """
    parts = [repr(sorted(kind.__annotations__.items()))]
    for event, method in sorted(kind.appliers.items(), key=lambda found: found[0].stored_name):
        fields = [(field.name, str(field.type)) for field in msgspec.structs.fields(event)]
        parts += [event.stored_name, str(event.schema_version), repr(fields), _source(getattr(kind, method))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _source(method: Callable[..., None]) -> str:
    tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _crc(event: StoredEvent) -> int:
    return checksum(event.originator_id, event.originator_version, event.topic, event.state)


def _candidate(kind: type[Aggregate], stream: str, row: StoredEvent) -> Candidate | None:
    """The snapshot in a row, or None when it is not what was written."""
    try:
        body = _BODY.decode(row.state)
        state = msgspec.json.decode(body.state, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if zlib.crc32(bytes(body.state)) != body.state_crc:
        return None
    snapshot = Snapshot(originator_id=stream, originator_version=row.originator_version, noun=kind.noun, state=state)
    return Candidate(snapshot, body.event)


def _thawed(snapshot: Snapshot) -> Aggregate | None:
    """The aggregate as it was, or None when what was kept of it is not all that it has."""
    try:
        aggregate = snapshot.mutate(None)
    except (KeyError, msgspec.ValidationError):
        return None
    return aggregate if type(aggregate).__annotations__.keys() <= vars(aggregate).keys() else None


_BODY: Final = msgspec.json.Decoder(Body)
