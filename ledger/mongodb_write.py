"""Writing the log in MongoDB: one atomic document per batch, contiguous positions, and no guess about an outcome.

A batch is what the threads of a process, or through the committer the processes of a host, wanted kept at the same
time. One document costs the server less than one for each append; where an append of it conflicts the server refuses
the whole, and it is written again without that one.

The next position is the end of the last commit. Two writers that aim at the same position collide on `_id`, two that
claim the same version of a stream on the unique index: the server decides, and the loser looks again. No process holds
a right to write, so any of them may die at any moment.

Why no hole can come about: a commit at position p is sent only by a writer to which the commit that ends at p - 1 was
acknowledged by a majority or shown with read concern majority, or is inserted behind it by the server itself. So in the
oplog the commit before always stands first, and a failover that takes it back takes back what stands behind it too.

Why nothing is doubled or invented: after a write without a clear answer the store is asked, with read concern
linearizable, for the appends' streams and versions. What stands there byte for byte is ours and stored; other content
is a conflict; nothing means that writing again is safe, because a version is stored once at most even if the first
attempt is still under way. (Two appends that are equal to the last byte, command id and time included, are the same
append sent twice: after a lost answer both callers may be told that it is stored, which it is, once.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any, Final, cast
from uuid import UUID

import pymongo
from bson import Int64, decode, encode
from bson.raw_bson import RawBSONDocument
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    PersistenceError,
    StoredEvent,
)
from pymongo import DESCENDING
from pymongo.client_session import ClientSession
from pymongo.errors import (
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.write_concern import WriteConcern

from ledger.commits import Append, GroupCommit, OutcomeUnknown, Pair
from ledger.errors import LogDamaged
from ledger.mongodb_read import CODEC, LINEARIZABLE, MAJORITY, Commits, EventDocument, cure, described, encoded, end_of

WTIMEOUT_MS: Final = 5_000
DURABLE: Final = WriteConcern(w="majority", j=True, wtimeout=WTIMEOUT_MS)

ROUNDS_MAX: Final = 200
"""Rounds for one batch: each lost round means that another writer's batch got in."""

BATCH_CALLS: Final = 3
"""An attempt, the question what became of it, and once more one of them."""

FAULTS_MAX: Final = 4
"""Rounds that may end in a database error before the batch is given up."""

RIVALRY: Final = 32
"""Batches written behind the server's own head after another process won a position, before ours is trusted again."""

APPEND_BYTES_MAX: Final = 15 * 1024 * 1024
"""A commit is one document, and MongoDB takes documents of up to 16 MiB (MongoDB Limits and Thresholds)."""

_DUPLICATE_KEY: Final = 11000
_UNWRITTEN: Final = frozenset({13, 18, 121})
"""Unauthorized, AuthenticationFailed, DocumentValidationFailure: the server looked and wrote nothing."""

Events = list[bytes]
"""Events in BSON, as they stand inside a commit document."""

Found = tuple[int, EventDocument]


class HeadLost(Exception):
    """Inside a transaction: another writer took the position; begin again."""


