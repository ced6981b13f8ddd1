"""What every request to a simulated bank goes through: rate, latency, and answers spoilt to order."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from flask import Flask, Response, g, request

from banks.simulator.faults import AnswerFault, OrderFault
from banks.simulator.refusals import Refused
from banks.simulator.state import State

BODY_MAX: Final = 2_000_000
RATE_WINDOW: Final = timedelta(seconds=60)
DRIP_S: Final = 0.05
"""Pause between two pieces of an answer that drips."""
DRIP_PIECES: Final = 20


class Gate:
    """Stands before `app`. `targets` names for each endpoint the call it belongs to (AnswerFault.to); where one
    endpoint takes all calls, `named` says under which name the one at hand stands in `targets`.
    """

    def __init__(
        self, app: Flask, state: State, targets: Mapping[str, str], named: Callable[[], str] | None = None
    ) -> None:
        self._state = state
        self._targets = targets
        self._named = named or (lambda: request.endpoint or "")
        self.calls: deque[datetime] = deque()
        app.config["MAX_CONTENT_LENGTH"] = BODY_MAX
        app.before_request(self._admit)
        app.after_request(self._spoil)

    def _admit(self) -> Response | None:
        """Read the whole body, keep the rate, and let planned faults of this kind of request happen."""
        request.get_data()
        now = self._state.clock.now()
        with self._state.lock:
            while self.calls and self.calls[0] < now - RATE_WINDOW:
                self.calls.popleft()
            if self._state.settings.rate_max and len(self.calls) >= self._state.settings.rate_max:
                raise Refused(429, None, "more requests in a minute than the settings allow")
            self.calls.append(now)
            fault = self._state.mischief.for_answer(self._targets.get(self._named(), ""))
        self._state.clock.sleep(self._state.settings.answer_s + (fault.seconds if fault else 0))
        if fault is None:
            return None
        if fault.shape != "other":
            g.shape = fault.shape
            return None
        return self.replaced(fault)

    def replaced(self, fault: AnswerFault) -> Response:
        """The answer instead of the right one."""
        return hang_up() if fault.drop else Response(fault.text, status=fault.http)

    def order_answer(self, fault: OrderFault | None) -> Response | None:
        """What every bank does alike when an order meets `fault`; None leaves the answer to the bank.

        Raises Refused with the fault's HTTP status for http_error and http_500_after_execute.
        """
        match fault and fault.fault:
            case "lose_order":
                return hang_up()
            case "lose_answer":
                self._state.clock.sleep(fault.seconds if fault else 0)
                return hang_up()
            case "slow":
                self._state.clock.sleep(fault.seconds if fault else 0)
            case "http_error" | "http_500_after_execute" if fault:
                raise Refused(fault.http, None, f"fault {fault.fault}")
            case "malformed" if fault:
                return Response(fault.text, mimetype="text/html")
            case "drip" | "half" | "wrong_type" as shape:
                g.shape = shape
            case _:
                pass
        return None

    def _spoil(self, response: Response) -> Response:
        """Give a right answer the shape a fault asked for."""
        match g.get("shape"):
            case "drip":
                return Response(_drops(response.get_data()), response.status, response.headers, direct_passthrough=True)
            case "half":
                return _half(response)
            case "wrong_type":
                response.mimetype = "text/html"
            case _:
                pass
        return response


def hang_up() -> Response:
    """Close the connection under the request: its sender gets no answer."""
    request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response()


def _drops(body: bytes) -> Iterator[bytes]:
    """`body` in pieces with real pauses between them: the connection is alive and yet there is no answer for long."""
    step = max(len(body) // DRIP_PIECES, 1)
    for at in range(0, len(body), step):
        time.sleep(DRIP_S)
        yield body[at : at + step]


def _half(response: Response) -> Response:
    """The right head, the first half of the body, and then the connection is closed."""
    body = response.get_data()
    connection: socket.socket = request.environ["werkzeug.socket"]

    def pieces() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        connection.shutdown(socket.SHUT_RDWR)

    half = Response(pieces(), response.status, response.headers, direct_passthrough=True)
    half.headers["Content-Length"] = str(len(body))
    return half
