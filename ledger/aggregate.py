"""Events, their envelope, and the aggregates that decide and follow.

An `Event` is a frozen, typed payload: what happened, nothing else. The `Envelope` carries it with all that the log
knows about it. An `Aggregate` is the consequence of its events: decisions call `trigger_event`, methods marked
`@follows` assign.

The eventsourcing library keeps and finds them (`Application`, `Repository`, recorders); its protocols for events and
aggregates are met by `Envelope` and `Aggregate` rather than by its own dataclasses, so that the stored bytes are
canonical, decoding is typed, and no decision can run again on replay.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import cache
from typing import Any, ClassVar, Final, Generic, Self, dataclass_transform

import msgspec
from typing_extensions import TypeVar

from ledger.calendar import bank_day
from ledger.context import Context
from ledger.errors import EventUnknown, EventUnreadable, LogDamaged
from ledger.ids import of_event

Json = dict[str, Any]
"""A JSON object with its keys: only met while an old schema is brought up to date."""


# No collector of cycles looks at events (gc=False): frozen values hold no cycles, and it would cost a follower of
# millions of them half of its time.


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What may have happened. Nested in its aggregate, named in the past tense, stored under `noun.past`.

    Fields are only ever added, with a default, or the schema version is raised and `upcast` mends older payloads.
    """

    stored_name: ClassVar[str] = ""
    schema_version: ClassVar[int] = 1
    public: ClassVar[bool] = False
    """Whether merchants are told, under the stored name."""

    @classmethod
    def upcast(cls, schema: int, data: Json) -> Json:
        """The payload of an older `schema` in the form of the next one; raises EventUnreadable when there is no way."""
        raise EventUnreadable(
            f"There is no way from {cls.stored_name} schema {schema} to {schema + 1}: give the event that step of its"
            " upcast, then retry what was set aside.",
            schema=schema,
        )


EVENTS: dict[str, type[Event]] = {}
"""Every event class by its stored name. Pinned by a test: a stored name is for ever."""


