"""The event log in MongoDB as one thing: connection, index, appending, reading, waiting; errors in the library's words.

A log is made without touching the server. The first use checks that the server can keep the promises (a replica set,
the unique index) and refuses with the cure otherwise, so that a web process that starts before its database answers
"unavailable" instead of dying.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Event, Lock
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

import pymongo
from bson.errors import BSONError
from eventsourcing.persistence import (
    DataError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import ConfigurationError, InvalidOperation, InvalidURI, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.uri_parser import parse_uri

from ledger.committer import Client
from ledger.event_log import Recorded
from ledger.mongodb_read import CODEC, INDEX, INDEX_KEYS, Commits, EventDocument, LogReader, cure, described
from ledger.mongodb_version import refuse_too_old
from ledger.mongodb_watch import Watcher
from ledger.mongodb_write import DURABLE, LogWriter, append_of

PATIENCE_S: Final = 4.0
"""How long one database call may try, a server that is away included; `timeoutMS` in the URL replaces it."""

BOUNDS_MS: Final = {
    "serverSelectionTimeoutMS": 3_000,
    "connectTimeoutMS": 3_000,
    "socketTimeoutMS": 20_000,
    "heartbeatFrequencyMS": 2_000,
}
"""What the driver does on its own account (change streams, watching the servers), unless the URL says otherwise."""

Result = TypeVar("Result")


class Closable(Protocol):
    """What lives on a connection and ends with it."""

    def close(self) -> None:
        """End every thread and connection; harmless when repeated."""


class Connection:
    """A client for one database, and what has to be closed with it.

    `url` is a MongoDB connection string that names the database: mongodb://host:27017/socai?replicaSet=rs0. Raises
    InterfaceError, without repeating the URL, when it is not.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = parse_uri(url)
            name = parts["database"]
            if not name:
                raise InterfaceError("EVENT_STORE_URL must name a database: mongodb://host:27017/socai?replicaSet=rs0.")
            given = {option.lower(): value for option, value in parts["options"].items()}
            bounds: dict[str, Any] = {option: wait for option, wait in BOUNDS_MS.items() if option.lower() not in given}
            self.client: MongoClient[dict[str, Any]] = MongoClient(
                url,
                connect=False,
                appname="socai",
                uuidRepresentation="standard",
                timeoutMS=None,
                retryWrites=False,  # outcomes are asked for by ourselves, and the server is spared its notes
                **bounds,
            )
        except (InvalidURI, ConfigurationError, ValueError) as error:
            raise InterfaceError(
                "EVENT_STORE_URL is not a MongoDB connection string such as"
                f" mongodb://host:27017/socai?replicaSet=rs0 ({type(error).__name__})."
            ) from None
        self.database: Database[Any] = self.client.get_database(
            name, codec_options=CODEC, read_preference=ReadPreference.PRIMARY
        )
        self.patience_s = float(given.get("timeoutms") or PATIENCE_S)
        self._users: list[Closable] = []
        self._finalize = weakref.finalize(self, _close, self._users, self.client)

    def close(self) -> None:
        """Ends every thread and connection; harmless when repeated. Done by itself when nobody holds the log."""
        self._finalize()

    def closes(self, user: Closable) -> None:
        """Have `user` closed with the connection."""
        self._users.append(user)

    def transaction(self, work: Callable[[ClientSession], Result]) -> Result:
        """Do `work` in one transaction, durable on a majority; repeated by the driver after a passing conflict."""
        with pymongo.timeout(self.patience_s), self.client.start_session() as session:
            return session.with_transaction(
                work,
                read_concern=ReadConcern("snapshot"),
                write_concern=DURABLE,
                read_preference=ReadPreference.PRIMARY,
            )

    def collection(self, name: str) -> Collection[dict[str, Any]]:
        """A collection of the database, written durably."""
        return self.database.get_collection(name, write_concern=DURABLE, read_concern=ReadConcern("majority"))

    def commits(self, name: str) -> Commits:
        """A collection that holds commits."""
        return Collection(self.database, name, codec_options=CODEC)


def _close(users: list[Closable], client: MongoClient[dict[str, Any]]) -> None:
    for user in users:
        user.close()
    client.close()


