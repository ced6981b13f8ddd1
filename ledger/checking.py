"""Is the log whole? Everything in it is read once and held against what must be true of every log.

- Positions are contiguous, and each event is what was stored (the store's own reading says so: holes, checksums).
- The versions of each stream are contiguous from 1, in the order of the log.
- Each event can be decoded by this release, and its bytes are the canonical ones.
- A causation id names an event that stands before.

What memory it takes: the last version of each stream, in a table of 12 bytes a slot that is kept at most two thirds
full: 18 to 36 bytes a stream (54 while it doubles). Ten million events in four million streams take some 100 MB.
Streams stand in it by 64 bits of their BLAKE2b digest: that two of four million share them has a chance of one in two
million, and would be seen as a fault that is none.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, Final

import msgspec

from ledger.aggregate import EVENTS, Envelope, decode, encode
from ledger.errors import LogDamaged
from ledger.event_log import EventLog, Recorded
from ledger.ids import of_event

READ: Final = 2_000
"""Events read at a time."""

VERSION_MAX: Final = 2**32 - 1
"""What a slot can hold; a stream of that many events would be read for hours."""

FAULTS_MAX: Final = 20
"""Faults that are listed; the check ends with the last of them."""

RESTORE: Final = "Restore the log from a backup that is whole here, and read it with this check before it is used."
RELEASE: Final = "Run the newest release that ever wrote here; if that is this one, the event was changed: restore it."

Told = Callable[[str, int, int], None]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it must be. `kind` is a word for programs, `detail` says what, `cure` what to do."""

    position: int
    kind: str
    detail: str
    cure: str = RESTORE


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: `events` read, in so many `streams`; `size`: bytes of their states; up to position `reached`."""

    events: int
    streams: int
    size: int
    reached: int
    head: int
    faults: tuple[Fault, ...]


class Versions:
    """The last version of each stream, in little memory: open addressing, never more than two thirds full."""

    def __init__(self, slots: int = 1 << 12) -> None:
        self._keys = array("Q", bytes(8 * slots))
        self._last = array("I", bytes(4 * slots))
        self._mask = slots - 1
        self.streams = 0

    def last(self, stream: str) -> int:
        """The last version noted of a stream, 0 before the first."""
        return self._last[self._slot(_digest(stream))]

    def note(self, stream: str, version: int) -> None:
        """Note the last version of a stream."""
        key = _digest(stream)
        slot = self._slot(key)
        if not self._keys[slot]:
            self._keys[slot] = key
            self.streams += 1
        self._last[slot] = min(version, VERSION_MAX)
        if 3 * self.streams > 2 * self._mask:
            self._grow()

    def _slot(self, key: int) -> int:
        keys, mask = self._keys, self._mask
        slot = key & mask
        while keys[slot] and keys[slot] != key:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        keys, last, slots = self._keys, self._last, 2 * len(self._keys)
        self._keys, self._last, self._mask = array("Q", bytes(8 * slots)), array("I", bytes(4 * slots)), slots - 1
        for key, version in zip(keys, last, strict=True):
            if key:
                slot = self._slot(key)
                self._keys[slot], self._last[slot] = key, version


def _digest(stream: str) -> int:
    """64 bits of a stream's name, never 0: that marks a free slot."""
    return int.from_bytes(blake2b(stream.encode(), digest_size=8).digest()) or 1


def check(log: EventLog, told: Told, *, faults_max: int = FAULTS_MAX) -> Checked:
    """Read the log from its beginning up to its present head; ends early when `faults_max` faults were found.

    Raises the log's persistence errors when it is out of reach; what is wrong with its content is never raised.
    """
    versions = Versions()
    events = size = reached = 0
    try:
        head = log.head()
    except LogDamaged as error:
        return _without_an_end(error)
    faults: list[Fault] = []
    for found in _read(log, head):
        if isinstance(found, Fault):
            faults.append(found)
            reached = found.position
        else:
            for row in found:
                faults += _faults(row, versions)
                size += len(row.state)
            events += len(found)
            reached = found[-1].position
        told("checking", reached, head)
        if len(faults) >= faults_max:
            break
    shown = tuple(faults[:faults_max])
    return Checked(events=events, streams=versions.streams, size=size, reached=reached, head=head, faults=shown)


