"""Mutual TLS on real sockets: who shows no certificate, or meets another bank, gets nothing through."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import monotonic

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from banks.transport import Limits, NeverSent, NoAnswer, Request, Transport, mutual_tls
from tests.banks.http_server import HttpServer


@cache
def identity(name: str) -> tuple[x509.Certificate, RSAPrivateKey]:
    """A certificate that vouches for itself, for localhost."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2124, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def pem(name: str) -> bytes:
    certificate, key = identity(name)
    return certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpServer]:
    place = tmp_path / "bank.pem"
    place.write_bytes(pem("bank"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place)
    context.load_verify_locations(cadata=identity("partner")[0].public_bytes(Encoding.PEM).decode())
    context.verify_mode = ssl.CERT_REQUIRED
    with HttpServer(tls=context) as running:
        yield running


def order(server: HttpServer, tls: ssl.SSLContext) -> int:
    transport = Transport(monotonic, limits=Limits(connect_s=2, read_s=2, call_s=4), tls=tls)
    try:
        return transport.order(
            Request(operation="transfer", method="POST", url=server.url, headers={}, body=b"x")
        ).status
    finally:
        transport.close()


def test_with_our_certificate_the_bank_answers(server: HttpServer) -> None:
    assert order(server, mutual_tls(*identity("partner"), identity("bank")[0])) == 200
    assert len(server.received) == 1


@pytest.mark.parametrize("partner", [None, "stranger"])
def test_without_the_right_certificate_no_request_is_received(server: HttpServer, partner: str | None) -> None:
    if partner is None:
        tls = ssl.create_default_context(cadata=identity("bank")[0].public_bytes(Encoding.PEM).decode())
    else:
        tls = mutual_tls(*identity(partner), identity("bank")[0])
    # With TLS 1.3 the bank's refusal comes after our first bytes, so that "never sent" cannot be said.
    with pytest.raises(NoAnswer):
        order(server, tls)
    assert server.received == []


def test_another_bank_gets_nothing(server: HttpServer) -> None:
    for authority in (identity("stranger")[0], None):
        with pytest.raises(NeverSent):
            order(server, mutual_tls(*identity("partner"), authority))
    assert server.received == []


def test_a_certificate_of_another_key_is_refused() -> None:
    with pytest.raises(ssl.SSLError):
        mutual_tls(identity("partner")[0], identity("stranger")[1], None)


def test_the_key_is_never_written_in_clear_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    genuine = Path.write_bytes

    def watched(self: Path, data: bytes) -> int:
        written.append(data)
        return genuine(self, data)

    monkeypatch.setattr(Path, "write_bytes", watched)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mutual_tls(*identity("partner"), identity("bank")[0])
    assert len(written) == 1
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in written[0]
    assert b"BEGIN PRIVATE KEY" not in written[0]
    assert list(tmp_path.rglob("*")) == []
