"""Gates: places where one writer's append is held between taking its position and committing, then let go.

On MongoDB a relay stands between the writer and the server and holds the request that inserts: the writer has read the
head and the server has not. On MySQL and SQLite the writer is held inside its transaction, just before COMMIT: its rows
are written, the head is taken, and by design everybody else waits for it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread, get_ident
from urllib.parse import urlsplit

import sqlalchemy
from sqlalchemy import Connection, Engine

HOLD_MAX_S = 60.0
"""A hold ends by itself after so long: a trial that failed must not hang."""

INSERTS = (b"\x02insert\x00", b"$merge\x00")
"""What the requests hold that put a commit into the log: the insert command, and the aggregation that merges."""


class Hold:
    """One hold. `held` is set when the writer has come to the gate; setting `go` lets it pass."""

    def __init__(self) -> None:
        self.held = Event()
        self.go = Event()

    def stand(self) -> None:
        """Say that somebody stands here, and wait."""
        self.held.set()
        self.go.wait(HOLD_MAX_S)


class Gate:
    """Holds the next commit of one writer. `url`: where that writer finds the log."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._armed: Hold | None = None
        self._lock = Lock()

    def arm(self) -> Hold:
        """Hold the next commit that comes through the gate."""
        with self._lock:
            self._armed = Hold()
            return self._armed

    def take(self) -> Hold | None:
        """The hold for whoever comes now, if any; the next one is let through."""
        with self._lock:
            hold, self._armed = self._armed, None
            return hold

    def writes_here(self) -> None:
        """The thread that calls is the writer to be held."""


class Relay(Gate):
    """A gate on the way to MongoDB: passes whole messages on, and holds one that inserts."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        here = f"127.0.0.1:{self._listener.getsockname()[1]}"
        super().__init__(f"mongodb://{here}{parts.path}?directConnection=true")
        self._server = (parts.hostname or "", parts.port or 27017)
        self._open: list[socket.socket] = []
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Hang up on everybody."""
        hold = self.take()
        if hold is not None:
            hold.go.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            _hang_up(one)
        for thread in self._threads:
            thread.join(10)
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._open += [client, server]
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            for work in (self._requests, self._answers):
                self._threads.append(Thread(target=work, args=(client, server)))
                self._threads[-1].start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        def pass_on(request: bytes) -> None:
            if any(marker in request for marker in INSERTS):
                hold = self.take()
                if hold is not None:
                    hold.stand()
            server.sendall(request)

        _pass_all(client, pass_on)
        _hang_up(server)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        _pass_all(server, client.sendall)
        _hang_up(client)


def _pass_all(source: socket.socket, pass_on: Callable[[bytes], None]) -> None:
    try:
        while message := _message(source):
            pass_on(message)
    except OSError:
        return


def _message(source: socket.socket) -> bytes:
    """One whole message of the wire protocol, empty at the end: its first four bytes are its length, little endian."""
    header = _exactly(source, 4)
    return header + _exactly(source, int.from_bytes(header, "little") - 4) if len(header) == 4 else b""


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := source.recv(count - len(data))):
        data += more
    return data


def _hang_up(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class BeforeCommit(Gate):
    """A gate in front of COMMIT, for one thread of this process."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._writer: int | None = None

    def writes_here(self) -> None:
        """The thread that calls is the writer to be held."""
        self._writer = get_ident()

    def committing(self, _: Connection) -> None:
        """Some thread is about to commit on some connection."""
        if get_ident() == self._writer:
            hold = self.take()
            if hold is not None:
                hold.stand()


@contextmanager
def gate(store: str, url: str) -> Iterator[Gate]:
    """The gate for a kind of store."""
    if store == "mongodb":
        relay = Relay(url)
        try:
            yield relay
        finally:
            relay.close()
        return
    before = BeforeCommit(url)
    sqlalchemy.event.listen(Engine, "commit", before.committing)
    try:
        yield before
    finally:
        sqlalchemy.event.remove(Engine, "commit", before.committing)
