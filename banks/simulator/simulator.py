"""One simulated bank as a whole: its parts put together and served on two ports, in this process."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from banks.simulator import enrolment, tls
from banks.simulator.clock import Agenda
from banks.simulator.control import Control
from banks.simulator.counter import Counter
from banks.simulator.journal import Journal
from banks.simulator.orders import OrderDesk
from banks.simulator.personality import personality
from banks.simulator.postman import Postman
from banks.simulator.refusals import Unusable
from banks.simulator.state import State

LOOPBACK: Final = "127.0.0.1"
POLL_S: Final = 0.02


class Simulator:
    """The bank `code` for the customer enrolled in `keys`, between `start` and `stop` (or as a context manager), once.

    Port 0 takes a free one, None the one of the enrolled address; no control port is opened for None. `webhook_url` is
    where movements are announced (`{account}` in it: the customer's id of the account) and `feed_url` where an
    aggregator tells of them; `state` the directory of its memory, None to forget. Raises Unusable when enrolment or
    memory cannot be read, or a port is taken.
    """

    def __init__(
        self,
        keys: Path,
        code: str = "acb",
        *,
        host: str = LOOPBACK,
        port: int | None = 0,
        control_port: int | None = 0,
        webhook_url: str | None = None,
        feed_url: str | None = None,
        state: Path | None = None,
    ) -> None:
        kind = personality(code)
        bank_side: enrolment.BankSide = enrolment.load(keys, kind)
        self._state = State(kind.profile, bank_side, Journal(state))
        bank = kind(self._state)
        self._agenda = Agenda(self._state.clock)
        self._postman = Postman(self._state, self._agenda, bank, webhook_url, feed_url)
        desk = OrderDesk(self._state, self._agenda, self._postman)
        counter = Counter(self._state, self._postman)
        self.control = Control(self._state, desk, counter, self._postman, bank).app()
        self._tls = bank.tls()
        if self._tls is not None:
            tls.obey(self._tls, lambda: self._state.settings.tls)
        if port is None:
            port = urlsplit(bank_side.base_url).port or 0
        self._api = serve(bank.app(desk), host, port, self._tls)
        self._servers = [self._api]
        if control_port is not None:
            try:
                self._servers.append(serve(self.control, host, control_port))
            except Unusable:
                self._api.server_close()
                raise
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(POLL_S,), name=f"bank-{code}", daemon=True)
            for server in self._servers
        ]

    @property
    def url(self) -> str:
        """Where the bank's interface listens."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{self._api.host}:{self._api.port}"

    @property
    def control_url(self) -> str:
        """Where the control port listens. Raises IndexError when there is none."""
        return f"http://{self._servers[1].host}:{self._servers[1].port}"

    def start(self) -> None:
        """Serve, and carry on with whatever the memory says is under way."""
        self._agenda.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop serving and close the books; requests that wait for the bank's clock are answered first."""
        self._state.clock.close()
        for server in self._servers:
            server.shutdown()
        for thread in self._threads:
            thread.join()
        self._agenda.join()
        self._postman.close()
        self._state.close()

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _QuietHandler(WSGIRequestHandler):
    """One connection per request, and no line per request: what was refused is asked at the control port."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def serve(app: Flask, host: str, port: int, context: ssl.SSLContext | None = None) -> BaseWSGIServer:
    """A server for `app`, listening and not yet serving. Raises Unusable when the port is taken."""
    try:
        server = make_server(host, port, app, threaded=True, request_handler=_QuietHandler)
    except (OSError, SystemExit) as fault:
        raise Unusable(f"cannot listen on {host} port {port}: choose another port or stop what uses it") from fault
    if context is not None:
        # The handshake belongs to the thread of the connection: one who never speaks must not keep out the others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.ssl_context = context
    return server


def free_port() -> int:
    """A loopback port that was free a moment ago, for an enrolment that must name it before the bank starts."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