class Stored(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What stands in the log for one event, as canonical JSON: keys sorted, no blanks, no floats, UTF-8."""

    actor: str
    at: datetime
    causation: str | None
    command: str
    correlation: str
    data: Event
    effective: date
    schema: int


E = TypeVar("E", bound=Event, default=Event, covariant=True)

STORED_AS: Final = {
    "causation_id": "causation",
    "command_id": "command",
    "correlation_id": "correlation",
    "effective_on": "effective",
    "event": "data",
}
"""What fields of an envelope are called in `Stored`, from which it is read in one pass."""


class Envelope(msgspec.Struct, Generic[E], frozen=True, kw_only=True, gc=False, rename=STORED_AS):
    """One event with all that the log knows of it.

    `position`: place in the global order, from 1 (0: not kept yet). `stream`, `version`: place in its aggregate, from
    1. `at`: recorded time (UTC). `effective_on`: value date. `causation_id`: the event that led here, as
    `stream@version`.
    """

    stream: str = ""
    version: int = 0
    name: str = ""
    schema: int
    at: datetime
    effective_on: date
    actor: str
    command_id: str
    correlation_id: str
    causation_id: str | None
    event: E
    position: int = 0

    @property
    def originator_id(self) -> str:
        """The stream, under the library's name for it."""
        return self.stream

    @property
    def originator_version(self) -> int:
        """The version, under the library's name for it."""
        return self.version

    @property
    def id(self) -> str:
        """How this event is named as a cause."""
        return of_event(self.stream, self.version)

    def mutate(self, aggregate: Aggregate | None) -> Aggregate | None:
        """The aggregate after this event; the library calls it at every replay."""
        if aggregate is None:
            aggregate = AGGREGATES[self.name.partition(".")[0]](self.stream)
        aggregate.follow(self)
        return aggregate


_ENCODER = msgspec.json.Encoder(order="sorted")


def encode(envelope: Envelope) -> bytes:
    """The canonical stored bytes of an envelope; `json.dumps(sort_keys=True, separators=(",", ":"))` gives the same."""
    return _ENCODER.encode(
        Stored(
            actor=envelope.actor,
            at=envelope.at,
            causation=envelope.causation_id,
            command=envelope.command_id,
            correlation=envelope.correlation_id,
            data=envelope.event,
            effective=envelope.effective_on,
            schema=envelope.schema,
        )
    )


@cache
def _decoder(kind: type[Event]) -> msgspec.json.Decoder[Envelope]:
    return msgspec.json.Decoder(Envelope[kind])  # type: ignore[valid-type]  # the class is known at run time only


def decode(name: str, stream: str, version: int, state: bytes, position: int = 0) -> Envelope:
    """The envelope that these stored bytes hold, brought up to today's schema.

    Raises EventUnknown for a stored name or a schema version of a newer release, EventUnreadable for bytes that do not
    fit; both are LogDamaged and name the cure.
    """
    kind = EVENTS.get(name)
    if kind is None:
        raise EventUnknown(
            f"Event {of_event(stream, version)} has a stored name this release does not know. {_UPGRADE}", name=name
        )
    try:
        envelope = _decoder(kind).decode(state)
        if envelope.schema != kind.schema_version:
            envelope = _upcast(kind, of_event(stream, version), state)
    except msgspec.ValidationError:
        envelope = _upcast(kind, of_event(stream, version), state)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(of_event(stream, version), name) from error
    # Not shared with anybody yet: what the bytes do not hold is filled in without copying the whole.
    _fill(envelope, "stream", stream)
    _fill(envelope, "version", version)
    _fill(envelope, "name", name)
    _fill(envelope, "position", position)
    return envelope


_fill: Final = msgspec.structs.force_setattr
_UPGRADE: Final = "A newer release wrote it: install that release or a later one, then retry what was set aside."
_RESTORE: Final = "It was altered or not written by us: restore it from a backup, then retry what was set aside."


def _not_json(event_id: str, name: str) -> EventUnreadable:
    return EventUnreadable(f"Event {event_id} is not readable JSON. {_RESTORE}", name=name)


def _upcast(kind: type[Event], event_id: str, state: bytes) -> Envelope:
    try:
        raw: Json | list[object] | None = msgspec.json.decode(state)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(event_id, kind.stored_name) from error
    schema = raw.get("schema") if isinstance(raw, dict) and "data" in raw else None
    if isinstance(raw, dict) and type(schema) is int and schema > kind.schema_version:
        raise EventUnknown(
            f"Event {event_id} has schema {schema} of {kind.stored_name}; this release knows up to"
            f" {kind.schema_version}. {_UPGRADE}",
            schema=schema,
        )
    if not isinstance(raw, dict) or type(schema) is not int or not 0 < schema < kind.schema_version:
        raise EventUnreadable(
            f"What is stored for event {event_id} does not fit {kind.stored_name} of schema {kind.schema_version}."
            f" {_RESTORE}"
        )
    try:
        while schema < kind.schema_version:
            raw["data"] = kind.upcast(schema, raw["data"])
            schema += 1
        raw["schema"] = schema
        return msgspec.convert(raw, Envelope[kind], strict=False)  # type: ignore[valid-type]
    except LogDamaged:
        raise
    except Exception as error:
        # What an upcast of ours or the validation says may quote values of the payload.
        raise EventUnreadable(
            f"The payload of event {event_id} could not be brought to schema {kind.schema_version} of"
            f" {kind.stored_name} ({type(error).__name__}): mend the upcast, then retry what was set aside."
        ) from error


AGGREGATES: dict[str, type[Aggregate]] = {}
"""Every aggregate class by its noun: the part of a stored name before the point."""

Applier = TypeVar("Applier", bound=Callable[..., None])


def follows(*kinds: type[Event]) -> Callable[[Applier], Applier]:
    """Marks the method that assigns what follows from these events: `def _paid(self, event, envelope)`.

    It runs at every replay, so it holds assignments only: no rule, no clock, no lookup, no exception.
    """

    def mark(method: Applier) -> Applier:
        method.__dict__["follows"] = kinds
        return method

    return mark


class Aggregate:
    """Base of all aggregates. `noun` begins the stored names of its events; `id` is the stream."""

    noun: ClassVar[str] = ""
    appliers: ClassVar[dict[type[Event], str]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.noun = cls.__dict__.get("noun") or _snake(cls.__name__)
        AGGREGATES[cls.noun] = cls
        cls.appliers = {kind: method for method, kinds in _marked(cls) for kind in kinds}
        for kind in vars(cls).values():
            if isinstance(kind, type) and issubclass(kind, Event):
                kind.stored_name = f"{cls.noun}.{_snake(kind.__name__)}"
                EVENTS[kind.stored_name] = kind
                if kind not in cls.appliers:
                    raise TypeError(f"{cls.__name__}.{kind.__name__} has no @follows method")

    def __init__(self, stream: str) -> None:
        self.id = stream
        self.version = 0
        self._pending: list[Envelope] = []

    def trigger_event(self, event: Event, context: Context, *, effective_on: date | None = None) -> None:
        """Record that `event` happened now, under `context`; `effective_on`: its value date (default: the bank day)."""
        envelope = Envelope(
            stream=self.id,
            version=self.version + 1,
            name=event.stored_name,
            schema=event.schema_version,
            at=context.at,
            effective_on=effective_on or bank_day(context.at),
            actor=context.actor,
            command_id=context.command_id,
            correlation_id=context.correlation_id,
            causation_id=context.causation_id,
            event=event,
        )
        self.follow(envelope)
        self._pending.append(envelope)

    def follow(self, envelope: Envelope) -> None:
        """Take what follows from one event. Raises LogDamaged when it is not this stream's next."""
        if envelope.stream != self.id or envelope.version != self.version + 1:
            raise LogDamaged(f"Event {envelope.id} does not follow {of_event(self.id, self.version)}.")
        applier = self.appliers.get(type(envelope.event))
        if applier is None:
            raise LogDamaged(f"Event {envelope.id} is not one of a {self.noun}.", name=envelope.name)
        getattr(self, applier)(envelope.event, envelope)
        self.version = envelope.version

    def collect_events(self) -> list[Envelope]:
        """The events triggered since the last call, in order; they are handed over once."""
        pending, self._pending = self._pending, []
        return pending

    @property
    def is_new(self) -> bool:
        """Whether nothing of this stream was kept before."""
        return self.version == len(self._pending)


def _marked(cls: type) -> Iterable[tuple[str, tuple[type[Event], ...]]]:
    for name, method in vars(cls).items():
        kinds = getattr(method, "follows", None)
        if kinds:
            yield name, kinds


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of an aggregate at a version: an economy, never a truth; the events stay."""

    originator_id: str
    originator_version: int
    noun: str
    state: Json

    @classmethod
    def take(cls, aggregate: Aggregate) -> Self:
        """The snapshot of an aggregate that has no events waiting to be kept."""
        state = {key: value for key, value in vars(aggregate).items() if key not in ("id", "version", "_pending")}
        return cls(
            originator_id=aggregate.id,
            originator_version=aggregate.version,
            noun=aggregate.noun,
            state=msgspec.to_builtins(state),
        )

    def mutate(self, _: Aggregate | None) -> Aggregate:
        """The aggregate as it was; the library calls it before the later events."""
        kind = AGGREGATES[self.noun]
        aggregate = kind(self.originator_id)
        aggregate.version = self.originator_version
        hints = typing.get_type_hints(kind)
        for name, value in self.state.items():
            setattr(aggregate, name, msgspec.convert(value, hints[name]))
        return aggregate