class LogWriter:
    """Appends to one collection of commits, for all threads of this process.

    One attempt, or one question about its outcome, gets `patience_s` seconds; a batch gets BATCH_CALLS times that.
    """

    def __init__(self, commits: Commits, *, patience_s: float) -> None:
        self._commits = commits.with_options(write_concern=DURABLE)
        self._durable = commits.with_options(read_concern=MAJORITY)
        self._certain = commits.with_options(read_concern=LINEARIZABLE)
        self._patience_s = patience_s
        self._head: int | None = None
        self._rivals = 0
        self._taken: set[Pair] = set()
        self._group: GroupCommit[Events] = GroupCommit(self.write)

    def submit(self, append: Append[Events]) -> None:
        """Have the append written together with those of other threads; it is settled then.

        With IntegrityError when a version is taken, OperationalError when the store is away and nothing was stored,
        OutcomeUnknown when it cannot be told whether it was.
        """
        self._group.submit(append)

    def append_in(self, session: ClientSession, events: Sequence[StoredEvent]) -> list[int]:
        """The same inside a transaction; raises HeadLost when the transaction must begin again."""
        if not events:
            return []
        append = append_of(events)
        last = self._commits.find_one({}, {"n": True}, sort=[("_id", DESCENDING)], session=session)
        first = last["_id"] + last["n"] if last else 1
        try:
            self._commits.insert_one(_commit(first, [append]), session=session)
        except DuplicateKeyError as error:
            if _position_taken(error.details):
                raise HeadLost from error
            raise _taken(append.pairs[0]) from error
        return list(range(first, first + len(append)))

    def resolved(self, events: Sequence[StoredEvent]) -> list[int]:
        """The positions of events that were sent without an answer; raises OutcomeUnknown when they are not there."""
        append = append_of(events)
        append.attempted = True
        with pymongo.timeout(self._patience_s):
            self._look_for([append])
        return list(append.result())

    # One batch. Only the leader of the group runs what follows, or the committer's one thread.

    def write(self, batch: Sequence[Append[Events]]) -> None:
        """Write these appends together and settle each of them. Never run by two threads at once."""
        fault: PyMongoError | None = None
        faults = 0
        self._taken = set()
        with pymongo.timeout(self._patience_s * BATCH_CALLS):
            for _ in range(ROUNDS_MAX):
                turn = self._next_turn(batch)
                if not turn:
                    return
                try:
                    self._round(turn)
                except LogDamaged as damage:
                    return _give_up(batch, None, str(damage))
                except PyMongoError as error:
                    fault = error
                    faults += 1
                    self._head = None
                    if faults == FAULTS_MAX or _unwritten(error):
                        break
        _give_up(batch, fault, described(fault) if fault else "other processes kept taking the next position")

    def _next_turn(self, batch: Sequence[Append[Events]]) -> list[Append[Events]]:
        """The unsettled appends of a batch, without those that claim what an earlier one of them claims.

        They wait for a later round: the unique index does not look inside one document, and of two equal attempts only
        one may find itself in the log. Once a version is seen in the log, those who still claim it are refused at once.
        """
        turn: list[Append[Events]] = []
        claimed: set[Pair] = set()
        for append in batch:
            if append.settled or not claimed.isdisjoint(append.pairs):
                continue
            taken = next((pair for pair in append.pairs if pair in self._taken), None)
            if taken is not None and not append.attempted:
                append.refused(_taken(taken))
            else:
                claimed.update(append.pairs)
                turn.append(append)
        return turn

    def _round(self, turn: list[Append[Events]]) -> None:
        """Ask about what was attempted, then write what is known not to be stored."""
        attempted = [append for append in turn if append.attempted]
        if attempted:
            with pymongo.timeout(self._patience_s):
                self._look_for(attempted)
            turn = [append for append in turn if not append.settled]
        if not turn:
            return
        with pymongo.timeout(self._patience_s):
            if self._rivals:
                self._write_behind_servers_head(turn)
            else:
                self._write_behind_own_head(turn)

    def _write_behind_own_head(self, turn: list[Append[Events]]) -> None:
        """The whole batch as one document, behind the head this process knows."""
        if self._head is None:
            self._head = self._read_head()
        first = self._head + 1
        try:
            self._commits.insert_one(_commit(first, turn))
        except DuplicateKeyError as error:
            if _position_taken(error.details):
                self._head = None
                self._rivals = RIVALRY
            else:
                self._look_for(turn)
        except PyMongoError as error:
            _note_attempt(turn, error)
            raise
        else:
            self._stored(turn, first)

    def _write_behind_servers_head(self, turn: list[Append[Events]]) -> None:
        """The whole batch as one document, behind the head that the server reads in the same command."""
        fields = _fields(turn)
        place = {"_id": {"$add": ["$_id", "$n"]}, **{name: {"$literal": value} for name, value in fields.items()}}
        into = {"into": self._commits.name, "on": "_id", "whenMatched": "fail", "whenNotMatched": "insert"}
        try:
            self._commits.aggregate(
                [{"$sort": {"_id": DESCENDING}}, {"$limit": 1}, {"$project": place}, {"$merge": into}]
            ).close()
        except DuplicateKeyError as error:
            if not _position_taken(error.details):
                self._look_for(turn)
            return
        except PyMongoError as error:
            _note_attempt(turn, error)
            raise
        self._rivals -= 1
        self._find_place(turn)

    def _find_place(self, turn: list[Append[Events]]) -> None:
        """Learn where the server put the batch it acknowledged: nowhere if there was no head to put it behind."""
        for append in turn:
            append.attempted = True
        stream, version = turn[0].pairs[0]
        commit = self._commits.find_one({"e": {"$elemMatch": {"s": stream, "v": version}}})
        if commit is None:
            self._head, self._rivals = None, 0
        elif commit["e"] == [decode(body, CODEC) for append in turn for body in append.body]:
            self._stored(turn, commit["_id"])
        else:  # another's: each append is asked for in the next round
            self._head = None

    def _stored(self, appends: Sequence[Append[Events]], first: int) -> None:
        for append in appends:
            append.stored(first)
            first += len(append)
            self._taken.update(append.pairs)
        self._head = first - 1

    def _look_for(self, appends: Sequence[Append[Events]]) -> None:
        """Settle those whose versions stand in the log: as stored if the attempted content stands there, else refused.

        Where an attempt must be told from another's commit only the linearizable view will do.
        """
        wanted: dict[UUID | str, list[int]] = defaultdict(list)
        for append in appends:
            for stream, version in append.pairs:
                wanted[stream].append(version)
        any_of = [{"e": {"$elemMatch": {"s": stream, "v": {"$in": some}}}} for stream, some in wanted.items()]
        view = self._certain if any(append.attempted for append in appends) else self._commits
        found: dict[Pair, Found] = {}
        for commit in view.find({"$or": any_of}):
            for position, event in enumerate(cast("list[Any]", commit["e"]), commit["_id"]):
                if isinstance(event, dict) and "s" in event and "v" in event:
                    found[event["s"], event["v"]] = (position, cast("EventDocument", event))
        self._taken.update(found)
        for append in appends:
            hits = [found.get(pair) for pair in append.pairs]
            first = _first_if_ours(append, hits) if append.attempted else None
            if first is not None:
                append.stored(first)
            elif any(hits):
                taken = next(pair for pair, hit in zip(append.pairs, hits, strict=True) if hit)
                append.refused(_taken(taken))

    def _read_head(self) -> int:
        last = self._durable.find_one({}, {"n": True}, sort=[("_id", DESCENDING)])
        return end_of(last) if last else 0


