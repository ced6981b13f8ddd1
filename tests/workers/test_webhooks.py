"""Merchants are told, signed, until they take it; and nobody can have us call into our own network."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from commands.merchants import RemoveWebhookEndpoint
from ledger.errors import NotFound
from ledger.payments import PaymentIntent
from ledger.webhook_deliveries import LADDER, WebhookDelivery, id_of_delivery
from local.processes import free_port
from tests.banks.http_server import HttpServer, Reply, http
from tests.ledger.test_addresses import NOT_PUBLIC, REFUSED
from tests.workers.standard_webhooks import verify
from tests.workers.world import WEBHOOK_SECRET, WEBHOOKS, World
from workers.webhooks import NotDelivered, deliver_webhook, post, resolve

HEADERS = {"webhook-id": "wd_1"}

SPELLINGS = [
    "https://localhost/hook",
    "https://127.1/hook",
    "https://2130706433/hook",
    "https://0x7f000001/hook",
    "https://0x7f.1/hook",
    "https://0177.0.0.1/hook",
    "https://017700000001/hook",
    "https://127.0.0.1./hook",
    "https://0/hook",
    "https://[::1]/hook",
    "https://[::ffff:127.0.0.1]/hook",
    "https://[::ffff:7f00:1]/hook",
    "https://[0:0:0:0:0:0:0:1]/hook",
    "https://localhost./hook",
    "https://LOCALHOST:8443/hook",
]


@contextmanager
def paid(world: World, url: str) -> Iterator[tuple[str, str, PaymentIntent]]:
    """A merchant's endpoint at `url`, and a payment it is told of: (event id, endpoint id, intent)."""
    merchant_id = world.merchant()
    intent = world.intent(merchant_id)
    endpoint_id = world.endpoint(merchant_id, url)
    world.pay(intent)
    world.read_statement()
    yield f"{intent.id}@2", endpoint_id, intent


def deliveries(world: World, event_id: str, endpoint_id: str) -> list[str]:
    return world.names(id_of_delivery(event_id, endpoint_id))


# the way of a message


def test_a_paid_intent_is_told_to_its_merchant_signed(world_on_each: World) -> None:
    world = world_on_each
    with HttpServer() as shop, paid(world, f"{shop.url}/hook?shop=1") as (event_id, endpoint_id, intent):
        world.schedule()
        world.work(WEBHOOKS)
        (got,) = shop.received
        assert (got.method, got.path, got.query) == ("POST", "/hook", {"shop": "1"})
        verify(WEBHOOK_SECRET, got.headers, got.body, world.clock())
        told = json.loads(got.body)
        assert told["type"] == "payment_intent.paid"
        assert told["data"]["id"] == intent.id
        assert told["data"]["status"] == "paid"
        assert got.headers["content-type"] == "application/json"
        assert deliveries(world, event_id, endpoint_id) == ["delivered"]
        world.round()
        assert len(shop.received) == 1


def test_a_delivery_is_recorded_with_the_event_as_its_cause(world: World) -> None:
    with HttpServer() as shop, paid(world, shop.url) as (event_id, endpoint_id, _):
        world.project()
        deliver_webhook(world.parts, event_id, endpoint_id)
        (envelope,) = world.parts.ledger.history(id_of_delivery(event_id, endpoint_id))
        assert envelope.causation_id == event_id
        assert isinstance(envelope.event, WebhookDelivery.Delivered)
        assert envelope.event.http_status == 200


def test_a_message_that_was_not_taken_is_sent_again_under_the_same_id_with_the_same_body(world: World) -> None:
    with HttpServer(lambda _: http(500, b"{}")) as shop, paid(world, shop.url) as (event_id, endpoint_id, _):
        world.schedule()
        world.work(WEBHOOKS)
        assert deliveries(world, event_id, endpoint_id) == ["attempt_failed"]
        world.schedule()
        world.work(WEBHOOKS)
        assert len(shop.received) == 1, "not before its time"
        shop.script = lambda _: http(204, b"")
        world.advance(seconds=6)
        world.schedule()
        world.work(WEBHOOKS)
        first, second = shop.received
        assert first.body == second.body
        assert first.headers["webhook-id"] == second.headers["webhook-id"] == id_of_delivery(event_id, endpoint_id)
        verify(WEBHOOK_SECRET, second.headers, second.body, world.clock())
        assert deliveries(world, event_id, endpoint_id) == ["attempt_failed", "delivered"]


def test_a_message_nobody_takes_is_given_up_visibly_after_the_ladder(world: World) -> None:
    with paid(world, f"http://127.0.0.1:{free_port()}/hook") as (event_id, endpoint_id, _):
        world.project()
        for step in (timedelta(0), *LADDER, timedelta(days=30)):
            world.clock.offset += step
            deliver_webhook(world.parts, event_id, endpoint_id)
        history = world.parts.ledger.history(id_of_delivery(event_id, endpoint_id))
        assert [envelope.name for envelope in history] == ["webhook_delivery.attempt_failed"] * (len(LADDER) + 1)
        last = history[-1].event
        assert isinstance(last, WebhookDelivery.AttemptFailed)
        assert last.next_at is None
        world.round()
        assert len(deliveries(world, event_id, endpoint_id)) == len(LADDER) + 1


def test_an_endpoint_added_later_is_not_told_of_earlier_events(world: World) -> None:
    with HttpServer() as shop, HttpServer() as later, paid(world, shop.url) as (_, _, intent):
        world.endpoint(intent.merchant_id, later.url)
        world.round()
        assert (len(shop.received), len(later.received)) == (1, 0)


