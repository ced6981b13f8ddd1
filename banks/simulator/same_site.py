"""The control port takes no orders from other sites: it listens on loopback and asks nobody who he is.

A page of another site can make its reader's browser send a POST here; the browser then says from where, in Origin, or
in Sec-Fetch-Site. A name that an attacker lets point to 127.0.0.1 makes his page and this port the same origin, so the
Host must be one that nobody else can give out: an address, localhost, or a name without a dot (as in docker-compose).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec
from flask import Flask, Response, request

OWN: Final = ("same-origin", "none")
"""Sec-Fetch-Site of a page's own requests, and of what its reader typed or clicked in no page."""


def keep_out_other_sites(app: Flask) -> None:
    """Let `app` answer 403 to what comes from a page of another site, and forbid that its answers be framed."""
    app.before_request(_refuse_other_sites)
    app.after_request(_forbid_use_elsewhere)


def _refuse_other_sites() -> Response | None:
    host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
    if not _is_local(host):
        return _refused(f"the control port answers to an address or to localhost, not to {host[:100]!r}")
    if origin is not None and origin != f"http://{host}":
        return _refused("the control port takes no orders from other sites")
    if request.method != "GET" and request.headers.get("Sec-Fetch-Site", "none") not in OWN:
        return _refused("the control port takes no orders from other sites")
    return None


def _forbid_use_elsewhere(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _is_local(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        ip_address(name)
    except ValueError:
        return bool(name) and "." not in name
    return True


def _refused(reason: str) -> Response:
    return Response(msgspec.json.encode({"error": reason}), 403, mimetype="application/json")
