"""What left us and what did not, against a real server that misbehaves on real sockets."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from time import monotonic

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from banks.transport import Answer, Limits, NeverSent, NoAnswer, PerhapsSent, Request, Transport
from tests.banks.contract import BROKEN_ANSWERS
from tests.banks.http_server import HttpServer, Received, Reply, http

LIMITS = Limits(connect_s=1, read_s=0.3, call_s=1, answer_max=64 * 1024)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def transport() -> Iterator[Transport]:
    opened = Transport(monotonic, limits=LIMITS)
    yield opened
    opened.close()


def post(url: str, body: bytes = b"order") -> Request:
    return Request(method="POST", url=url, headers={"X-Secret": "planted"}, body=body)


def test_a_request_goes_out_byte_for_byte(server: HttpServer, transport: Transport) -> None:
    sent = Request(method="POST", url=f"{server.url}/a", headers={"X-One": "1"}, query={"q": "a b&c"}, body=b"\x00\xff")
    answer = transport.order(sent)
    request = server.received[0]
    assert (request.method, request.path, request.query) == ("POST", "/a", {"q": "a b&c"})
    assert (request.headers["x-one"], request.body) == ("1", b"\x00\xff")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/json", b"{}")


@pytest.mark.parametrize("status", [204, 289, 302, 400, 429, 503])
def test_every_status_is_an_answer_and_no_redirect_is_followed(
    server: HttpServer, transport: Transport, status: int
) -> None:
    server.script = lambda _: http(status, b"", headers="Location: /elsewhere\r\n")
    assert transport.order(post(server.url)).status == status
    assert len(server.received) == 1


def test_nobody_listening_means_never_sent(transport: Transport) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        with pytest.raises(NeverSent):
            transport.order(post(f"http://localhost:{unheard.getsockname()[1]}"))


@pytest.mark.parametrize(
    "url", ["http://no-such-host.invalid/", "ftp://localhost/", "nothing", "http://localhost:99999/"]
)
def test_an_address_that_leads_nowhere_means_never_sent(transport: Transport, url: str) -> None:
    with pytest.raises(NeverSent):
        transport.order(post(url))


def test_a_header_that_is_no_header_means_never_sent(server: HttpServer, transport: Transport) -> None:
    bad = msgspec.structs.replace(post(server.url), headers={"X-A": "b\r\nX-C: d"})
    with pytest.raises(NeverSent):
        transport.order(bad)
    assert server.received == []


NO_ANSWER = [name for name, reply in BROKEN_ANSWERS.items() if reply.then != "keep"] + ["a huge body"]


@pytest.mark.parametrize("name", NO_ANSWER)
def test_whatever_goes_wrong_after_the_first_byte_means_perhaps_sent_and_is_sent_once(
    server: HttpServer, transport: Transport, name: str
) -> None:
    server.script = lambda _: BROKEN_ANSWERS[name]
    with pytest.raises(PerhapsSent):
        transport.order(post(server.url))
    assert len(server.received) == 1


def test_a_list_that_comes_whole_may_be_longer_and_has_a_limit_of_its_own(
    server: HttpServer, transport: Transport
) -> None:
    server.script = lambda _: BROKEN_ANSWERS["a huge body"]
    asked = msgspec.structs.replace(post(server.url), answer_max=70_000)
    assert len(transport.ask(asked).body) == 70_000
    with pytest.raises(PerhapsSent, match="69999 bytes"):
        transport.ask(msgspec.structs.replace(asked, answer_max=69_999))


@pytest.mark.parametrize("part", ["head", "body"])
def test_an_answer_that_drips_ends_with_the_call(part: str) -> None:
    """Each byte comes well within the read limit; only the limit of the whole call can end it."""
    reply = b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 500 if part == "head" else http(200, b"x" * 5000).payload
    transport = Transport(monotonic, limits=Limits(connect_s=1, read_s=5, call_s=0.5))
    with HttpServer(lambda _: Reply(reply, "drip")) as server, pytest.raises(PerhapsSent):
        transport.order(post(server.url))
    transport.close()


@pytest.mark.timeout(20)
def test_a_silent_bank_is_left_when_the_time_of_the_call_is_over() -> None:
    """The wait for one byte may be long; it is cut to what is left of the call."""
    transport = Transport(monotonic, limits=Limits(connect_s=1, read_s=600, call_s=0.3))
    with HttpServer(lambda _: Reply(b"", "hang")) as server, pytest.raises(PerhapsSent):
        transport.order(post(server.url))
    transport.close()


def test_no_time_left_before_connecting_means_never_sent(server: HttpServer) -> None:
    ticks = iter([0.0, 100.0, 100.0, 100.0])
    transport = Transport(lambda: next(ticks), limits=LIMITS)
    with pytest.raises(NeverSent):
        transport.order(post(server.url))
    transport.close()
    assert server.received == []


def test_a_read_is_asked_twice_and_then_given_up(server: HttpServer, transport: Transport) -> None:
    server.script = lambda _: Reply(b"", "reset")
    with pytest.raises(NoAnswer):
        transport.ask(post(server.url))
    assert len(server.received) == 2


def test_a_read_is_stamped_anew_each_time_it_is_sent(server: HttpServer, transport: Transport) -> None:
    def stamped(request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"X-Call": str(next(numbers))})

    numbers = count(1)
    server.script = lambda _: Reply(b"", "reset") if len(server.received) == 1 else http(200, b"{}")
    assert transport.ask(post(server.url), stamped).status == 200
    assert [one.headers["x-call"] for one in server.received] == ["1", "2"]


def test_a_read_gets_through_when_a_kept_connection_dies(server: HttpServer, transport: Transport) -> None:
    def script(_: Received) -> Reply:
        return Reply(b"", "reset") if len(server.received) == 2 else http(200, b"{}")

    server.script = script
    assert transport.ask(post(server.url)).status == 200
    assert transport.ask(post(server.url)).status == 200
    assert len(server.received) == 3


def test_reads_share_a_connection_and_orders_do_not(server: HttpServer, transport: Transport) -> None:
    for _ in range(3):
        transport.ask(post(server.url))
    assert server.connections == 1
    for _ in range(3):
        transport.order(post(server.url))
    assert server.connections == 4


def test_nothing_of_request_or_answer_shows(server: HttpServer, transport: Transport) -> None:
    server.script = lambda _: Reply(b"planted", "close")
    request = post(f"{server.url}/planted", b"planted")
    with pytest.raises(NoAnswer) as failure:
        transport.order(request)
    shown = [repr(failure.value), repr(request), str(request), repr(Answer(200, {"a": "planted"}, b"planted"))]
    assert not [text for text in shown if "planted" in text]


# TLS


def certificate(directory: Path) -> Path:
    """A self-signed certificate for localhost, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2124, 1, 1, tzinfo=UTC))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + made.public_bytes(serialization.Encoding.PEM)
    path = directory / "server.pem"
    path.write_bytes(pem)
    return path


