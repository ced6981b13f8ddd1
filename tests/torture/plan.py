"""What a writer is going to do, decided by a seed alone: streams, sizes, forced conflicts, pauses.

Versions are not in it: they follow from what stands in the log when a step's turn comes. Threads and processes meet in
an order that no seed can repeat; everything that is chosen is chosen here, and is the same for the same seed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count
from random import Random
from typing import NamedTuple

from eventsourcing.persistence import StoredEvent

from ledger.aggregate import encode
from ledger.context import Context
from ledger.journal import credit_unidentified
from ledger.money import Money

NAMES = ("tally.counted", "tally.corrected", "tally.closed")
"""Stored names that no projection follows."""

_AT = datetime(2026, 11, 25, tzinfo=UTC)
_DAY = date(2026, 11, 25)


class Style(NamedTuple):
    """How a writer writes."""

    streams: int = 200
    """Streams that all writers share."""
    stale_percent: int = 20
    """Share of appends that are preceded by one whose version is taken, in percent."""
    several_percent: int = 30
    """Share of appends with more than one event, in percent."""
    pause_ms: int = 0
    """Longest pause before an append, in milliseconds."""
    entries: bool = False
    """Whether every append brings a real journal entry, for followers that keep books."""


class Step(NamedTuple):
    """One append: `width` events for a shared stream and `beside` events for streams of their own."""

    key: str
    stream: str
    width: int
    beside: int
    stale: float | None
    """None, or which taken version a forced conflict claims, as a share (0 to 1) of those known."""
    again: bool
    """Whether to send the very same append once more when its outcome is unknown."""
    pause_s: float
    filler: int
    amount: int | None


def steps(seed: int, name: str, style: Style) -> Iterator[Step]:
    """The endless plan of one writer thread; `name` is unique among all writers of a log."""
    dice = Random(f"{seed}/{name}")
    for number in count(1):
        several = dice.randrange(100) < style.several_percent
        yield Step(
            key=f"{name}.{number}",
            stream=f"st_{dice.randrange(style.streams)}",
            width=dice.randint(1, 3) if several else 1,
            beside=dice.randint(1, 2) if several else 0,
            stale=dice.random() if dice.randrange(100) < style.stale_percent else None,
            again=dice.random() < 0.5,
            pause_s=dice.randint(0, style.pause_ms) / 1_000,
            filler=dice.randint(0, 300),
            amount=dice.randint(1, 10_000_000) if style.entries else None,
        )


def events(step: Step, key: str, version: int) -> list[StoredEvent]:
    """The events of a step under `key`, its shared stream continued from `version`. Their bytes tell the key."""
    where = [(step.stream, version + i) for i in range(step.width)] + [(f"{key}.{i}", 1) for i in range(step.beside)]
    found = [
        StoredEvent(stream, at, NAMES[i % len(NAMES)], _state(key, i, step.filler))
        for i, (stream, at) in enumerate(where)
    ]
    return found if step.amount is None else [*found, _entry(key, step.amount)]


def stale_events(step: Step, key: str, version: int) -> list[StoredEvent]:
    """An append that must lose: `version` of the shared stream is taken, and what stands beside it is not."""
    beside = StoredEvent(f"{key}.0", 1, NAMES[0], _state(key, 0, step.filler))
    return [beside, StoredEvent(step.stream, version, NAMES[1], _state(key, 1, step.filler))]


def _state(key: str, index: int, filler: int) -> bytes:
    return json.dumps({"key": key, "i": index, "text": "đ" * filler}, ensure_ascii=False).encode()


def _entry(key: str, amount: int) -> StoredEvent:
    """A real journal entry: money credited that is nobody's yet."""
    context = Context(at=_AT, actor="system:torture", command_id=key, correlation_id=key)
    entry = credit_unidentified(context, line_id=key, on=_DAY, bank="ba_acb_main", amount=Money(amount, "VND"))
    [envelope] = entry.collect_events()
    return StoredEvent(envelope.stream, envelope.version, envelope.name, encode(envelope))
