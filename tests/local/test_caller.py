"""A caller of the demonstration: its key, its refusals, its patience."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.caller import Caller, DemoFailed, until


class Grumpy(BaseHTTPRequestHandler):
    """Refuses every POST, and gives every GET an object."""

    def answer(self, status: int, body: bytes) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.answer(200, b'{"key": "%s"}' % self.headers.get("Authorization", "").encode())

    def do_POST(self) -> None:
        self.answer(403, b'{"code": "own-approval"}')

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Quiet."""


@pytest.fixture
def caller() -> Iterator[Caller]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Grumpy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    caller = Caller(f"http://127.0.0.1:{server.server_address[1]}", "sk_x")
    yield caller
    caller.close()
    server.shutdown()
    server.server_close()


def test_a_caller_sends_its_key(caller: Caller) -> None:
    assert caller.get("/x") == {"key": "Bearer sk_x"}


def test_a_refusal_where_none_was_expected_stops_the_demonstration(caller: Caller) -> None:
    with pytest.raises(DemoFailed, match="403"):
        caller.post("/x")


def test_a_refusal_that_was_expected_gives_its_code(caller: Caller) -> None:
    assert caller.refused("/x") == "own-approval"


def test_what_never_comes_about_is_told_with_what_was_seen(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.caller.WITHIN_S", 0.2)
    monkeypatch.setattr(caller, "get", lambda path: {"status": "awaiting"})
    with pytest.raises(DemoFailed, match=r"/x to be paid; saw awaiting"):
        until(caller, "/x", "paid")