def test_a_certificate_we_do_not_trust_means_never_sent(tmp_path: Path, transport: Transport) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    with HttpServer(tls=context) as server:
        with pytest.raises(NeverSent):
            transport.order(post(server.url))
        assert server.received == []


def test_a_trusted_certificate_is_taken_and_a_reset_behind_it_means_perhaps_sent(tmp_path: Path) -> None:
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    transport = Transport(monotonic, limits=LIMITS, tls=ssl.create_default_context(cafile=str(path)))
    with HttpServer(tls=context) as server:
        assert transport.order(post(server.url)).status == 200
        server.script = lambda _: Reply(b"", "close")
        with pytest.raises(PerhapsSent):
            transport.order(post(server.url))
    transport.close()


def test_a_handshake_that_never_ends_means_never_sent(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NeverSent):
        transport.order(post(f"https://localhost:{silent.getsockname()[1]}"))


def test_a_pause_is_as_long_as_agreed_and_ends_when_the_transport_is_closed() -> None:
    transport = Transport(monotonic, limits=Limits(pause_s=0.05))
    began = monotonic()
    transport.pause()
    assert monotonic() - began >= 0.05
    long = Transport(monotonic, limits=Limits(pause_s=60))
    pausing = threading.Thread(target=long.pause)
    pausing.start()
    long.close()
    pausing.join(timeout=10)
    assert not pausing.is_alive()
    transport.close()
