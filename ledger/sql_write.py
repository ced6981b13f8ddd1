"""Writing the log in MySQL, MariaDB or SQLite: one transaction for all who wait, and no guess about an outcome.

Whoever appends first takes the head of the log: its row in `heads` is locked (on SQLite the whole file is) until the
commit. So positions are given one after the other, become visible in that order, and every writer of every host sees
what the one before it wrote. The unique key on (stream, version) refuses what is taken, whoever forgets to look.

Why nothing is doubled or invented: only a lost answer to COMMIT leaves a doubt. Whoever holds the head afterwards knows
that the old transaction is over, because that one held the head too: what stands in the log byte for byte is ours and
stored, other content is a conflict, and nothing means that it will never be there, so it is written again. A connection
that broke before COMMIT was sent left nothing, however long the server still takes to notice. (Two appends that are
equal to the last byte are the same append sent twice: after a lost answer both callers may be told that it is stored.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy
from eventsourcing.persistence import DataError, IntegrityError, OperationalError, PersistenceError, StoredEvent
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from ledger.commits import Append, GroupCommit, OutcomeUnknown, Pair
from ledger.sql_store import SqlStore, is_unwritten, worded
from ledger.sql_tables import EventRow, LogTables, is_any_of, row_of

APPEND_BYTES_MAX: Final = 15 * 1024 * 1024
"""Bytes of one append: the same as on MongoDB, so that no store takes what another refuses."""

STATEMENT_BYTES: Final = 4 * 1024 * 1024
STATEMENT_ROWS: Final = 1_000
"""What one INSERT carries: escaped it must fit into a packet of the server."""

PAIRS_MAX: Final = 200
"""Streams and versions asked for in one query: SQLite takes conditions of a limited depth only."""

PAUSES_S: Final = (0.0, 0.2, 0.4, 0.8, 1.6)
"""Pauses before a batch with an unknown outcome is looked up again: a server that restarts is back within them."""

ROUNDS_MAX: Final = 300
"""Rounds for one batch: more than it can have appends that wait for one another."""

Rows = list[dict[str, Any]]


class LogWriter:
    """Appends to one log, for all threads of this process."""

    def __init__(self, store: SqlStore, tables: LogTables) -> None:
        self._store = store
        self._events = tables.events
        heads = tables.heads
        self._locked_head = select(heads.c.position).where(heads.c.log == tables.name).with_for_update()
        self._moved_head = update(heads).where(heads.c.log == tables.name)
        self._group: GroupCommit[Rows] = GroupCommit(self._write)

    def append(self, events: Sequence[StoredEvent]) -> list[int]:
        """Store `events` together; gives their positions.

        Raises IntegrityError when a version is taken, DataError when an event cannot be stored, OperationalError when
        the store is away and nothing was stored, OutcomeUnknown when it cannot be told whether it was.
        """
        return list(self._group.submit(_append_of(events))) if events else []

    def append_in(self, connection: Connection, events: Sequence[StoredEvent]) -> list[int]:
        """The same in the transaction of `connection`, which the caller ends; lets SQLAlchemy's errors through."""
        if not events:
            return []
        append = _append_of(events)
        head = self._take_head(connection)
        self._look_for(connection, [append])
        if not append.settled:
            self._insert(connection, head, [append])
            append.stored(head + 1)
        return list(append.result())

    def resolved(self, events: Sequence[StoredEvent]) -> list[int]:
        """The positions of events whose commit got no answer. Raises OperationalError when they are not stored."""
        append = _append_of(events)
        append.attempted = True
        with self._store.writing() as connection:
            self._take_head(connection)
            self._look_for(connection, [append])
        if not append.settled:
            raise OperationalError("Nothing of the append was stored: the connection broke.")
        return list(append.result())

    # One batch. Only the leader of the group runs what follows.

    def _write(self, batch: Sequence[Append[Rows]]) -> None:
        look = False
        faults = 0
        for _ in range(ROUNDS_MAX):
            left = [append for append in batch if not append.settled]
            if not left:
                return
            try:
                self._round(left, look)
                # Who is left claims what was just written, or what somebody else of the batch claims.
                look = True
            except sqlalchemy.exc.IntegrityError:
                if look:
                    _give_up(left, OperationalError(_MISFIT))
                look = True
            except PersistenceError as error:
                _give_up(left, error)
            except SQLAlchemyError as error:
                doubtful = any(append.attempted for append in left)
                if is_unwritten(error) or faults == (len(PAUSES_S) if doubtful else 1) or self._store.closed.is_set():
                    _give_up(left, worded(error, "appending"), error)
                    return
                self._store.closed.wait(PAUSES_S[faults])
                faults += 1

    def _round(self, left: Sequence[Append[Rows]], look: bool) -> None:
        """Write in one transaction what is not known to be stored.

        With `look` it is seen first which versions are taken; what was attempted is always looked for first.
        """
        with self._store.writing() as connection:
            head = self._take_head(connection)
            turn = _next_turn(left)
            # Of two equal attempts only one may find itself in the log: the other waits for its turn.
            asked = [append for append in left if (append in turn if append.attempted else look)]
            if asked:
                self._look_for(connection, asked)
            rest = [append for append in turn if not append.settled]
            if not rest:
                return
            last = self._insert(connection, head, rest)
            self._commit(connection, rest)
        first = last - sum(len(append) for append in rest) + 1
        for append in rest:
            append.stored(first)
            first += len(append)

    def _commit(self, connection: Connection, appends: Sequence[Append[Rows]]) -> None:
        """Commit; where no clear answer comes the appends stay marked as attempted."""
        for append in appends:
            append.attempted = True
        try:
            connection.commit()
        except SQLAlchemyError as error:
            if is_unwritten(error):
                for append in appends:
                    append.attempted = False
            raise

    def _take_head(self, connection: Connection) -> int:
        """The last position, which nobody else may move until the end of this transaction."""
        head = connection.scalar(self._locked_head)
        if head is None:
            raise OperationalError(_MISFIT)
        return int(head)

    def _insert(self, connection: Connection, head: int, appends: Sequence[Append[Rows]]) -> int:
        """Put the rows behind `head` and move it; the new head."""
        rows = [row for append in appends for row in append.body]
        placed = [row | {"position": position} for position, row in enumerate(rows, head + 1)]
        for some in _statements(placed):
            connection.execute(insert(self._events), some)
        connection.execute(self._moved_head.values(position=head + len(placed)))
        return head + len(placed)

    def _look_for(self, connection: Connection, appends: Sequence[Append[Rows]]) -> None:
        """Settle those whose versions stand in the log: as stored if the attempted content stands there, else refused.

        Whoever calls holds the head, so what is not there now was not stored and never will be by an old attempt.
        """
        pairs = [pair for append in appends for pair in append.pairs]
        found: dict[Pair, EventRow] = {}
        for begin in range(0, len(pairs), PAIRS_MAX):
            some = pairs[begin : begin + PAIRS_MAX]
            for row in connection.execute(select(self._events).where(is_any_of(self._events, some))):
                event = EventRow._make(row)
                found[UUID(event.stream) if event.is_uuid else event.stream, event.version] = event
        for append in appends:
            hits = [found.get(pair) for pair in append.pairs]
            first = _first_if_ours(append, hits)
            if append.attempted and first is not None:
                append.stored(first)
            elif any(hits):
                stream, version = next(pair for pair, hit in zip(append.pairs, hits, strict=True) if hit)
                taken = f"Version {version} of {stream} is in the log already; nothing of this append was stored."
                append.refused(IntegrityError(taken))
            append.attempted = False


