"""VietinBank in front of a scripted server, with replies written from chapter 4.1 of the bank wire specification."""

from __future__ import annotations

import itertools
import json
from time import monotonic
from uuid import UUID

from cryptography.hazmat.primitives import hashes

from banks.transport import Limits, Transport
from banks.vietinbank import Vietinbank
from tests.banks.contract import NOW, Rig
from tests.banks.http_server import HttpServer, Received, Reply, http
from tests.banks.vietinbank.wire import ACCOUNT_NUMBER, ORDER, account, bank_signed, notice, told

CALLS = {
    "/vtb/erp/v1/payment/transfer": "order",
    "/vtb/erp/v1/payment/inquiry": "status",
    "/vtb/erp/v1/account/benAcctInq": "name",
    "/vtb/erp/v1/statement/inquiry": "statement",
    "/vtb/disbursement/merchantAccountInfo": "balance",
}


def open_rig(server: HttpServer, base_url: str | None = None) -> Rig:
    """`say` takes replies under order, status, name, credits, debits and balance; the waits are short."""
    numbers = itertools.count(1)
    transport = Transport(monotonic, limits=Limits(connect_s=2, read_s=1, call_s=4, answer_max=64 * 1024))
    bank = Vietinbank(account(base_url or server.url), transport, lambda: NOW, lambda: str(UUID(int=next(numbers))))
    rig = Rig(
        bank=bank,
        transport=transport,
        order=ORDER,
        accepted=answer(told("order_filed.json")),
        executed=answer(told("status_done.json")),
        declined=answer(told("order_insufficient.json")),
        not_found=answer(told("status_nothing.json")),
        notice=notice(),
        good_headers=[{}],
        forged=[
            notice(by="stranger"),
            notice({"amount": "150001"}),
            b"",
            b"[]",
            b'{"header":{},"data":{"records":[]}}',
        ],
        refused_with=(200, 200, 200),
        secrets=["planted-client-id", "planted-client-secret", ACCOUNT_NUMBER, "12345678", "PRIVATE", "checker1"],
        orders_received=lambda: sum(call_of(one) == "order" for one in server.received),
        say={
            "name": answer(told("name.json")),
            "credits": answer(told("statement_credits.json")),
            "debits": answer(told("statement_debits.json")),
        },
    )

    def script(request: Received) -> Reply:
        call = call_of(request)
        return signed_balance(request) if call == "balance" and call not in rig.say else rig.say[call]

    server.script = script
    return rig


def call_of(request: Received) -> str:
    call = CALLS[request.path]
    if call == "statement":
        return {"c": "credits", "d": "debits"}[json.loads(request.body)["collectionType"]]
    return call


def signed_balance(request: Received, by: str = "bank", **changes: object) -> Reply:
    """The balance, signed for this request as the bank does."""
    asked = json.loads(request.body)["requestId"]
    body = told("balance.json", requestId=asked, **changes)
    text = f"{asked}SOCAI{body['status']['code']}"
    return answer(body | {"signature": bank_signed(text, hashes.SHA1(), by)})  # noqa: S303  # the bank's own choice


def answer(value: object, status: int = 200) -> Reply:
    return http(status, json.dumps(value).encode())
