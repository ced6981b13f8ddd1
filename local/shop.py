"""The merchant's side of webhooks: a small web shop on loopback that checks every signature it is sent.

Written from the Standard Webhooks specification (1.0): signed is `id.timestamp.body` with HMAC-SHA256 under the base64
part of the secret; the header holds one or more `v1,base64` signatures with blanks between; five minutes of tolerance.
"""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, Final, Self

TOLERANCE_S: Final = 300


class Shop:
    """An endpoint on a free loopback port. Set `secret` once it is known; `told` are the verified messages in order."""

    def __init__(self) -> None:
        self.secret = ""
        self.told: list[dict[str, Any]] = []
        self.refused = 0
        self._news = Condition()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(shop.take(dict(self.headers.items()), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_request(self, code: object = "-", size: object = "-") -> None:
                """Nothing: the shop is quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The HTTP status for one message: 204 when its signature holds, 401 otherwise."""
        with self._news:
            if not self.secret or not verify(self.secret, headers, body, time.time()):
                self.refused += 1
                return 401
            self.told.append(json.loads(body))
            self._news.notify_all()
        return 204

    def wait_for(self, kind: str, timeout_s: float) -> dict[str, Any] | None:
        """The first message of this kind, waited for; None when it does not come in time."""

        def found() -> dict[str, Any] | None:
            return next((message for message in self.told if message["type"] == kind), None)

        with self._news:
            return self._news.wait_for(found, timeout_s)

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def verify(secret: str, headers: dict[str, str], body: bytes, now: float) -> bool:
    """Whether one of the signatures of a message holds and its time is within tolerance (`now`: Unix seconds)."""
    given = {name.lower(): value for name, value in headers.items()}
    stamp = given.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(now - int(stamp)) > TOLERANCE_S:
        return False
    signed = f"{given.get('webhook-id', '')}.{stamp}.".encode() + body
    own = b64encode(hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, "sha256")).decode()
    signatures = given.get("webhook-signature", "").split()
    return any(hmac.compare_digest(signature, f"v1,{own}") for signature in signatures)