_MISFIT: Final = (
    "The head of the log does not fit its events. Stop the writers and restore the tables of the event log from a"
    " backup."
)


def _append_of(events: Sequence[StoredEvent]) -> Append[Rows]:
    body = [row_of(event) for event in events]
    size = sum(len(event.state) + len(event.topic) + 100 for event in events)
    if size > APPEND_BYTES_MAX:
        raise DataError(f"{size} bytes of events are too many for one append; the limit is {APPEND_BYTES_MAX}.")
    return Append(events, body=body, size=size)


def _next_turn(batch: Sequence[Append[Rows]]) -> list[Append[Rows]]:
    """The unsettled appends of a batch, without those that claim what an earlier one of them claims: they wait."""
    turn: list[Append[Rows]] = []
    claimed: set[Pair] = set()
    for append in batch:
        if not append.settled and claimed.isdisjoint(append.pairs):
            claimed.update(append.pairs)
            turn.append(append)
    return turn


def _statements(rows: Rows) -> Iterator[Rows]:
    """The rows in pieces of which each fits into one statement."""
    some: Rows = []
    size = 0
    for row in rows:
        length = len(row["raw"] or row["state"].encode()) if row["raw"] or row["state"] else 0
        if some and (size + length > STATEMENT_BYTES or len(some) == STATEMENT_ROWS):
            yield some
            some, size = [], 0
        some.append(row)
        size += length
    if some:
        yield some


def _first_if_ours(append: Append[Rows], hits: Sequence[EventRow | None]) -> int | None:
    """Where the append stands, if all of it stands there together with the very bytes it brought."""
    if not hits or hits[0] is None:
        return None
    first = hits[0].position
    for offset, (hit, row) in enumerate(zip(hits, append.body, strict=True)):
        if hit is None or hit.position != first + offset:
            return None
        if (hit.name, hit.state, hit.raw) != (row["name"], row["state"], row["raw"]):
            return None
    return first


def _give_up(appends: Sequence[Append[Rows]], why: PersistenceError, fault: SQLAlchemyError | None = None) -> None:
    """Refuse what is not settled: as unknown where a commit was sent and not answered, else as not stored."""
    for append in appends:
        if append.settled:
            continue
        error: PersistenceError
        if append.attempted:
            error = OutcomeUnknown(f"The append was sent, but whether it is stored cannot be told now. {why}")
        else:
            error = type(why)(f"Nothing of the append was stored. {why}")
        error.__cause__ = fault
        append.refused(error)
