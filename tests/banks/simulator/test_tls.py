"""How a connection to a bank over HTTPS begins, and how it does not."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from flask import Flask, request
from msgspec.structs import replace

from banks.simulator import keys, tls
from banks.simulator.settings import Handshake, Settings
from banks.simulator.simulator import LOOPBACK, POLL_S, serve


class Identity(NamedTuple):
    key: str
    certificate: str


@cache
def identity(name: str) -> Identity:
    key = keys.new_key()
    return Identity(keys.private_pem(key), keys.certificate(key, name, name, LOOPBACK))


def as_client(tmp_path: Path, name: str | None) -> ssl.SSLContext:
    """A customer who trusts the bank's certificate alone and shows the one of `name`."""
    context = ssl.create_default_context(cadata=identity("bank").certificate)
    if name is not None:
        place = tmp_path / "client.pem"
        place.write_text("".join(identity(name)))
        context.load_cert_chain(place)
    return context


class Served:
    """A server that answers with the scheme it was called by; `settings` may be changed while it runs."""

    def __init__(self) -> None:
        self.settings = Settings()
        context = tls.context(*identity("bank"), client_pem=identity("customer").certificate)
        tls.obey(context, lambda: self.settings.tls)
        app = Flask("spoken_to")
        app.add_url_rule("/", "scheme", lambda: request.scheme)
        self.server = serve(app, LOOPBACK, 0, context)
        self.url = f"https://{LOOPBACK}:{self.server.port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(POLL_S,))
        self.thread.start()


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    yield one
    one.server.shutdown()
    one.thread.join()
    one.server.server_close()


def get(served: Served, context: ssl.SSLContext) -> str:
    with httpx.Client(trust_env=False, verify=context, timeout=5) as http:
        return http.get(served.url).raise_for_status().text


def test_who_shows_the_enrolled_certificate_is_served(served: Served, tmp_path: Path) -> None:
    assert get(served, as_client(tmp_path, "customer")) == "https"


@pytest.mark.parametrize("name", [None, "somebody"])
def test_who_shows_none_or_another_gets_nothing(served: Served, tmp_path: Path, name: str | None) -> None:
    with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
        get(served, as_client(tmp_path, name))


@pytest.mark.parametrize(
    ("handshake", "said"), [("other_ca", "CERTIFICATE_VERIFY_FAILED"), ("refuse", "HANDSHAKE_FAILURE")]
)
def test_a_handshake_can_fail_and_be_good_again(
    served: Served, tmp_path: Path, handshake: Handshake, said: str
) -> None:
    served.settings = replace(served.settings, tls=handshake)
    with pytest.raises(httpx.ConnectError, match=said):
        get(served, as_client(tmp_path, "customer"))
    served.settings = replace(served.settings, tls="good")
    assert get(served, as_client(tmp_path, "customer")) == "https"


def test_one_who_never_speaks_keeps_nobody_out(served: Served, tmp_path: Path) -> None:
    with socket.create_connection((LOOPBACK, served.server.port)):
        assert get(served, as_client(tmp_path, "customer")) == "https"
