"""MBDN in front of a scripted server, with replies written from chapter 3.3 of the bank wire specification."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

from banks.mb_tokens import made_token
from banks.mbdn import Mbdn
from banks.transport import Limits, Transport
from ledger.settings import Secret
from tests.banks.contract import NOW, Rig
from tests.banks.http_server import HttpServer, Received, Reply, http
from tests.banks.mb import rig as mb

ACCOUNT_ID = "ba_mbdn_main"
ORDER = mb.ORDER


def recorded(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()


def answer(value: object, status: int = 200) -> Reply:
    return http(status, json.dumps(value).encode())


def coded(code: str, **more: object) -> Reply:
    return answer({"result": {"ok": code == "00", "responseCode": code, "message": "x"}, **more})


def bulk(**changes: object) -> dict[str, Any]:
    """The recorded answer about our file, with other fields of the file or, where it has them, of its row."""
    found: dict[str, Any] = json.loads(recorded("rows.json"))
    row = found["transactions"][0]
    for name, value in changes.items():
        (row if name in row and name not in ("status",) else found)[name] = value
    return found


def stated(state: object, result: object = "", booking: object = "", **row: object) -> dict[str, Any]:
    """What an enquiry hears: the state of the order, and result and booking of its line."""
    found = bulk(**row)
    found["status"] = state
    found["transactions"][0] |= {"status": result, "bookingStatus": booking}
    return found


def open_rig(server: HttpServer, base_url: str | None = None) -> Rig:
    """`say` takes replies under token, upload, process, rows, order (which saves the file), status and MB's own."""
    numbers = itertools.count(1)
    limits = Limits(connect_s=2, read_s=1, call_s=4, answer_max=64 * 1024, pause_s=0)
    transport = Transport(monotonic, limits=limits)
    ours = replace(mb.account(base_url or server.url), id=ACCOUNT_ID, bank="mbdn")
    token = made_token(ACCOUNT_ID, Secret(mb.WEBHOOK_KEY), NOW)
    rig = Rig(
        bank=Mbdn(ours, transport, lambda: NOW, lambda: str(UUID(int=next(numbers)))),
        transport=transport,
        order=ORDER,
        accepted=http(200, recorded("saved.json")),
        executed=answer(stated("executedsuccesfully", "SUCCESS", "DEDUCTED")),
        declined=coded("GW641"),
        not_found=coded("00", transactions=[]),
        notice=mb.recorded("push.json"),
        good_headers=[{"Authorization": f"Bearer {token}"}],
        secrets=[mb.CLIENT_SECRET, mb.PUSH_PASSWORD, mb.WEBHOOK_KEY, mb.ACCOUNT_NUMBER, "planted-mb-access-token"],
        orders_received=lambda: sum("saveBulk" in one.path for one in server.received),
        say={
            "token": http(200, mb.recorded("token.json")),
            "upload": http(200, recorded("uploaded.json")),
            "process": coded("00", status="FINISHED"),
            "rows": http(200, recorded("rows.json")),
            "name": http(200, mb.recorded("name.json")),
            "history": http(200, mb.recorded("history.json")),
            "balance": http(200, mb.recorded("balance.json")),
        },
        forged=[json.dumps(mb.told("merchant_push.json", debitAmount="950000")).encode()],
    )
    server.script = lambda request: rig.say[call_of(request)]
    return rig


def call_of(request: Received) -> str:
    if "/corp/bulk/" not in request.path:
        return mb.call_of(request)
    if request.path.endswith("getBulkTransaction"):
        return "status" if "fileName" in json.loads(request.body) else "rows"
    return {"uploadFile": "upload", "checkBulkProcess": "process", "saveBulk": "order"}[request.path.split("/")[-1]]
