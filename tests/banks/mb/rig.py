"""MB in front of a scripted server, with replies written from chapter 3.1 of the bank wire specification."""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import rsa

from banks.accounts import BankAccount
from banks.bank import Beneficiary, TransferOrder
from banks.mb import Mb
from banks.mb_credentials import MbCredentials
from banks.mb_tokens import made_token
from banks.transport import Limits, Transport
from ledger.money import Money
from ledger.settings import Secret
from tests.banks.contract import NOW, Rig
from tests.banks.http_server import HttpServer, Received, Reply, http

ACCOUNT_NUMBER = "0009990001234"
HOLDER = "CTY TNHH SOCAI"
ACCOUNT_ID = "ba_mb_main"
CLIENT_SECRET = "planted-mb-client-secret"
PUSH_PASSWORD = "planted-mb-push-password"
WEBHOOK_KEY = "planted-mb-webhook-key-new"
OLDER_KEY = "planted-mb-webhook-key-old"
ACCESS_KEY = "demo-access-key"

ORDER = TransferOrder(
    end_to_end_id="SOCAI000000001",
    rail="napas",
    beneficiary=Beneficiary("970416", "12345678", "Nguyễn Văn A"),
    amount=Money(200_000),
    memo="Chi trả",
)


def recorded(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()


def told(name: str, **changes: object) -> dict[str, Any]:
    """A recorded JSON object with other fields."""
    found: dict[str, Any] = json.loads(recorded(name))
    return found | changes


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def credentials(*, synchronous: bool = False) -> MbCredentials:
    return MbCredentials(
        client_id="client",
        client_secret=Secret(CLIENT_SECRET),
        channel_code="SOCAI",
        business_code="CHI",
        private_key=key(),
        push_username="mb",
        push_password=Secret(PUSH_PASSWORD),
        webhook_keys=(Secret(WEBHOOK_KEY), Secret(OLDER_KEY)),
        mms_access_keys=(Secret("another-access-key"), Secret(ACCESS_KEY)),
        synchronous=synchronous,
    )


def account(base_url: str, *, synchronous: bool = False) -> BankAccount:
    return BankAccount(
        id=ACCOUNT_ID,
        bank="mb",
        account_number=ACCOUNT_NUMBER,
        holder=HOLDER,
        base_url=f"{base_url}/private",
        credentials=credentials(synchronous=synchronous),
    )


def bearer(signing_key: str = WEBHOOK_KEY) -> dict[str, str]:
    """The headers of a call with a token that we gave."""
    return {"Authorization": f"Bearer {made_token(ACCOUNT_ID, Secret(signing_key), NOW)}"}


def open_rig(server: HttpServer, base_url: str | None = None, *, synchronous: bool = False) -> Rig:
    """`say` takes replies under token, order, status, name, history and balance; the waits are short."""
    numbers = itertools.count(1)
    transport = Transport(monotonic, limits=Limits(connect_s=2, read_s=1, call_s=4, answer_max=64 * 1024))
    ours = account(base_url or server.url, synchronous=synchronous)
    rig = Rig(
        bank=Mb(ours, transport, lambda: NOW, lambda: str(UUID(int=next(numbers)))),
        transport=transport,
        order=ORDER,
        accepted=http(200, recorded("order_processing.json")),
        executed=http(200, recorded("status_success.json")),
        declined=http(200, recorded("order_insufficient.json")),
        not_found=http(200, recorded("status_not_found.json")),
        notice=recorded("push.json"),
        good_headers=[bearer(), bearer(OLDER_KEY)],
        secrets=[
            CLIENT_SECRET,
            PUSH_PASSWORD,
            WEBHOOK_KEY,
            OLDER_KEY,
            ACCESS_KEY,
            ACCOUNT_NUMBER,
            "12345678",
            "planted-mb-access-token",
        ],
        orders_received=lambda: sum("make-transfer-partner" in one.path for one in server.received),
        say={
            "token": http(200, recorded("token.json")),
            "name": http(200, recorded("name.json")),
            "history": http(200, recorded("history.json")),
            "balance": http(200, recorded("balance.json")),
        },
        forged=[json.dumps(told("merchant_push.json", debitAmount="950000")).encode()],
    )
    server.script = lambda request: rig.say[call_of(request)]
    return rig


def call_of(request: Received) -> str:
    parts = {
        "oauth2": "token",
        "make-transfer-partner": "order",
        "query-transaction-status": "status",
        "bank-info": "name",
        "transaction-statement": "history",
        "/balance": "balance",
    }
    return next(call for part, call in parts.items() if part in request.path)


def answer(value: object, status: int = 200) -> Reply:
    return http(status, json.dumps(value).encode())
