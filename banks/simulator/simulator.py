"""The simulated bank as a whole: its parts put together and served on two ports, in this process."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Final

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from banks.simulator import enrolment
from banks.simulator.clock import Agenda
from banks.simulator.control import Control
from banks.simulator.counter import Counter
from banks.simulator.journal import Journal
from banks.simulator.openapi import OpenApi
from banks.simulator.orders import OrderDesk
from banks.simulator.postman import Postman
from banks.simulator.refusals import Unusable
from banks.simulator.state import State
from banks.simulator.tokens import TokenOffice

LOOPBACK: Final = "127.0.0.1"
POLL_S: Final = 0.02


class Simulator:
    """A bank for the customer enrolled in `keys`, between `start` and `stop` (or as a context manager), once.

    Port 0 takes a free one. `webhook_url` is where movements are announced; `state` the directory of its memory, None
    to forget. Raises Unusable when enrolment or memory cannot be read, or a port is taken.
    """

    def __init__(
        self,
        keys: Path,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        control_port: int = 0,
        webhook_url: str | None = None,
        state: Path | None = None,
    ) -> None:
        self._state = State(enrolment.load(keys), Journal(state))
        self._agenda = Agenda(self._state.clock)
        self._postman = Postman(self._state, self._agenda, webhook_url)
        tokens = TokenOffice(self._state.bank_side, self._state.clock)
        desk = OrderDesk(self._state, self._agenda, self._postman)
        counter = Counter(self._state, self._postman)
        control = Control(self._state, desk, counter, self._postman, tokens)
        self._api = _serve(OpenApi(self._state, tokens, desk).app(), host, port)
        try:
            self._control = _serve(control.app(), host, control_port)
        except Unusable:
            self._api.server_close()
            raise
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(POLL_S,), name=name, daemon=True)
            for server, name in ((self._api, "bank-api"), (self._control, "bank-control"))
        ]

    @property
    def url(self) -> str:
        """Where the bank's interface listens; paths begin with enrolment.API_PATH."""
        return f"http://{self._api.host}:{self._api.port}"

    @property
    def control_url(self) -> str:
        """Where the control port listens."""
        return f"http://{self._control.host}:{self._control.port}"

    def start(self) -> None:
        """Serve, and carry on with whatever the memory says is under way."""
        self._agenda.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop serving and close the books; requests that wait for the bank's clock are answered first."""
        self._state.clock.close()
        for server in (self._api, self._control):
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


def _serve(app: Flask, host: str, port: int) -> BaseWSGIServer:
    try:
        return make_server(host, port, app, threaded=True, request_handler=_QuietHandler)
    except (OSError, SystemExit) as fault:
        raise Unusable(f"cannot listen on {host} port {port}: choose another port or stop what uses it") from fault


def free_port() -> int:
    """A loopback port that was free a moment ago, for an enrolment that must name it before the bank starts."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
