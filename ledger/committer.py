"""The committer of one host: appends of many processes travel to MongoDB together. An accelerator, never a need.

A journalled write to a majority costs about the same for one append as for a hundred, but group commit ends at the
process. So processes of one host may hand their appends over a Unix socket to one that writes for all of them
(`python -m ledger committer`, found by EVENT_STORE_COMMITTER). Nothing rests on it: uniqueness and order are the
database's own, an append without an answer is one whose outcome is asked for, and whoever finds no committer, a dead
one, one that is frozen or one of another log writes directly.

On the socket, all numbers little-endian: the committer greets with the 32 bytes that name its log. A request is its
length (u32), a number of the client's choice (u32) and the events in BSON as they will stand in the log; an answer is
that number (u32), an outcome (u8), the first position (i64) and the length (u32) of a text that follows.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, SelectSelector
from struct import Struct
from typing import Final, Protocol, cast

from bson import decode_all
from bson.errors import BSONError
from eventsourcing.persistence import IntegrityError, PersistenceError

from ledger.commits import APPENDS_MAX, BATCH_BYTES_MAX, LINGER_S, Append
from ledger.errors import LogDamaged
from ledger.mongodb_read import CODEC, EventDocument, stored_event
from ledger.mongodb_write import APPEND_BYTES_MAX, Events

STORED: Final = 0
TAKEN: Final = 1
UNDECIDED: Final = 2
"""Outcomes. After UNDECIDED, as after no answer at all, the client asks the store itself."""

ANSWER_S: Final = 3
"""How long a client waits for an answer. A write takes milliseconds; beyond this the committer is frozen or its way to
the database is worse than ours can be."""

DIRECT_AFTER_SILENCE: Final = 256
"""Appends that go directly after one was left without an answer, before the committer is trusted again."""

CONNECTIONS_MAX: Final = 500
"""Clients at once; more are turned away and write directly. (select() takes file numbers below 1024.)"""

RECEIVED_AT_ONCE: Final = 256 * 1024
IDENTITY_BYTES: Final = 32

_REQUEST: Final = Struct("<II")
_ANSWER: Final = Struct("<IBqI")
_SECONDS: Final = Struct("ll")
_SIZE: Final = Struct("<i")


class Closed(Exception):
    """The other side is gone, or does not speak as it should."""


class Client:
    """Offers appends to the committer at `path`, for all threads of this process. `identity`: which log we mean."""

    def __init__(self, path: Path, identity: Callable[[], bytes]) -> None:
        self._path = str(path)
        self._identity = identity
        self._idle: deque[socket.socket] = deque()
        self.direct = 0
        """How many more appends go directly, after one was left without an answer."""

    def offer(self, append: Append[Events]) -> None:
        """Have the append written. It is settled then; or it is not, and has to be written directly.

        An append that was sent and not answered for is marked as attempted.
        """
        if self.direct > 0:
            self.direct -= 1
            return
        try:
            connection = self._connection()
            try:
                self._ask(connection, append)
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
        except BlockingIOError:  # no answer, or not even a greeting, in time
            self.direct = DIRECT_AFTER_SILENCE
        except (OSError, Closed):
            return

    def close(self) -> None:
        """Let the connections go."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _connection(self) -> socket.socket:
        with suppress(IndexError):
            return self._idle.pop()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # The kernel's own limit: the interpreter's would cost a further system call for each of ours.
            for limit in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                connection.setsockopt(socket.SOL_SOCKET, limit, _SECONDS.pack(ANSWER_S, 0))
            connection.connect(self._path)
            if _exactly(connection, IDENTITY_BYTES) != self._identity():
                raise Closed("the committer writes another log")
        except BaseException:
            connection.close()
            raise
        return connection

    def _ask(self, connection: socket.socket, append: Append[Events]) -> None:
        number = id(append) & 0xFFFFFFFF
        append.attempted = True
        connection.sendall(_REQUEST.pack(append.size, number) + b"".join(append.body))
        answered, outcome, first, length = _ANSWER.unpack(_exactly(connection, _ANSWER.size))
        text = _exactly(connection, length).decode() if length else ""
        if answered != number:
            raise Closed("the answer is to another question")
        if outcome == STORED:
            append.stored(first)
        elif outcome == TAKEN:
            append.refused(IntegrityError(text))


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = connection.recv(count)
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise Closed("the committer hung up")
        data += more
    return data


class Writes(Protocol):
    """What the committer needs of the log's writer."""

    def write(self, batch: Sequence[Append[Events]]) -> None:
        """Write these appends together and settle each."""


