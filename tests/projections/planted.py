"""A planted aggregate and its projection, whose fold fails when an event says so: poison as a test wants it."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from eventsourcing.persistence import StoredEvent
from sqlalchemy import select

from ledger.aggregate import AGGREGATES, EVENTS, Aggregate, Envelope, Event, encode, follows
from ledger.store import Ledger
from projections.columns import id_, key, number, table
from projections.database import Database
from projections.projection import PROJECTIONS, Projection, on
from projections.rows import Rows
from tests.story import START

TALLIES = table("tallies", key("id"), number("count"))
TURNS = table("tally_turns", key("id"), id_("tally"), number("count"), once=True)


class Tally(Aggregate):
    """Planted: counts what happened to a stream."""

    class Happened(Event):
        """Planted. `what`: add, or how the fold is to fail."""

        what: str

    @follows(Happened)
    def _happened(self, event: Happened, envelope: Envelope) -> None:
        pass


class Tallies(Projection):
    """Folds what happened; `broken` is the fault in the code that is mended in the course of a test."""

    name = "tallies"
    tables = (TALLIES, TURNS)
    broken: ClassVar[bool] = True

    @on(Tally.Happened)
    def happened(self, rows: Rows, event: Tally.Happened, envelope: Envelope) -> None:
        """One more; fails as the event says, before, or after it has changed rows."""
        if self.broken and event.what == "raise":
            raise LookupError(event.what)
        if self.broken and event.what == "quote":
            raise ValueError("a secret value")
        count = (rows.get(TALLIES, envelope.stream) or {"count": 0})["count"] + 1
        rows.put(TALLIES, {"id": envelope.stream, "count": count})
        rows.put(TURNS, {"id": envelope.id, "tally": envelope.stream, "count": count})
        if self.broken and event.what == "halfway":
            raise LookupError(event.what)


class Planted:
    """The projection is known while this is open."""

    def __init__(self) -> None:
        Tallies.broken = True
        self.tallies = PROJECTIONS["tallies"] = Tallies()
        EVENTS[Tally.Happened.stored_name] = Tally.Happened
        AGGREGATES[Tally.noun] = Tally
        self._versions: dict[str, int] = {}

    def close(self) -> None:
        """Forget it: other tests see the ledger's own events and projections only."""
        forget()

    def mend(self) -> None:
        """The code is mended."""
        Tallies.broken = False

    def unmend(self) -> None:
        """And broken again."""
        Tallies.broken = True

    def happens(self, ledger: Ledger, *happenings: tuple[str, str]) -> None:
        """(what, stream), one event each, in this order."""
        events = []
        for what, stream in happenings:
            self._versions[stream] = version = self._versions.get(stream, 0) + 1
            events.append(StoredEvent(stream, version, Tally.Happened.stored_name, stored(stream, version, what)))
        ledger.recorder.insert_events(events)

    def sums(self, database: Database) -> dict[str, int]:
        """The count of each stream, which its turns must bear out one by one and in order."""
        counts = {row["id"]: row["count"] for row in database.rows(select(TALLIES))}
        turns: dict[str, list[int]] = {}
        for row in database.rows(select(TURNS).order_by(TURNS.c.tally, TURNS.c.count)):
            assert int(row["id"].rpartition("@")[2]) == row["count"]
            turns.setdefault(row["tally"], []).append(row["count"])
        assert turns == {stream: list(range(1, count + 1)) for stream, count in counts.items()}
        return counts

    def aside(self, database: Database) -> list[tuple[int, bool]]:
        """Position of each entry, and whether its stream stands still at it."""
        rows = database.rows(select(self.tallies.aside).order_by(self.tallies.aside.c.position))
        return [(row["position"], row["cause"] is not None) for row in rows]


def stored(stream: str, version: int, what: str) -> bytes:
    """The bytes of one happening."""
    envelope = Envelope(
        stream=stream,
        version=version,
        name=Tally.Happened.stored_name,
        schema=Tally.Happened.schema_version,
        at=START,
        effective_on=START.date(),
        actor="operator:linh",
        command_id="cmd_planted",
        correlation_id="planted",
        causation_id=None,
        event=Tally.Happened(what=what),
    )
    return encode(envelope)


def newer(state: bytes) -> bytes:
    """The same bytes as a later release would have written them."""
    return msgspec.json.encode({**msgspec.json.decode(state), "schema": 2}, order="sorted")


def forget() -> None:
    """Planted things are not known outside the tests that plant them."""
    PROJECTIONS.pop("tallies", None)
    EVENTS.pop(Tally.Happened.stored_name, None)
    AGGREGATES.pop(Tally.noun, None)


forget()
