"""Reading the log in MongoDB: by stream, in order, and never past a hole.

The collection holds one document per commit (several appends may share one):

    {_id: position of its first event (long), n: number of events,
     e: [{s: stream, v: version, t: stored name, d: state, c: checksum}, ...]}

`d` is text where the state is valid UTF-8, so that a person can read it, and binary otherwise; `c` is looked at on
every reading. Everything is read from the primary with read concern majority: nobody decides, answers or acts on an
event that a failover could take back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final, TypedDict
from uuid import UUID
from zlib import crc32

import pymongo
from bson import Binary, encode
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from eventsourcing.persistence import DataError, StoredEvent
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError
from pymongo.read_concern import ReadConcern

from ledger.errors import LogDamaged
from ledger.event_log import Recorded, altered, checksum, refuse_too_long

INDEX: Final = "stream_version"
INDEX_KEYS: Final = [("e.s", ASCENDING), ("e.v", DESCENDING)]
"""Newest version first, so that the last few of a stream (a snapshot) are found without reading all of it."""

WINDOW: Final = 5_000
"""Positions asked for in one query: bounds the memory of a follower."""

MAJORITY: Final = ReadConcern("majority")
LINEARIZABLE: Final = ReadConcern("linearizable")
"""Waits until everything it has seen is on a majority: the answer stands whatever fails afterwards."""

CODEC: Final[CodecOptions[dict[str, Any]]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)

Query = Mapping[str, Any]


class EventDocument(TypedDict):
    """One event inside a commit document."""

    s: UUID | str
    v: int
    t: str
    d: str | bytes
    c: int


class CommitDocument(TypedDict):
    """One commit. An event left out by a filter on names stands as None."""

    _id: int
    n: int
    e: list[EventDocument | None]


Commits = Collection[CommitDocument]
Piece = tuple[int, list[EventDocument | None]]
"""Events in a row, and the position of the first."""


def encoded(event: StoredEvent) -> bytes:
    """The event as it stands inside a commit document, in BSON.

    Raises DataError for what BSON, or one of the other stores, cannot hold.
    """
    refuse_too_long(event)
    stream, version, name, state = event.originator_id, event.originator_version, event.topic, event.state
    text: str | Binary
    try:
        text = state.decode()
    except UnicodeDecodeError:
        text = Binary(state)
    try:
        fields = {"s": stream, "v": version, "t": name, "d": text, "c": checksum(stream, version, name, state)}
        return encode(fields, codec_options=CODEC)
    except (BSONError, OverflowError, UnicodeEncodeError) as error:
        raise DataError(f"An event of {name} cannot be stored: {type(error).__name__}.") from error


def stored_event(event: EventDocument) -> StoredEvent:
    """The event as the library knows it, state byte for byte as it was given. Raises LogDamaged as `state_of` does."""
    return StoredEvent(event["s"], event["v"], event["t"], state_of(event))


def state_of(event: EventDocument) -> bytes:
    """The stored bytes. Raises LogDamaged when the event is not as it was written."""
    try:
        stream, version, text = event["s"], event["v"], event["d"]
        state = text.encode() if isinstance(text, str) else bytes(text)
        if checksum(stream, version, event["t"], state) == event["c"]:
            return state
    except (KeyError, TypeError, ValueError) as error:
        raise altered(event.get("s"), event.get("v"), event.get("t")) from error
    raise altered(stream, version, event["t"])


_FIELDS: Final = itemgetter("s", "v", "t", "d", "c")


def _recorded(first: int, events: Sequence[EventDocument | None]) -> list[Recorded]:
    """Events in a row, the first of them at position `first`, for followers. Raises LogDamaged as `state_of` does.

    Written out rather than made of `state_of`: a follower of a million events spends its time here.
    """
    found = []
    for position, event in enumerate(events, first):
        if event is None:
            continue
        try:
            stream, version, name, text, expected = _FIELDS(event)
            if isinstance(text, str):
                # What `checksum` gives, in one piece.
                state, sum_ = text.encode(), crc32(f"{stream}\0{version}\0{name}\0{text}".encode())
            else:
                state, sum_ = bytes(text), checksum(stream, version, name, bytes(text))
            if sum_ != expected:
                raise altered(stream, version, name, position)
        except (KeyError, TypeError, ValueError) as error:
            told: Mapping[str, Any] = dict(event) if hasattr(event, "keys") else {}
            raise altered(told.get("s"), told.get("v"), told.get("t"), position) from error
        found.append(Recorded(position, stream if isinstance(stream, str) else str(stream), version, name, state))
    return found


def described(error: PyMongoError) -> str:
    """A database error in a few words: kind and code, none of its text, which may hold addresses and values."""
    code = getattr(error, "code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


_NOT_ALLOWED: Final = frozenset({13, 18})
"""Unauthorized, AuthenticationFailed."""


_DISK_FULL: Final = 14031
"""OutOfDiskSpace; the codes stand in MongoDB's src/mongo/base/error_codes.yml."""