class CommitLog:
    """One log: `name` is its collection. `may_create` lets it make a missing index; otherwise its absence is refused.

    `committer`: the socket of this host's committer, used when there is one behind it.

    Calls raise the library's persistence errors: OperationalError when the server is away (nothing changed) or, as
    OutcomeUnknown, when an outcome cannot be told; InterfaceError when the log is closed; NotSupportedError and
    ProgrammingError when the server is not fit, with the cure.
    """

    def __init__(
        self, connection: Connection, name: str = "events", *, may_create: bool = True, committer: Path | None = None
    ) -> None:
        self.connection = connection
        self._commits = connection.commits(name)
        self._reader = LogReader(self._commits, patience_s=connection.patience_s)
        self._writer = LogWriter(self._commits, patience_s=connection.patience_s)
        self._watcher = Watcher(self._commits, self._reader)
        connection.closes(self._watcher)
        self._committer: Client | None = None
        if committer is not None:
            self._committer = Client(committer, self.identity)
            connection.closes(self._committer)
        self._may_create = may_create
        self._fit = False
        self._identity = b""
        self._lock = Lock()

    def append(self, events: Sequence[StoredEvent]) -> list[int]:
        """Store `events` together or not at all; gives their positions. IntegrityError when a version is taken."""
        with reported("appending"):
            if not events:
                return []
            self._check()
            append = append_of(events)
            if self._committer is not None:
                self._committer.offer(append)
            if not append.settled:
                self._writer.submit(append)
            return list(append.result())

    def append_in(self, session: ClientSession, events: Sequence[StoredEvent]) -> list[int]:
        """The same inside a transaction. Lets driver errors through, as the transaction needs them."""
        self._check()
        return self._writer.append_in(session, events)

    def resolved(self, events: Sequence[StoredEvent]) -> list[int]:
        """What became of events whose storing ended without an answer: their positions if they stand in the log.

        Raises IntegrityError when a version is another's, OutcomeUnknown when none of them is there yet.
        """
        with reported("asking for the outcome"):
            return self._writer.resolved(events)

    def stream(
        self,
        stream: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """Events of one stream with gt < version <= lte in order of version, newest first if `desc`."""
        with reported("reading a stream"):
            self._check()
            return self._reader.stream(stream, gt=gt, lte=lte, desc=desc, limit=limit)

    def positioned(
        self, after: int, limit: int, *, stop: int | None = None, names: Sequence[str] = ()
    ) -> list[tuple[int, EventDocument]]:
        """Events behind `after` with their positions; raises LogDamaged at a hole."""
        with reported("reading the log"):
            return self._reader.positioned(after, limit, stop=stop, names=names)

    def read(self, after: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """At most `limit` events behind position `after`; raises LogDamaged at a hole."""
        with reported("reading the log"):
            return self._reader.read(after, limit, names)

    def read_back(self, before: int, limit: int, names: Sequence[str] = ()) -> list[Recorded]:
        """At most `limit` events in front of position `before`, newest first; raises LogDamaged at a hole."""
        with reported("reading the log"):
            return self._reader.read_back(before, limit, names)

    def histories(self, streams: Sequence[str], upto: int) -> list[Recorded]:
        """Every event of these streams up to position `upto`, in order of position."""
        with reported("reading streams"):
            self._check()
            return self._reader.histories(streams, upto)

    def head(self) -> int:
        """The last position on a majority, 0 for an empty log."""
        with reported("reading the head of the log"):
            return self._reader.head()

    def wait(self, after: int, timeout_s: float) -> bool:
        """Block until there is an event behind `after`, at most `timeout_s` seconds; says whether there is."""
        return self._watcher.wait(after, timeout_s)

    def listen(self, listener: Event) -> None:
        """Set `listener` now and whenever the log grows."""
        self._watcher.listen(listener)

    def unlisten(self, listener: Event) -> None:
        """Leave `listener` alone from now on."""
        self._watcher.unlisten(listener)

    def _check(self) -> None:
        if self._fit:
            return
        with self._lock, pymongo.timeout(self.connection.patience_s):
            if not self._fit:
                refuse_too_old(self.connection.client)
                self._check_replica_set()
                self._check_index()
                self._fit = True

    def identity(self) -> bytes:
        """32 bytes that name this very log, however its servers are spelled in a URL. Raises as `append` does."""
        with reported("asking which log it is"):
            self._check()
        return self._identity

    def writer(self) -> LogWriter:
        """What writes batches of this log: for the committer. Raises as `append` does when the server is not fit."""
        with reported("checking the server"):
            self._check()
        return self._writer

    def _check_replica_set(self) -> None:
        hello = self.connection.client.admin.command("hello")
        named = [hello.get("setName"), sorted(hello.get("hosts", [])), self._commits.full_name]
        self._identity = sha256(json.dumps(named).encode()).digest()
        if "setName" not in hello:
            raise NotSupportedError(
                "The event store needs a MongoDB replica set (one node is enough): start mongod with --replSet rs0"
                " and run rs.initiate() once."
            )

    def _check_index(self) -> None:
        index = self._commits.index_information().get(INDEX)
        if index is not None and index["key"] == INDEX_KEYS and index.get("unique"):
            return
        if not self._may_create:
            raise ProgrammingError(
                f"The collection {self._commits.name} lacks its unique index {INDEX}; create it with"
                " CREATE_TABLE=y and a role that may create indexes."
            )
        self._commits.with_options(write_concern=DURABLE).create_index(INDEX_KEYS, name=INDEX, unique=True)


@contextmanager
def reported(doing: str) -> Iterator[None]:
    """Database errors in the library's kinds, without addresses or values; the driver's own stands as the cause."""
    try:
        yield
    except (InvalidOperation, ConfigurationError) as error:
        raise InterfaceError(f"The event store cannot be used for {doing}: {described(error)}.") from error
    except OperationFailure as error:
        raise OperationalError(f"The event store refused {doing}: {described(error)}.{cure(error)}") from error
    except PyMongoError as error:
        told = f"The event store could not be reached for {doing}: {described(error)}.{cure(error)}"
        raise OperationalError(told) from error
    except (BSONError, OverflowError) as error:
        raise DataError(f"Something given for {doing} cannot be expressed in BSON: {type(error).__name__}.") from error
