"""A relay that stands between a client and a database server and loses a request, or its answer, on demand."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from threading import Event, Thread

Framing = Callable[[bytes], int]
"""How many bytes follow the first four of a message."""


def mongodb(header: bytes) -> int:
    """The first four bytes are the length of the whole message, little endian (MongoDB Wire Protocol)."""
    return int.from_bytes(header, "little") - 4


def mysql(header: bytes) -> int:
    """Three bytes of length, little endian, and a number of sequence (MySQL: Protocol Basics)."""
    return int.from_bytes(header[:3], "little")


READABLE = "ssl_disabled=true"
"""Behind a MySQL URL: the relay must read what is said. MySQL lets a user in without TLS who was there with it before
(caching_sha2_password), and every SqlServer has been asked with it when it starts."""

COMMIT = rb"\x03(\x00\x01)?COMMIT$"
"""COM_QUERY with this text, as the driver sends it: to MySQL with the number of its attributes in front, which is 0
(MySQL: Protocol Basics, COM_QUERY)."""


class Relay:
    """Passes bytes on, until a request in which `marker` is found: then `fault` decides, once."""

    def __init__(self, server: tuple[str, int], framing: Framing) -> None:
        self._server = server
        self._framing = framing
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: str = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()
        self.marker = b""
        self.lets_in = Event()
        """Connections wait for it."""
        self.lets_in.set()
        self.fault: Callable[[socket.socket, bytes], None] | None = None

    def arm(self, marker: bytes, fault: Callable[[socket.socket, bytes], None]) -> None:
        """On the next request with `marker`, hang up on the client and call `fault` (server socket, request).

        `marker` is a regular expression.
        """
        self.marker, self.fault = marker, fault

    def close(self) -> None:
        self.lets_in.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            hang_up(one)
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
            self._open.append(client)
            self.lets_in.wait()
            try:
                server = socket.create_connection(self._server)
            except OSError:
                hang_up(client)
                continue
            self._open.append(server)
            for work in (self._requests, self._answers):
                self._threads.append(Thread(target=work, args=(client, server)))
                self._threads[-1].start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while request := self._message(client):
                fault = self.fault
                if fault and re.search(self.marker, request):
                    self.fault = None
                    hang_up(client)
                    fault(server, request)
                    return
                server.sendall(request)
        except OSError:
            pass
        hang_up(client)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while answer := self._message(server):
                client.sendall(answer)
        except OSError:
            pass
        hang_up(client)

    def _message(self, source: socket.socket) -> bytes:
        """One whole message of the wire protocol, empty at the end."""
        header = _exactly(source, 4)
        return header + _exactly(source, self._framing(header)) if header else b""


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := source.recv(count - len(data))):
        data += more
    return data


def hang_up(one: socket.socket) -> None:
    """End a connection both ways, also for a thread that reads from it."""
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def wait_for(condition: Callable[[], bool]) -> None:
    """Ask again until it is so, for at most ten seconds."""
    for _ in range(1_000):
        if condition():
            return
        Event().wait(0.01)
    raise AssertionError("Waited ten seconds in vain.")