def test_nothing_is_sent_to_an_endpoint_that_was_removed(world: World) -> None:
    with HttpServer() as shop, paid(world, shop.url) as (event_id, endpoint_id, intent):
        world.project()
        world.do(RemoveWebhookEndpoint(merchant_id=intent.merchant_id, endpoint_id=endpoint_id))
        deliver_webhook(world.parts, event_id, endpoint_id)
        world.round()
        assert shop.received == []
        assert deliveries(world, event_id, endpoint_id) == []


def test_another_merchants_endpoint_is_never_told(world: World) -> None:
    with HttpServer() as shop, HttpServer() as other, paid(world, shop.url) as (event_id, _, _):
        foreign = world.endpoint(world.merchant(), other.url)
        world.project()
        with pytest.raises(NotFound):
            deliver_webhook(world.parts, event_id, foreign)
        assert other.received == []


@pytest.mark.parametrize("event_id", ["pi_none@1", "nonsense", "@"])
def test_what_is_not_in_the_outbox_is_not_told(world: World, event_id: str) -> None:
    world.project()
    with pytest.raises(NotFound):
        deliver_webhook(world.parts, event_id, "we_1")


def test_a_message_rung_twice_is_sent_once(world: World) -> None:
    with HttpServer() as shop, paid(world, shop.url) as (event_id, endpoint_id, _):
        world.project()
        deliver_webhook(world.parts, event_id, endpoint_id)
        deliver_webhook(world.parts, event_id, endpoint_id)
        assert len(shop.received) == 1


# the call


def failure(url: str, **more: object) -> NotDelivered:
    with pytest.raises(NotDelivered) as failed:
        post(url, HEADERS, b"{}", **more)  # type: ignore[arg-type]  # checked by the tests that pass them
    return failed.value


@pytest.mark.parametrize("url", SPELLINGS)
def test_no_spelling_of_our_own_addresses_is_called(url: str) -> None:
    assert failure(url).why == "the host has an address that is not public"


@pytest.mark.parametrize("url", REFUSED)
def test_an_odd_address_is_not_called(url: str) -> None:
    assert "The webhook address" in failure(url).why


@pytest.mark.parametrize("address", [address for address in NOT_PUBLIC if address != "not an address"])
def test_a_name_that_points_into_a_network_is_not_called(address: str) -> None:
    asked: list[str] = []

    def pointing(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["8.8.8.8", address]

    why = failure("https://shop.example/hook", resolve=pointing).why
    assert why == "the host has an address that is not public"
    assert asked == ["shop.example"], "resolved once"


def test_a_name_that_points_elsewhere_the_second_time_is_asked_once_only() -> None:
    answers = iter([["127.0.0.1"], ["8.8.8.8"]])
    with HttpServer() as shop:
        port = int(shop.url.rpartition(":")[2])
        status = post(
            f"http://shop.example:{port}/", HEADERS, b"{}", allow_private=True, resolve=lambda _, __: next(answers)
        )
        assert status == 200
        assert shop.received[0].headers["host"] == f"shop.example:{port}"


def test_the_certificate_must_be_that_of_the_name_not_of_the_address(tmp_path: Path) -> None:
    server, client = certified(tmp_path, "shop.example")
    with HttpServer(tls=server) as shop:
        port = int(shop.url.rpartition(":")[2])

        def here(host: str, _: int) -> list[str]:
            return ["127.0.0.1"]

        def call(host: str) -> int:
            url = f"https://{host}:{port}/"
            return post(url, HEADERS, b"{}", allow_private=True, resolve=here, tls=client)

        assert call("shop.example") == 200
        with pytest.raises(NotDelivered, match="connection"):
            call("other.example")
        with pytest.raises(NotDelivered, match="connection"):
            post(f"https://shop.example:{port}/", HEADERS, b"{}", allow_private=True, resolve=here)


def test_a_redirect_is_not_followed() -> None:
    with HttpServer() as inside, HttpServer() as shop:
        shop.script = lambda _: http(302, b"", headers=f"Location: {inside.url}/\r\n")
        failed = failure(f"{shop.url}/", allow_private=True)
        assert failed.http_status == 302
        assert inside.received == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with HttpServer() as shop:
        assert post(f"{shop.url}/", HEADERS, b"{}", allow_private=True) == 200


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"", "reset"),
        Reply(b"", "close"),
        Reply(b"not http at all\r\n\r\n", "close"),
        Reply(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 300_000, "close"),
    ],
)
def test_an_answer_that_is_none_is_a_failed_attempt(reply: Reply) -> None:
    with HttpServer(lambda _: reply) as shop:
        assert failure(f"{shop.url}/", allow_private=True).http_status is None


@pytest.mark.parametrize(
    "reply", [Reply(b"", "hang"), Reply(b"HTTP/1.1 200 OK\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaa", "drip")]
)
def test_an_endpoint_that_does_not_come_to_an_end_is_left(reply: Reply) -> None:
    with HttpServer(lambda _: reply) as shop:
        assert failure(f"{shop.url}/", allow_private=True, limit_s=0.3).why == "no answer within 0.3 s"


def test_an_endless_answer_is_not_read() -> None:
    endless = Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n" * 100, "hang")
    with HttpServer(lambda _: endless) as shop:
        assert post(f"{shop.url}/", HEADERS, b"{}", allow_private=True) == 200


def test_a_host_without_an_address_is_a_failed_attempt() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    assert failure("https://shop.example/", resolve=nothing).why.startswith("no usable connection")
    assert failure("https://shop.example/", resolve=lambda _, __: []).why.startswith("no usable connection")


def test_the_resolver_gives_each_address_once() -> None:
    assert resolve("127.0.0.1", 443) == ["127.0.0.1"]


def certified(directory: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `name`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    alternative = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("203.0.113.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    pem.write_bytes(private + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=public.decode())