def _without_an_end(error: LogDamaged) -> Checked:
    """What is said of a log whose end is not whole: its store reads nothing of it."""
    position = error.facts.get("position")
    fault = Fault(position=position if isinstance(position, int) else 0, kind="unreadable", detail=error.detail)
    return Checked(events=0, streams=0, size=0, reached=0, head=fault.position, faults=(fault,))


def _read(log: EventLog, head: int) -> Iterator[list[Recorded] | Fault]:
    """The whole log in sections; where the store refuses one, its first bad position is found by halving."""
    after, limit = 0, READ
    while after < head:
        try:
            rows = log.read(after, min(limit, head - after))
        except LogDamaged as error:
            if limit > 1:
                limit //= 2
                continue
            yield Fault(position=after + 1, kind="unreadable", detail=error.detail)
            after += 1
            continue
        if not rows:
            yield Fault(
                position=after + 1, kind="cut_short", detail=f"The log ended here and went up to {head} before."
            )
            return
        yield rows
        after, limit = rows[-1].position, min(2 * limit, READ)


def _faults(row: Recorded, versions: Versions) -> Iterator[Fault]:
    """What is wrong with one event, given those before it."""
    last = versions.last(row.stream)
    if row.version != last + 1:
        detail = f"{of_event(row.stream, row.version)} follows version {last} of its stream."
        yield Fault(position=row.position, kind="version_out_of_order", detail=detail)
    try:
        envelope = decode(row.name, row.stream, row.version, row.state, row.position)
    except LogDamaged as error:
        yield _undecodable(row, error)
    else:
        if encode(envelope) != row.state:
            yield from _not_canonical(row, envelope)
        yield from _cause(row, envelope, versions)
    versions.note(row.stream, max(last, row.version))


def _undecodable(row: Recorded, error: LogDamaged) -> Fault:
    kind, schema = EVENTS.get(row.name), error.facts.get("schema")
    if kind is None:
        return Fault(position=row.position, kind="unknown_name", detail=error.detail, cure=RELEASE)
    if type(schema) is int and schema > kind.schema_version:
        detail = f"{of_event(row.stream, row.version)} has schema {schema}, this release knows {kind.schema_version}."
        return Fault(position=row.position, kind="newer_schema", detail=detail, cure=RELEASE)
    return Fault(position=row.position, kind="undecodable", detail=error.detail)


def _not_canonical(row: Recorded, envelope: Envelope) -> Iterator[Fault]:
    """An older schema, or one from before a field with a default came, encodes otherwise today: that is no fault."""
    what = of_event(row.stream, row.version)
    raw: dict[str, Any] = msgspec.json.decode(row.state)
    if msgspec.json.encode(raw, order="sorted") != row.state:
        detail = f"{what} is not in canonical form: keys sorted, no blanks, no floats."
        yield Fault(position=row.position, kind="not_canonical", detail=detail)
    elif raw["schema"] == envelope.schema:
        today: dict[str, Any] = msgspec.json.decode(encode(envelope))
        data = today.pop("data")
        if not raw.pop("data").items() <= data.items() or raw != today:
            detail = f"{what} holds something that this release does not know or would write otherwise."
            yield Fault(position=row.position, kind="not_canonical", detail=detail, cure=RELEASE)


def _cause(row: Recorded, envelope: Envelope, versions: Versions) -> Iterator[Fault]:
    if envelope.causation_id is None:
        return
    stream, _, version = envelope.causation_id.rpartition("@")
    if not version.isdigit() or not 0 < int(version) <= versions.last(stream):
        detail = f"{of_event(row.stream, row.version)} names a cause that does not stand before it."
        yield Fault(position=row.position, kind="cause_missing", detail=detail)
