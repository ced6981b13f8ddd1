"""Set aside: the events a follower of the log could not take in, stream by stream, and what waits behind each.

One event that cannot be folded must hold up its own stream and nobody else's. So it is written down here with its
cause, later events of its stream that concern the follower are written down behind it untried, and the follower goes
on. `retry` takes them in again, oldest first, when the cause is mended. Position and entries change in one transaction,
so an event is always in exactly one state: before the position, taken in, or here.

Which order remains: events of one stream are taken in in their order, whatever is set aside. Between streams order is
lost for what is set aside: it is taken in later than events that came after it. A projection whose folds read rows that
other streams wrote says so (`crosses_streams`), and is built anew instead.

A hole in the log is no matter of one stream: it is never set aside, and stops everybody.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Self

import msgspec
from sqlalchemy import Connection, LargeBinary, Select, Table, Update, cast, delete, func, insert, select, update

from ledger.errors import FoldImpossible, LogDamaged, Problem, RebuildOvertaken, TooManySetAside, Unavailable
from ledger.event_log import Recorded
from projections.columns import instant, key, number, number_key, prose, prose_or_none, table

STREAMS_MAX: Final = 100
"""Streams set aside at once, for one follower. When more fail, it is not the events that are at fault but the code."""

EVENTS_MAX: Final = 10_000
"""Events set aside at once, those that only wait included: a busy stream must not fill a table unnoticed."""

UNTRIED: Final = "not tried since what stood before it was taken in"
"""The cause of an event that came to stand first of its stream when a retry was interrupted."""

OURS: Final = ("/projections/", "/workers/", "/ledger/")


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """One event set aside by `follower`. `name`: its stored name; the log has the rest.

    `cause`: why it could not be taken in, in our own words, or None when it only waits behind such a one; `attempts`:
    how often it was tried; `first_seen_at`: when it was set aside first.
    """

    follower: str
    position: int
    stream: str
    version: int
    name: str
    cause: str | None
    first_seen_at: datetime
    attempts: int

    @classmethod
    def of(cls, follower: str, row: Recorded, at: datetime, cause: str | None = None) -> Self:
        """The entry for an event as it stands in the log, seen `at`."""
        return cls(
            follower=follower,
            position=row.position,
            stream=row.stream,
            version=row.version,
            name=row.name,
            cause=cause,
            first_seen_at=at,
            attempts=0 if cause is None else 1,
        )


class Pile(msgspec.Struct, frozen=True, kw_only=True):
    """How much a follower has set aside: events, of how many streams, and since when the oldest of them."""

    follower: str
    events: int
    streams: int
    oldest_at: datetime


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """What a retry did: events taken in, and events that are still set aside."""

    taken: int
    left: int


def aside_table(name: str) -> Table:
    """A table of entries. Streams and names are kept as text of any length: a foreign hand may have written them."""
    return table(
        name,
        key("follower"),
        number_key("position"),
        prose("stream"),
        number("version"),
        prose("name"),
        prose_or_none("cause"),
        instant("first_seen_at"),
        number("attempts"),
    )


class SetAside:
    """What `follower` has set aside in `table`. The first entry of each stream has a cause, the others have none.

    Nothing here locks: whoever changes entries holds the lock of the follower's position.
    """

    def __init__(self, table: Table, follower: str) -> None:
        self.table = table
        self.follower = follower
        self._mine = table.c.follower == follower

    def heads(self, connection: Connection) -> dict[str, Aside]:
        """The first entry of each stream, oldest first, by stream."""
        query = select(self.table).where(self._mine, self.table.c.cause.is_not(None))
        found = (Aside(**row) for row in connection.execute(query.order_by(self.table.c.position)).mappings())
        return {entry.stream: entry for entry in found}

    def of_stream(self, connection: Connection, stream: str, limit: int) -> list[Aside]:
        """The oldest entries of a stream, in order."""
        # As bytes: the database may compare texts without regard to case, accents and blanks at the end.
        same = cast(self.table.c.stream, LargeBinary) == stream.encode()
        query = select(self.table).where(self._mine, same).order_by(self.table.c.position).limit(limit)
        return [Aside(**row) for row in connection.execute(query).mappings()]

    def count(self, connection: Connection) -> int:
        """How many events are set aside."""
        query = select(func.count()).select_from(self.table).where(self._mine)
        return int(connection.scalar(query) or 0)

    def add(self, connection: Connection, entries: Sequence[Aside]) -> None:
        """Set these events aside. Raises TooManySetAside when that would be more than a follower may have."""
        if not entries:
            return
        query = select(func.count(), func.count(self.table.c.cause)).select_from(self.table).where(self._mine)
        events, streams = connection.execute(query).one()
        fresh = sum(entry.cause is not None for entry in entries)
        if events + len(entries) > EVENTS_MAX or streams + fresh > STREAMS_MAX:
            raise too_many(self.follower, events, streams, entries[0].position)
        connection.execute(insert(self.table), [msgspec.structs.asdict(entry) for entry in entries])

    def failed_again(self, connection: Connection, entry: Aside, cause: str) -> bool:
        """The first entry of a stream was tried once more; False when it has been taken in meanwhile."""
        counted = {"cause": cause, "attempts": self.table.c.attempts + 1}
        return connection.execute(self._at(entry.position, counted)).rowcount == 1

    def take(self, connection: Connection, entries: Sequence[Aside]) -> None:
        """These oldest entries of one stream were taken in; the next of the stream stands first now."""
        positions = [entry.position for entry in entries]
        connection.execute(delete(self.table).where(self._mine, self.table.c.position.in_(positions)))
        for following in self.of_stream(connection, entries[0].stream, 1):
            connection.execute(self._at(following.position, {"cause": UNTRIED}))

    def inherit(self, connection: Connection, older: SetAside) -> None:
        """What `older` has set aside as well is as old, and was tried as often, as it says there."""
        for row in connection.execute(select(older.table).where(older._mine)).mappings():
            counted = {
                "first_seen_at": row["first_seen_at"],
                "attempts": self.table.c.attempts + row["attempts"],
            }
            connection.execute(self._at(row["position"], counted))

    def _at(self, position: int, values: Mapping[str, Any]) -> Update:
        return update(self.table).where(self._mine, self.table.c.position == position).values(**values)


def too_many(follower: str, events: int, streams: int, position: int) -> TooManySetAside:
    """The error of a follower that has so much set aside that the event at `position` may not be."""
    return TooManySetAside(
        f"{follower} has set aside {events} events of {streams} streams and may not set aside more"
        f" ({EVENTS_MAX} events, {STREAMS_MAX} streams): mend what they have in common, then retry.",
        position=position,
    )


def piled(table: Table) -> Select[Any]:
    """The query for the piles of every follower that uses this table."""
    columns = table.c
    return select(
        columns.follower,
        func.count().label("events"),
        func.count(columns.cause).label("streams"),
        func.min(columns.first_seen_at).label("oldest_at"),
    ).group_by(columns.follower)


def is_poison(error: Exception) -> bool:
    """Whether an error is about the one event that was tried; the others are about parts that are away, or about us."""
    if isinstance(error, LogDamaged | FoldImpossible):
        return True
    return not isinstance(error, Unavailable | RebuildOvertaken | MemoryError)


def told(error: Exception) -> str:
    """What went wrong and where. Only our own words: others may quote values."""
    if isinstance(error, Problem):
        return f"{type(error).__name__}: {error.detail}"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if any(folder in frame.filename for folder in OURS)
    ]
    where = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
