"""A small HTTP server on real sockets that can also misbehave: reset, stay silent, answer by halves, drip.

It answers each request with what a script returns, keeps connections open unless told otherwise, and remembers every
request and how many connections were made.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    """One request as it came: header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """Bytes to write, and what to do with the connection afterwards."""

    payload: bytes
    then: Literal["keep", "close", "reset", "hang", "drip"] = "keep"


def http(status: int, body: bytes, *, headers: str = "", then: Literal["keep", "close", "drip"] = "keep") -> Reply:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return Reply(head.encode() + body, then)


@dataclass
class HttpServer:
    """Context manager. `script` decides; change it at any time. `hang` and `drip` end with the server or the client."""

    script: Callable[[Received], Reply] = lambda _: http(200, b"{}")
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> HttpServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._open: list[socket.socket] = []
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        # A connection of our own wakes the thread that waits in accept.
        socket.create_connection(self._listener.getsockname()).close()
        self._threads[0].join(5)
        self._listener.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads[1:]:
            thread.join(5)

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://localhost:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._over.is_set():
                connection.close()
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        connection = plain
        try:
            if self.tls:
                connection = self.tls.wrap_socket(plain, server_side=True)
            stream = connection.makefile("rb")
            with stream:
                while (request := _read(stream.readline, stream.read)) is not None:
                    self.received.append(request)
                    if not self._answer(connection, self.script(request)):
                        return
        except OSError:
            return
        finally:
            connection.close()

    def _answer(self, connection: socket.socket, reply: Reply) -> bool:
        if reply.then == "drip":
            for byte in reply.payload:
                connection.sendall(bytes([byte]))
                if self._over.wait(0.02):
                    return False
            return False
        connection.sendall(reply.payload)
        if reply.then == "hang":
            connection.recv(1)
        if reply.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return reply.then == "keep"


def _read(line: Callable[[], bytes], body: Callable[[int], bytes]) -> Received | None:
    first = line().decode("latin-1").split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while text := line().decode("latin-1").strip():
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    target = urlsplit(first[1])
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    return Received(first[0], target.path, query, headers, body(int(headers.get("content-length", "0"))))
