"""A log of any length in which everything happens: the one story of the read models, told again with other names.

The story is told once through commands (`tests/projections/tale.py`); each further telling has the same events in the
same order, with ids of its own and on a day of its own. Some are told abreast, so that streams lie among each other as
they do in life. The same dice give the same log.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import NamedTuple

from eventsourcing.persistence import StoredEvent

from ledger.ids import of_event
from ledger.webhook_deliveries import id_of_delivery
from tests.projections.tale import tell
from tests.story import START, Story

ABREAST = 6
"""Tellings under way at once."""

A_DAY = 17
"""Tellings on one day; 28 days of November take 100,000 events."""

DAY = START.date().isoformat().encode()
ENDPOINT = re.compile(rb"we_[a-z2-7]{26}")
NAMED = re.compile(rb"(?<![a-z])[a-z]{2,6}_([a-z2-7]{26}|[0-9A-Z]{8,13})(?![0-9A-Za-z])")
"""An id with a prefix; what is behind the prefix is another in every telling."""


Pieces = list[bytes]
"""A text cut at its names: what stays, a name, what stays, and so on."""


class Line(NamedTuple):
    """One event of the story."""

    stream: Pieces
    version: int
    name: str
    state: Pieces


def events(dice: Random, count: int) -> Iterator[StoredEvent]:
    """So many events, to be appended in this order."""
    tellings = [_telling(number) for number in range(ABREAST)]
    told = ABREAST
    for _ in range(count):
        which = dice.randrange(ABREAST)
        event = next(tellings[which], None)
        if event is None:
            tellings[which], told = _telling(told), told + 1
            event = next(tellings[which])
        yield event


def _telling(number: int) -> Iterator[StoredEvent]:
    """The story with the names and on the day of one telling."""
    lines, deliveries = _story()
    names: dict[bytes, bytes] = {DAY: f"2026-11-{1 + number // A_DAY % 28:02}".encode()}

    def put(pieces: Pieces) -> bytes:
        return b"".join(renamed(piece) if odd % 2 else piece for odd, piece in enumerate(pieces))

    def renamed(name: bytes) -> bytes:
        if name not in names:
            parts = deliveries.get(name)
            names[name] = _other(name, number) if parts is None else _of_delivery(*(put(part) for part in parts))
        return names[name]

    for line in lines:
        yield StoredEvent(put(line.stream).decode(), line.version, line.name, put(line.state))


def _other(name: bytes, number: int) -> bytes:
    other = b32encode(hashlib.sha256(b"%d/%s" % (number, name)).digest())[: len(name)]
    return other.lower() if name.islower() else other


def _of_delivery(event: bytes, endpoint: bytes) -> bytes:
    """What is behind the prefix in the id of a delivery: projections derive it from the event, so it must fit."""
    return id_of_delivery(event.decode(), endpoint.decode()).removeprefix("wd_").encode()


@cache
def _story() -> tuple[tuple[Line, ...], dict[bytes, tuple[Pieces, Pieces]]]:
    """The lines of the story, and which event and endpoint each delivery in it is of, by its name."""
    story = Story()
    tell(story)
    told = list(story.ledger.recorder.select_notifications(start=1, limit=10_000))
    texts = [*(one.state for one in told), *(str(one.originator_id).encode() for one in told)]
    names = {name for text in texts for name in NAMED.findall(text)}
    cut = re.compile(b"(" + b"|".join(map(re.escape, [DAY, *sorted(names)])) + b")")
    lines = tuple(
        Line(cut.split(str(one.originator_id).encode()), one.originator_version, one.topic, cut.split(one.state))
        for one in told
    )
    happened = [of_event(str(one.originator_id), one.originator_version).encode() for one in told]
    endpoints = {found for text in texts for found in ENDPOINT.findall(text)}
    deliveries = {
        _of_delivery(event, endpoint): (cut.split(event), cut.split(endpoint))
        for event in happened
        for endpoint in endpoints
    }
    return lines, deliveries
