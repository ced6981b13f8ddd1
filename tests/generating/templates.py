"""What commands stored once, cut at its names, times and days, to be stored again for somebody else at another time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Final, NamedTuple

from eventsourcing.persistence import Notification, StoredEvent

from ledger.calendar import bank_day

NAMED: Final = re.compile(rb"(?<![a-z])(?:mer|pi|po|sl|je|stl|al|wd|we|bn|person)_([a-z2-7]{26}|[0-9A-Z]{8,13})")
COMMAND: Final = re.compile(rb'"(cmd_\d+)"')
REFERENCE: Final = re.compile(rb'"(FT\d{8,12})"')
"""How a bank calls a movement."""
INSTANT: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
DAY: Final = re.compile(rb"\d{4}-\d\d-\d\d")


class Text:
    """A text with gaps, and the numbers of what is put into them: by one formatting, the quickest there is."""

    def __init__(self, parts: Sequence[bytes | int]) -> None:
        """`parts`: what stays, or the number of what is put in its place."""
        self._form = b"".join(b"%b" if isinstance(part, int) else part.replace(b"%", b"%%") for part in parts)
        gaps = [part for part in parts if isinstance(part, int)]
        self._picked: Callable[[Sequence[bytes]], bytes | tuple[bytes, ...]] = (
            itemgetter(*gaps) if gaps else lambda values: ()
        )

    def put(self, values: Sequence[bytes]) -> bytes:
        """The text with the values of its numbers."""
        return self._form % self._picked(values)


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

    stream: Text
    version: int
    name: str
    state: Text


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
        forms = (NAMED, COMMAND, REFERENCE)
        bodies = {body for text in texts for form in forms for body in form.findall(text)} | set(whole)
        self.names = sorted(bodies, key=lambda body: (-len(body), body))
        self._cut = re.compile(b"|".join([*map(re.escape, self.names), INSTANT.pattern, DAY.pattern]))
        self.steps = [Step(at - begin, [self._line(event, at) for event in events]) for at, events in steps]

    def _line(self, event: Notification, at: datetime) -> Line:
        stream = str(event.originator_id).encode()
        return Line(self._text(stream, at), event.originator_version, event.topic, self._text(event.state, at))

    def _text(self, text: bytes, at: datetime) -> Text:
        parts: list[bytes | int] = []
        end = 0
        for found in self._cut.finditer(text):
            parts += [text[end : found.start()], self._number(found[0], at)]
            end = found.end()
        return Text([*parts, text[end:]])

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
        values = self._values
        for step in self.template.steps:
            found = [
                StoredEvent(line.stream.put(values).decode(), line.version, line.name, line.state.put(values))
                for line in step.lines
            ]
            yield self.begin + step.after, found


def _shaped(body: bytes, other: bytes) -> bytes:
    """A name as long as `body` and in its letters; `other` has 26 small ones of base 32."""
    if body.startswith(b"cmd_"):
        return b"cmd_" + other
    if body.startswith(b"FT"):
        return b"FT" + other[: len(body) - 2].upper()
    return other[: len(body)] if body.islower() else other[: len(body)].upper()
