"""Telling merchants: one signed POST for each public event and endpoint, until it is taken or given up.

The outbox is a read table that follows the log (`projections/webhooks.py`); what came of each attempt is an event. The
address is a merchant's, so it is not trusted: its name is resolved once, every address it has must be public, and the
connection goes to the address that was checked. Redirects are not followed, proxies of the environment not used.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Final

import httpcore

from commands import dispatch
from commands.command import Command
from commands.webhooks import RecordWebhookDelivered, RecordWebhookFailed
from ledger.addresses import is_public, target
from ledger.aggregate import AGGREGATES, Aggregate, Envelope
from ledger.errors import MerchantNotFound, NotFound, WebhookUrlInvalid
from ledger.ids import of_event
from ledger.merchants import Merchant, WebhookEndpoint
from ledger.store import Ledger
from ledger.webhook_deliveries import WebhookDelivery, id_of_delivery
from projections import webhooks as outbox
from workers.jobs import WEBHOOKS, Ring, job
from workers.parts import Parts
from workers.scheduler import every
from workers.webhook_message import message_body, signed_headers

CALL_S: Final = 10.0
"""How long a call may take in all, so that an endpoint that drips single bytes ends too."""
CONNECT_S: Final = 5.0
ADDRESSES_MAX: Final = 4
DUE_MAX: Final = 200
SOON: Final = timedelta(seconds=2)
"""Clocks of two hosts may be this far apart."""

Resolve = Callable[[str, int], list[str]]
"""The IP addresses of a host, as text. Raises OSError when there is none."""

log = logging.getLogger(__name__)


@every(seconds=1)
def webhooks_to_deliver(parts: Parts, now: datetime) -> Iterable[Ring]:
    """What the outbox holds for now: an event is there as soon as the projector has seen it."""
    for row in outbox.due(parts.reader, now=now, limit=DUE_MAX):
        ids = (row.event_id, row.endpoint_id)
        yield Ring(queue=WEBHOOKS, job=deliver_webhook.__name__, ids=ids, slot=str(row.attempts))


@job(limit_s=60, remembered_s=10)
def deliver_webhook(parts: Parts, event_id: str, endpoint_id: str) -> None:
    """Tell an endpoint of the event `stream@version`. Does nothing when it was told, given up, or is not due yet.

    Raises NotFound for what is not in the outbox.
    """
    message_id = id_of_delivery(event_id, endpoint_id)
    row = outbox.delivery(parts.reader, message_id)
    if row is None:
        raise NotFound("The outbox holds no such delivery.", id=message_id)
    merchant = parts.ledger.get(Merchant, row.merchant_id, MerchantNotFound)
    endpoint = merchant.endpoints.get(endpoint_id)
    if endpoint is None or not _is_due(parts.ledger, message_id, parts.clock()):
        return
    envelope, aggregate = _event(parts.ledger, row.stream, row.version)
    facts = {"merchant_id": merchant.id, "event_id": event_id, "endpoint_id": endpoint_id}
    command: Command
    try:
        status = _post(parts, endpoint, message_id, message_body(envelope, aggregate))
        command = RecordWebhookDelivered(**facts, http_status=status)
    except NotDelivered as failure:
        command = RecordWebhookFailed(**facts, http_status=failure.http_status, why=failure.why)
    dispatch(parts.ledger, command, parts.context("webhooks", envelope.correlation_id, event_id))


class NotDelivered(Exception):
    """The endpoint did not take it. `why` is a few words of ours; nothing the endpoint said is kept."""

    def __init__(self, why: str, http_status: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.http_status = http_status


def _is_due(ledger: Ledger, message_id: str, now: datetime) -> bool:
    """By the log, which may be ahead of the outbox."""
    history = ledger.history(message_id)
    if not history:
        return True
    last = history[-1].event
    if not isinstance(last, WebhookDelivery.AttemptFailed) or last.next_at is None:
        return False
    return last.next_at - now <= SOON


def _event(ledger: Ledger, stream: str, version: int) -> tuple[Envelope, Aggregate]:
    """The event and its aggregate right after it. Raises NotFound."""
    envelope = next((found for found in ledger.history(stream) if found.version == version), None)
    kind = AGGREGATES[envelope.name.partition(".")[0]] if envelope else None
    aggregate = ledger.find(kind, stream, version=version) if kind else None
    if envelope is None or aggregate is None:
        raise NotFound("There is no such event.", id=of_event(stream, version))
    return envelope, aggregate


def _post(parts: Parts, endpoint: WebhookEndpoint, message_id: str, body: bytes) -> int:
    secret = parts.ledger.vault.open(endpoint.secret)
    try:
        headers = signed_headers(secret, message_id, parts.clock(), body)
    except ValueError:
        raise NotDelivered("the endpoint has no usable signing secret") from None
    return post(endpoint.url, headers, body, allow_private=parts.settings.webhook_allow_private)


# the call


def resolve(host: str, port: int) -> list[str]:
    """The addresses the system's resolver knows for a host, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    allow_private: bool = False,
    resolve: Resolve = resolve,
    limit_s: float = CALL_S,
    tls: ssl.SSLContext | None = None,
) -> int:
    """POST a JSON body to a merchant's address; its 2xx status. Raises NotDelivered for everything else.

    `tls` defaults to full verification against the usual authorities.
    """
    try:
        to = target(url, allow_private=allow_private)
    except WebhookUrlInvalid as problem:
        raise NotDelivered(problem.detail) from None
    guard = _Guard(resolve, allow_private, time.monotonic() + limit_s)
    sent = {"Content-Type": "application/json", "User-Agent": "Socai-Webhooks", "Connection": "close", **headers}
    address = httpcore.URL(scheme=to.scheme, host=to.host, port=to.port, target=to.path)
    try:
        with (
            httpcore.ConnectionPool(ssl_context=tls or _tls(), network_backend=guard) as pool,
            pool.stream("POST", address, headers=list(sent.items()), content=body) as answer,
        ):
            status = answer.status
    except httpcore.TimeoutException:
        raise NotDelivered(f"no answer within {limit_s:g} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError) as error:
        raise NotDelivered(f"no usable connection ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise NotDelivered("the endpoint did not answer with 2xx", status)
    return status


@cache
def _tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


class _Guard(httpcore.NetworkBackend):
    """Connects to checked addresses only, and keeps one time limit for everything."""

    def __init__(self, resolve: Resolve, allow_private: bool, until: float) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._until = until
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._resolve(host, port)
        if not self._allow_private and not all(map(is_public, addresses)):
            raise NotDelivered("the host has an address that is not public")
        fault: Exception = httpcore.ConnectError("no address")
        for address in addresses[:ADDRESSES_MAX]:
            try:
                wait = min(CONNECT_S, self.rest(httpcore.ConnectTimeout))
                stream = self._plain.connect_tcp(address, port, wait, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
                continue
            return _TimedStream(stream, self)
        raise fault

    def rest(self, late: type[httpcore.TimeoutException]) -> float:
        """Seconds left for the whole call. Raises `late` when there are none."""
        rest = self._until - time.monotonic()
        if rest <= 0:
            raise late
        return rest


class _TimedStream(httpcore.NetworkStream):
    """A stream every step of which must fit into what is left of the call's time."""

    def __init__(self, stream: httpcore.NetworkStream, guard: _Guard) -> None:
        self._stream = stream
        self._guard = guard

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._guard.rest(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._guard.rest(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = self._guard.rest(httpcore.ConnectTimeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, wait), self._guard)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
