"""The only file of the adapters that opens a socket: HTTP to banks, with an exact word on what has left us.

    NoAnswer
    ├── NeverSent      not one byte of the request left: refused, no such host, TLS failed, no time left to connect
    │   └── KeptBack   we kept it back ourselves: the bank is down, or takes no more calls for now
    └── PerhapsSent    the first byte may have left: reset, time-out, half an answer, an answer beyond the limits

Whether money may have moved hangs on that difference, so it is not guessed from the kind of exception: the stream under
the HTTP library notes the first byte handed to the network. Two ways of calling follow from it. `order` opens a fresh
connection and sends exactly once, because a kept connection that the bank has just closed would turn a plain "not sent"
into "nobody knows". `ask` is for reads: it reuses connections and repeats a failed call, a bounded number of times.

At a bank, both go through its gate (`banks/gate.py`): each call sent takes a turn, and tells what came of it.

`httpcore` is used directly, the layer under httpx, because it lets the stream be watched; it follows no redirect, keeps
no cookie, reads no proxy from the environment and unpacks nothing.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode

import httpcore
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509 import Certificate

from banks.circuits import Operation
from banks.gate import Gate, HeldBack
from banks.pace import Pace
from banks.shared_state import SharedState

Tls: TypeAlias = ssl.SSLContext
"""How a bank is to be met; adapters hand it on and look no deeper."""

ATTEMPTS_OF_A_READ: Final = 2
CONNECTIONS_MAX: Final = 8
TURN_KEPT_S: Final = 20.0
"""A turn taken ahead of an order that is not sent within this time is lost."""
TOO_MANY_CALLS: Final = 429
FAULTS_FROM: Final = 500

FAILURES: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    OSError,
    ValueError,  # an address or a header that cannot be written down as HTTP
)


class NoAnswer(Exception):
    """No usable HTTP answer came. The message is safe to log: it names neither address, headers nor body."""


class NeverSent(NoAnswer):
    """Certainly nothing of the request left us."""


class KeptBack(NeverSent):
    """The bank was not called at all, because of what we know of it."""


class PerhapsSent(NoAnswer):
    """The request left, or may have; what the bank did with it is not known."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Time limits of one call in seconds (11.2 of the bank wire specification) and the greatest answer in bytes.

    `read_s` bounds each wait for bytes, `call_s` the whole call, so that a bank dripping single bytes ends too.
    `pause_s` lies between two questions about the same thing.
    """

    connect_s: float = 5
    read_s: float = 30
    call_s: float = 45
    answer_max: int = 2 * 1024 * 1024
    pause_s: float = 1


SOON: Final = Limits(read_s=10, call_s=15)
"""For what a person, or an order already on record, waits for."""


class TimeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of each operation at a bank: its own, or the usual ones."""

    usual: Limits = Limits()
    own: Mapping[Operation, Limits] = {}

    def of(self, operation: Operation) -> Limits:
        """Those of this operation."""
        return self.own.get(operation, self.usual)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP call, for an `operation` at a bank. `query` is appended to `url`; `body` goes out byte for byte.
    `answer_max`, in bytes, stands in the place of the usual limit where a bank gives a long list whole. Shows the
    method only: the rest may hold account numbers and keys.
    """

    operation: Operation
    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str] = {}
    body: bytes | None = None
    answer_max: int | None = None

    def __repr__(self) -> str:
        return f"Request({self.method})"

    __str__ = __repr__


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever its status. Header names are in lower case. Shows status and size only."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"

    __str__ = __repr__


def mutual_tls(certificate: Certificate, key: RSAPrivateKey, authority: Certificate | None) -> Tls:
    """Full verification of the bank, against `authority` alone where one is given, and our certificate shown to it.

    The library loads a key from a file only, so it gets one that holds the key encrypted, for a moment.
    """
    trusted = authority.public_bytes(Encoding.PEM).decode("ascii") if authority is not None else None
    context = ssl.create_default_context(cadata=trusted)
    password = AESGCM.generate_key(256).hex()
    closed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
    with TemporaryDirectory() as folder:
        place = Path(folder, "client.pem")
        place.write_bytes(certificate.public_bytes(Encoding.PEM) + closed)
        context.load_cert_chain(place, password=password)
    return context


class Transport:
    """Calls banks. Safe to share between threads, not across a fork: make it in the process that uses it. `close` it
    at the end.

    `ticks` is a clock in seconds that never steps back (time.monotonic at the door). `limits` and `pace` hold instead
    of those of every bank. `tls` defaults to full verification against the usual authorities. Without a `gate` nobody
    is held back: `at_bank` gives the transport that has one, shared with all processes through `shared`.
    """

    def __init__(
        self,
        ticks: Callable[[], float],
        *,
        limits: Limits | TimeLimits | None = None,
        pace: Pace | None = None,
        shared: SharedState | None = None,
        tls: ssl.SSLContext | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._ticks = ticks
        self._told_limits, self._told_pace, self._shared = limits, pace, shared
        self._limits = limits if isinstance(limits, TimeLimits) else TimeLimits(usual=limits or Limits())
        self.gate = gate
        self._call = _Call(ticks)
        self._beside: list[Transport] = []
        self._plain_at: dict[str, Transport] = {}
        self._closed = threading.Event()
        context = tls or httpcore.default_ssl_context()
        self._kept = self._pool(context, keep=CONNECTIONS_MAX)
        self._fresh = self._pool(context, keep=0)

    def order(self, request: Request) -> Answer:
        """Sends once over a connection of its own. Raises NeverSent or PerhapsSent."""
        alone = msgspec.structs.replace(request, headers={**request.headers, "Connection": "close"})
        return self._through_gate(request.operation, lambda: self._send(self._fresh, alone))

    def ask(self, request: Request, stamped: Callable[[Request], Request] = lambda request: request) -> Answer:
        """Sends what changes nothing at the bank, again if no answer comes, and each time as `stamped` makes it. Raises
        NeverSent or PerhapsSent.
        """
        return self._through_gate(request.operation, lambda: self._send_again(request, stamped))

    def take_turn(self) -> None:
        """Waits for a turn at the bank and keeps it for the next order that this thread sends. Raises KeptBack."""
        self._wait_for_turn()
        self._call.turn_kept_until = self._ticks() + TURN_KEPT_S

    def pause(self) -> None:
        """Waits a moment before the bank is asked the same again; `close` ends it."""
        self._closed.wait(self._limits.usual.pause_s)

    def at_bank(
        self, code: str, pace: Pace, limits: TimeLimits, clock: Callable[[], datetime], tls: Tls | None = None
    ) -> Transport:
        """The transport to the bank with this code, behind its gate; closed together with this one. The same for all
        its accounts, but one that is met by its own `tls` has one of its own.
        """
        if tls is None and code in self._plain_at:
            return self._plain_at[code]
        shared = self._shared or SharedState(None, clock)
        gate = Gate(code, self._told_pace or pace, shared, clock)
        other = Transport(self._ticks, limits=self._told_limits or limits, tls=tls, gate=gate)
        self._beside.append(other)
        if tls is None:
            self._plain_at[code] = other
        return other

    def close(self) -> None:
        """Closes every connection."""
        self._closed.set()
        self._kept.close()
        self._fresh.close()
        for other in self._beside:
            other.close()

    def _through_gate(self, operation: Operation, send: Callable[[], Answer]) -> Answer:
        """Sends unless the operation's circuit is open, and tells the gate what came of it."""
        if self.gate is None:
            return send()
        try:
            self.gate.enter(operation)
        except HeldBack as held:
            raise KeptBack(str(held)) from None
        try:
            answer = send()
        except KeptBack:
            self.gate.leave(operation)
            raise
        except NoAnswer:
            self.gate.tell(operation, has_answered=False)
            raise
        self.gate.tell(operation, has_answered=answer.status < FAULTS_FROM)
        if answer.status == TOO_MANY_CALLS:
            self.gate.turned_away(answer.headers.get("retry-after"))
        return answer

    def _send_again(
        self, request: Request, stamped: Callable[[Request], Request], attempts: int = ATTEMPTS_OF_A_READ
    ) -> Answer:
        try:
            return self._send(self._kept, stamped(request))
        except KeptBack:
            raise
        except NoAnswer as failure:
            if attempts == 1:
                raise
            try:
                return self._send_again(request, stamped, attempts - 1)
            except KeptBack:
                raise failure from None  # it was called once, and that had no answer

    def _wait_for_turn(self) -> None:
        if self.gate is None:
            return
        try:
            wait_s = self.gate.take_turn()
        except HeldBack as held:
            raise KeptBack(str(held)) from None
        if self._closed.wait(wait_s):
            raise KeptBack("this process is ending")

    def _pool(self, context: ssl.SSLContext, *, keep: int) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=keep,
            keepalive_expiry=15,
            network_backend=_Watched(self._call),
        )

    def _send(self, pool: httpcore.ConnectionPool, request: Request) -> Answer:
        limits = self._limits.of(request.operation)
        if not (request.operation == "transfer" and self._call.uses_kept_turn()):
            self._wait_for_turn()
        self._call.begin(limits.call_s)
        waits = {"connect": limits.connect_s, "pool": limits.connect_s, "read": limits.read_s, "write": limits.read_s}
        url = f"{request.url}?{urlencode(request.query)}" if request.query else request.url
        try:
            with pool.stream(
                request.method,
                url,
                headers=[*request.headers.items(), ("Accept-Encoding", "identity")],
                content=request.body,
                extensions={"timeout": waits},
            ) as response:
                body = self._body(response.iter_stream(), request.answer_max or limits.answer_max)
                headers = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in response.headers}
                return Answer(response.status, headers, body)
        except FAILURES as error:
            raise self._call.verdict(type(error).__name__) from None

    def _body(self, chunks: Iterable[bytes], size_max: int) -> bytes:
        body = bytearray()
        for chunk in chunks:
            body += chunk
            if len(body) > size_max:
                raise PerhapsSent(f"the answer is larger than {size_max} bytes")
        return bytes(body)


