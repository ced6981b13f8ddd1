"""TLS at banks that are met over HTTPS, and what can go wrong before the first word of HTTP is said.

`Settings.tls` decides it for each connection at the moment it is opened: `good`, `other_ca` (the bank shows a
certificate nobody vouches for) or `refuse` (the bank breaks the handshake off).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from banks.simulator import keys
from banks.simulator.settings import Handshake


def context(key_pem: str, certificate_pem: str, client_pem: str | None = None) -> ssl.SSLContext:
    """A server with this certificate; with `client_pem`, only for who shows that certificate. Raises ssl.SSLError."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        place = Path(folder, "server.pem")  # the library reads a key from a file only
        place.touch(0o600)
        place.write_text(key_pem + certificate_pem, encoding="ascii")
        found.load_cert_chain(place)
    if client_pem is not None:
        found.load_verify_locations(cadata=client_pem)
        found.verify_mode = ssl.CERT_REQUIRED
    return found


def obey(served: ssl.SSLContext, handshake: Callable[[], Handshake]) -> None:
    """From now on each connection to `served` begins as `handshake` says."""

    def begin(connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> int | None:
        match handshake():
            case "refuse":
                return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
            case "other_ca":
                connection.context = _of_a_stranger()
            case "good":
                pass
        return None

    served.sni_callback = begin


@cache
def _of_a_stranger() -> ssl.SSLContext:
    key = keys.new_key()
    return context(keys.private_pem(key), keys.certificate(key, "STRANGER", "stranger"))
