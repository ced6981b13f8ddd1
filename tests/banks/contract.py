"""What every bank must keep, whatever it speaks. `test_bank.py` runs it for each bank that is found.

A bank joins by `tests/banks/<code>/rig.py` with `open_rig(server, base_url=None)`: an adapter that talks to the given
server, and the replies of that bank to the few situations named in Rig.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib import import_module
from typing import get_args

import pytest
from msgspec.structs import replace

from banks.bank import Bank, Capability, Rail, TransferOrder
from banks.outcomes import Accepted, Declined, Executed, NotFound, NotSent, Outcome, Unknown
from banks.transport import Transport
from ledger.errors import (
    BankUnavailable,
    BodyTooLarge,
    CapabilityMissing,
    EventStoreUnavailable,
    SignatureInvalid,
    WebhookUnreadable,
)
from tests.banks.http_server import HttpServer, Reply, http

NOW = datetime(2025, 1, 15, 3, 0, 0, tzinfo=UTC)
TODAY = date(2025, 1, 15)


@dataclass
class Rig:
    """One bank in front of a scripted server. `reply_to_order` and `reply_to_status` are set by a test.

    `good_headers` prove `notice`; where its body proves itself they are empty, and `forged` holds bodies that do not.
    `refused_with` is the HTTP status of an acknowledgement that says: not proven, not understood, send it again.
    """

    bank: Bank
    transport: Transport
    order: TransferOrder
    accepted: Reply
    executed: Reply
    declined: Reply
    not_found: Reply
    notice: bytes
    good_headers: Sequence[Mapping[str, str]]
    secrets: Sequence[str]
    orders_received: Callable[[], int]
    say: dict[str, Reply] = field(default_factory=dict)
    forged: Sequence[bytes] = ()
    refused_with: tuple[int, int, int] = (401, 400, 503)


def open_rig(code: str, server: HttpServer, base_url: str | None = None) -> Rig:
    rig: Rig = import_module(f"tests.banks.{code}.rig").open_rig(server, base_url)
    return rig


BROKEN_ANSWERS = {
    "reset before a byte": Reply(b"", "reset"),
    "closed before a byte": Reply(b"", "close"),
    "half a head": Reply(b"HTTP/1.1 200 OK\r\nContent-", "close"),
    "half a body": Reply(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"responseStatus":', "close"),
    "reset inside the body": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "reset"),
    "silence": Reply(b"", "hang"),
    "not HTTP": Reply(b"SSH-2.0-x\r\n", "close"),
    "an HTML page with status 200": http(200, b"<html><body>Bao tri</body></html>"),
    "an empty body": http(200, b""),
    "a JSON list": http(200, b"[]"),
    "a doubled key": http(200, b'{"a":1,"a":2}'),
    "NaN": http(200, b'{"a":NaN}'),
    "a redirect": http(302, b"", headers="Location: http://127.0.0.1:9/\r\n"),
    "a huge body": http(200, b" " * 70_000),
    "500": http(500, b"{}"),
    "502 as HTML": http(502, b"<html>"),
    "503": http(503, b'{"responseStatus":{"responseCode":"99000001"}}'),
    "an unlisted status": http(299, b"{}"),
}


def check_facts(bank: type[Bank]) -> None:
    assert bank.code.isalnum()
    assert bank.code == bank.code.lower()
    assert bank.name
    assert len(bank.bin) == 6
    assert bank.capabilities <= frozenset(Capability)
    assert bank.limits.amount_min.units > 0
    assert all(limit >= bank.limits.amount_min for limit in bank.limits.amount_max.values())
    assert bank.limits.end_to_end_id_max >= 10
    assert bank.cut_offs.keys() <= set(get_args(Rail))
    assert all(window.opens < window.closes for window in bank.cut_offs.values())
    assert bank.not_found_final.after.total_seconds() >= 15 * 60
    assert bank.not_found_final.enquiries >= 3
    assert bank.not_found_final.apart.total_seconds() >= 60


def check_lacking_capability(rig: Rig, server: HttpServer, capability: Capability) -> None:
    """The rig's bank does not offer this."""
    calls: dict[Capability, Callable[[], object]] = {
        Capability.BALANCE: rig.bank.balance,
        Capability.LOOKUP_NAME: lambda: rig.bank.lookup_name("970422", "0001234567890"),
        Capability.TRANSFER_INTERNAL: lambda: rig.bank.transfer(replace(rig.order, rail="internal")),
        Capability.TRANSFER_NAPAS: lambda: rig.bank.transfer(replace(rig.order, rail="napas")),
        Capability.TRANSFER_CITAD: lambda: rig.bank.transfer(replace(rig.order, rail="citad")),
        Capability.TRANSFER_STATUS: lambda: rig.bank.transfer_status(rig.order.end_to_end_id, TODAY),
        Capability.HISTORY: lambda: rig.bank.history(TODAY, TODAY),
        Capability.WEBHOOK: lambda: rig.bank.read_webhook({}, b""),
    }
    with pytest.raises(CapabilityMissing, match=rig.bank.name):
        calls[capability]()
    assert server.received == []


