"""What a writer or a follower leaves behind, so that it can be judged after `kill -9`: one line of JSON for each act.

A line is written with one unbuffered write to a file opened for appending: before the act (an attempt) and after it
(its outcome). The page cache outlives the process, so a killed one loses at most the line it was writing: a torn last
line is left out when read, and an attempt without an outcome counts as unknown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from eventsourcing.persistence import StoredEvent

from ledger.event_log import Recorded


class Outcome(StrEnum):
    """What the log said about one attempt."""

    STORED = "stored"
    CONFLICT = "conflict"
    """Refused with the typed conflict: it must never appear."""
    AWAY = "away"
    """The store was away and nothing changed, it said: it must never appear."""
    UNKNOWN = "unknown"
    """It may stand in the log, whole and once, or not at all."""


class Claim(NamedTuple):
    """One event of an attempt: its place in a stream, and a digest of its name and bytes."""

    stream: str
    version: int
    digest: str


class Stood(NamedTuple):
    """One event as it stands in the log, or as a follower saw it."""

    position: int
    stream: str
    version: int
    digest: str

    @property
    def claim(self) -> Claim:
        return Claim(self.stream, self.version, self.digest)


class Attempt(NamedTuple):
    """One append as its writer knows it. `key` names the content: equal appends sent twice share it."""

    key: str
    claims: tuple[Claim, ...]
    outcome: Outcome
    positions: tuple[int, ...] = ()


def claim_of(event: StoredEvent) -> Claim:
    """What an attempt claims with one event."""
    return Claim(str(event.originator_id), event.originator_version, digest(event.topic, event.state))


def stood(event: Recorded) -> Stood:
    """An event of the log, as the judge compares it."""
    return Stood(event.position, event.stream, event.version, digest(event.name, event.state))


def digest(name: str, state: bytes) -> str:
    """A digest of our own, so that the judge does not lean on the checksum that stands in the log."""
    return blake2b(state, digest_size=8, person=name.encode()[:16]).hexdigest()


class AttemptRecord:
    """The record of one writer process; threads share it."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def tries(self, key: str, claims: Sequence[Claim]) -> None:
        """About to append."""
        _write_line(self._file, ["try", key, claims])

    def ended(self, key: str, outcome: Outcome, positions: Sequence[int] = ()) -> None:
        """The append returned or raised."""
        _write_line(self._file, [outcome, key, positions])


def attempts(file: Path) -> Iterator[Attempt]:
    """What a writer attempted. A key that was tried again gives an attempt for each outcome."""
    claims: dict[str, tuple[Claim, ...]] = {}
    waiting: dict[str, int] = {}
    for word, key, rest in _lines(file):
        if word == "try":
            claims[key] = tuple(Claim(*claim) for claim in rest)
            waiting[key] = waiting.get(key, 0) + 1
        else:
            waiting[key] -= 1
            yield Attempt(key, claims[key], Outcome(word), tuple(rest))
    for key, count in waiting.items():
        yield from (Attempt(key, claims[key], Outcome.UNKNOWN) for _ in range(count))


class SeenRecord:
    """The record of one follower, which is also its durable position: the last whole line of the file."""

    def __init__(self, file: Path) -> None:
        whole = _whole(file)
        if file.exists():
            os.truncate(file, len(whole))
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        last = whole.rstrip(b"\n").rpartition(b"\n")[2]
        self.position: int = json.loads(last)[0] if last else 0
        """The position of the last event that is on record."""

    def saw(self, events: Sequence[Recorded]) -> None:
        """Put events on record; they are not read again."""
        lines = "".join(json.dumps(stood(event)) + "\n" for event in events)
        os.write(self._file, lines.encode())
        self.position = events[-1].position


def seen(file: Path) -> list[Stood]:
    """What a follower saw, in the order in which it saw it."""
    return [Stood(*line) for line in _lines(file)]


class Tail:
    """Counts in a growing record the lines that begin with `word`, reading only what is new."""

    def __init__(self, file: Path, word: str) -> None:
        self._file = file
        self._word = f'["{word}"'.encode()
        self._read = 0
        self.count = 0

    def grown(self) -> int:
        """The lines of that word so far."""
        if self._file.exists():
            with self._file.open("rb") as record:
                record.seek(self._read)
                more = record.read()
            whole = more[: more.rfind(b"\n") + 1]
            self._read += len(whole)
            self.count += sum(line.startswith(self._word) for line in whole.splitlines())
        return self.count


def last_position(file: Path) -> int:
    """How far a follower has come."""
    if not file.exists():
        return 0
    with file.open("rb") as record:
        record.seek(max(file.stat().st_size - 8_192, 0))
        lines = record.read().rpartition(b"\n")[0].rpartition(b"\n")[2]
    return json.loads(lines)[0] if lines else 0


def _write_line(file: int, line: Iterable[object]) -> None:
    os.write(file, (json.dumps(line) + "\n").encode())


def _whole(file: Path) -> bytes:
    """The file up to its last whole line."""
    content = file.read_bytes() if file.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def _lines(file: Path) -> Iterator[list[Any]]:
    return (json.loads(line) for line in _whole(file).splitlines())
