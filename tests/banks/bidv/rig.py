"""BIDV, as the example has it, in front of a scripted server; the replies are made up like the interface."""

from __future__ import annotations

import itertools
from pathlib import Path
from time import monotonic
from uuid import UUID

from banks.accounts import BankAccount
from banks.bank import Beneficiary, TransferOrder
from banks.bidv import Bidv, BidvCredentials
from banks.transport import Limits, Transport
from ledger.money import Money
from ledger.settings import Secret
from tests.banks.contract import NOW, Rig
from tests.banks.http_server import HttpServer, Received, http

ACCOUNT_NUMBER = "1290001234567"
ELSEWHERE = "970416" if Bidv.bin != "970416" else "970407"
CLIENT_SECRET = "planted-client-secret"
WEBHOOK_KEY = "planted-webhook-key-new-1"
OLDER_KEY = "planted-webhook-key-old-1"

ORDER = TransferOrder(
    end_to_end_id="SOCAI000000001",
    rail="napas",
    beneficiary=Beneficiary(ELSEWHERE, "0001234567890", "Nguyễn Văn A"),
    amount=Money(200_000),
    memo="Chi trả",
)
CALLS = {"/token": "token", "/balance": "balance", "/name": "name", "/history": "history"}


def recorded(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()


def account(base_url: str) -> BankAccount:
    return BankAccount(
        id="ba_example",
        bank=Bidv.code,
        account_number=ACCOUNT_NUMBER,
        holder="CTY SOCAI",
        base_url=base_url,
        credentials=BidvCredentials(
            token_url=f"{base_url}/token",
            client_id="client",
            client_secret=Secret(CLIENT_SECRET),
            webhook_keys=(Secret(WEBHOOK_KEY), Secret(OLDER_KEY)),
        ),
    )


def open_rig(server: HttpServer, base_url: str | None = None) -> Rig:
    """`say` takes replies under token, balance, name, history, order and status; the waits are short."""
    numbers = itertools.count(1)
    limits = Limits(connect_s=2, read_s=1, call_s=4, answer_max=64 * 1024)
    transport = Transport(monotonic, limits=limits)
    ours = account(base_url or server.url)
    rig = Rig(
        bank=Bidv(ours, transport, lambda: NOW, lambda: str(UUID(int=next(numbers)))),
        transport=transport,
        order=ORDER,
        accepted=http(200, recorded("order_accepted.json")),
        executed=http(200, recorded("status_executed.json")),
        declined=http(200, recorded("order_declined.json")),
        not_found=http(200, recorded("status_nothing.json")),
        notice=recorded("notice.json"),
        good_headers=[{"x-api-key": WEBHOOK_KEY}, {"X-Api-Key": OLDER_KEY}],
        secrets=[CLIENT_SECRET, WEBHOOK_KEY, OLDER_KEY, ACCOUNT_NUMBER, "0001234567890", "planted-access-token"],
        orders_received=lambda: sum(call_of(one) == "order" for one in server.received),
        say={name: http(200, recorded(f"{name}.json")) for name in ("token", "balance", "name", "history")},
    )
    server.script = lambda request: rig.say[call_of(request)]
    return rig


def call_of(request: Received) -> str:
    if request.path == "/transfers":
        return "order" if request.method == "POST" else "status"
    return CALLS[request.path]