def append_of(events: Sequence[StoredEvent]) -> Append[Events]:
    """An append of these events. Raises DataError when they cannot be stored."""
    body = [encoded(event) for event in events]
    size = sum(map(len, body))
    if size > APPEND_BYTES_MAX:
        raise DataError(f"{size} bytes of events are too many for one append; the limit is {APPEND_BYTES_MAX}.")
    return Append(events, body=body, size=size)


def _fields(appends: Sequence[Append[Events]]) -> dict[str, Any]:
    events = [RawBSONDocument(event) for append in appends for event in append.body]
    return {"n": len(events), "e": events}


def _commit(position: int, appends: Sequence[Append[Events]]) -> RawBSONDocument:
    """The commit document, put together from events that are BSON already."""
    events = [event for append in appends for event in append.body]
    heads = _element_heads(len(events))
    elements = b"".join([part for pair in zip(heads, events, strict=False) for part in pair])
    array = _INT32.pack(len(elements) + 5) + elements + b"\0"
    head = encode({"_id": Int64(position), "n": len(events)})
    body = head[4:-1] + b"\x04e\0" + array + b"\0"
    return RawBSONDocument(_INT32.pack(len(body) + 4) + body)


def _element_heads(count: int) -> list[bytes]:
    """What stands before each of at least `count` documents in a BSON array: kind (3) and index as text (BSON 1.1)."""
    return _HEADS if count <= len(_HEADS) else [b"\x03%d\0" % number for number in range(count)]


_INT32: Final = Struct("<i")
_HEADS: Final = [b"\x03%d\0" % number for number in range(1_024)]


def _first_if_ours(append: Append[Events], hits: Sequence[Found | None]) -> int | None:
    """Where the append stands, if all of it stands there together with the very bytes it brought."""
    if not hits or hits[0] is None:
        return None
    first = hits[0][0]
    for offset, (hit, body) in enumerate(zip(hits, append.body, strict=True)):
        # As it stands, not as it should: an event altered by hand is not ours, and no reason to leave others waiting.
        if hit is None or hit[0] != first + offset or hit[1] != decode(body, CODEC):
            return None
    return first


def _position_taken(details: Mapping[str, Any] | None) -> bool:
    return details is not None and details.get("keyPattern") == {"_id": 1}


def _taken(pair: Pair) -> IntegrityError:
    return IntegrityError(f"Version {pair[1]} of {pair[0]} is in the log already; nothing of this append was stored.")


def _note_attempt(turn: Sequence[Append[Events]], error: PyMongoError) -> None:
    if not _unwritten(error):
        for append in turn:
            append.attempted = True


def _unwritten(error: PyMongoError) -> bool:
    """Whether the error says that the command never changed anything.

    The driver reports a failed server selection only when it has sent nothing; on a retry it raises the first error.
    """
    if isinstance(error, OperationFailure):
        return error.code in _UNWRITTEN
    return isinstance(error, ServerSelectionTimeoutError | InvalidOperation)


def _give_up(batch: Sequence[Append[Events]], fault: PyMongoError | None, cause: str) -> None:
    for append in batch:
        if append.settled:
            continue
        error: PersistenceError
        if append.attempted:
            error = OutcomeUnknown(f"The append was sent, but whether it is stored cannot be told now: {cause}.")
        elif isinstance(fault, InvalidOperation):
            error = InterfaceError(f"Nothing of the append was stored: {cause}.")
        else:
            error = OperationalError(f"Nothing of the append was stored: {cause}.{cure(fault)}")
        error.__cause__ = fault
        append.refused(error)