class _Call(threading.local):
    """The call this thread is making: its turn, when it must end, and whether a byte of it has left."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._until = 0.0
        self._left = False
        self.turn_kept_until = 0.0

    def uses_kept_turn(self) -> bool:
        """Whether a turn was taken for this call before; it is used up by asking."""
        kept_until, self.turn_kept_until = self.turn_kept_until, 0.0
        return kept_until > 0 and self._ticks() < kept_until

    def begin(self, seconds: float) -> None:
        self._until = self._ticks() + seconds
        self._left = False

    def sending(self) -> None:
        self._left = True

    def wait(self, wanted: float | None, late: type[httpcore.TimeoutException]) -> float:
        """How long the next step may wait. Raises `late` when the call's time is used up."""
        rest = self._until - self._ticks()
        if rest <= 0:
            raise late
        return rest if wanted is None else min(wanted, rest)

    def verdict(self, what: str) -> NoAnswer:
        if self._left:
            return PerhapsSent(f"the connection failed after sending began ({what})")
        return NeverSent(f"no connection to the bank ({what})")


class _Watched(httpcore.NetworkBackend):
    """Connects like the library's own backend and hands out watched streams."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        wait = self._call.wait(timeout, httpcore.ConnectTimeout)
        stream = self._plain.connect_tcp(host, port, wait, local_address, socket_options)
        return _WatchedStream(stream, self._call)


class _WatchedStream(httpcore.NetworkStream):
    """A stream that keeps the call's time limit and notes when the request's first byte is handed to the network.

    The bytes of a TLS handshake do not pass through `write`, so a failed handshake counts as never sent.
    """

    def __init__(self, stream: httpcore.NetworkStream, call: _Call) -> None:
        self._stream = stream
        self._call = call

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._call.wait(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        wait = self._call.wait(timeout, httpcore.WriteTimeout)
        self._call.sending()
        self._stream.write(buffer, wait)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = self._call.wait(timeout, httpcore.ConnectTimeout)
        return _WatchedStream(self._stream.start_tls(ssl_context, server_hostname, wait), self._call)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