def check_broken_answer_to_an_order(rig: Rig, reply: Reply) -> None:
    rig.say["order"] = reply
    assert isinstance(rig.bank.transfer(rig.order), Unknown)
    # The adapter may have given up before a busy server read what it was sent.
    deadline = time.monotonic() + 5
    while not rig.orders_received() and time.monotonic() < deadline:
        time.sleep(0.01)
    received = rig.orders_received()
    assert received == 1, f"an order is sent once, whatever comes back; it came {received} times"


def check_broken_answer_to_an_enquiry(rig: Rig, reply: Reply) -> None:
    rig.say["status"] = reply
    assert isinstance(rig.bank.transfer_status(rig.order.end_to_end_id, TODAY), Unknown)


def check_order_to_nobody(rig: Rig) -> None:
    """The rig's bank is at an address where nobody listens."""
    assert isinstance(rig.bank.transfer(rig.order), NotSent)
    assert isinstance(rig.bank.transfer_status(rig.order.end_to_end_id, TODAY), Unknown)
    with pytest.raises(BankUnavailable):
        rig.bank.balance()


def check_explicit_words(rig: Rig) -> None:
    expected: list[tuple[str, Reply, type[Outcome]]] = [
        ("order", rig.accepted, Accepted),
        ("order", rig.declined, Declined),
        ("status", rig.executed, Executed),
        ("status", rig.not_found, NotFound),
    ]
    for call, reply, kind in expected:
        rig.say[call] = reply
        bank, order = rig.bank, rig.order
        said = bank.transfer(order) if call == "order" else bank.transfer_status(order.end_to_end_id, TODAY)
        assert type(said) is kind
        assert type(said) in get_args(Outcome)


def check_webhook_keys(rig: Rig) -> None:
    for headers in rig.good_headers:
        first = rig.bank.read_webhook(headers, rig.notice)
        assert bool(first.lines or first.orders) != (first.kind == "hint"), "a hint proves no movement, all else one"
        assert first == rig.bank.read_webhook(headers, rig.notice), "the same notice reads the same"
    bad = [(headers, body) for headers in rig.good_headers for body in rig.forged]
    if rig.good_headers[0]:
        for headers in ({}, dict.fromkeys(rig.good_headers[0], "wrong"), dict.fromkeys(rig.good_headers[0], "")):
            bad.append((headers, rig.notice))
    assert bad, "a notice is proven by its headers or by its body"
    for headers, body in bad:
        with pytest.raises(SignatureInvalid) as refusal:
            rig.bank.read_webhook(headers, body)
        assert str(refusal.value) == str(_wrong_key(rig))


def check_acknowledgements(rig: Rig) -> None:
    notice = rig.bank.read_webhook(rig.good_headers[0], rig.notice)
    taken = rig.bank.acknowledge(notice, None, NOW, "ref")
    assert taken.status == 200
    assert taken == rig.bank.acknowledge(notice, None, NOW, "ref")
    not_proven, not_understood, again = rig.refused_with
    answers = {(taken.status, taken.body)}
    for problem, status in (
        (SignatureInvalid("x"), not_proven),
        (WebhookUnreadable("x"), not_understood),
        (EventStoreUnavailable("x"), again),
    ):
        refused = rig.bank.acknowledge(None, problem, NOW)
        assert refused.status == status
        assert refused.body
        answers.add((refused.status, refused.body))
    assert len(answers) == 4, "the bank can tell why it was refused, and that it was"
    assert rig.bank.acknowledge(None, BodyTooLarge("x"), NOW) == rig.bank.acknowledge(None, WebhookUnreadable("x"), NOW)


def check_hidden_secrets(rig: Rig) -> None:
    shown = [repr(rig.bank), str(rig.bank), repr(rig.bank.account), str(rig.bank.account), repr(rig.order.beneficiary)]
    shown.extend(str(item) for item in vars(rig.bank).values())
    shown.append(str(_wrong_key(rig)))
    for text in shown:
        assert not [secret for secret in rig.secrets if secret in text]


def _wrong_key(rig: Rig) -> SignatureInvalid:
    with pytest.raises(SignatureInvalid) as refusal:
        rig.bank.verify_webhook({"Authorization": "another"}, rig.forged[0] if rig.forged else rig.notice)
    return refusal.value
