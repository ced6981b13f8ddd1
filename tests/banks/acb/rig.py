"""ACB in front of a scripted server, with replies taken from chapter 2.1 of the bank wire specification."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import monotonic
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from banks.acb import Acb
from banks.acb_credentials import AcbCredentials, Signer
from banks.accounts import BankAccount
from banks.bank import Beneficiary, TransferOrder
from banks.transport import Limits, Transport
from ledger.money import Money
from ledger.settings import Secret
from tests.banks.contract import NOW, Rig
from tests.banks.http_server import HttpServer, Received, Reply, http

WEBHOOK_KEY = "planted-webhook-key-new-1"
OLDER_KEY = "planted-webhook-key-old-1"
CLIENT_SECRET = "planted-client-secret"

ORDER = TransferOrder(
    end_to_end_id="SOCAI000000001",
    rail="napas",
    beneficiary=Beneficiary("970422", "0001234567890", "Nguyễn Văn A"),
    amount=Money(200_000),
    memo="Chi trả",
)


def recorded(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()


@cache
def signer(number: int) -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Signer {number}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1000 + number)
        .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2124, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return Signer(f"signer-{number}", key, certificate)


def account(base_url: str) -> BankAccount:
    return BankAccount(
        id="ba_acb_main",
        bank="acb",
        account_number="12345678",
        holder="CTY SOCAI",
        base_url=f"{base_url}/acb/open",
        credentials=AcbCredentials(
            token_url=f"{base_url}/token",
            client_id="client",
            client_secret=Secret(CLIENT_SECRET),
            provider_id="provider",
            webhook_keys=(Secret(WEBHOOK_KEY), Secret(OLDER_KEY)),
            signers=(signer(1), signer(2)),
        ),
    )


def open_rig(server: HttpServer, base_url: str | None = None) -> Rig:
    """`say` takes replies under token, order, status, history and balance; the waits are short."""
    numbers = itertools.count(1)
    transport = Transport(monotonic, limits=Limits(connect_s=2, read_s=1, call_s=4, answer_max=64 * 1024))
    bank = Acb(account(base_url or server.url), transport, lambda: NOW, lambda: str(UUID(int=next(numbers))))
    rig = Rig(
        bank=bank,
        transport=transport,
        order=ORDER,
        accepted=http(200, recorded("order_accepted.json")),
        executed=http(200, recorded("status_executed.json")),
        declined=http(289, recorded("order_mismatch.json")),
        not_found=http(200, recorded("status_nothing.json")),
        notice=recorded("webhook.json"),
        good_headers=[{"Authorization": WEBHOOK_KEY}, {"x-api-key": OLDER_KEY}],
        secrets=[WEBHOOK_KEY, OLDER_KEY, CLIENT_SECRET, "12345678", "0001234567890", "planted-access-token"],
        orders_received=lambda: sum(one.method == "POST" and "payment-order" in one.path for one in server.received),
        say={
            "token": http(200, recorded("token.json")),
            "history": http(200, recorded("history.json")),
            "balance": http(200, recorded("balance.json")),
        },
    )
    server.script = lambda request: rig.say[call_of(request)]
    return rig


def call_of(request: Received) -> str:
    if request.path == "/token":
        return "token"
    if "payment-order" in request.path:
        return "order" if request.method == "POST" else "status"
    return "history" if "transaction-history" in request.path else "balance"


def changed(order: TransferOrder, **beneficiary: str) -> TransferOrder:
    """The order with another beneficiary."""
    to = {"bin": order.beneficiary.bin, "account_number": order.beneficiary.account_number, "name": "NGUYEN VAN A"}
    return TransferOrder(
        end_to_end_id=order.end_to_end_id,
        rail=order.rail,
        beneficiary=Beneficiary(**(to | beneficiary)),
        amount=order.amount,
        memo=order.memo,
    )


def with_signers(base: BankAccount, *signers: Signer) -> BankAccount:
    return replace(base, credentials=replace(base.credentials_as(AcbCredentials), signers=signers))


def answer(value: object, status: int = 200) -> Reply:
    return http(status, json.dumps(value).encode())