def cure(error: PyMongoError | None) -> str:
    """What to do about a database error, as a sentence to put behind others; empty where only waiting helps."""
    if isinstance(error, ServerSelectionTimeoutError):
        return (
            " Is the server running, and as a member of the replica set that EVENT_STORE_URL names (mongod --replSet"
            " rs0, then rs.initiate() once)?"
        )
    code = getattr(error, "code", None)
    if code == _DISK_FULL:
        return " The disk of the MongoDB server is full: free some space there."
    return " Check the user, password and role in EVENT_STORE_URL." if code in _NOT_ALLOWED else ""


class LogReader:
    """Reads one collection of commits. Every call ends within `patience_s` seconds.

    Lets pymongo's errors through; `mongodb_log.py` words them.
    """

    def __init__(self, commits: Commits, *, patience_s: float) -> None:
        self._commits = commits.with_options(read_concern=MAJORITY)
        self._certain = commits.with_options(read_concern=LINEARIZABLE)
        self._patience_s = patience_s
        self._newest: CommitDocument | None = None

    def head(self) -> int:
        """The last position, 0 for an empty log."""
        with pymongo.timeout(self._patience_s):
            last = self._commits.find_one({}, {"n": 1}, sort=[("_id", DESCENDING)])
        return end_of(last) if last else 0

    def stream(
        self, stream: UUID | str, *, gt: int | None, lte: int | None, desc: bool, limit: int | None
    ) -> list[StoredEvent]:
        """Events of one stream with gt < version <= lte, by version, `desc` for newest first, at most `limit`.

        The index is walked newest first, so `desc` with a limit reads no more commits than it gives events. That order
        is the index's own (the server does not sort by a field inside an array), hence the hint.
        """
        versions = {name: value for name, value in (("$gt", gt), ("$lte", lte)) if value is not None}
        wanted = {"s": stream, "v": versions} if versions else {"s": stream}
        checks: list[Query] = [{"$eq": ["$$this.s", {"$literal": stream}]}]
        checks += [{name: ["$$this.v", value]} for name, value in versions.items()]
        mine = {"e": {"$filter": {"input": "$e", "cond": {"$and": checks}}}}
        with pymongo.timeout(self._patience_s):
            cursor = self._commits.find({"e": {"$elemMatch": wanted}}, mine).hint(INDEX)
            if desc and limit is not None:
                cursor = cursor.limit(limit)
            found = [stored_event(event) for commit in cursor for event in commit["e"] if event is not None]
        found.sort(key=lambda event: event.originator_version, reverse=desc)
        return found if limit is None else found[:limit]

    def read(self, after: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """At most `limit` events behind position `after`, in order; only those of stored `names` if any are given.

        Raises LogDamaged rather than step over a hole.
        """
        found: list[Recorded] = []
        for first, events in self._pieces(after, limit, None, names):
            found += self._checked(first, events)
        return found[:limit]

    def read_back(self, before: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """At most `limit` events in front of position `before`, newest first; only those of stored `names` if given.

        Raises LogDamaged rather than step over a hole.
        """
        found: list[Recorded] = []
        upto = min(before - 1, self.head())
        while upto > 0 and len(found) < limit:
            after = max(upto - (WINDOW if names else min(WINDOW, limit - len(found))), 0)
            for first, events in reversed(list(self._pieces(after, upto - after, upto, names))):
                found += reversed(self._checked(first, events))
            upto = after
        return found[:limit]

    def histories(self, streams: Sequence[str], upto: int) -> list[Recorded]:
        """Every event of these streams up to position `upto`, in order of position."""
        named = sorted(streams)
        asked = {"e.s": {"$in": named}, "_id": {"$lte": upto}}
        with pymongo.timeout(self._patience_s):
            commits = list(self._commits.find(asked, _only("s", named)).hint(INDEX))
        found = [event for commit in commits for event in _recorded(commit["_id"], commit["e"])]
        return sorted((event for event in found if event.position <= upto), key=attrgetter("position"))

    def positioned(
        self, after: int, limit: int, *, stop: int | None = None, names: Sequence[str] = ()
    ) -> list[tuple[int, EventDocument]]:
        """The same as documents with their positions, none behind position `stop`."""
        pieces = self._pieces(after, limit, stop, names)
        placed = [place for first, events in pieces for place in enumerate(events, first)]
        self._newest = None  # whoever takes documents compares the checksums himself
        return [(position, event) for position, event in placed if event is not None][:limit]

    def _checked(self, first: int, events: Sequence[EventDocument | None]) -> list[Recorded]:
        try:
            return _recorded(first, events)
        except LogDamaged:
            self._newest = None  # the next reader shall see what has been mended
            raise

    def _pieces(self, after: int, limit: int, stop: int | None, names: Sequence[str]) -> Iterator[Piece]:
        """Pieces of the log behind `after` that hold at least `limit` events, or all there are up to `stop`."""
        found = 0
        while found < limit:
            upto = after + (WINDOW if names else min(WINDOW, limit - found))
            upto = upto if stop is None else min(upto, stop)
            if upto <= after:
                return
            commits, reached = self._window(after, upto, names)
            for commit in commits:
                first, events = commit["_id"], commit["e"]
                if first <= after or first + len(events) - 1 > upto:
                    events = events[max(after + 1 - first, 0) : upto + 1 - first]
                    first = max(first, after + 1)
                found += len(events) - events.count(None) if names else len(events)
                yield first, events
            if reached < upto:
                return
            after = reached

    def _window(self, after: int, upto: int, names: Sequence[str]) -> tuple[list[CommitDocument], int]:
        """The commits with events at after < position <= upto, and the last position there is among them.

        A hole is looked at twice: just after a failover the new primary may show two queries two ages of the log.
        """
        with pymongo.timeout(self._patience_s):
            try:
                return self._window_of(self._commits, after, upto, names)
            except LogDamaged:
                self._newest = None
                return self._window_of(self._certain, after, upto, names)

    def _window_of(
        self, view: Commits, after: int, upto: int, names: Sequence[str]
    ) -> tuple[list[CommitDocument], int]:
        # The server's own first batch is of 101 documents: the second would cost a round trip more.
        found = view.find({"_id": {"$gt": after, "$lte": upto}}, _of_names(names), batch_size=WINDOW)
        commits = list(found.sort("_id", ASCENDING))
        expected = after + 1
        if after and (not commits or commits[0]["_id"] != expected):
            before = self._at(view, after, names)
            if before and end_of(before) >= expected:
                commits.insert(0, before)
                expected = before["_id"]
        for commit in commits:
            if commit["_id"] != expected or end_of(commit) != expected - 1 + _count(commit):
                raise _damaged(expected)
            expected += _count(commit)
        if expected <= upto:
            beyond = view.find_one({"_id": {"$gte": expected}}, {"_id": True}, sort=[("_id", ASCENDING)])
            if beyond and beyond["_id"] != expected:
                raise _damaged(expected)
        elif commits and not names:
            self._newest = commits[-1]
        return commits, min(expected - 1, upto)

    def _at(self, view: Commits, position: int, names: Sequence[str]) -> CommitDocument | None:
        """The commit that begins at `position` or before: most often the one a follower's last section ended in."""
        newest = self._newest
        if newest is not None and not names and newest["_id"] <= position < newest["_id"] + newest["n"]:
            return newest
        return view.find_one({"_id": {"$lte": position}}, _of_names(names), sort=[("_id", DESCENDING)])


def _of_names(names: Sequence[str]) -> Query:
    return _only("t", names) if names else {"n": True, "e": True}


def _only(field: str, values: Sequence[str]) -> Query:
    """What to send of each commit: events with one of these values, None for others, so that places still count."""
    wanted = {"$in": [f"$$this.{field}", {"$literal": list(values)}]}
    return {"n": True, "e": {"$map": {"input": "$e", "in": {"$cond": [wanted, "$$this", None]}}}}


def end_of(commit: Mapping[str, Any]) -> int:
    """The position of the last event of a commit. Raises LogDamaged when it does not say how many it holds."""
    first, count = commit["_id"], commit.get("n")
    if not isinstance(first, int) or not isinstance(count, int) or count < 1:
        raise _damaged(first if isinstance(first, int) else 0)
    return first + count - 1


def _count(commit: Mapping[str, Any]) -> int:
    """How many events a commit really holds."""
    events = commit.get("e")
    return len(events) if isinstance(events, list) else 0


def _damaged(position: int) -> LogDamaged:
    return LogDamaged(
        f"The event log has no whole commit at position {position}, but events stand behind it. Nothing behind it is"
        " read. Stop the followers and restore the collection from a backup that holds this position.",
        position=position,
    )
