"""What commands stored once, cut at its names, times and days, to be stored again for somebody else at another time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from eventsourcing.persistence import Notification, StoredEvent

from ledger.calendar import bank_day

NAMED: Final = re.compile(rb"(?<![a-z])(?:mer|pi|po|sl|je|stl|al|wd|we|bn|person)_([a-z2-7]{26}|[0-9A-Z]{8,13})")
COMMAND: Final = re.compile(rb'"(cmd_\d+)"')
INSTANT: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
DAY: Final = re.compile(rb"\d{4}-\d\d-\d\d")

Part = bytes | int
"""Text that stays, or the number of what is put in its place."""


class Moment(NamedTuple):
    """A time in a template: so long after its beginning, written like this; `is_day`: its bank day alone."""

    after: timedelta
    ending: str
    is_day: bool

    def at(self, begin: datetime) -> bytes:
        """The same in a telling that begins then."""
        moment = begin + self.after
        if self.is_day:
            return bank_day(moment).isoformat().encode()
        return (moment.replace(tzinfo=None).isoformat() + self.ending).encode()


class Line(NamedTuple):
    """One event."""

    stream: list[Part]
    version: int
    name: str
    state: list[Part]


class Step(NamedTuple):
    """What one command stored, so long after the beginning."""

    after: timedelta
    lines: list[Line]


class Template:
    """The steps of a flow.

    `names`: what is another in each telling; `moments`: its times, by number behind them. `whole`: names that are no
    ids of one thing.
    """

    def __init__(
        self, steps: Sequence[tuple[datetime, Sequence[Notification]]], begin: datetime, whole: Sequence[bytes] = ()
    ) -> None:
        self.moments: list[Moment] = []
        self._begin = begin
        found = [event for _, events in steps for event in events]
        texts = [text for event in found for text in (event.state, str(event.originator_id).encode())]
        bodies = {body for text in texts for body in NAMED.findall(text) + COMMAND.findall(text)} | set(whole)
        self.names = sorted(bodies, key=lambda body: (-len(body), body))
        self._cut = re.compile(b"|".join([*map(re.escape, self.names), INSTANT.pattern, DAY.pattern]))
        self.steps = [Step(at - begin, [self._line(event, at) for event in events]) for at, events in steps]

    def _line(self, event: Notification, at: datetime) -> Line:
        stream = str(event.originator_id).encode()
        return Line(self._parts(stream, at), event.originator_version, event.topic, self._parts(event.state, at))

    def _parts(self, text: bytes, at: datetime) -> list[Part]:
        parts: list[Part] = []
        end = 0
        for found in self._cut.finditer(text):
            parts += [text[end : found.start()], self._number(found[0], at)]
            end = found.end()
        return [part for part in (*parts, text[end:]) if part != b""]

    def _number(self, text: bytes, at: datetime) -> int:
        if text in self.names:
            return self.names.index(text)
        moment = _moment(text.decode(), at - self._begin, self._begin)
        if moment not in self.moments:
            self.moments.append(moment)
        return len(self.names) + self.moments.index(moment)


def _moment(text: str, after: timedelta, begin: datetime) -> Moment:
    if len(text) == len("2026-11-01"):
        return Moment(after, "", is_day=True)
    ending = "Z" if text.endswith("Z") else "+00:00"
    return Moment(datetime.fromisoformat(text.removesuffix(ending)).replace(tzinfo=UTC) - begin, ending, is_day=False)


class Telling:
    """A template told for somebody, from `begin` on. `names`: those that are given; `other` makes the rest."""

    def __init__(
        self, template: Template, begin: datetime, names: Mapping[bytes, bytes], other: Iterator[bytes]
    ) -> None:
        self.template = template
        self.begin = begin
        self.names = {body: names.get(body) or _shaped(body, next(other)) for body in template.names}
        self._values = [*self.names.values(), *(moment.at(begin) for moment in template.moments)]

    def steps(self) -> Iterator[tuple[datetime, list[StoredEvent]]]:
        """When each command was given, and its events with the versions of the template."""
        put = self._put
        for step in self.template.steps:
            lines = step.lines
            found = [StoredEvent(put(one.stream).decode(), one.version, one.name, put(one.state)) for one in lines]
            yield self.begin + step.after, found

    def _put(self, parts: Sequence[Part]) -> bytes:
        values = self._values
        return b"".join([values[part] if isinstance(part, int) else part for part in parts])


def _shaped(body: bytes, other: bytes) -> bytes:
    """A name as long as `body` and in its letters; `other` has 26 small ones of base 32."""
    if body.startswith(b"cmd_"):
        return b"cmd_" + other
    return other[: len(body)] if body.islower() else other[: len(body)].upper()