class _Caller:
    """One connected client: what it sent and is not whole yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._received = bytearray()

    def requests(self) -> Iterator[tuple[int, Append[Events]]]:
        """The whole requests that have come. Raises Closed when the client is gone or sends nonsense."""
        data = self.connection.recv(RECEIVED_AT_ONCE)
        if not data:
            raise Closed("the client hung up")
        self._received += data
        while len(self._received) >= _REQUEST.size:
            size, number = _REQUEST.unpack_from(self._received)
            if not 0 < size <= APPEND_BYTES_MAX:
                raise Closed("a request of an impossible size")
            whole = _REQUEST.size + size
            if len(self._received) < whole:
                return
            yield number, _append_of(bytes(self._received[_REQUEST.size : whole]))
            del self._received[:whole]

    def answer(self, number: int, outcome: int, first: int = 0, text: str = "") -> None:
        """Answer one request; a client that does not take its answer is as good as gone."""
        words = text.encode()
        with suppress(OSError):
            self.connection.send(_ANSWER.pack(number, outcome, first, len(words)) + words)


def _append_of(payload: bytes) -> Append[Events]:
    """The append in a request. Raises Closed when it is none."""
    try:
        events = [stored_event(cast("EventDocument", document)) for document in decode_all(payload, CODEC)]
    except (BSONError, LogDamaged, KeyError, ValueError) as error:
        raise Closed("a request that holds no events") from error
    body = []
    start = 0
    while start < len(payload):
        end = start + _SIZE.unpack_from(payload, start)[0]
        body.append(payload[start:end])
        start = end
    return Append(events, body=body, size=len(payload))


class Committer:
    """Takes appends from all clients of the socket at `path` and writes what has come, batch by batch.

    One thread: while a batch is on its way the next one gathers in the sockets. The socket is open to our user only.
    """

    def __init__(self, path: Path, writer: Writes, identity: bytes) -> None:
        self._path = path
        self._writer = writer
        self._identity = identity
        self._selector = SelectSelector()
        self._waiting: deque[tuple[_Caller, int, Append[Events]]] = deque()
        self._expected = 1
        self._listener = _listen(path)
        self._made = path.stat()
        self._selector.register(self._listener, EVENT_READ)

    def step(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` seconds for appends and write what has come by then, one batch."""
        self._receive(0 if self._waiting else timeout_s)
        if not self._waiting:
            return
        self._linger()
        batch = self._take()
        self._writer.write([append for _, _, append in batch])
        for caller, number, append in batch:
            _answer(caller, number, append)

    def close(self) -> None:
        """Leave: clients find no socket, or a closed one, and write directly. A successor's socket stays."""
        with suppress(FileNotFoundError):
            if os.path.samestat(self._path.stat(), self._made):
                self._path.unlink()
        for key in list(self._selector.get_map().values()):
            self._leave(key.fileobj)  # type: ignore[arg-type]  # only sockets are registered
        self._selector.close()

    def _linger(self) -> None:
        """Those who got their answers just now are about to come back: stop at the first moment of silence."""
        while len(self._waiting) < self._expected and self._receive(LINGER_S):
            continue

    def _take(self) -> list[tuple[_Caller, int, Append[Events]]]:
        batch: list[tuple[_Caller, int, Append[Events]]] = []
        size = 0
        while self._waiting and len(batch) < APPENDS_MAX:
            size += self._waiting[0][2].size
            if batch and size > BATCH_BYTES_MAX:
                break
            batch.append(self._waiting.popleft())
        self._expected = len(batch)
        return batch

    def _receive(self, timeout_s: float) -> bool:
        """Take what has come, after waiting for it; whether anything came."""
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            if key.fileobj is self._listener:
                self._welcome()
            else:
                self._hear(key.data)
        return bool(ready)

    def _welcome(self) -> None:
        with suppress(OSError):
            connection, _ = self._listener.accept()
            try:
                connection.setblocking(False)
                if len(self._selector.get_map()) > CONNECTIONS_MAX:
                    raise ConnectionRefusedError
                connection.send(self._identity)
                self._selector.register(connection, EVENT_READ, _Caller(connection))
            except OSError:
                connection.close()
                raise

    def _hear(self, caller: _Caller) -> None:
        try:
            self._waiting.extend((caller, number, append) for number, append in caller.requests())
        except BlockingIOError:
            return
        except (OSError, Closed, IntegrityError):
            self._leave(caller.connection)

    def _leave(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()


def _answer(caller: _Caller, number: int, append: Append[Events]) -> None:
    try:
        positions = append.result()
    except IntegrityError as taken:
        caller.answer(number, TAKEN, text=str(taken))
    except PersistenceError:
        caller.answer(number, UNDECIDED)
    else:
        caller.answer(number, STORED, positions.start)


def _listen(path: Path) -> socket.socket:
    """A socket at `path`, for our own user. One that a dead committer left behind is replaced; raises OSError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        listener.bind(str(beside))
        beside.chmod(0o600)
        listener.listen(128)
        listener.setblocking(False)
        beside.replace(path)
    except OSError:
        listener.close()
        raise
    return listener
