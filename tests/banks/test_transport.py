"""What left us and what did not, against a real server that misbehaves on real sockets."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from time import monotonic
from typing import get_args

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from banks.circuits import FAILURES_MAX, Operation
from banks.pace import Pace
from banks.registry import bank_classes
from banks.transport import (
    ATTEMPTS_OF_A_READ,
    Answer,
    KeptBack,
    Limits,
    NeverSent,
    NoAnswer,
    PerhapsSent,
    Request,
    TimeLimits,
    Transport,
)
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
    return Request(operation="transfer", method="POST", url=url, headers={"X-Secret": "planted"}, body=body)


def test_a_request_goes_out_byte_for_byte(server: HttpServer, transport: Transport) -> None:
    sent = Request(
        operation="transfer",
        method="POST",
        url=f"{server.url}/a",
        headers={"X-One": "1"},
        query={"q": "a b&c"},
        body=b"\x00\xff",
    )
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


@pytest.mark.parametrize("met", ["transport", "at_bank"])
def test_reads_share_a_connection_and_orders_do_not(
    server: HttpServer, met: str, request: pytest.FixtureRequest
) -> None:
    opened: Transport = request.getfixturevalue(met)
    for _ in range(3):
        opened.ask(get(server.url, "balance"))
    assert server.connections == 1
    for _ in range(3):
        opened.order(post(server.url))
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


# at a bank

NOW = datetime(2026, 11, 26, 3, tzinfo=UTC)
UNHURRIED = Pace(calls=1_000_000, burst=1_000)


@pytest.fixture
def at_bank() -> Iterator[Transport]:
    opened = Transport(monotonic, limits=LIMITS)
    yield opened.at_bank("acb", UNHURRIED, TimeLimits(), lambda: NOW)
    opened.close()


def get(url: str, operation: Operation) -> Request:
    return Request(operation=operation, method="GET", url=url, headers={})


def test_all_plain_accounts_of_a_bank_share_connections_and_gate() -> None:
    opened = Transport(monotonic)
    first = opened.at_bank("acb", UNHURRIED, TimeLimits(), lambda: NOW)
    assert opened.at_bank("acb", UNHURRIED, TimeLimits(), lambda: NOW) is first
    assert opened.at_bank("mb", UNHURRIED, TimeLimits(), lambda: NOW) is not first
    opened.close()


def test_a_bank_that_answers_nothing_is_not_called_any_more(server: HttpServer, at_bank: Transport) -> None:
    server.script = lambda _: Reply(b"", "reset")
    for _ in range(FAILURES_MAX):
        with pytest.raises(PerhapsSent):
            at_bank.order(post(server.url))
    with pytest.raises(KeptBack):
        at_bank.order(post(server.url))
    assert len(server.received) == FAILURES_MAX


def test_a_read_that_was_repeated_in_vain_is_one_failure(server: HttpServer, at_bank: Transport) -> None:
    server.script = lambda _: Reply(b"", "reset")
    for _ in range(FAILURES_MAX):
        with pytest.raises(PerhapsSent):
            at_bank.ask(get(server.url, "history"))
    with pytest.raises(KeptBack):
        at_bank.ask(get(server.url, "history"))
    assert len(server.received) == FAILURES_MAX * ATTEMPTS_OF_A_READ


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_faults_of_the_bank_are_failures(server: HttpServer, at_bank: Transport, status: int) -> None:
    server.script = lambda _: http(status, b"")
    for _ in range(FAILURES_MAX):
        at_bank.order(post(server.url))
    with pytest.raises(KeptBack):
        at_bank.order(post(server.url))


@pytest.mark.parametrize("status", [200, 289, 400, 401, 403, 404, 409, 422])
def test_refusals_are_answers(server: HttpServer, at_bank: Transport, status: int) -> None:
    server.script = lambda _: http(status, b"")
    for _ in range(2 * FAILURES_MAX):
        assert at_bank.order(post(server.url)).status == status


def test_only_the_operation_that_fails_is_held_back(server: HttpServer, at_bank: Transport) -> None:
    server.script = lambda request: http(503 if request.method == "POST" else 200, b"")
    for _ in range(FAILURES_MAX):
        at_bank.order(post(server.url))
        at_bank.ask(get(server.url, "history"))
    assert at_bank.ask(get(server.url, "history")).status == 200


def test_too_many_calls_are_no_failure_but_the_bank_is_left_alone(server: HttpServer, at_bank: Transport) -> None:
    server.script = lambda _: http(429, b"", headers="Retry-After: 60\r\n")
    assert at_bank.order(post(server.url)).status == 429
    for _ in range(2 * FAILURES_MAX):
        with pytest.raises(KeptBack, match="turn"):
            at_bank.order(post(server.url))
    assert len(server.received) == 1
    assert at_bank.gate is not None
    assert at_bank.gate.state("transfer") == "closed"


def test_every_call_sent_takes_a_turn_the_repeated_ones_too(server: HttpServer) -> None:
    server.script = lambda _: Reply(b"", "reset")
    opened = Transport(monotonic, limits=LIMITS)
    slow = opened.at_bank("acb", Pace(calls=4, per_s=600, burst=3), TimeLimits(), lambda: NOW)
    with pytest.raises(PerhapsSent):
        slow.ask(get(server.url, "balance"))
    slow.take_turn()
    with pytest.raises(KeptBack):
        slow.ask(get(server.url, "balance"))
    opened.close()


def test_a_read_that_had_no_turn_for_its_repetition_is_a_failure(server: HttpServer) -> None:
    server.script = lambda _: Reply(b"", "reset")
    opened = Transport(monotonic, limits=LIMITS)
    hour = [NOW]
    slow = opened.at_bank("acb", Pace(calls=2, per_s=600, burst=1), TimeLimits(), lambda: hour[0])
    for _ in range(FAILURES_MAX):
        hour[0] += timedelta(hours=1)
        with pytest.raises(PerhapsSent):
            slow.ask(get(server.url, "history"))
    assert len(server.received) == FAILURES_MAX
    assert slow.gate is not None
    assert slow.gate.state("history") == "open"
    opened.close()


def test_a_turn_taken_ahead_is_that_of_the_next_order(server: HttpServer) -> None:
    opened = Transport(monotonic, limits=LIMITS)
    slow = opened.at_bank("acb", Pace(calls=2, per_s=600, burst=1), TimeLimits(), lambda: NOW)
    slow.take_turn()
    assert slow.order(post(server.url)).status == 200
    with pytest.raises(KeptBack):
        slow.order(post(server.url))
    opened.close()


def test_calls_beyond_the_burst_wait_for_their_turn(server: HttpServer) -> None:
    opened = Transport(monotonic, limits=LIMITS)
    paced = opened.at_bank("acb", Pace(calls=22, per_s=1, burst=2), TimeLimits(), lambda: NOW)
    began = monotonic()
    for _ in range(6):
        paced.ask(get(server.url, "balance"))
    assert monotonic() - began >= 4 * 0.05
    opened.close()


def test_each_operation_has_the_time_limits_of_its_bank(server: HttpServer) -> None:
    server.script = lambda _: Reply(b"", "hang")
    limits = TimeLimits(usual=Limits(read_s=60, call_s=60), own={"lookup": Limits(read_s=0.2, call_s=0.3)})
    opened = Transport(monotonic)
    bank = opened.at_bank("acb", UNHURRIED, limits, lambda: NOW)
    began = monotonic()
    with pytest.raises(PerhapsSent):
        bank.ask(get(server.url, "lookup"))
    assert monotonic() - began < 5
    opened.close()


@pytest.mark.parametrize("code", sorted(bank_classes()))
def test_every_bank_states_time_limits_that_end(code: str) -> None:
    limits = bank_classes()[code].time_limits
    for operation in get_args(Operation):
        one = limits.of(operation)
        assert 0 < one.connect_s <= one.read_s <= one.call_s <= 120
